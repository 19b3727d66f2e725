"""Where in the journey is there leverage? Touchpoints by what they add to renewal, and by what the log misses of them."""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np
import pandas as pd

from playbook.methods.agreement import benjamini_hochberg
from playbook.methods.capture import TwoSources, odds_ratio
from playbook.methods.intervals import Z90
from playbook.methods.journeys import adjusted_effects, directly_follows

LEAST_CASES, LEAST_BY_LOT, DRAWS = 100, 50, 400
FALSE_SHARE = 0.05  # of the touchpoints that are named, so many may be named by chance


@dataclass(frozen=True)
class Journey:
    """A journey, its touchpoints and what they rest on.

    Parameters
    ----------
    table : DataFrame
        Index step, in order: seq_no, area, channel, system, is_physical, logged (share of all cases), simple (leverage when
        renewal with and without a logged touchpoint is compared), pilot, pilot_low, pilot_high (effect by lot); reach,
        effect, leverage (shares of cases), low and high (of leverage, 90 %), sure (beyond chance), coverage (of the log),
        coverage_low, coverage_high. Intervals span odds ratios of the sources from 1 to the most that is allowed;
        estimates are at the geometric middle.
    steps : DataFrame
        All steps, with first and last: index step; seq_no, area, is_physical, logged.
    follows : DataFrame
        source, target, count: which step follows which in the log.
    sources : TwoSources
        Log and diary; row 0 are the data, the others cases drawn again from them.
    slope : array, shape (draws + 1, touchpoints)
        Renewal with against without a record, other touchpoints and confounders equal.
    facts : dict
        process, cases, answered, kept, most_dependence, enough_share, confounders, has_diary; logged_answered, logged_others
        (logged touchpoints a case, with and without a diary); known_odds, known_low, known_high (odds ratio of the sources
        on touchpoints given by lot, which certainly took place; missing without a pilot).
    """

    table: pd.DataFrame
    steps: pd.DataFrame
    follows: pd.DataFrame
    sources: TwoSources
    slope: np.ndarray
    facts: dict[str, float | bool | str]

    @property
    def best(self) -> str:
        """Name of the touchpoint with most leverage."""
        return str(self.table["leverage"].idxmax())


def follow(
    journey_records: pd.DataFrame,
    journey_cases: pd.DataFrame,
    *,
    most_dependence: float = 3.0,
    enough_share: float = 0.6,
    draws: int = DRAWS,
    seed: int = 1,
) -> Journey:
    """Map the journey with most cases, and find what each touchpoint adds to renewal.

    Parameters
    ----------
    journey_records, journey_cases : DataFrame
        The views of these names.
    most_dependence : float
        Largest odds ratio between the two sources that is thought possible; 1: independent.
    enough_share : float
        Share of a touchpoint that the log must hold to be relied on.
    draws : int
        Cases are drawn again so many times for the intervals.
    seed : int
        Of the draws.

    Raises
    ------
    ValueError
        With too few cases, when all or none of them renewed, or without a touchpoint between first and last step.
    """
    process = str(journey_cases["process"].mode().iloc[0]) if len(journey_cases) else ""
    cases = journey_cases[journey_cases["process"] == process].set_index("case_id")
    if len(cases) < LEAST_CASES or cases["kept"].nunique() < 2:
        raise ValueError(
            f"a journey map needs {LEAST_CASES} journeys with a known end, some renewed and some not; got {len(cases)}"
        )
    records = journey_records[
        (journey_records["process"] == process) & journey_records["case_id"].isin(cases.index)
    ]
    log = records[records["source"] == "log"]
    steps = log.drop_duplicates("step").sort_values(["seq_no", "step"]).set_index("step")
    steps["logged"] = log.drop_duplicates(["case_id", "step"])["step"].value_counts() / len(cases)
    table = steps.iloc[1:-1][["seq_no", "area", "channel", "system", "is_physical", "logged"]].copy()
    if table.empty:
        raise ValueError("a journey map needs at least one touchpoint between the first and the last step")
    in_log = _happened(log, cases.index, table.index)
    told = _happened(records[records["source"] == "diary"], cases.index, table.index)
    has_diary = bool(cases["answered"].sum() >= LEAST_CASES)
    asked = cases["answered"].to_numpy(bool) if has_diary else np.ones(len(cases), bool)
    known, confounders = _confounders(cases)
    kept, n = cases["kept"].to_numpy(float), int(asked.sum())
    again = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), draws)
    weights = np.vstack([np.ones(n), again])
    seen, said = in_log[asked], told[asked] & has_diary
    counts = (weights @ which.astype(float) for which in (seen & said, seen & ~said, said & ~seen))
    sources = TwoSources(weights.sum(axis=1, keepdims=True), *counts)
    slope = adjusted_effects(kept[asked], seen | said, known[asked], weights)
    table["simple"] = _simple(in_log, kept)
    table = table.join(_by_lot(cases, kept, table.index))
    table = table.join(_estimates(sources, slope, table.index, most_dependence, has_diary))
    facts: dict[str, float | bool | str] = {
        "process": process,
        "cases": len(cases),
        "answered": n,
        "kept": float(kept.mean()),
        "most_dependence": most_dependence,
        "enough_share": enough_share,
        "confounders": ", ".join(confounders),
        "has_diary": has_diary,
        "logged_answered": float(in_log[asked].sum(axis=1).mean()),
        "logged_others": float(in_log[~asked].sum(axis=1).mean()) if n < len(cases) else np.nan,
        **(_known_odds(cases[asked], seen, said, table.index) if has_diary else {}),
    }
    steps = steps[["seq_no", "area", "is_physical", "logged"]]
    return Journey(table, steps, directly_follows(log["case_id"], log["step"]), sources, slope, facts)


