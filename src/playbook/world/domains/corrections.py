"""Errors in customer data, and who notices them: staff who report, and checks that run.

Planted: a number of wrong values (`truth_labels`), each as easy to see for people as for checks (`truth_values` has what is
right). Two rounds of reports and two of checks each notice some; what is easy to see is seen again and again, by
`SEEN_LOG_SD` times size. Some staff also report what is right (`truth_raters`). Nothing is put right before the last round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.fields import field_id
from playbook.world.draws import logistic
from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import as_text
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("fields", "orders", "organisation")

PLAY = "sustain.frontline_corrections"
WRONG, MOST = 0.10, 3_000  # of the customers, times defects; at most
# Element, cost of an error while it stays.
ELEMENTS = (("postcode", 60.0), ("phone", 12.0), ("email", 18.0), ("company", 8.0), ("terms", 35.0))
ROUNDS = ("report", "check", "report", "check")
ROUND_WEEKS = 6
SEEN = {"report": -1.5, "check": -1.3}  # log odds that a round notices an error of middling difficulty
SEEN_LOG_SD = 1.6  # of how easy it is to see, times size
REPORTERS = 24  # at most
FALSE_SHARE = (1.0, 5.0)  # beta over reporters: reports of values that were right
COST_LOG_SD = 1.0
FIXED_AFTER_D = 12.0

PLANTS = (
    Plant(
        play=PLAY,
        what="Staff and checks notice wrong values in customer data, round by round; some reports are mistaken.",
        why="Whoever counts what two lists share takes them for independent of each other.",
        tables=("corrections", "staff"),
        truth=("truth_labels", "truth_values", "truth_raters"),
        size="SEEN_LOG_SD x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return corrections, truth_labels, truth_values and truth_raters."""
    customers = tables["customers"]
    end = np.datetime64(settings.end, "us")
    opening = end - np.timedelta64(len(ROUNDS) * ROUND_WEEKS * 7 + 60, "D")
    there = (customers["created_at"].to_numpy() < opening) & ~(customers["closed_at"].to_numpy() < end)
    n = min(int(there.sum()), round(min(WRONG * settings.defects * len(customers), MOST)))
    wrong = np.sort(rng.permutation(np.flatnonzero(there))[:n])
    element = rng.integers(0, len(ELEMENTS), n)
    reporters, mistaken = _reporters(tables["staff"], end, rng)

    easy = SEEN_LOG_SD * settings.size(PLAY) * rng.normal(0, 1, n)
    seen = [rng.random(n) < logistic(SEEN[method] + easy) for method in ROUNDS]
    parts = [_noticed(no, method, np.flatnonzero(hit), reporters, rng) for no, (method, hit) in
             enumerate(zip(ROUNDS, seen, strict=True), start=1)]  # fmt: skip
    found = pd.concat(parts, ignore_index=True)
    found["customer"], found["element"] = wrong[found["error"]], element[found["error"]]
    false = _mistakes(found, reporters, mistaken, np.flatnonzero(there), rng)
    rows = pd.concat([found.assign(verified=True), false.assign(verified=False)], ignore_index=True)
    whole = ["round", "error", "reporter", "customer", "element"]
    rows = rows.astype(dict.fromkeys(whole, "int64") | {"verified": "bool"})  # also where there is none

    week = (rows["round"].to_numpy() - 1 + rng.random(len(rows))) * ROUND_WEEKS * 7 * 86_400e6
    rows["at"] = opening + week.astype("timedelta64[us]")
    rows = rows.sort_values("at", kind="stable", ignore_index=True)
    cost = np.array([c for _, c in ELEMENTS])[element] * np.exp(rng.normal(0, COST_LOG_SD, n))
    elements = pd.array([field_id("crm", name) for name, _ in ELEMENTS], dtype="str")
    key = customers["customer_id"].array
    is_error, error = rows["verified"].to_numpy(), rows["error"].to_numpy()
    texts = _texts(n, rng)
    closes = opening + np.timedelta64(len(ROUNDS) * ROUND_WEEKS * 7, "D")
    fixed = closes + (rng.exponential(FIXED_AFTER_D, n) * 86_400e6).astype("timedelta64[us]")
    fixed = np.where(fixed < end, fixed, np.datetime64("NaT"))
    return {
        "corrections": pd.DataFrame(
            {
                "correction_id": ids("FC", len(rows), settings.block),
                "field_id": elements.take(rows["element"].to_numpy()),
                "record_id": key.take(rows["customer"].to_numpy()),
                "customer_id": key.take(rows["customer"].to_numpy()),
                "reporter_staff_id": tables["staff"]["staff_id"].astype("str").array.take(
                    rows["reporter"].to_numpy(), allow_fill=True
                ),
                "method": rows["method"],
                "occasion_no": rows["round"].astype(float),
                "old_value": texts[0].take(np.where(is_error, error, -1), allow_fill=True),
                "new_value": texts[1].take(np.where(is_error, error, -1), allow_fill=True),
                "reported_at": rows["at"],
                "verified": is_error,
                "fixed_at": np.where(is_error, fixed[np.where(is_error, error, 0)] if n else end,
                                     np.datetime64("NaT")),
                "impact_amt": np.where(is_error, np.round(cost[np.where(is_error, error, 0)], 2) if n else 0.0, 0.0),
            }
        ),
        "truth_labels": planted(
            "truth_labels", PLAY, table="customers", key=key.take(wrong), label="wrong value",
            value=elements.take(element),
        ),
        "truth_values": planted(
            "truth_values", PLAY, table="customers", key=key.take(wrong), field=elements.take(element), value=texts[1]
        ),
        "truth_raters": planted(
            "truth_raters", PLAY, rater=tables["staff"]["staff_id"].to_numpy()[reporters], noise=mistaken
        ),
    }  # fmt: skip


