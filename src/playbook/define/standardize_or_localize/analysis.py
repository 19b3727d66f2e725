"""One standard, or local variants? What a unit's own protocol gains there, and what it may cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from playbook.methods.shrinkage import CrossedSlopes, Pooled, crossed_slopes, overdispersion, pooled_means

LEAST_UNIT, LEAST_CUSTOMER, LEAST_ARM = 30, 40, 8  # requests in each arm; in the trial; in each arm
OTHERS = ""  # customers with too few requests to be told apart


@dataclass(frozen=True)
class Variants:
    """What the local protocols gain: repeat contacts avoided, as a share of requests.

    Parameters
    ----------
    units : DataFrame
        By unit: name, repeats (share under the standard), raw (gain as it looks), requests (a year), gain, low, high
        (partially pooled, 90 %); the largest gain first.
    customers : DataFrame
        The same by customer, for those with enough requests.
    average : tuple of float
        Gain over all requests: estimate, low, high.
    chosen : float or None
        What a comparison of the weeks in which people chose says; None where there are none.
    levels : Pooled
        Repeat share of the units under the standard.
    mix : DataFrame
        Requests in the trial, customers (the last row: all others) by unit.
    slopes : CrossedSlopes
        The fit behind it, rows as the columns of `mix`, columns as its rows.
    years : float
        Length of the trial.
    """

    units: pd.DataFrame
    customers: pd.DataFrame
    average: tuple[float, ...]
    chosen: float | None
    levels: Pooled
    mix: pd.DataFrame
    slopes: CrossedSlopes
    years: float

    @property
    def first(self) -> str:
        """Key of the unit whose gain looks largest."""
        return str(self.units["raw"].idxmax())


def gains(trials: pd.DataFrame, units: pd.DataFrame | None = None) -> Variants:
    """Estimate what the local protocol gains at each unit and for each customer.

    Parameters
    ----------
    trials : DataFrame
        The view `protocol_trials`.
    units : DataFrame, optional
        Names of units.

    Raises
    ------
    ValueError
        When fewer than three units worked enough weeks by either protocol, as a lot decided.
    """
    rows = trials[trials["design"] == "random"]
    by_unit = _arms(rows, "unit_id", LEAST_UNIT)
    if len(by_unit) < 3:
        raise ValueError(
            f"standardize_or_localize needs 3 units with {LEAST_UNIT} requests in weeks of the local protocol and of the "
            f"standard each, drawn by lot; found {len(by_unit)}"
        )
    unit = by_unit.index.get_indexer(pd.Index(rows["unit_id"]))
    rows, unit = rows[unit >= 0], unit[unit >= 0]
    told = _arms(rows, "customer_id", LEAST_ARM)
    told = told[told["local"] + told["standard"] >= LEAST_CUSTOMER]
    customer = told.index.get_indexer(pd.Index(rows["customer_id"]))
    customer[customer < 0] = len(told)
    local = (rows["arm"] == "local").to_numpy(int)
    # Solved at once: not repeated. A gain is positive.
    requests, solved = rows["requests"].to_numpy(float), (rows["requests"] - rows["repeats"]).to_numpy(float)
    starts = pd.to_datetime(rows["starts_on"])
    day = (starts - starts.min()).dt.days.to_numpy()
    days = int(day.max()) + 1
    week = (2 * unit + local) * days + day
    by_week = [np.bincount(week, part, 2 * days * len(by_unit)) for part in (requests, solved)]
    spread = overdispersion(np.repeat(np.arange(2 * len(by_unit)), days), *by_week)
    slopes = crossed_slopes(unit, customer, local, requests / spread, solved / spread)
    shape = (len(told) + 1, len(by_unit))
    mix = np.bincount(customer * shape[1] + unit, requests, shape[0] * shape[1]).reshape(shape).astype(float)
    years = (days + 6) / 364
    share, size = by_unit["repeats"], by_unit["standard"]
    return Variants(
        _table(by_unit, slopes.average(np.diag(mix.sum(axis=0)), mix.T), mix.sum(axis=0) / years, units),
        _table(told, slopes.of_columns(mix)[:-1], mix[:-1].sum(axis=1) / years),
        tuple(slopes.average(mix.sum(axis=0)[None], mix.sum(axis=1)[None])[0].tolist()),
        _chosen(trials),
        pooled_means(share, np.sqrt(spread * np.maximum(share * (1 - share), 1e-4) / size)),
        pd.DataFrame(mix, [*told.index, OTHERS], by_unit.index),
        slopes,
        years,
    )


def _arms(rows: pd.DataFrame, by: str, least: int) -> pd.DataFrame:
    """Return, for each group with at least `least` requests in either arm, in order of its key: requests by arm (local,
    standard), repeats (share under the standard), raw (gain as it looks).
    """
    code, names = pd.factorize(rows[by], sort=True)
    cell = 2 * code + (rows["arm"] == "local").to_numpy(int)
    size, back = (
        np.bincount(cell, rows[part], 2 * len(names)).reshape(-1, 2) for part in ("requests", "repeats")
    )
    share = back / np.maximum(size, 1)
    columns = {
        "standard": size[:, 0],
        "local": size[:, 1],
        "repeats": share[:, 0],
        "raw": share[:, 0] - share[:, 1],
    }
    return pd.DataFrame(columns, pd.Index(names, dtype=object))[size.min(axis=1) >= least]


def _table(
    arms: pd.DataFrame, estimates: np.ndarray, requests: np.ndarray, units: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the groups with their estimates, the largest gain first."""
    table = arms[["repeats", "raw"]].assign(requests=requests)
    table[["gain", "low", "high"]] = estimates
    names = (
        {}
        if units is None
        else dict(zip(units["unit_id"], units["name"].fillna(units["unit_id"]), strict=True))
    )
    table.insert(0, "name", [str(names.get(key, key)) for key in table.index])
    return table.sort_values("gain", ascending=False)


