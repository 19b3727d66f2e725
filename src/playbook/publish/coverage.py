"""Which of the 223 topics are covered, by which play: computed from the catalogue and the plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from playbook.catalogue import Play, project_root
from playbook.errors import CatalogueError, nearest


@dataclass(frozen=True)
class Topic:
    """One topic of the source curricula and the play that covers it.

    Parameters
    ----------
    id, label : str
        E.g. ``D6.4``, and what it is about in a few words.
    play, title : str
        Id and title of its play.
    done : bool
        Whether that play has a section.
    """

    id: str
    label: str
    play: str
    title: str
    done: bool

    @property
    def group(self) -> str:
        """Curriculum and module of the topic, e.g. ``D6``."""
        return self.id.split(".")[0]


@cache
def curricula() -> Mapping[str, Any]:
    """Return `book/topics.yml`: titles and topic labels by curriculum and module."""
    return yaml.safe_load((project_root() / "book" / "topics.yml").read_text(encoding="utf-8"))


@cache
def plan() -> Mapping[str, Any]:
    """Return `modules/plan.yml`: title and topics of every play, written or not, by id."""
    return yaml.safe_load((project_root() / "modules" / "plan.yml").read_text(encoding="utf-8"))


def labels() -> dict[str, str]:
    """Return the label of every topic by id, in order."""
    return {
        f"{module}.{number}": label
        for curriculum in curricula().values()
        for module, entry in curriculum["modules"].items()
        for number, label in enumerate(entry["topics"], start=1)
    }


def coverage(plays: Iterable[Play]) -> list[Topic]:
    """Return every topic with its play: as the sections in `plays` say, else as planned.

    Raises
    ------
    CatalogueError
        When a play names a topic that does not exist, or two plays claim the same one.
    """
    owners: dict[str, Topic] = {}
    known = labels()
    written = {play.id: play for play in plays}
    for play in written.values():
        for topic in play.topics:
            if topic not in known:
                raise CatalogueError(f"{play.section}: no topic '{topic}'; {nearest(topic, known)}")
            if topic in owners:
                raise CatalogueError(f"{play.section}: topic {topic} is already in {owners[topic].play}")
            owners[topic] = Topic(topic, known[topic], play.id, play.title, done=True)
    for play_id, entry in plan().items():
        for topic in entry["topics"]:
            if play_id not in written:
                owners.setdefault(topic, Topic(topic, known[topic], play_id, entry["title"], done=False))
    missing = [topic for topic in known if topic not in owners]
    if missing:
        raise CatalogueError(f"no play covers topic {', '.join(missing)} (modules/plan.yml)")
    return [owners[topic] for topic in known]
