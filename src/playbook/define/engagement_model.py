"""Intimacy at scale, or high touch for a few? What each depth of service adds, what it takes, and who should get which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Decision, Feedback, grade
from playbook.methods import counts, knapsack
from playbook.pictures import BLUE, GREY, INK, ORANGE, PURPLE, figure, finding, percent, thousands

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

HINTS = (
    "Everybody keeps self-serve at least. Moving one customer up takes the difference between the two depths.",
    "Do it for each resource: what is left when all are at self-serve, divided by that difference.",
    "Team hours and system requests allow two different numbers. The smaller one is the answer.",
)
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
Z90 = 1.645
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


def overview(customer_depths: pd.DataFrame) -> pd.DataFrame:
    """Return, by depth and by who decided it (lot or people): customers and their mean orders a year, before and after."""
    placed = customer_depths.dropna(subset=["depth"]).assign(
        decided_by=lambda d: d["design"].map({"random": "lot"}).fillna("people"),
        depth=lambda d: pd.Categorical(d["depth"], DEPTHS, ordered=True),
    )
    return placed.groupby(["decided_by", "depth"], observed=True).agg(
        customers=("customer_id", "size"), before=("before_orders", "mean"), after=("after_orders", "mean")
    )


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


def _nets(problem: knapsack.Problem, offers: dict[str, Options], variety_amt: float) -> dict[str, float]:
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
                _nets(problem.within(np.where(np.arange(2) == k, at, problem.capacity)), offers, variety_amt)
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


def best(result: Engagement) -> str:
    """Return the model with the highest net margin; `NOBODY` where none covers the kinds of service it keeps."""
    top = result.models.iloc[int(result.models["net_amt"].to_numpy().argmax())]
    return str(top["model"]) if top["net_amt"] > 0 else NOBODY


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


def ladder(result: Engagement) -> pd.DataFrame:
    """Return, for customers by what they put in: how many, their margin, the share planned at each depth, and the fee.

    Columns: customers, margin_amt (a year, mean), deeper % and dedicated % (planned beyond self-serve, and at the deepest
    depth), fee_amt (a year, that opens the deepest depth for one with that margin).
    """
    table = result.customers.assign(
        commitment=np.select(
            [result.customers["invests"], result.customers["fee_amt"] > 0],
            ["invests with us", "pays a fee"],
            "neither",
        )
    )
    rows = {}
    for name, group in table.groupby("commitment"):
        fee = fees(result, [group["base_amt"].mean()]).set_index("invests")["fee_amt"]
        rows[name] = {
            "customers": len(group),
            "margin_amt": group["base_amt"].mean(),
            "deeper %": 100 * (group["depth"] > 0).mean(),
            "dedicated %": 100 * (group["depth"] == 3).mean(),
            "fee_amt": fee[name == "invests with us"],
        }
    order = [name for name in ("neither", "pays a fee", "invests with us") if name in rows]
    return pd.DataFrame(rows).T.loc[order].round(0).astype(int).rename_axis("customer")


def what_if(result: Engagement, *, hours_share: Sequence[float]) -> pd.DataFrame:
    """Return what each model brings when the team has more or fewer hours than now.

    Columns: hours_share, hours (a month), model, net_amt (margin a year less what its kinds of service cost), hour_amt
    (what the last hour of the mixed model brings).
    """
    now = hours_now(result)
    rows = []
    for share in hours_share:
        problem = result.problem.within([share * now, result.capacity["system requests"]])
        last = problem.only(result.offers[MIXED]).relax().prices[0] / 12
        for name, net in _nets(problem, result.offers, float(result.facts["variety_amt"])).items():
            if name != NOBODY:
                rows.append((float(share), share * now, name, net, float(last)))
    return pd.DataFrame(rows, columns=["hours_share", "hours", "model", "net_amt", "hour_amt"])


def hours_now(result: Engagement) -> float:
    """Return the team's hours a month; where nothing says them, those that the mixed plan takes."""
    known = result.capacity["team hours"]
    return float(known if np.isfinite(known) else result.need["team hours"] @ _people(result, MIXED))


def _people(result: Engagement, model: str) -> NDArray[np.float64]:
    return result.models.set_index("model").loc[model, list(DEPTHS)].to_numpy(float)


