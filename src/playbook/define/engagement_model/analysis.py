"""Intimacy at scale, or high touch for a few? What each depth of service adds, what it takes, and who should get which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbook.methods import counts, knapsack
from playbook.methods.intervals import Z90

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEPTHS = ("self-serve", "pooled", "named", "dedicated")
DRIVERS = {"team hours": "staff hours", "system requests": "requests a second"}
UNITS = {"team hours": "hours a month", "system requests": "requests a second"}
SCALE, TOUCH, MIXED = "scale only", "high touch for a few", "mixed"
MODELS = {  # the depths that each model may offer; of the mixed ones the best is taken
    SCALE: [(True, True, False, False)],
    TOUCH: [(True, False, False, True)],
    MIXED: [
        (True, True, True, True),
        (True, False, True, True),
        (True, True, False, True),
        (True, True, True, False),
    ],
}
Options = tuple[bool, bool, bool, bool]
NOBODY = "self-serve for all"
# How far log rates are expected to differ before seeing any data: levels of segments, a depth from the one before it (on
# average; in one segment; where the account invests).
LEVEL_SD, STEP_SD, SEGMENT_SD, INVEST_SD = 0.5, 0.25, 0.1, 0.25
PSEUDO_ORDERS, PSEUDO_WEEKS = 5.0, 4.0
BAND = 0.2  # customers within a fifth of each other's margin are planned as one class
HOURS_GRID = (0.002, 0.01, 0.05, 0.25, 1.0, 4.0)  # of the hours there are
SYSTEM_GRID = (0.002, 0.01, 0.05, 0.25, 1.0)  # of the capacity that self-serve for all leaves over
DRAWS = 400
GAP = 1e-5  # of the margin added, to which a plan is the best


@dataclass(frozen=True)
class Uplift:
    """What each depth adds, estimated from customers who drew their depth by lot.

    Parameters
    ----------
    names : tuple of str
        Segments, by their place in `cells`.
    cells : ndarray, shape (segments, 2, 4)
        Log of the factor on orders, by segment, joint investment (no, yes) and depth; 0 for self-serve.
    draws : ndarray, shape (draws, segments, 2, 4)
        The same, drawn from what the trial leaves open.
    by_depth : DataFrame
        depth, by_lot (customers), added_log, low_log, high_log (90 %, mean over the customers of the trial), chosen_log (the
        plain comparison of customers whose depth people chose; missing where there are none).
    extra : DataFrame
        depth, added_log, low_log, high_log: what joint investment adds on top.
    weights : ndarray, shape (segments, 2)
        Share of the customers of the trial in each cell.
    base : ndarray, shape (segments, 2)
        Log of orders a week at self-serve of a customer who ordered once a week before.
    carry : float
        Power with which earlier orders carry on into later ones.
    """

    names: tuple[str, ...]
    cells: NDArray[np.float64]
    draws: NDArray[np.float64]
    by_depth: pd.DataFrame
    extra: pd.DataFrame
    weights: NDArray[np.float64]
    base: NDArray[np.float64]
    carry: float


@dataclass(frozen=True)
class Engagement:
    """Plans of all models, and what they rest on.

    Parameters
    ----------
    uplift : Uplift
        What depths add.
    need : DataFrame
        Index depth; columns team hours, system requests: what one customer takes.
    capacity : Series
        Of each resource; `inf` where unknown.
    customers : DataFrame
        customer_id, segment, invests, fee_amt, base_amt (margin a year to expect at self-serve), opened (deepest depth
        on offer, 0 to 3), group (class), depth (planned, in the mixed model).
    models : DataFrame
        model, customers at each depth, added_amt, low_amt, high_amt (margin a year against self-serve for all, 90 %),
        variety_amt, net_amt, hours_share and system_share (of the capacity, used).
    problem : knapsack.Problem
        All depths, within what the ladder opens.
    offers : dict
        The depths that each model offers.
    prices : Series
        Margin a year that one more unit of each resource adds (dual of the linear relaxation).
    turns : DataFrame
        resource, at (its amount), below, above: where the best model changes when that resource alone changes.
    facts : dict
        What was assumed and found.
    """

    uplift: Uplift
    need: pd.DataFrame
    capacity: pd.Series
    customers: pd.DataFrame
    models: pd.DataFrame
    problem: knapsack.Problem
    offers: dict[str, Options]
    prices: pd.Series
    turns: pd.DataFrame
    facts: dict[str, float | int | str | bool]


def uplift(customer_depths: pd.DataFrame, *, draws: int = DRAWS, seed: int = 1) -> Uplift:
    """Estimate what each depth adds to orders, by lot.

    A negative binomial regression of orders after the depth began on orders before it, segment, depth and joint investment.
    Segments are drawn towards the average of all, joint investment towards none, as far as the trial cannot tell.

    Parameters
    ----------
    customer_depths : DataFrame
        The view of that name.
    draws, seed : int
        Draws of what the trial leaves open.

    Raises
    ------
    ValueError
        When fewer than five customers drew one of the depths.
    """
    trial = customer_depths[customer_depths["design"] == "random"]
    trial = trial[(trial["after_weeks"] >= 4) & (trial["before_weeks"] >= 4)]
    by_lot = trial["depth"].value_counts().reindex(DEPTHS, fill_value=0)
    if by_lot.min() < 5:
        raise ValueError(
            f"the trial needs five customers by lot at each depth; {by_lot.idxmin()} has {by_lot.min()}"
        )
    names = tuple(sorted(customer_depths["segment"].unique()))
    segment = trial["segment"].map({name: k for k, name in enumerate(names)}).to_numpy()
    invests = (trial["invested_amt"] > 0).to_numpy().astype(int)
    depth = trial["depth"].map({name: k for k, name in enumerate(DEPTHS)}).to_numpy()
    earlier = _log_rate(trial["before_orders"], trial["before_weeks"])
    design, prior_sd = _design(segment, invests, depth, earlier, len(names))
    coef, cov, _ = counts.regression(trial["after_orders"], design, trial["after_weeks"], prior_sd)
    weights = np.zeros((len(names), 2))
    np.add.at(weights, (segment, invests), 1 / len(trial))
    contrast = _contrast(len(names))
    rng = np.random.default_rng(seed)
    drawn = rng.multivariate_normal(coef, cov, size=draws, method="cholesky")
    average = np.einsum("si,sidp->dp", weights, contrast)[1:]
    invested = (contrast[:, 1] - contrast[:, 0]).mean(axis=0)[1:]
    by_depth = _rows(average, coef, cov).assign(
        by_lot=by_lot.to_numpy()[1:], chosen_log=[_plain(customer_depths, name) for name in DEPTHS[1:]]
    )
    level = np.zeros((len(names), 2, len(coef)))
    level[..., 0] = 1.0
    level[:, 1, 2] = 1.0
    level[np.arange(len(names)), :, 3 + np.arange(len(names))] = 1.0
    return Uplift(
        names, contrast @ coef, np.einsum("sidp,rp->rsid", contrast, drawn), by_depth,
        _rows(invested, coef, cov), weights, level @ coef, float(coef[1]),
    )  # fmt: skip


def _log_rate(orders: pd.Series, weeks: pd.Series) -> NDArray[np.float64]:
    """Return the log of orders a week; nobody's rate is taken to be exactly zero."""
    return np.log((orders.to_numpy(float) + 0.5) / (weeks.to_numpy(float) + PSEUDO_WEEKS))


