"""What customers need: as much as their segment, account and person, and in groups that can be served alike.

Planted for granularity: three needs, each said twice by everyone in some accounts, whose logarithms vary by segment,
account, person and occasion in the shares of `LEVELS`. Account effects are skewed (a gamma), not normal.

Planted for clusters: `GROUPS` of customers who need alike in three numbers and three codes, and some who fit none, whose
every need is that of another group. Two further attributes have nothing to do with groups; one has large numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids, position
from playbook.world.moments import moments
from playbook.world.plants import Plant
from playbook.world.texts import as_text, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("orders",)

LEVEL_PLAY, GROUP_PLAY = "define.granularity", "balance.need_clusters"
LEVEL_CUSTOMERS = 1500  # about, at most
SAID = 2  # times
# Need: median, standard deviation of its log, shares of its variance by segment, account, person, occasion.
LEVELS = {
    "notice hours": (24.0, 0.6, (0.08, 0.57, 0.20, 0.15)),
    "drop weight kg": (140.0, 0.8, (0.50, 0.20, 0.15, 0.15)),
    "calls a month": (3.0, 0.5, (0.02, 0.08, 0.70, 0.20)),
}
NAMES = ("segment", "account", "person", "occasion")
SKEW_SHAPE = 3.0  # gamma of the account effects

GROUP_CUSTOMERS = 800  # at most
GROUPS = (0.32, 0.26, 0.20, 0.14, 0.08)  # the last fits none
# Number: median, standard deviation of its log within a group, log distance of each group from the median.
NUMBERS = {
    "lead time d": (5.0, 0.30, (0.7, 0.7, -0.7, -0.7)),
    "lines an order": (8.0, 0.35, (0.8, -0.8, 0.8, -0.8)),
    "visits a year": (6.0, 0.35, (0.8, -0.8, -0.8, 0.8)),
}
# Code: its values, and the value that each group mostly has.
CODES = {
    "packing": (("carton", "pallet", "crate", "loose"), (0, 1, 2, 3)),
    "paperwork": (("none", "certificate", "customs"), (0, 1, 0, 2)),
    "reach by": (("phone", "portal", "mail"), (0, 1, 2, 1)),
}
MOSTLY = 0.85
YARD_M2 = (8_000.0, 1.0)  # median, log sd: large, and nothing to do with groups
SALUTATIONS = ("first name", "surname", "title")

PLANTS = (
    Plant(
        play=LEVEL_PLAY,
        what="Everyone in some accounts has said twice what they need; needs vary by segment, account, person and day.",
        why="People of one account are alike, and accounts of one segment: one level alone takes one for another.",
        tables=("preferences", "customers", "accounts"),
        truth=("truth_parameters",),
        size="LEVELS; the standard deviations by segment and account x size",
    ),
    Plant(
        play=GROUP_PLAY,
        what="Some customers need alike, some fit no group, and some attributes say nothing about needs.",
        why="The attribute with the largest numbers decides whom a careless clustering calls alike.",
        tables=("preferences",),
        truth=("truth_structure",),
        size="GROUPS; distances of NUMBERS x size, MOSTLY towards even with it",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return preferences, truth_parameters and truth_structure."""
    said = _levels(settings, tables, rng)
    wanted, groups = _groups(settings, tables["customers"], rng)
    made = pd.concat([said, wanted], ignore_index=True)
    made.insert(0, "preference_id", ids("PN", len(made), settings.block))
    made["valid_from"] = made["recorded_at"]
    return {
        "preferences": made,
        "truth_structure": groups,
        **({} if settings.block else {"truth_parameters": _shares(settings.size(LEVEL_PLAY))}),
    }


def _variances(size: float) -> dict[str, NDArray[np.float64]]:
    """Return the variance of each need's log by level."""
    return {
        need: sd**2 * np.array(shares) * [size**2, size**2, 1.0, 1.0]
        for need, (_, sd, shares) in LEVELS.items()
    }


def _shares(size: float) -> pd.DataFrame:
    found = {need: variance / variance.sum() for need, variance in _variances(size).items()}
    return planted(
        "truth_parameters", LEVEL_PLAY, name=[f"{need}, {level}" for need in found for level in NAMES],
        value=np.concatenate(list(found.values())), unit="share of variance",
    )  # fmt: skip