def plot_uplift(result: Engagement) -> Axes:
    """Draw what each depth adds, by lot, beside the plain comparison."""
    table = result.uplift.by_depth
    y = np.arange(len(table))[::-1]
    value, low, high = (100 * np.expm1(table[c].to_numpy()) for c in ("added_log", "low_log", "high_log"))
    with figure() as ax:
        ax.axvline(0, color=GREY, lw=1)
        ax.hlines(y, low, high, color=BLUE, lw=3)
        ax.plot(value, y, "o", color=BLUE, ms=10)
        for at, number in zip(y, value, strict=True):
            ax.annotate(
                f"{number:+.0f}%", (number, at), (0, 10), textcoords="offset points", ha="center", fontsize=11
            )
        ax.set_yticks(y, table["depth"])
        ax.set_ylim(-0.5, len(table) - 0.3)
        sure = table.loc[table["low_log"] > 0, "depth"].tolist()
        said = (
            f"Surely more orders: {' and '.join(sure)}; the lines are 90 % intervals"
            if sure
            else "No depth of service surely adds orders: every 90 % interval holds zero"
        )
    finding(ax, said, x="More orders than at self-serve, by lot (%)")
    return ax


def plot(result: Engagement) -> Axes:
    """Draw the share of customers that each model plans at each depth, and what it brings."""
    table, models = shares(result), result.models.set_index("model")
    y = np.arange(len(table))[::-1]
    with figure() as ax:
        left = np.zeros(len(table))
        for depth, color in zip(DEPTHS, ("#D9D9D9", "#56B4E9", ORANGE, BLUE), strict=True):
            width = table[depth].to_numpy()
            ax.barh(y, width, left=left, color=color, height=0.5, label=depth)
            left += width
        for at, name in zip(y, table.index, strict=True):
            net, low, high = (
                round_to(models.loc[name, amount] - models.loc[name, "variety_amt"], 3)
                for amount in ("added_amt", "low_amt", "high_amt")
            )
            text = f"{name}: {net:,.0f} ({low:,.0f} to {high:,.0f})"
            ax.annotate(text.replace("-", "\N{MINUS SIGN}"), (0, at + 0.29), fontsize=11, va="bottom")
        ax.set_yticks([])
        ax.set_ylim(-0.4, len(table) - 0.15)
        ax.set_xlim(0, 1)
        ax.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.24), columnspacing=0.8, handlelength=1)
    name = best(result)
    said = (
        f"{name}: no model covers the kinds of service that it keeps running" if name == NOBODY
        else f"Best: {name}, {round_to(models.loc[name, 'net_amt'], 3):,.0f} a year more than self-serve for all"
    )  # fmt: skip
    finding(ax, said, x="Customers; net margin a year in money")
    percent(ax, "x")
    return ax


