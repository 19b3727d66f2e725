"""The log of automated decisions, what was done to it, and the customers who ask why.

Each entry's `row_hash` is the SHA-256 of its fields `LOGGED`, one a line (times as ISO 8601 to the second,
empty ones empty), and of `prev_hash`, the entry's before it (64 zeros for the first). Every quarter the
Merkle root (RFC 6962) over the entries so far is deposited outside (`anchors`); its leaves are the row
hashes as bytes.

Planted, times the play's size (whole numbers): `EDITED` outcomes changed in place; one outcome changed and
one entry taken out, after which all later entries were hashed again, so that the chain holds; the last
`CUT` entries taken off. Some decisions were logged without the model's answer or without a legal basis
(`NO_SCORE`, `NO_BASIS`), and some were never logged (`NOT_LOGGED`), though their answer is in
`model_scores`. Customers ask in `tickets`; `truth_labels` has what was done to which entry, and which
questions the log cannot answer; `truth_values` what stood there.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.draws import pick
from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted, planted_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("orders",)
ONCE = True

PLAY = "govern.audit_trail"
ENTRIES = 1_500  # decisions, about
TYPES, OUTCOMES = ("credit limit", "delivery slot", "fraud hold"), ("granted", "refused")
BASES = ("contract", "legitimate interest", "consent")
VERSION = "DLV000001"
LOGGED = ("decision_id", "decision_type", "customer_id", "score_id", "outcome", "legal_basis", "decided_at")
EDITED, CUT = 5, 4
REHASHED_FROM = 0.6  # of the log
NO_SCORE, NO_BASIS, NOT_LOGGED = 0.03, 0.04, 0.02  # of the decisions, times size
QUESTIONS = 90
ASKS_ABOUT_GAPS = 0.3  # of the questions, when there are gaps
ANCHOR_D = 91
FIRST_HASH = "0" * 64

PLANTS = (
    Plant(
        play=PLAY,
        what="Automated decisions are kept in a log whose entries are chained by hashes, with a root "
        "deposited outside every quarter. Somebody was at the log; some decisions lack what would "
        "explain them; customers ask why.",
        why="A chain that holds proves only that whoever holds the log was careful.",
        tables=("decisions", "anchors", "model_scores", "tickets"),
        truth=("truth_labels", "truth_values"),
        size="EDITED, CUT, one rehash, NO_SCORE, NO_BASIS, NOT_LOGGED, all x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return decisions, model_versions, model_scores, anchors, tickets, truth_labels and truth_values."""
    size = settings.size(PLAY)
    scores, entries, gap = _decide(settings, tables["customers"], size, rng)
    tickets, about = _questions(settings, tables["customers"], scores, gap, size, rng)
    logged = entries[(gap != "not logged")].reset_index(drop=True)
    fields = _fields(logged)
    anchors = _anchors(settings, logged, _chain(fields, FIRST_HASH))
    shown, labels, values = _tamper(logged, fields, size, rng)
    lost = ~entries["decision_id"].isin(shown["decision_id"]).to_numpy() & (gap != "not logged")
    why_not = np.where(lost, "taken out", gap)[about]
    labels += [
        ("tickets", key, "cannot be answered", why)
        for key, why in zip(tickets["ticket_id"], why_not, strict=True)
        if why
    ]
    return {
        "model_versions": pd.DataFrame(
            {
                "model_version_id": [VERSION],
                "region_id": "any",
                "model_name": "order checks",
                "purpose": "credit, slots and holds",
                "risk_class": "high",
                "stage": "live",
                "trained_at": settings.start,
                "deployed_at": settings.start,
            }
        ),
        "model_scores": scores,
        "decisions": shown,
        "anchors": anchors,
        "tickets": tickets,
        "truth_labels": planted_rows("truth_labels", PLAY, ("table", "key", "label", "value"), labels),
        "truth_values": planted(
            "truth_values",
            PLAY,
            table="decisions",
            key=[key for key, _ in values],
            field="outcome",
            value=[value for _, value in values],
        ),
    }