def _chosen(trials: pd.DataFrame) -> float | None:
    sums = trials[trials["design"] != "random"].groupby("arm")[["requests", "repeats"]].sum()
    if set(sums.index) != {"local", "standard"}:
        return None
    share = (sums["repeats"] / sums["requests"]).to_dict()
    return float(share["standard"]) - float(share["local"])


def unit_choices(result: Variants, *, variant_cost: float = 1500, repeat_cost: float = 14) -> pd.DataFrame:
    """Return standard or variant for each unit: where the expected gain exceeds the cost of a variant.

    By unit: name, gain, requests, break_even (cost a year up to which the variant pays), net, variant.

    Parameters
    ----------
    variant_cost : float
        Money a year to keep one unit's protocol apart.
    repeat_cost : float
        Money that a repeat contact costs.
    """
    table = result.units[["name", "gain", "requests"]]
    return _priced(table, table["gain"] * table["requests"] * repeat_cost, variant_cost)


def customer_choices(
    result: Variants, choices: pd.DataFrame, *, customer_cost: float = 120, repeat_cost: float = 14
) -> pd.DataFrame:
    """Return standard or variant for each customer, for their requests to units that keep the standard.

    By customer: name, gain, requests (a year, at those units), break_even, net, variant.

    Parameters
    ----------
    choices : DataFrame
        Of `unit_choices`.
    customer_cost : float
        Money a year to serve one customer apart.
    """
    standard = (~choices["variant"]).reindex(result.mix.columns).to_numpy()
    requests = result.mix.to_numpy()[:-1] * standard / result.years
    total = requests.sum(axis=1)
    at_units = requests @ (result.slopes.slope + result.slopes.rows)
    avoided = at_units + total * result.slopes.columns[:-1]
    gain = np.divide(avoided, total, out=np.zeros_like(total), where=total > 0)
    names = result.mix.index[:-1]
    table = pd.DataFrame({"name": names.astype(str), "gain": gain, "requests": total}, names)
    return _priced(table, avoided * repeat_cost, customer_cost)


def _priced(table: pd.DataFrame, worth: pd.Series | np.ndarray, cost: float) -> pd.DataFrame:
    table = table.assign(break_even=worth, net=worth - cost)
    return table.assign(variant=table["net"] > 0).sort_values("break_even", ascending=False)