def plot_load(result: Engagement) -> Axes:
    """Draw how much of each resource all customers at one depth would take."""
    table = load(result)
    if table.empty:
        raise ValueError("neither hours nor system capacity are known: give them as settings")
    first = room(result.need, result.capacity, len(result.customers))[list(table.columns)].idxmin()
    y = np.arange(len(DEPTHS))[::-1].astype(float)
    height = 0.8 / len(table.columns)
    with figure() as ax:
        for k, (resource, color) in enumerate(zip(table.columns, (BLUE, ORANGE), strict=False)):
            at = y + (0.2 - 0.4 * k if len(table.columns) > 1 else 0.0)
            ax.barh(at, 100 * table[resource], height=height, color=color, label=resource)
            for place, value in zip(at, 100 * table[resource], strict=True):
                ax.annotate(
                    f"{value:.0f}%",
                    (value, place),
                    (4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=11,
                )
        ax.axvline(100, color=INK, lw=1.5, ls="--")
        ax.set_yticks(y, DEPTHS)
        ax.set_xlim(0, 118 * table.to_numpy().max())
        ax.legend(loc="upper right")
    over = float(table[first].iloc[-1])
    said = f"Dedicated service for all would take {over:.1f} times the {first} there are"
    said += ": they bind first" if over > 1 else ": there is room for it"
    finding(ax, said, x="If all customers were at this depth (% of what there is)")
    return ax


def plot_fees(result: Engagement) -> Axes:
    """Draw the fee that opens the deepest depth against the customer's margin."""
    margin = np.geomspace(
        result.customers["base_amt"].quantile(0.25), result.customers["base_amt"].quantile(0.999), 60
    )
    table = fees(result, margin)
    ends: dict[Any, float] = {}
    with figure() as ax:
        for (invests, rows), color in zip(table.groupby("invests"), (ORANGE, BLUE), strict=True):
            ax.plot(rows["margin_amt"], rows["fee_amt"], color=color, lw=3)
            free = rows.loc[rows["fee_amt"] <= 0, "margin_amt"]
            ends[invests] = float(free.iloc[0]) if len(free) else np.inf
            label, place = ("invests with us", (-8, -6)) if invests else ("does not invest", (8, 6))
            middle = rows.iloc[28]
            ax.annotate(
                label, (middle["margin_amt"], middle["fee_amt"]), place, textcoords="offset points", color=color,
                fontsize=11, ha="right" if invests else "left", va="top" if invests else "bottom", fontweight="bold",
            )  # fmt: skip
        ax.set_xscale("log")
        ax.set_ylim(0, max(table["fee_amt"].max() * 1.25, 1.0))
    words = {
        k: f"from a margin of {round_to(v):,.0f}" if np.isfinite(v) else "at no margin here"
        for k, v in ends.items()
    }
    said = f"Dedicated service needs no fee {words[True]} where the account invests, {words[False]} where not"
    finding(
        ax, said, x="The customer's margin a year at self-serve (money)", y="Fee a year that opens it (money)"
    )
    thousands(ax, "x")
    thousands(ax)
    return ax


def round_to(value: Any, digits: int = 2) -> float:
    """Return a number with few significant digits."""
    return float(f"{value:.{digits}g}")


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw what each model brings against the team's hours."""
    with figure() as ax:
        for (name, rows), color in zip(
            scenarios.groupby("model", sort=False), (ORANGE, PURPLE, BLUE), strict=True
        ):
            ax.plot(rows["hours"], rows["net_amt"] / 1000, "o-", color=color, lw=2, ms=5, label=name)
        said = "More hours add less and less"
        if chosen is not None:
            at = scenarios[scenarios["hours_share"] == chosen]
            top = at.iloc[int(at["net_amt"].to_numpy().argmax())]
            ax.axvline(top["hours"], color=GREY, lw=2, ls="--")
            ax.plot(top["hours"], top["net_amt"] / 1000, "D", color=INK, ms=10, zorder=3)
            name = top["model"] if top["net_amt"] > 0 else NOBODY
            said = (
                f"At {top['hours']:,.0f} hours a month the best is {name}; "
                f"the last hour of the mixed model brings {top['hour_amt']:,.1f}"
            )
        ax.axhline(0, color=GREY, lw=1)
        ax.set_xlim(left=0)
        ax.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.24), ncols=3, columnspacing=0.8, handlelength=1.2
        )
    finding(ax, said, x="Team hours a month", y="Net margin a year (thousand money)")
    thousands(ax, "x")
    thousands(ax)
    return ax


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


def compared(result: Engagement) -> str:
    """Say what people would have believed, where depths were chosen."""
    table = result.uplift.by_depth.dropna(subset=["chosen_log"])
    if table.empty:
        return "No depth was chosen by people here, so there is no plain comparison to set beside the lot."
    table = table.assign(chosen=np.exp(table["chosen_log"]), added=np.exp(table["added_log"]))
    parts = [f"{row.depth} {row.chosen:.1f} times" for row in table.itertuples()]
    return (
        "Where account managers chose the depth, customers order, against those they left at self-serve: "
        f"**{', '.join(parts)}**. By lot the same factors are "
        f"{', '.join(f'{row.depth} {row.added:.1f}' for row in table.itertuples())}. "
        "What lies between is whom they chose, not what the service did."
    )


def hours_worth(result: Engagement) -> str:
    """Say what the last hour brings, by the relaxation and by solving again, against its pay."""
    last, more = hour_amt(result)
    text = (
        f"The last hour of the team brings **{last:,.1f}** (if a customer could be split); one more full-time person, "
        f"planned anew with whole customers, brings {more:,.1f} an hour."
    )
    pay = float(result.facts["pay_amt_h"])
    if np.isfinite(pay):
        verdict = "more hours pay for themselves" if more > pay else "more hours would not pay for themselves"
        text += f" An hour is paid {pay:,.1f}: {verdict}. "
        text += f"The last hour brings its pay up to about {round_to(paid_hours(result)):,.0f} hours a month."
    text += f" The last request a second that the system can take brings {result.prices['system requests']:,.0f} a year."
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


def turning(result: Engagement) -> str:
    """Say at which hours and which system capacity the best model changes."""
    parts = [
        f"{row.below} below {round_to(row.at):,g} {UNITS[str(row.resource)]}, {row.above} above"
        for row in result.turns.itertuples()
    ]
    quiet = [r for r in DRIVERS if np.isfinite(result.capacity[r]) and r not in set(result.turns["resource"])]
    parts += [f"no amount of {resource} that was tried changes it" for resource in quiet]
    return f"Best now: **{best(result)}**. Where it changes: {'; '.join(parts) or 'no limit is known'}."