def _design(
    segment: NDArray, invests: NDArray, depth: NDArray, earlier: NDArray, segments: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the regression's columns and how far each coefficient is expected to be from 0.

    Columns: 1, earlier, invests, segments; then, for each step from one depth to the next: the step, that of investors,
    that in segments. A deeper service is a shallower one and more, so neighbours are expected to be alike.
    """
    inside = np.eye(segments)[segment]
    parts = [np.ones((len(depth), 1)), earlier[:, None], invests[:, None], inside]
    prior_sd = [np.inf, np.inf, LEVEL_SD, *[LEVEL_SD] * segments]
    for k in range(1, len(DEPTHS)):
        at = (depth >= k).astype(float)[:, None]
        parts += [at, at * invests[:, None], at * inside]
        prior_sd += [STEP_SD, INVEST_SD, *[SEGMENT_SD] * segments]
    return np.hstack(parts), np.array(prior_sd)


def _contrast(segments: int) -> NDArray[np.float64]:
    """Return (segment, investment, depth, coefficient): what to add up for a depth's uplift in a cell."""
    first, block = 3 + segments, 2 + segments
    contrast = np.zeros((segments, 2, len(DEPTHS), first + 3 * block))
    for k in range(1, len(DEPTHS)):
        at = first + (k - 1) * block
        contrast[:, :, k:, at] = 1.0
        contrast[:, 1, k:, at + 1] = 1.0
        contrast[np.arange(segments), :, k:, at + 2 + np.arange(segments)] = 1.0
    return contrast


def _rows(contrast: NDArray, coef: NDArray, cov: NDArray) -> pd.DataFrame:
    value, error = contrast @ coef, np.sqrt(np.einsum("dp,pq,dq->d", contrast, cov, contrast))
    return pd.DataFrame(
        {
            "depth": DEPTHS[1:],
            "added_log": value,
            "low_log": value - Z90 * error,
            "high_log": value + Z90 * error,
        }
    )


def _plain(customer_depths: pd.DataFrame, depth: str) -> float:
    """Return what people look at: log ratio of orders where people chose this depth and where they chose self-serve."""
    rows = customer_depths[customer_depths["design"] == "chosen"]
    pace = rows["after_orders"].groupby(rows["depth"]).mean()
    deep, plain = float(pace.get(depth, np.nan)), float(pace.get(DEPTHS[0], np.nan))
    return float(np.log(deep / plain)) if deep > 0 and plain > 0 else np.nan


def needs(customer_depths: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    """Return what one customer takes of each resource at each depth, from the books.

    Columns: depth, resource, qty (hours a month; requests a second), months, error, low, high (90 %, from month to month).

    Raises
    ------
    ValueError
        When the books hold nothing of a depth.
    """
    booked = costs[(costs["subject_type"] == "depth") & costs["driver"].isin(list(DRIVERS.values()))]
    placed = customer_depths.dropna(subset=["depth"])
    middle = booked["month_on"] + pd.Timedelta(days=14)
    since = {d: np.sort(rows["began_at"].to_numpy()) for d, rows in placed.groupby("depth")}
    until = {d: np.sort(rows["ended_at"].dropna().to_numpy()) for d, rows in placed.groupby("depth")}
    rows = []
    for depth in DEPTHS:
        for resource, driver in DRIVERS.items():
            at = (booked["subject_id"] == depth) & (booked["driver"] == driver)
            when, qty = middle[at].to_numpy(), booked.loc[at, "driver_qty"].to_numpy(float)
            there = (
                np.searchsorted(since[depth], when, side="right")
                - np.searchsorted(until[depth], when, side="right")
                if depth in since
                else np.zeros(len(when))
            )
            if not (there > 0).any():
                raise ValueError(f"the costs book no {driver} for depth '{depth}'")
            rows.append((depth, resource, qty[there > 0] / there[there > 0]))
    table = pd.DataFrame(
        [(depth, resource, each.mean(), len(each)) for depth, resource, each in rows],
        columns=["depth", "resource", "qty", "months"],
    )
    for resource in DRIVERS:
        # Books swing alike at every depth: their relative noise is that of all depths together.
        series = [each / each.mean() for _, name, each in rows if name == resource and each.mean() > 0]
        free = sum(len(each) - 1 for each in series)
        noise = np.sqrt(sum(((each - 1) ** 2).sum() for each in series) / free) if free else np.nan
        at = table["resource"] == resource
        table.loc[at, "error"] = Z90 * noise * table.loc[at, "qty"] / np.sqrt(table.loc[at, "months"])
    return table.assign(low=table["qty"] - table["error"], high=table["qty"] + table["error"])


def capacities(
    staff: pd.DataFrame | None,
    systems: pd.DataFrame | None,
    *,
    hours_month: float = 0.0,
    system_rps: float = 0.0,
    role: str = "account manager",
    system: str = "engagement",
) -> tuple[pd.Series, float]:
    """Return what there is of each resource (`inf` where nothing says it), and the pay of an hour (NaN where unknown).

    `hours_month` and `system_rps` are used where they are not 0; else the hours of staff of `role` and the declared
    capacity of `system`.
    """
    hours, rps, pay = np.inf, np.inf, np.nan
    if staff is not None:
        there = staff[(staff["role"] == role) & staff["left_on"].isna()]
        contracted = float(there["fte_h_week"].sum())
        if contracted > 0:
            hours = contracted * 365.25 / 84
            pay = float(there["cost_amt_h"].mean())
    if systems is not None:
        declared = systems.loc[systems["system_id"] == system, "capacity_rps"].dropna()
        rps = float(declared.iloc[0]) if len(declared) else np.inf
    return pd.Series({"team hours": hours_month or hours, "system requests": system_rps or rps}), pay


def load(result: Engagement) -> pd.DataFrame:
    """Return the share of each resource that all customers at one depth would take (resources that are known only)."""
    known = result.capacity[np.isfinite(result.capacity)]
    return result.need[list(known.index)] * len(result.customers) / known


def room(need: pd.DataFrame, capacity: pd.Series, customers: int) -> pd.Series:
    """Return how many customers could have the deepest service, the others self-serve, by resource.

    Examples
    --------
    >>> need = pd.DataFrame({"hours": [0.0, 4.0]}, index=["self-serve", "dedicated"])
    >>> room(need, pd.Series({"hours": 100.0}), 500).tolist()
    [25.0]
    """
    basic: Any = need.loc[DEPTHS[0]]
    more: Any = need.loc[DEPTHS[-1]] - basic
    return ((capacity - customers * basic) / more).clip(0, customers)


def plan(
    customer_depths: pd.DataFrame,
    costs: pd.DataFrame,
    *,
    staff: pd.DataFrame | None = None,
    systems: pd.DataFrame | None = None,
    hours_month: float = 0.0,
    system_rps: float = 0.0,
    named_fee_amt: float = 0.0,
    dedicated_invest_amt: float = 100.0,
    variety_amt: float = 50_000.0,
    margin_share: float = 0.35,
) -> Engagement:
    """Give each customer one depth, within team hours and system capacity, under each engagement model.

    Parameters
    ----------
    customer_depths, costs : DataFrame
        The view of that name; hours and requests by depth and month.
    staff, systems : DataFrame, optional
        Hours and capacity there are. A resource that neither table nor setting gives never runs out.
    hours_month, system_rps : float
        Used in their place where not 0.
    named_fee_amt, dedicated_invest_amt : float
        Fee a year that opens the named depth, joint investment that opens both; ignored where no account has either.
    variety_amt : float
        What keeping one kind of service running costs a year, beside self-serve.
    margin_share : float
        Margin on sales whose cost is unknown.
    """
    found = uplift(customer_depths)
    need = needs(customer_depths, costs).set_index(["depth", "resource"])["qty"].unstack()  # noqa: PD010
    need = need.loc[list(DEPTHS), list(DRIVERS)]
    capacity, pay = capacities(staff, systems, hours_month=hours_month, system_rps=system_rps)
    customers = _customers(customer_depths, found, margin_share)
    ladder_known = bool((customers["fee_amt"] > 0).any() or (customers["invested_amt"] > 0).any())
    opened = np.where(
        customers["invested_amt"] >= dedicated_invest_amt,
        3,
        np.where(customers["fee_amt"] >= named_fee_amt, 2, 1),
    )
    customers["opened"] = opened if ladder_known else 3
    customers["group"], problem = _problem(customers, found, need, capacity)
    offers = {
        name: max(choices, key=lambda options: _net(problem, options, variety_amt))
        for name, choices in MODELS.items()
    }
    solved = {name: problem.only(options).solve(gap=GAP) for name, options in offers.items()}
    customers["depth"] = _depth_each(customers, solved[MIXED])
    models = pd.DataFrame(
        [
            _model(name, choice, problem, customers, found, capacity, offers, variety_amt)
            for name, choice in solved.items()
        ]
    )
    relaxed = problem.only(offers[MIXED]).relax()
    everything = _problem(customers.assign(opened=3), found, need, capacity)[1].only(offers[MIXED])
    facts: dict[str, float | int | str | bool] = {
        "customers": len(customers),
        "bound_amt": relaxed.value,
        "pay_amt_h": pay,
        "variety_amt": variety_amt,
        "named_fee_amt": named_fee_amt,
        "dedicated_invest_amt": dedicated_invest_amt,
        "ladder_known": ladder_known,
        "ladder_costs_amt": max(everything.relax().value - relaxed.value, 0.0),
        "hours_given": hours_month > 0,
        "system_given": system_rps > 0,
    }
    prices = pd.Series(relaxed.prices, index=list(DRIVERS))
    return Engagement(
        found,
        need,
        capacity,
        customers,
        models,
        problem,
        offers,
        prices,
        _turns(problem, offers, variety_amt),
        facts,
    )


def _customers(customer_depths: pd.DataFrame, found: Uplift, margin_share: float) -> pd.DataFrame:
    """Return open customers with the margin a year to expect from each at self-serve."""
    rows = customer_depths[customer_depths["is_open"]].reset_index(drop=True)
    segment = rows["segment"].map({name: k for k, name in enumerate(found.names)}).to_numpy()
    invests = (rows["invested_amt"] > 0).to_numpy().astype(int)
    now = rows["depth"].map({name: k for k, name in enumerate(DEPTHS)}).fillna(0).to_numpy(int)
    earlier = _log_rate(rows["year_orders"], rows["year_weeks"]) - found.cells[segment, invests, now]
    a_year = 52 * np.exp(found.base[segment, invests] + found.carry * earlier)
    known = rows["costed_amt"] > 0
    pooled = 1 - rows["cost_amt"].sum() / rows["costed_amt"].sum() if known.any() else margin_share
    share = np.where(known, 1 - rows["cost_amt"] / rows["costed_amt"].where(known, 1.0), pooled)
    margin, orders = rows["spend_amt"].to_numpy() * share, rows["year_orders"].to_numpy(float)
    usual = margin.sum() / max(orders.sum(), 1.0)
    per_order = (margin + PSEUDO_ORDERS * usual) / (orders + PSEUDO_ORDERS)
    base = a_year * np.maximum(per_order, 0.0)
    return rows[["customer_id", "segment", "fee_amt", "invested_amt"]].assign(
        invests=invests == 1, cell=2 * segment + invests, base_amt=base
    )


def _problem(
    customers: pd.DataFrame, found: Uplift, need: pd.DataFrame, capacity: pd.Series
) -> tuple[NDArray[Any], knapsack.Problem]:
    """Return each customer's class and the knapsack over classes: alike in cell, depths on offer and margin."""
    band = np.floor(np.log(customers["base_amt"].clip(lower=1.0)) / BAND).astype(int)
    classes = customers.groupby([customers["cell"], customers["opened"], band], sort=True)
    base = classes["base_amt"].mean().to_numpy()
    cell = classes["cell"].first().to_numpy()
    opened = classes["opened"].first().to_numpy()
    factor = np.expm1(found.cells.reshape(-1, len(DEPTHS)))
    value = base[:, None] * factor[cell]
    offered = np.arange(len(DEPTHS)) <= opened[:, None]
    group = classes.ngroup().to_numpy()
    return group, knapsack.Problem(
        value, need.to_numpy(), capacity.to_numpy(), classes.size().to_numpy(), offered
    )


def _depth_each(customers: pd.DataFrame, choice: knapsack.Choice) -> NDArray[np.int64]:
    return knapsack.hand_out(choice.counts, customers["group"], customers["base_amt"])


def _model(
    name: str,
    choice: knapsack.Choice,
    problem: knapsack.Problem,
    customers: pd.DataFrame,
    found: Uplift,
    capacity: pd.Series,
    offers: dict[str, Options],
    variety_amt: float,
) -> dict[str, float | str]:
    depth = _depth_each(customers, choice)
    planned = np.zeros((2 * len(found.names), len(DEPTHS)))
    np.add.at(planned, (customers["cell"].to_numpy(), depth), customers["base_amt"].to_numpy())
    added = (np.expm1(found.draws.reshape(len(found.draws), -1, len(DEPTHS))) * planned).sum(axis=(1, 2))
    low, high = np.quantile(added, [0.05, 0.95])
    kinds = sum(offers[name]) - 1
    used = choice.used / capacity.to_numpy()
    return {
        "model": name,
        **dict(zip(DEPTHS, choice.counts.sum(axis=0).astype(int), strict=True)),
        "added_amt": choice.value, "low_amt": float(low), "high_amt": float(high),
        "variety_amt": kinds * variety_amt, "net_amt": choice.value - kinds * variety_amt,
        "hours_share": float(used[0]), "system_share": float(used[1]),
    }  # fmt: skip


def _net(problem: knapsack.Problem, options: Options, variety_amt: float) -> float:
    """Return the net margin a year of one offer, within one customer a resource (customers may be split)."""
    return problem.only(options).relax().value - (sum(options) - 1) * variety_amt


def nets_of(problem: knapsack.Problem, offers: dict[str, Options], variety_amt: float) -> dict[str, float]:
    """Return the net margin a year of each model, and of none."""
    return {NOBODY: 0.0} | {name: _net(problem, options, variety_amt) for name, options in offers.items()}


def _turns(problem: knapsack.Problem, offers: dict[str, Options], variety_amt: float) -> pd.DataFrame:
    """Find, one resource at a time, between which amounts the best model changes; straight lines in between."""
    least = problem.members.sum() * problem.use[0]
    full = np.where(np.isfinite(problem.capacity), problem.capacity, problem.solve(gap=GAP).used)
    rows = []
    for k, (resource, grid) in enumerate(zip(DRIVERS, (HOURS_GRID, SYSTEM_GRID), strict=True)):
        amounts = least[k] + np.array(grid) * (full[k] - least[k])
        if not (np.isfinite(problem.capacity[k]) and full[k] > least[k]):
            continue
        nets = pd.DataFrame(
            [
                nets_of(
                    problem.within(np.where(np.arange(2) == k, at, problem.capacity)), offers, variety_amt
                )
                for at in amounts
            ]
        )
        tops = nets.idxmax(axis=1)
        for j in np.flatnonzero(tops.to_numpy()[1:] != tops.to_numpy()[:-1]):
            below, above = tops[j], tops[j + 1]
            lead = (nets[above] - nets[below]).to_numpy()[[j, j + 1]]
            at = amounts[j] + (amounts[j + 1] - amounts[j]) * -lead[0] / (lead[1] - lead[0])
            rows.append((resource, float(at), below, above))
    return pd.DataFrame(rows, columns=["resource", "at", "below", "above"])


def shares(result: Engagement) -> pd.DataFrame:
    """Return the share of customers at each depth, by model."""
    table = result.models.set_index("model")[list(DEPTHS)]
    return table.div(table.sum(axis=1), axis=0)


def hour_amt(result: Engagement) -> tuple[float, float]:
    """Return what the last hour of the team brings (dual), and one more full-time person an hour (solved again)."""
    step = 38 * 365.25 / 84
    if not np.isfinite(result.capacity["team hours"]):
        return 0.0, 0.0
    more = (
        result.problem.only(result.offers[MIXED]).within(result.capacity + [step, 0.0]).solve(gap=GAP).value
    )
    now: Any = result.models.set_index("model").loc[MIXED, "added_amt"]
    return float(result.prices["team hours"] / 12), max(more - now, 0.0) / step / 12


def paid_hours(result: Engagement) -> float:
    """Return the hours a month up to which the last hour brings its pay; NaN where pay or hours are unknown."""
    pay, system = float(result.facts["pay_amt_h"]), result.capacity["system requests"]
    problem = result.problem.only(result.offers[MIXED])
    if not (np.isfinite(pay) and np.isfinite(result.capacity["team hours"])):
        return np.nan
    low, high = 0.0, 4 * hours_now(result)
    for _ in range(8):
        middle = (low + high) / 2
        if problem.within([middle, system]).relax().prices[0] / 12 > pay:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def fees(result: Engagement, margin_amt: Sequence[float] | NDArray[np.float64]) -> pd.DataFrame:
    """Return the fee a year that opens the deepest depth: what it takes above what it adds to the best shallower one.

    An hour counts at what it would bring elsewhere, or at its pay where that is more.

    Parameters
    ----------
    margin_amt : sequence of float
        Margin a year of the customer, at self-serve.

    Returns
    -------
    DataFrame
        margin_amt, invests, fee_amt (0 where none is needed).
    """
    pay = float(result.facts["pay_amt_h"])
    an_hour = np.nanmax([12 * pay, result.prices["team hours"]])
    cost = (
        result.need["team hours"] * an_hour
        + result.need["system requests"] * result.prices["system requests"]
    )
    margin = np.asarray(margin_amt, dtype=float)
    people = np.bincount(result.customers["cell"], minlength=2 * len(result.uplift.names)).reshape(-1, 2)
    rows = []
    for invests in (False, True):
        weight = people[:, int(invests)] + 1e-9
        lift = np.average(result.uplift.cells[:, int(invests)], axis=0, weights=weight)
        left = margin[:, None] * np.expm1(lift) - (cost - cost.iloc[0]).to_numpy()
        fee = np.maximum(left[:, :-1].max(axis=1) - left[:, -1], 0.0)
        rows.append(pd.DataFrame({"margin_amt": margin, "invests": invests, "fee_amt": fee}))
    return pd.concat(rows, ignore_index=True)


def hours_now(result: Engagement) -> float:
    """Return the team's hours a month; where nothing says them, those that the mixed plan takes."""
    known = result.capacity["team hours"]
    return float(known if np.isfinite(known) else result.need["team hours"] @ _people(result, MIXED))


def _people(result: Engagement, model: str) -> NDArray[np.float64]:
    return result.models.set_index("model").loc[model, list(DEPTHS)].to_numpy(float)


def known(result: Engagement) -> str:
    """Say which capacity is used, and what the data do not tell."""
    parts = []
    for resource, given in (("team hours", "hours_given"), ("system requests", "system_given")):
        amount = result.capacity[resource]
        if not np.isfinite(amount):
            parts.append(f"no limit on {resource} is known, so none is set")
        else:
            source = "as given by the engagement" if result.facts[given] else "as in the data"
            parts.append(f"{amount:,.0f} {UNITS[resource]}, {source}")
    text = f"{result.facts['customers']:,} customers to serve. Capacity: " + "; ".join(parts) + "."
    if not result.facts["ladder_known"]:
        text += " No contract shows a fee or an investment: every depth is open to everybody."
    return text


def opened(result: Engagement) -> str:
    """Say what the rule that opens depths costs against one that opens all of them to everybody."""
    if not result.facts["ladder_known"]:
        return "No fee or investment is known, so every depth is open to everybody."
    rule = "is open to everybody" if not result.facts["named_fee_amt"] else (
        f"opens at a fee of {result.facts['named_fee_amt']:,.0f} a year"
    )  # fmt: skip
    return (
        f"The rule here: named service {rule}; dedicated service opens at a joint investment of "
        f"{result.facts['dedicated_invest_amt']:,.0f}. It costs {result.facts['ladder_costs_amt']:,.0f} of added margin a "
        "year against opening everything to everybody."
    )
