"""Waivers: exceptions that were granted once, and workflows whose owner has left.

Planted for `govern.exceptions`:

- Waivers (`changes`, kind "waiver") belong to families: the same thing asked for in other words (`FAMILIES`; words of
  the action, the thing and the reason vary). `truth_labels` "family". Each further waiver of a family costs
  `GROWTH` x size more than the one before (`value_amt`, lognormal); `truth_parameters` has the growth.
- Live workflows (`config_versions`, kind "workflow") have an owner. `truth_labels` "orphan" are those whose owner left
  and has no successor in `responsibilities` (share `ORPHANS` x size). Others look orphaned and are not: the owner left and
  handed over, or none is noted and a team answers. Some have a successor who left as well: orphans too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "organisation")
ONCE = True
PLAY = "govern.exceptions"

WAIVERS = 360
# action: ways to say it; thing: ways to say it
FAMILIES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("deliver", "delivery", "bring goods"),
        ("before six in the morning", "earlier than six am", "at dawn before six"),
    ),
    (("pay", "payment", "settle invoices"), ("after ninety days", "within ninety days", "ninety days net")),
    (("return", "send back", "returning"), ("opened seal kits", "seal kits once opened", "used seal kits")),
    (
        ("ship", "shipping", "dispatch"),
        ("without pallet wrap", "on bare pallets, no wrap", "pallets unwrapped"),
    ),
    (("waive", "skip", "leave out"), ("the credit check", "checking credit", "credit checks")),
    (("accept", "take", "book"), ("orders by fax", "faxed orders", "a fax as order")),
    (
        ("send", "mail", "post"),
        ("paper invoices in triplicate", "three paper invoice copies", "invoices on paper, thrice"),
    ),
    (
        ("hold", "reserve", "keep"),
        ("stock for the autumn campaign", "autumn campaign stock", "stock until the autumn"),
    ),
    (
        ("assign", "name", "give us"),
        ("one fixed technician", "always the same technician", "a technician of our own"),
    ),
    (
        ("label", "mark", "print labels"),
        ("in Portuguese only", "with Portuguese text only", "Portuguese labels"),
    ),
    (
        ("combine", "merge", "bundle"),
        ("shipments of two sites", "both sites in one shipment", "two site shipments"),
    ),
    (
        ("test", "inspect", "certify"),
        ("each valve under pressure", "every valve by pressure", "valves one by one, pressure"),
    ),
    (
        ("store", "archive", "retain"),
        ("call records for ten years", "ten years of call records", "calls, ten years"),
    ),
    (
        ("answer", "reply to", "handle"),
        ("complaints within one hour", "complaints in an hour", "hourly complaints"),
    ),
    (
        ("block", "stop", "suppress"),
        ("all newsletters and surveys", "surveys and newsletters", "any survey or newsletter"),
    ),
)
OPENINGS = ("please", "the customer asks to", "exceptionally", "as agreed by phone,", "for this year only,")
REASONS = (
    "their plant runs in shifts",
    "an auditor wants it",
    "a competitor offers it",
    "the last delivery went wrong",
    "their system cannot do otherwise",
    "it was promised at the fair",
)
COST_AMT, COST_LOG_SD, GROWTH = 120.0, 0.25, 0.04
WORKFLOWS = 220
ORPHANS, HANDED_OVER, BY_TEAM = 0.12, 0.12, 0.06

PLANTS = (
    Plant(
        play=PLAY,
        what="Waivers in words, some of which ask again for what was asked before, with their cost; live workflows and "
        "who answers for them.",
        why="Nobody asks twice in the same words, and an owner who left is no orphan when there is a successor.",
        tables=("changes", "config_versions", "responsibilities", "staff"),
        truth=("truth_labels", "truth_parameters"),
        size="GROWTH, ORPHANS x size; families only where size > 0",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return changes, config_versions, responsibilities and their truth."""
    size = settings.size(PLAY)
    waivers, families = _waivers(settings, tables["accounts"]["account_id"].to_numpy(), size, rng)
    workflows, owners, orphans = _workflows(settings, tables["staff"], size, rng)
    return {
        "changes": waivers,
        "config_versions": workflows,
        "responsibilities": owners,
        "truth_labels": pd.concat([families, orphans], ignore_index=True),
        "truth_parameters": planted(
            "truth_parameters",
            PLAY,
            name=["cost growth per similar waiver"],
            value=[GROWTH * size],
            unit="log",
        ),
    }