def decide(result: Engagement) -> Decision:
    """Recommend the engagement model, with shares, what opens a depth, and the capacity at which it changes."""
    name = best(result)
    models = result.models.set_index("model")
    shown: Any = models.loc[MIXED if name == NOBODY else name]
    mix = ", ".join(f"{d} {shown[d] / result.facts['customers']:.0%}" for d in DEPTHS)
    turns = turning(result).split("Where it changes: ")[1].rstrip(".")
    unsure = shown["low_amt"] <= shown["variety_amt"]
    if name == NOBODY or unsure:
        advice = "Keep self-serve for all and let the trial by lot go on: no model surely brings more than it costs."
    else:
        advice = f"Run {name} ({mix}), and leave a tenth of each depth's customers at self-serve by lot."
        if result.facts["ladder_known"] and shown[DEPTHS[-1]]:
            advice += f" Dedicated service opens at a joint investment of {result.facts['dedicated_invest_amt']:,.0f}."
    others = [f"{other} {models.loc[other, 'net_amt']:,.0f}" for other in models.index]
    used = [
        f"{share:.0%} of {resource}"
        for resource, share in zip(DRIVERS, (shown["hours_share"], shown["system_share"]), strict=True)
        if np.isfinite(result.capacity[resource])
    ]
    return Decision(
        recommendation=advice,
        evidence=f"Net margin a year against self-serve for all: {'; '.join(others)}. The plan of {shown.name} takes "
        f"{' and '.join(used) or 'no resource whose limit is known'}.",
        metric=f"margin a year added by {shown.name}, against customers left at self-serve by lot",
        unit="money",
        low=float(shown["low_amt"]),
        high=float(shown["high_amt"]),
        flips_if=f"the lower end of that range "
        f"{'rises above' if name == NOBODY or unsure else 'falls below'} {shown['variety_amt']:,.0f}, what its kinds of "
        f"service cost; or capacity crosses: {turns}",
        owner="head of customer operations",
        review_days=182,
    )


def check(answer: float, truth: SimpleNamespace | None, result: Engagement) -> Feedback:
    """Check "how many customers could have dedicated service before the first resource runs out?".

    Parameters
    ----------
    answer : float
        Customers; all others stay at self-serve.
    truth : namespace or None
        `truth_parameters` of the world; None on a client's data, where the answer must agree with the books.
    result : Engagement
        The plans the participant read.
    """
    need, basis = result.need, OWN_DATA
    if truth is not None:
        need, basis = true_needs(truth.truth_parameters), PLANTED
    expected = room(need, result.capacity, len(result.customers)).min()
    return grade(float(answer), float(expected), tolerance=0.05, hints=HINTS, basis=basis)


def true_needs(truth_parameters: pd.DataFrame) -> pd.DataFrame:
    """Return the planted need of a customer at each depth, as `Engagement.need`."""
    value = truth_parameters.set_index("name")["value"]
    rows = {depth: {r: value[f"{depth}, {r}"] for r in DRIVERS} for depth in DEPTHS}
    return pd.DataFrame(rows).T[list(DRIVERS)]


def recover(data: SimpleNamespace, truth: SimpleNamespace) -> pd.DataFrame:
    """Return what is estimated beside what was planted.

    Parameters
    ----------
    data : namespace
        `customer_depths`, `costs`.
    truth : namespace
        `truth_effects`, `truth_parameters`.
    """
    found, need = uplift(data.customer_depths), needs(data.customer_depths, data.costs)
    planted = truth.truth_effects.set_index(["action", "stratum"])["size"]
    words = ("no investment", "joint investment")
    rows = [
        {
            "what": f"orders added by {row.depth} service (log)",
            "estimate": row.added_log, "low": row.low_log, "high": row.high_log, "naive": row.chosen_log,
            "truth": sum(
                found.weights[s, i] * planted[row.depth, f"{name}, {word}"]
                for s, name in enumerate(found.names) for i, word in enumerate(words)
            ),
        }
        for row in found.by_depth.itertuples()
    ]  # fmt: skip
    wanted = need[(need["resource"] == "team hours") & (need["depth"] != DEPTHS[0])]
    true_need = true_needs(truth.truth_parameters)["team hours"]
    rows += [
        {
            "what": f"team hours a month, {row.depth} customer",
            "estimate": row.qty, "low": row.low, "high": row.high, "naive": np.nan, "truth": true_need[str(row.depth)],
        }
        for row in wanted.itertuples()
    ]  # fmt: skip
    return pd.DataFrame(rows)