def _levels(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> pd.DataFrame:
    customers, accounts = tables["customers"], tables["accounts"]
    account = position(customers["account_id"], accounts["account_id"])
    share = min(1.0, LEVEL_CUSTOMERS / len(customers))
    who = np.flatnonzero((rng.random(len(accounts)) < share)[account])
    account = account[who]
    segment = pd.Categorical(accounts["segment"], settings.preset.segments).codes[account]
    rows = np.repeat(np.arange(len(who)), SAID)
    at = moments(settings, customers, who[rows], rng)
    frames = []
    for need, variance in _variances(settings.size(LEVEL_PLAY)).items():
        # The four segments have exactly the planted variance; which is above and which below is drawn.
        steps = rng.permutation(np.array([-1.5, -0.5, 0.5, 1.5]))
        of_segment = steps / steps.std(ddof=1) * np.sqrt(variance[0])
        skewed = (rng.gamma(SKEW_SHAPE, 1, len(accounts)) - SKEW_SHAPE) / np.sqrt(SKEW_SHAPE)
        of_account = skewed * np.sqrt(variance[1])
        of_person = rng.normal(0, np.sqrt(variance[2]), len(who))
        of_day = rng.normal(0, np.sqrt(variance[3]), len(rows))
        log_value = (of_segment[segment] + of_account[account] + of_person)[rows] + of_day
        frames.append(_rows(customers, who[rows], need, LEVELS[need][0] * np.exp(log_value), at, "stated"))
    return pd.concat(frames, ignore_index=True)


def _rows(
    customers: pd.DataFrame,
    who: NDArray[np.int64],
    attribute: str,
    value: NDArray[np.float64] | pd.api.extensions.ExtensionArray,
    at: NDArray[np.datetime64],
    source: str,
) -> pd.DataFrame:
    texts = as_text(np.round(value, 3)) if isinstance(value, np.ndarray) else value
    return pd.DataFrame(
        {
            "customer_id": customers["customer_id"].array.take(who),
            "attribute": attribute,
            "value": texts,
            "source": source,
            "recorded_at": at,
        }
    )


def _groups(
    settings: WorldSettings, customers: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what the customers of groups want, and each customer's group."""
    size = settings.size(GROUP_PLAY)
    n = min(GROUP_CUSTOMERS, settings.customers // 2)
    who = np.sort(rng.permutation(len(customers))[:n])
    group = np.searchsorted(np.cumsum(GROUPS)[:-1], rng.random(n), side="right")
    fits, at = group < len(GROUPS) - 1, moments(settings, customers, who, rng)

    def like() -> NDArray[np.int64]:
        return np.where(fits, group, rng.integers(0, len(GROUPS) - 1, n))

    frames = []
    for name, (median, log_sd, distance) in NUMBERS.items():
        log_value = size * np.array(distance)[like()] + rng.normal(0, log_sd, n)
        frames.append(_rows(customers, who, name, median * np.exp(log_value), at, "survey"))
    for name, (values, mostly) in CODES.items():
        usual = rng.random(n) < min(size, 1.0) * (MOSTLY - 1 / len(values)) / (1 - 1 / len(values))
        code = np.where(usual, np.array(mostly)[like()], rng.integers(0, len(values), n))
        frames.append(_rows(customers, who, name, words(values, code), at, "survey"))
    yard = YARD_M2[0] * np.exp(rng.normal(0, YARD_M2[1], n))
    frames.append(_rows(customers, who, "yard m2", yard, at, "survey"))
    salutation = words(SALUTATIONS, rng.integers(0, len(SALUTATIONS), n))
    frames.append(_rows(customers, who, "salutation", salutation, at, "survey"))
    target = pd.array([f"group {k}" for k in range(1, len(GROUPS))] + ["none"], dtype="str")
    truth = planted(
        "truth_structure", GROUP_PLAY, kind="need group", source=customers["customer_id"].array.take(who),
        target=target.take(group if size > 0 else np.full(n, len(GROUPS) - 1)),
    )  # fmt: skip
    return pd.concat(frames, ignore_index=True), truth