def _decide(
    settings: WorldSettings, customers: pd.DataFrame, size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, NDArray[np.str_]]:
    """Return the model's answers, the decisions on them in order of time, and what each decision lacks ("":
    nothing).
    """
    start, end = np.datetime64(settings.start, "us"), np.datetime64(settings.end, "us")
    who = rng.integers(0, len(customers), ENTRIES)
    at = start + (rng.random(ENTRIES) * settings.days * 86_400).astype(np.int64).astype("timedelta64[s]")
    created, closed = (customers[name].to_numpy()[who] for name in ("created_at", "closed_at"))
    inside = (at >= created) & (at < np.fmin(closed, end))
    order = np.argsort(at[inside], kind="stable")
    who, at = who[inside][order], at[inside][order]
    n = len(who)
    score = np.round(rng.beta(3, 2, n), 4)
    shares = np.array([NO_SCORE, NO_BASIS, NOT_LOGGED]) * size
    gap = np.array(["no score", "no basis", "not logged", ""])[pick((*shares, 1 - shares.sum()), n, rng)]
    score_id, customer_id = ids("DLS", n), customers["customer_id"].array.take(who)
    scores = pd.DataFrame(
        {
            "score_id": score_id,
            "model_version_id": VERSION,
            "region_id": customers["region_id"].array.take(who),
            "customer_id": customer_id,
            "scored_at": at,
            "score": score,
            "threshold": 0.4,
        }
    )
    entries = pd.DataFrame(
        {
            "decision_id": ids("DLD", n),
            "decision_type": words(TYPES, rng.integers(0, len(TYPES), n)),
            "subject_type": "customer",
            "subject_id": customer_id,
            "customer_id": customer_id,
            "score_id": score_id.where(gap != "no score"),
            "recommended": words(OUTCOMES, (score < 0.4).astype(int)),
            "outcome": words(OUTCOMES, (score < 0.4).astype(int)),
            "legal_basis": pd.Series(words(BASES, rng.integers(0, len(BASES), n))).where(gap != "no basis"),
            "decided_at": at,
        }
    )
    return scores, entries, gap