def _reporters(
    staff: pd.DataFrame, end: np.datetime64, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the staff (positions) who report, and the share of their reports that are mistaken."""
    works = staff["left_on"].isna().to_numpy() & (
        staff["hired_on"].to_numpy() < end - np.timedelta64(365, "D")
    )
    chosen = np.sort(rng.permutation(np.flatnonzero(works))[:REPORTERS])
    return chosen, rng.beta(*FALSE_SHARE, len(chosen))


def _noticed(
    number: int, method: str, error: NDArray[np.int64], reporters: NDArray[np.int64], rng: np.random.Generator
) -> pd.DataFrame:
    """Return what one round noticed; checks have no reporter."""
    by = (
        reporters[rng.integers(0, len(reporters), len(error))]
        if method == "report"
        else np.full(len(error), -1)
    )
    return pd.DataFrame({"round": number, "method": method, "error": error, "reporter": by})


def _mistakes(
    found: pd.DataFrame,
    reporters: NDArray[np.int64],
    mistaken: NDArray[np.float64],
    there: NDArray[np.int64],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return reports of values that were right, as many as each reporter's share says."""
    reports = found[found["method"] == "report"]
    names, count = np.unique(reports["reporter"].to_numpy(), return_counts=True)
    share = mistaken[np.searchsorted(reporters, names)]
    false = rng.poisson(count * share / (1 - share))
    by = np.repeat(names, false)
    return pd.DataFrame(
        {
            "round": rng.choice([1, 3], len(by)),
            "method": "report",
            "error": -1,
            "reporter": by,
            "customer": there[rng.integers(0, max(len(there), 1), len(by))],
            "element": rng.integers(0, len(ELEMENTS), len(by)),
        }
    )


def _texts(n: int, rng: np.random.Generator) -> tuple[pd.api.extensions.ExtensionArray, ...]:
    """Return what stands there and what is right: codes that differ in one figure."""
    right = rng.integers(10_000, 99_999, n)
    place = 10 ** rng.integers(0, 4, n)
    wrong = right + np.where(right // place % 10 == 9, -place, place)
    return as_text(wrong).array, as_text(right).array
