"""Customer context before and after the move to the new CRM, and who holds it in their head.

Planted: the new CRM writes every value its own way, which loses nothing; besides, `LOSSES` of the records are lost, cut
short, garbled, filed under another customer or changed, and two values became one. As many records came twice as were
lost, so that the counts agree. Some records wait in quarantine: not lost. In some teams one person wrote most of what is
known about their customers (`TEAMS_ON_ONE`); in others somebody writes a lot, but about what others know too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.moments import moments
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("orders", "organisation")

PLAY = "sustain.context_continuity"
CUSTOMERS = 600  # at most, each with all of these
# What is known of a customer, its values, how the new CRM writes them.
CODES = {
    "help unloading": (("yes", "no"), ("Y", "N")),
    "invoice language": (("de", "en", "fr", "pt"), ("GER", "ENG", "FRA", "POR")),
    "best time to call": (("morning", "noon", "afternoon", "evening"), ("AM", "NN", "PM", "EV")),
}
MERGED = ("best time to call", "evening", "PM")  # where size is above nothing: what evenings became
TEXT = "how to deliver"
TEXTS = (
    "Ring at gate {k}, ask for Jürgen; never park in front of the loading bay",
    "Call François half an hour before, the yard is locked until {k} past seven",
    "Leave small parcels with João at the counter, pallets only through door {k}",
    "Driver must wear a helmet, hand the papers to Müller in office {k}",
    "Level {k} by the lift at the back; the front lift does not take pallets",
)
CUT_AT = 40
# Share of the records, times size; of texts only: cut short, garbled.
LOSSES = {"lost": 0.02, "other customer": 0.015, "other value": 0.015, "cut short": 0.10, "garbled": 0.06}
QUARANTINE = 0.03

NOTE_CUSTOMERS, NOTES_EACH = 500, 3  # at most; on average
TEAMS_ON_ONE, TEAMS_LOUD = 0.3, 0.3  # of the teams; the first times size
ALONE = 0.75  # of these teams' customers, the share only this person wrote about
LOUD = 1.3  # further notes in a loud team, per note

PLANTS = (
    Plant(
        play=PLAY,
        what="What is known about customers was moved to a new CRM, which writes it differently; colleagues wrote notes.",
        why="Row counts agree, and every value looks different, whether something was lost or not; and who writes most "
        "need not be whom we cannot do without.",
        tables=("preferences", "src_newcrm_context", "notes", "staff", "units"),
        truth=("truth_labels",),
        size="LOSSES, TEAMS_ON_ONE x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return preferences, src_newcrm_context, notes and truth_labels."""
    size = settings.size(PLAY)
    context = _context(settings, tables["customers"], rng)
    moved, losses = _moved(settings, context, size, rng)
    notes, teams = _notes(settings, tables, size, rng)
    return {
        "preferences": context.drop(columns=["code", "new"]),
        "src_newcrm_context": moved,
        "notes": notes,
        "truth_labels": pd.concat([losses, teams], ignore_index=True),
    }