def _questions(
    settings: WorldSettings,
    customers: pd.DataFrame,
    scores: pd.DataFrame,
    gap: NDArray[np.str_],
    size: float,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Return the requests of customers to explain a decision, and which decision each is about (position)."""
    # Who asks had one decision only, so that it is plain which one is meant.
    once = ~scores["customer_id"].duplicated(keep=False).to_numpy()
    whole, holes = np.flatnonzero(once & (gap == "")), np.flatnonzero(once & (gap != ""))
    n_holes = min(round(QUESTIONS * ASKS_ABOUT_GAPS * min(size, 1.5)), len(holes))
    about = np.concatenate(
        [rng.permutation(holes)[:n_holes], rng.permutation(whole)[: min(QUESTIONS - n_holes, len(whole))]]
    )
    person = customers.set_index("customer_id").loc[scores["customer_id"].iloc[about]]
    end = np.datetime64(settings.end, "us")
    decided = scores["scored_at"].to_numpy()[about]
    opened = decided + (rng.exponential(20 * 86_400, len(about))).astype(np.int64).astype("timedelta64[s]")
    kept = opened < np.fmin(person["closed_at"].to_numpy(), end)
    about, opened, person = about[kept], opened[kept], person[kept]
    resolved = opened + (rng.gamma(2.0, 4 * 86_400, len(about))).astype(np.int64).astype("timedelta64[s]")
    done = resolved < np.fmin(person["closed_at"].to_numpy(), end)
    tickets = pd.DataFrame(
        {
            "ticket_id": ids("DLT", len(about)),
            "customer_id": person.index,
            "category": "why this decision",
            "tier_at_open": person["tier"].to_numpy(),
            "severity": 2,
            "opened_at": opened,
            "resolved_at": np.where(done, resolved, np.datetime64("NaT", "us")),
        }
    )
    return tickets, about


def _fields(entries: pd.DataFrame) -> list[str]:
    """Return the fields of each entry as the text that is hashed."""
    times = np.datetime_as_string(entries["decided_at"].to_numpy().astype("datetime64[s]"))
    columns = [entries[name].fillna("").tolist() for name in LOGGED[:-1]]
    return ["\n".join(row) for row in zip(*columns, times.tolist(), strict=True)]


def _chain(fields: list[str], before: str) -> list[str]:
    """Return the row hash of each entry, the first following on `before`."""
    hashes = []
    for text in fields:
        before = sha256(f"{text}\n{before}".encode()).hexdigest()
        hashes.append(before)
    return hashes


def merkle_roots(leaves: list[bytes], sizes: list[int]) -> list[bytes]:
    """Return the Merkle tree hash (RFC 6962, section 2.1) over the first leaves, for each of `sizes`."""
    levels = [[sha256(b"\0" + leaf).digest() for leaf in leaves]]  # whole subtrees of 1, 2, 4 ... leaves
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([sha256(b"\1" + a + b).digest() for a, b in zip(below[::2], below[1::2], strict=False)])
    roots = []
    for size in sizes:
        # A tree is whole subtrees, the largest left: joined from the right.
        whole = [level[(size >> k) - 1] for k, level in enumerate(levels) if size >> k & 1]
        root = whole[0] if whole else sha256(b"").digest()
        for left in whole[1:]:
            root = sha256(b"\1" + left + root).digest()
        roots.append(root)
    return roots


def _anchors(settings: WorldSettings, entries: pd.DataFrame, hashes: list[str]) -> pd.DataFrame:
    days = np.append(np.arange(ANCHOR_D, settings.days, ANCHOR_D), settings.days)
    at = np.datetime64(settings.start, "us") + days.astype("timedelta64[D]")
    sizes = np.searchsorted(entries["decided_at"].to_numpy(), at)
    leaves = [bytes.fromhex(value) for value in hashes]
    return pd.DataFrame(
        {
            "anchor_id": ids("DLA", len(days)),
            "log": "decisions",
            "anchored_at": at,
            "tree_size": sizes,
            "root_hash": [root.hex() for root in merkle_roots(leaves, sizes.tolist())],
        }
    )


def _tamper(
    entries: pd.DataFrame, fields: list[str], size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, list[tuple[str, str, str, str]], list[tuple[str, str]]]:
    """Return the log as it is found, the labels of what was done to it, and what stood there."""
    n = len(entries)
    original = entries["outcome"].tolist()
    outcome, keep = np.array(original, dtype=object), np.ones(n, dtype=bool)
    keys = entries["decision_id"].tolist()
    cut, from_row = min(round(CUT * size), n // 4), int(REHASHED_FROM * n)
    edited = np.sort(rng.permutation(from_row)[: round(EDITED * size)])
    changed = np.append(edited, from_row) if size else edited
    outcome[changed] = [OUTCOMES[1 - OUTCOMES.index(original[row])] for row in changed]
    labels = [("decisions", keys[row], "edited", "") for row in edited]
    hashes = _chain(fields, FIRST_HASH)
    if size:
        removed = from_row + 1 + int(rng.integers(n - from_row - cut - 2))
        keep[removed] = False
        labels += [("decisions", keys[from_row], "edited and hashed again", "")]
        labels += [("decisions", keys[removed], "taken out", "hashed again")]
    if cut:
        keep[n - cut :] = False
        labels += [("decisions", keys[row], "taken out", "end cut off") for row in range(n - cut, n)]
    shown = entries.assign(outcome=pd.array(outcome, dtype="str"))[keep].reset_index(drop=True)
    if size:
        again = _chain(_fields(shown.iloc[from_row:]), hashes[from_row - 1])
        hashes = hashes[:from_row] + again
    shown["prev_hash"] = pd.array([FIRST_HASH, *hashes[: len(shown) - 1]], dtype="str")
    shown["row_hash"] = pd.array(hashes[: len(shown)], dtype="str")
    return shown, labels, [(keys[row], original[row]) for row in changed]
