"""The register of what is planted: one entry per play, declared by the domain that plants it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache

from playbook.world import domain_names


@dataclass(frozen=True)
class Plant:
    """What the world plants for one play.

    Parameters
    ----------
    play : str
        The play's id, e.g. ``"define.journey_map"``.
    what : str
        What is planted and where; read by facilitators, so it names no size and no answer.
    why : str
        What goes wrong for those who look at the data without care; also without the answer.
    tables : tuple of str
        Canonical tables in which it can be found.
    truth : tuple of str
        Tables of truth that hold the answer.
    size : str
        How big, with the names of the constants; for maintainers.
    """

    play: str
    what: str
    why: str
    tables: tuple[str, ...]
    truth: tuple[str, ...]
    size: str
    domain: str = ""


@cache
def plants() -> dict[str, Plant]:
    """Return the entry of every play that has one, by play.

    A domain lists its entries in ``PLANTS``; `domain` is filled in here.
    """
    from dataclasses import replace

    found: dict[str, Plant] = {}
    for name in domain_names():
        for plant in getattr(importlib.import_module(f"playbook.world.domains.{name}"), "PLANTS", ()):
            if plant.play in found:
                raise ValueError(f"{plant.play} is planted by both {found[plant.play].domain} and {name}")
            found[plant.play] = replace(plant, domain=name)
    return dict(sorted(found.items()))