def _happened(records: pd.DataFrame, cases: pd.Index, steps: pd.Index) -> np.ndarray:
    """Return whether each case has each step, (cases, steps)."""
    row = cases.get_indexer(pd.Index(records["case_id"]))
    column = steps.get_indexer(pd.Index(records["step"]))
    found = np.zeros((len(cases), len(steps)), dtype=bool)
    found[row[column >= 0], column[column >= 0]] = True
    return found


def _confounders(cases: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """Return what was known of each case before it began, (cases, columns) with a column of ones, and its names."""
    columns, names = [np.ones(len(cases))], []
    for column, name in (("tier", "service tier"), ("preferred_channel", "preferred channel")):
        values = cases[column].astype(object).fillna("unknown")
        levels = sorted(values.unique())[1:]
        columns += [(values == level).to_numpy(float) for level in levels]
        names += [name] if levels else []
    orders = np.log1p(cases["orders_before"].to_numpy(float))
    if orders.std() > 0:
        columns.append(orders)
        names.append("orders before")
    return np.column_stack(columns), names


def _estimates(
    sources: TwoSources, slope: np.ndarray, steps: pd.Index, most_dependence: float, has_diary: bool
) -> pd.DataFrame:
    """Return reach, effect, leverage and coverage of each touchpoint, with their ranges."""
    most = most_dependence if has_diary else 1.0
    middle, products = sqrt(most), [sources.reach(k) * sources.corrected(slope, k) for k in (1.0, most)]
    low, high = np.quantile([product[1:] for product in products], [0.05, 0.95], axis=1)
    table = pd.DataFrame(
        {"reach": sources.reach(middle)[0], "effect": sources.corrected(slope, middle)[0]}, steps
    )
    table["leverage"] = table["reach"] * table["effect"]
    table["low"], table["high"] = low.min(axis=0), high.max(axis=0)
    p = [erfc(abs(z) / sqrt(2)) for z in slope[0] / slope[1:].std(axis=0)]
    table["sure"] = benjamini_hochberg(p) <= FALSE_SHARE
    table["coverage"] = sources.coverage(middle)[0] if has_diary else np.nan
    table["coverage_low"] = np.quantile(sources.coverage(most)[1:], 0.05, axis=0) if has_diary else np.nan
    table["coverage_high"] = np.quantile(sources.coverage()[1:], 0.95, axis=0) if has_diary else np.nan
    return table


def _simple(in_log: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return the leverage that a comparison in the log would give."""
    n, having, renewed = len(kept), in_log.sum(axis=0), kept @ in_log
    gap = renewed / np.maximum(having, 1) - (kept.sum() - renewed) / np.maximum(n - having, 1)
    return gap * having / n


def _by_lot(cases: pd.DataFrame, kept: np.ndarray, steps: pd.Index) -> pd.DataFrame:
    """Return the effect of touchpoints that were given by lot, with its 90 % interval; empty for the others."""
    table = pd.DataFrame(np.nan, index=steps, columns=["pilot", "pilot_low", "pilot_high"])
    for step in steps[steps.isin(cases["drawn_step"])]:
        own, got = (cases["drawn_step"] == step).to_numpy(bool), cases["drawn"].to_numpy(bool)
        groups = [kept[own & got], kept[own & ~got]]
        if min(map(len, groups)) >= LEAST_BY_LOT:
            gap = groups[0].mean() - groups[1].mean()
            error = Z90 * sqrt(sum(group.var(ddof=1) / len(group) for group in groups))
            table.loc[step] = [gap, gap - error, gap + error]
    return table


def _known_odds(cases: pd.DataFrame, log: np.ndarray, diary: np.ndarray, steps: pd.Index) -> dict[str, float]:
    """Return the odds ratio of the sources on touchpoints that certainly took place, because a lot gave them."""
    place = steps.get_indexer(pd.Index(cases["drawn_step"].astype(object).fillna("")))
    row = np.flatnonzero(cases["drawn"].to_numpy(bool) & (place >= 0))
    if len(row) < LEAST_BY_LOT:
        return {}
    log, diary = log[row, place[row]], diary[row, place[row]]
    counts = [int((a & b).sum()) for a, b in ((log, diary), (log, ~diary), (~log, diary), (~log, ~diary))]
    ratio, error = odds_ratio(*counts)
    low, high = ratio * np.exp(np.array([-Z90, Z90]) * error)
    return {"known_odds": ratio, "known_low": float(low), "known_high": float(high)}