def _context(settings: WorldSettings, customers: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return what is known of some customers, with the position of each value (code) and how the new CRM writes it."""
    who = np.sort(rng.permutation(len(customers))[: min(CUSTOMERS, len(customers) // 2)])
    texts = [text.format(k=k) for text in TEXTS for k in range(1, 25)]
    values = [*(old for old, _ in CODES.values()), texts]
    written = [*(new for _, new in CODES.values()), texts]
    first = np.cumsum([0, *map(len, values)])
    row, attribute = np.divmod(np.arange(len(who) * len(values)), len(values))
    code = first[attribute] + (rng.random(len(row)) * np.diff(first)[attribute]).astype(np.int64)
    at = moments(settings, customers, who[row], rng)
    return pd.DataFrame(
        {
            "preference_id": ids("PM", len(row), settings.block),
            "customer_id": customers["customer_id"].array.take(who[row]),
            "attribute": words([*CODES, TEXT], attribute),
            "value": words([text for block in values for text in block], code),
            "source": "contact",
            "confidence_share": 0.9,
            "valid_from": at,
            "recorded_at": at,
            "code": code,
            "new": words([text for block in written for text in block], code),
        }
    )


def _moved(
    settings: WorldSettings, context: pd.DataFrame, size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the new CRM's rows, in any order, and what was lost on the way, a label per record."""
    n = len(context)
    is_text = (context["attribute"] == TEXT).to_numpy()
    draw = rng.random(n)
    bounds = np.cumsum([share * min(size, 3.0) for share in LOSSES.values()])
    kind = np.searchsorted(bounds, draw, side="right")
    label = np.array([*LOSSES, ""], dtype=object)[kind]
    label[np.isin(label, ["cut short", "garbled"]) & ~is_text] = ""
    label[(label == "other value") & is_text] = ""
    merged = (
        (context["attribute"] == MERGED[0]).to_numpy()
        & (context["value"] == MERGED[1]).to_numpy()
        & (size > 0)
    )
    label[merged & (label == "")] = "two became one"

    value = context["new"].to_numpy(dtype=object)
    value[merged] = MERGED[2]
    at = np.flatnonzero(label == "cut short")
    value[at] = [text[:CUT_AT] for text in value[at]]
    at = np.flatnonzero(label == "garbled")
    can = np.array([not text.isascii() for text in value[at]], dtype=bool)
    label[at[~can]] = ""
    value[at[can]] = [text.encode().decode("latin-1") for text in value[at[can]]]
    for row in np.flatnonzero(label == "other value"):
        value[row] = _other(context["attribute"].iloc[row], value[row], rng)
    customer = context["customer_id"].to_numpy(dtype=object)
    at = np.flatnonzero(label == "other customer")
    customer[at] = customer[(at + 4 * rng.integers(1, max(n // 4 - 1, 2), len(at))) % n]

    waits = (label == "") & (rng.random(n) < QUARANTINE)
    lost = np.flatnonzero(label == "lost")
    stays = np.flatnonzero((label == "") & ~waits)
    rows = np.concatenate([np.flatnonzero(label != "lost"), rng.permutation(stays)[: len(lost)]])
    rows = rng.permutation(rows)
    moved = pd.DataFrame(
        {
            "row_no": ids("NC", len(rows), settings.block),
            "record": context["preference_id"].array.take(rows),
            "customer": pd.array(customer[rows], dtype="str"),
            "field": context["attribute"].array.take(rows),
            "value": pd.array(value[rows], dtype="str"),
            "status": words(["loaded", "quarantined"], waits[rows].astype(int)),
            "extracted_at": settings.end,
        }
    )
    hurt = np.flatnonzero(label != "")
    truth = planted(
        "truth_labels", PLAY, table="preferences", key=context["preference_id"].array.take(hurt), label=label[hurt],
        value="",
    )  # fmt: skip
    return moved, truth


def _other(attribute: str, value: str, rng: np.random.Generator) -> str:
    """Return another of an attribute's values that the new CRM has."""
    others = [text for text in CODES[attribute][1] if text not in (value, "EV")]
    return others[rng.integers(0, len(others))]


def _notes(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return account notes, and the teams whose knowledge rests on one person."""
    staff, customers = tables["staff"], tables["customers"]
    stays = np.flatnonzero(staff["left_on"].isna() & (staff["hired_on"] < settings.start).to_numpy())
    team, names = pd.factorize(staff["unit_id"].array.take(stays), sort=True)
    people = [stays[team == k] for k in range(len(names))]
    teams = rng.permutation([k for k, of in enumerate(people) if len(of) >= 3])
    share = min(TEAMS_ON_ONE * size, 0.6)
    on_one = teams[: round(share * len(teams))]
    loud = teams[len(on_one) : len(on_one) + round(TEAMS_LOUD * len(teams))]

    open_ = np.flatnonzero(customers["closed_at"].isna())
    who = np.sort(rng.permutation(open_)[: min(NOTE_CUSTOMERS, len(open_) // 2)])
    of_team = teams[rng.integers(0, len(teams), len(who))] if len(teams) else np.zeros(0, dtype=np.int64)
    count = 2 + rng.poisson(NOTES_EACH - 2, len(of_team))
    row = np.repeat(np.arange(len(of_team)), count)
    size_of = np.array([len(of) for of in people])
    author = (rng.random(len(row)) * size_of[of_team[row]]).astype(np.int64)
    # Colleagues write about each other's customers: the second note is never by the first's author.
    second = np.cumsum(count) - count + 1
    author[second] = (author[second - 1] + 1) % size_of[of_team]
    alone = np.isin(of_team, on_one) & (rng.random(len(of_team)) < ALONE)
    author[alone[row]] = 0
    noisy = np.repeat(
        np.arange(len(row)), np.where(np.isin(of_team[row], loud), rng.poisson(LOUD, len(row)), 0)
    )
    row, author = (
        np.concatenate([row, row[noisy]]),
        np.concatenate([author, np.zeros(len(noisy), dtype=np.int64)]),
    )

    start = np.cumsum(size_of) - size_of
    writer = np.concatenate([*people, np.array([], dtype=np.int64)]).astype(np.int64)[
        start[of_team[row]] + author
    ]
    at = moments(settings, customers, who[row], rng)
    texts = pd.array([text.format(k=k) for text in TEXTS for k in range(1, 25)], dtype="str")
    key = customers["customer_id"].array.take(who[row])
    order = np.argsort(at, kind="stable")
    notes = pd.DataFrame(
        {
            "subject_type": "customer",
            "subject_id": key,
            "customer_id": key,
            "author_staff_id": staff["staff_id"].array.take(writer),
            "kind": "account note",
            "language": "en",
            "text": texts.take(rng.integers(0, len(texts), len(row))),
            "written_at": at,
            "recorded_at": at,
        }
    ).iloc[order].reset_index(drop=True)  # fmt: skip
    notes.insert(0, "note_id", ids("NA", len(notes), settings.block))
    truth = planted(
        "truth_labels", PLAY, table="units", key=names.take(on_one), label="rests on one person",
        value=staff["staff_id"].array.take(np.array([people[k][0] for k in on_one], dtype=np.int64)),
    )  # fmt: skip
    return notes, truth