def _waivers(
    settings: WorldSettings, accounts: NDArray[np.object_], size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the waivers, the oldest first, and the family of each."""
    n = WAIVERS
    family = rng.integers(0, len(FAMILIES), n)
    # Without effect the thing asked for has nothing to do with the action: no precedent, only chance likeness.
    thing = family if size > 0 else rng.integers(0, len(FAMILIES), n)
    ways = rng.integers(0, 3, (n, 2))
    texts = [
        f"{OPENINGS[o]} {FAMILIES[f][0][a]} {FAMILIES[t][1][b]}, because {REASONS[r]}"
        for o, f, t, a, b, r in zip(
            rng.integers(0, len(OPENINGS), n),
            family,
            thing,
            *ways.T,
            rng.integers(0, len(REASONS), n),
            strict=True,
        )
    ]
    nth = pd.Series(family).groupby(family).cumcount().to_numpy()
    cost = COST_AMT * np.exp(GROWTH * size * nth + rng.normal(0, COST_LOG_SD, n))
    at = settings.start + pd.to_timedelta(np.sort(rng.random(n)) * (settings.days - 10), unit="D").round(
        "min"
    )
    approved = rng.random(n) < 0.8
    change_id = ids("CHW", n)
    waivers = pd.DataFrame(
        {
            "change_id": change_id,
            "kind": "waiver",
            "account_id": accounts[rng.integers(0, len(accounts), n)],
            "requested_at": at,
            "deployed_at": pd.Series(at + pd.Timedelta(days=3)).where(approved),
            "expires_at": pd.Series(at + pd.Timedelta(days=180)).where(rng.random(n) < 0.6),
            "value_amt": np.round(cost, 2),
            "status": np.where(approved, "approved", "declined"),
            "description": texts,
        }
    )
    labels = planted(
        "truth_labels",
        PLAY,
        table="changes",
        key=change_id,
        label="family",
        value=[f"family {f + 1}" for f in family],
    )
    return waivers, labels if size > 0 else labels.iloc[:0]


def _workflows(
    settings: WorldSettings, staff: pd.DataFrame, size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return live workflows, who answers for them, and which are orphans."""
    n = WORKFLOWS
    left = staff[staff["left_on"] > settings.start + pd.Timedelta(days=200)].reset_index(drop=True)
    here = staff[staff["left_on"].isna() & (staff["hired_on"] <= settings.start)].reset_index(drop=True)
    share = min(ORPHANS * size, 0.5)
    states = ("owned", "orphan", "orphan again", "handed over", "by a team")
    chance = (1 - share - HANDED_OVER - BY_TEAM, share * 0.7, share * 0.3, HANDED_OVER, BY_TEAM)
    state = rng.choice(len(states), n, p=chance)
    first, second = rng.integers(0, len(left), (2, n))
    heir = rng.integers(0, len(here), n)
    owner = np.where(
        state == 0, here["staff_id"].to_numpy(object)[heir], left["staff_id"].to_numpy(object)[first]
    )
    owner[state == 4] = None
    since = settings.start + pd.to_timedelta(rng.uniform(0, 150, n), unit="D").round("min")
    config_id, version_id = [f"workflow {k + 1:03d}" for k in range(n)], ids("GW", n)
    workflows = pd.DataFrame(
        {
            "config_version_id": version_id,
            "config_id": config_id,
            "kind": "workflow",
            "environment": "live",
            "is_live": True,
            "owner_staff_id": pd.array(owner.tolist(), dtype="str"),
            "valid_from": since,
        }
    )
    handed = np.flatnonzero(np.isin(state, (2, 3)))
    heirs = np.where(state == 2, left["staff_id"].to_numpy()[second], here["staff_id"].to_numpy()[heir])
    team = np.flatnonzero(state == 4)
    rows = np.concatenate([handed, team])
    owners = pd.DataFrame(
        {
            "responsibility_id": ids("RSW", len(rows)),
            "subject_type": "config",
            "subject_id": np.array(config_id)[rows],
            "staff_id": pd.array([*heirs[handed].tolist(), *[None] * len(team)], dtype="str"),
            "unit_id": pd.array(
                [*[None] * len(handed), *here["unit_id"].to_numpy()[heir[team]].tolist()], dtype="str"
            ),
            "raci": "A",
            "party": "ours",
            "scenario": "normal",
            "valid_from": since[rows] + pd.Timedelta(days=20),
        }
    )
    orphan = np.isin(state, (1, 2))
    labels = planted(
        "truth_labels",
        PLAY,
        table="config_versions",
        key=version_id.array[orphan],
        label="orphan",
        value=words(states, state[orphan]),
    )
    return workflows, owners, labels
