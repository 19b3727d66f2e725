"""Segment, account or individual? At which level customers differ in a need, and what knowing each level is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from playbook.methods.variance_components import nested_components, resampled_components

LEVELS = ("segment", "account", "person")
COLUMNS = ("segment", "account_id", "customer_id")
ALL = (*LEVELS, "occasion")
SOLVING = "hours to solve a request"
LEAST_PERSONS, LEAST_ACCOUNTS = 60, 20
DRAWS = 200


@dataclass(frozen=True)
class Granularity:
    """Where customers differ, by need.

    Parameters
    ----------
    shares : DataFrame
        Index need, level (segment, account, person, occasion): share of the variance, low, high (90 %), variance (of the
        natural logarithm).
    misses : DataFrame
        need, level, held_out (root mean square error of the logarithm, when the last thing each person said is predicted
        from what is known at that level), expected (the same from the shares).
    units : dict
        By level: how many there are in all.
    answers : dict
        By need: measurements at hand.
    """

    shares: pd.DataFrame
    misses: pd.DataFrame
    units: dict[str, int]
    answers: dict[str, int]

    def of(self, need: str, level: str, column: str = "share") -> float:
        """Return one figure of `shares`."""
        return float(self.shares[column].xs(need, level="need").to_dict()[level])

    @property
    def needs(self) -> list[str]:
        """Names of the needs, the one that differs most between accounts first."""
        of_account = self.shares.xs("account", level="level")["share"]
        return list(of_account.sort_values(ascending=False).index)


def measured(
    customers: pd.DataFrame,
    accounts: pd.DataFrame,
    *,
    preferences: pd.DataFrame | None = None,
    solving_hours: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return everything that persons of known accounts were measured on at least twice, as logarithms.

    Columns: need, segment, account_id, customer_id, at, log_value. Needs are the attributes of `preferences` that are
    positive numbers, and the hours to solve a request. A need said by too few persons or accounts is left out.

    Raises
    ------
    ValueError
        When no need is left.
    """
    parts = []
    if preferences is not None:
        value = pd.to_numeric(preferences["value"], errors="coerce")
        kept = preferences[value > 0].assign(value=value)
        parts.append(kept[["attribute", "customer_id", "recorded_at", "value"]].set_axis(_NAMES, axis=1))
    if solving_hours is not None:
        hours = solving_hours[solving_hours["hours"] > 0]
        parts.append(
            hours.assign(need=SOLVING)[["need", "customer_id", "opened_at", "hours"]].set_axis(_NAMES, axis=1)
        )
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_NAMES)
    rows = rows.merge(customers[["customer_id", "account_id"]].dropna(), on="customer_id")
    rows = rows.merge(accounts[["account_id", "segment"]].dropna(), on="account_id")
    rows = rows[rows.groupby(["need", "customer_id"])["value"].transform("size") >= 2]
    counts = rows.groupby("need")[["customer_id", "account_id"]].nunique()
    enough = counts[(counts["customer_id"] >= LEAST_PERSONS) & (counts["account_id"] >= LEAST_ACCOUNTS)].index
    rows = rows[rows["need"].isin(enough)]
    if rows.empty:
        raise ValueError(
            f"granularity needs one number that {LEAST_PERSONS} persons of {LEAST_ACCOUNTS} accounts gave at least "
            "twice; none of the preferences or requests does"
        )
    rows = rows.assign(log_value=np.log(rows["value"].astype(float)))
    order = ["need", "segment", "account_id", "customer_id", "at"]
    return rows.sort_values(order, ignore_index=True)[[*order, "log_value"]]


_NAMES = ["need", "customer_id", "at", "value"]


def levels(
    measured: pd.DataFrame,
    customers: pd.DataFrame,
    accounts: pd.DataFrame,
    *,
    draws: int = DRAWS,
    seed: int = 1,
) -> Granularity:
    """Split the differences in each need by level, and predict each level's misses.

    Parameters
    ----------
    measured : DataFrame
        What `measured` returns.
    customers, accounts : DataFrame
        All there are: how many units each level has.
    draws : int
        Bootstrap samples of accounts behind the intervals.
    seed : int
        Of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    shares, misses = [], []
    for need, rows in measured.groupby("need"):
        nested = [rows["segment"], rows["account_id"], rows["customer_id"]]
        parts = nested_components(rows["log_value"], nested)
        again = resampled_components(rows["log_value"], nested, unit=1, draws=draws, rng=rng)
        low, high = np.quantile(again / again.sum(axis=1, keepdims=True), [0.05, 0.95], axis=0)
        share = parts / parts.sum()
        columns = {"need": need, "level": ALL, "share": share, "low": low, "high": high, "variance": parts}
        shares.append(pd.DataFrame(columns))
        misses.append(_misses(rows, parts).assign(need=need))
    units = {"segment": accounts["segment"].nunique(), "account": len(accounts), "person": len(customers)}
    return Granularity(
        pd.concat(shares).set_index(["need", "level"]),
        pd.concat(misses, ignore_index=True),
        units,
        {str(need): int(n) for need, n in measured["need"].value_counts().items()},
    )


def _misses(rows: pd.DataFrame, parts: np.ndarray) -> pd.DataFrame:
    """Hold out the last measurement of each person; predict it from colleagues' earlier ones, or the person's own."""
    is_last = ~rows.duplicated("customer_id", keep="last")
    last, before = rows[is_last], rows[~is_last]
    # Means of persons' means: who said more does not count more.
    own = before.groupby(list(COLUMNS))["log_value"].agg(["mean", "size"]).reset_index(list(COLUMNS[:2]))
    own, inverse = own.loc[last["customer_id"]], float((1 / own["size"]).mean())
    found = []
    for level, column in zip(LEVELS, COLUMNS, strict=True):
        if level == "person":
            guess, others = own["mean"].to_numpy(), np.ones(len(own))
        else:
            of_all = own.groupby(column)["mean"].transform("sum").to_numpy()
            others = own.groupby(column)["mean"].transform("size").to_numpy() - 1.0
            guess = (of_all - own["mean"].to_numpy()) / np.where(others > 0, others, np.nan)
        known = others > 0
        error = (last["log_value"].to_numpy() - guess)[known]
        expected = squared_miss(parts, level, others[known], inverse).mean()
        found.append((level, float(np.sqrt((error**2).mean())), float(np.sqrt(expected))))
    return pd.DataFrame(found, columns=["level", "held_out", "expected"])


def squared_miss(parts: np.ndarray, level: str, persons: np.ndarray, inverse: float) -> np.ndarray:
    """Return the expected squared error of a prediction from the mean of `persons` persons, (n,).

    It misses all variance below its level once for the new measurement and once, divided by the number of persons, for the
    mean. `inverse` is the mean of one over what each person has said. Variances below zero count as zero.
    """
    _, account, person, occasion = np.maximum(parts, 0)
    of_mean = person + occasion * inverse
    if level == "person":
        return np.full(len(persons), occasion + occasion * inverse)
    if level == "account":
        return person + occasion + of_mean / persons
    return account + person + occasion + (account + of_mean) / persons


def answer_steps(result: Granularity) -> list[int]:
    """Return round numbers of answers to try: from few for the accounts to several for each person."""
    series = [digit * 10**power for power in range(1, 8) for digit in (1, 2, 5)]
    return [n for n in series if result.units["account"] / 5 <= n <= 5 * result.units["person"]]
