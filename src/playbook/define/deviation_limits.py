"""When is a deviation worth acting on? Limits for regions of unequal volume, and triggers for single customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Decision, Feedback, grade
from playbook.methods import funnel, poisson_cusum
from playbook.pictures import BLUE, GREY, INK, ORANGE, RED, figure, finding, months, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

HINTS = (
    "One row of result.cells is one region in one quarter. Which row lies farthest above its act limit?",
    "Its share alone is not the answer: part of it is there in any quarter. Take off the usual share.",
    "Its usual share is its failed cases over its cases in all its other quarters. Give the difference in points.",
)
FEWEST_CASES = 20  # in a quarter; below that a share says next to nothing
ACT_TAIL = 0.001  # chance that an ordinary quarter lies above the act limit
COVER = CONFIDENCE = 0.95  # of ordinary quarters below the warn limit, and how sure that is
SCALE_CASES = (50, 200, 1000, 5000)
CHANGE = 3.0  # what a trigger is tuned to see: three times as much, or a third
SHARED_WEEKS = 4  # over which the pace that all customers share is taken
SHARED_WEIGHT = 50.0  # orders' worth of belief that it is as usual
GONE = 6.0  # usual gaps of silence after which a customer counts as gone
ACTIVE = 2.5  # usual gaps of silence up to which a customer counts for the pace that all share
BLOCK_WEEKS = 8
PRIOR = 0.5  # customers' worth of the mean rate added to each
NEVER = 1e9  # weeks
Z90 = 1.645
NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
RATIOS = np.geomspace(1 / CHANGE, CHANGE, 9)
KINDS: tuple[tuple[str, poisson_cusum.Side, str, str, str], ...] = (
    # behaviour, side, name, operational adjustment, who acts on it
    ("orders", "up", "orders far more", "move stock: reserve it at the customer's warehouse", "inventory planner"),
    ("orders", "down", "orders far less", "escalate: the account's owner calls this week", "account owner"),
    ("requests", "up", "asks far more", "escalate service: one person takes over the open requests", "service lead"),
)  # fmt: skip


@dataclass(frozen=True)
class Regions:
    """Regions, quarter by quarter.

    Parameters
    ----------
    what : str
        What is counted as a miss.
    cells : DataFrame
        region_id, quarter_on, cases, failed, share, warn, act (limits of the share at that volume), verdict, quarter_no,
        worst_week_share.
    usual_share, spread : float
        Share over ordinary quarters; variance over that of counting alone.
    warn_z : float
        The warn limit, in standard errors of counting alone.
    customers : DataFrame
        region_id, quarter_no, customer_id, total, failed: what the cells add up.
    left_out : int
        Cells with fewer than `FEWEST_CASES` cases.
    """

    what: str
    cells: pd.DataFrame
    usual_share: float
    spread: float
    warn_z: float
    customers: pd.DataFrame
    left_out: int


@dataclass(frozen=True)
class Trigger:
    """One behaviour that is watched, over all customers known well enough.

    Parameters
    ----------
    behaviour, side, name, action, owner : str
        What is watched, "up" or "down", its name, what an alarm sets in motion, and who acts.
    customer_id : array, (n,)
        Who is watched.
    usual, known : array, (n,)
        Usual count a week, and on how many events it rests.
    counts, pace : array, (n, weeks) and (weeks,)
        Counts in the watched weeks; what all customers did against their usual.
    reference, sums : array, (n,) and (n, weeks)
        Taken off each week; the cumulative sums.
    heights, rates, delays : array, (m,), (n, m) and (n, m)
        Limits tried, false alarms a week and weeks to see a change at each.
    dispersion : float
        Variance over mean of the counts.
    week_on : array, (weeks,)
        First day of each watched week.
    """

    behaviour: str
    side: poisson_cusum.Side
    name: str
    action: str
    owner: str
    customer_id: NDArray
    usual: NDArray
    known: NDArray
    counts: NDArray
    pace: NDArray
    reference: NDArray
    sums: NDArray
    heights: NDArray
    rates: NDArray
    delays: NDArray
    dispersion: float
    week_on: NDArray


@dataclass(frozen=True)
class Limits:
    """Limits for regions and triggers for customers.

    Parameters
    ----------
    regions : Regions
        The funnel.
    triggers : tuple of Trigger
        One for each behaviour and side.
    table : DataFrame
        One row per trigger (index `trigger`): customers watched, usual_week (median), false_alarms_week, weeks_to_see
        (median), alarms, action, owner.
    alarms : DataFrame
        One row per customer and trigger that signalled: trigger, customer_id, alarm_on, began_on, usual_week, since_week
        (count a week after the alarm), limit.
    alarms_week : float
        False alarms a week that were budgeted.
    """

    regions: Regions
    triggers: tuple[Trigger, ...]
    table: pd.DataFrame
    alarms: pd.DataFrame
    alarms_week: float


def regions(customer_service: pd.DataFrame) -> Regions:
    """Set the limits of every region and quarter, each for its own number of cases.

    Parameters
    ----------
    customer_service : DataFrame
        The view of that name: one row per region, quarter and customer.

    Raises
    ------
    ValueError
        When fewer than three cells have enough cases, or nothing ever fails.
    """
    keys = ["region_id", "quarter_no", "quarter_on"]
    cells = customer_service.groupby(keys, as_index=False).agg(
        cases=("total", "sum"), failed=("failed", "sum"), worst_week_share=("worst_week_share", "first")
    )
    enough = cells["cases"] >= FEWEST_CASES
    cells, left_out = cells[enough].reset_index(drop=True), int((~enough).sum())
    if len(cells) < 3 or not 0 < cells["failed"].sum() < cells["cases"].sum():
        raise ValueError(
            f"limits need three quarters of some region with {FEWEST_CASES} cases, some of them missed and some not"
        )
    n, ordinary = cells["cases"].to_numpy(float), np.ones(len(cells), dtype=bool)
    for _ in range(2):  # the second time without what the first found outside
        usual = float(cells["failed"][ordinary].sum() / n[ordinary].sum())
        z = funnel.scores(cells["failed"], n, usual)
        spread = funnel.overdispersion(z)
        act = funnel.limits(usual, n, tail=ACT_TAIL, phi=spread)
        ordinary = (cells["failed"] / n <= act).to_numpy()
    k = funnel.tolerance_one_sided(int(ordinary.sum()), cover=COVER, confidence=CONFIDENCE)
    warn_z = float(z[ordinary].mean() + k * z[ordinary].std(ddof=1))
    cells = cells.assign(share=cells["failed"] / n, warn=np.minimum(_warn(usual, warn_z, n), act), act=act)
    cells["verdict"] = np.select(
        [cells["share"] > act, cells["share"] > cells["warn"]], ["act", "warn"], "leave alone"
    )
    return Regions(_what(customer_service), cells, usual, spread, warn_z, customer_service, left_out)


def _what(customer_service: pd.DataFrame) -> str:
    return str(customer_service["what"].iloc[0])


def _warn(usual: float, warn_z: float, cases: NDArray) -> NDArray:
    return usual + warn_z * np.sqrt(usual * (1 - usual) / cases)


def overview(found: Regions) -> pd.DataFrame:
    """Return each region's cases in a usual quarter, and its share in its best, middle and worst one (per cent)."""
    rows = found.cells.groupby("region_id").agg(
        cases_quarter=("cases", "median"),
        lowest=("share", "min"),
        middle=("share", "median"),
        highest=("share", "max"),
    )
    return _in_percent(rows.sort_values("cases_quarter", ascending=False), ["lowest", "middle", "highest"])


def region_limits(found: Regions) -> pd.DataFrame:
    """Return the limits of each region at its usual volume (per cent), and how many quarters lay beyond them."""
    rows = found.cells.groupby("region_id").agg(cases_quarter=("cases", "median"))
    for verdict in ("warn", "act"):
        rows[f"quarters_{verdict}"] = (
            (found.cells["verdict"] == verdict).groupby(found.cells["region_id"]).sum()
        )
    return _with_limits(rows.sort_values("cases_quarter", ascending=False), found)


def scaled(found: Regions, *, cases: Sequence[int] = SCALE_CASES) -> pd.DataFrame:
    """Return the limits (per cent) for a region that will have so many cases a quarter."""
    rows = pd.DataFrame({"cases_quarter": cases}).set_index("cases_quarter", drop=False)
    return _with_limits(rows, found).drop(columns="cases_quarter")


def _with_limits(rows: pd.DataFrame, found: Regions) -> pd.DataFrame:
    n = rows["cases_quarter"].to_numpy(float)
    act = funnel.limits(found.usual_share, n, tail=ACT_TAIL, phi=found.spread)
    warn = np.minimum(_warn(found.usual_share, found.warn_z, n), act)
    rows.insert(1, "warn_above", warn)
    rows.insert(2, "act_above", act)
    return _in_percent(rows, ["warn_above", "act_above"])


def _in_percent(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    rows = rows.assign(cases_quarter=rows["cases_quarter"].round().astype(int))
    rows[columns] = (100 * rows[columns]).round(1)
    return rows


def excess(found: Regions, region_id: str, quarter_no: int) -> tuple[float, float]:
    """Return by how much a region's share in a quarter exceeds its own in ordinary ones, and the standard error.

    Parcels of one customer share that customer's wishes: the error is over customers, not parcels.
    """
    cells = found.cells[found.cells["region_id"] == region_id]
    ordinary = cells.loc[(cells["verdict"] != "act") & (cells["quarter_no"] != quarter_no), "quarter_no"]
    rows = found.customers[found.customers["region_id"] == region_id]
    code, names = pd.factorize(rows["customer_id"])
    shares, influence = [], np.zeros(len(names))
    for sign, inside in ((1, rows["quarter_no"] == quarter_no), (-1, rows["quarter_no"].isin(ordinary))):
        total, failed = rows["total"].where(inside, 0).to_numpy(), rows["failed"].where(inside, 0).to_numpy()
        if not total.any():
            return np.nan, np.nan
        share = failed.sum() / total.sum()
        shares.append(share)
        influence += sign * np.bincount(code, failed - share * total, len(names)) / total.sum()
    return shares[0] - shares[1], float(np.sqrt((influence**2).sum() * len(names) / max(len(names) - 1, 1)))


def worst_cell(found: Regions) -> pd.Series | None:
    """Return the region and quarter farthest above its act limit, in standard errors; None when none is."""
    beyond = found.cells[found.cells["verdict"] == "act"]
    if beyond.empty:
        return None
    return beyond.loc[((beyond["share"] - beyond["act"]) * np.sqrt(beyond["cases"])).idxmax()]


def funnel_text(found: Regions) -> str:
    """Say what the funnel shows, and what it left out."""
    cells, worst = found.cells, worst_cell(found)
    counts = cells["verdict"].value_counts()
    says = (
        f"{found.what}: **{found.usual_share:.1%}** in ordinary quarters. Of {len(cells)} quarters of "
        f"{cells['region_id'].nunique()} regions, the number above the act limit is {counts.get('act', 0)}, and between "
        f"the two limits {counts.get('warn', 0)}."
    )
    if worst is not None:
        says += (
            f" The farthest out is **{worst['region_id']}** in the 13 weeks from {worst['quarter_on']:%Y-%m-%d}: "
            f"{worst['share']:.1%} of {worst['cases']:,} cases."
        )
    wider = np.sqrt(found.spread)
    says += (
        f" Quarters vary {wider:.1f} times as much as counting alone explains; the limits are that much wider."
        if wider >= 1.05
        else " Quarters vary no more than counting alone explains."
    )
    if found.left_out:
        says += f" {found.left_out} quarters of small regions, with under {FEWEST_CASES} cases each, are left out."
    return says


def plot(result: Regions | Limits) -> Axes:
    """Draw the funnel: the share of each region and quarter against its number of cases."""
    found = result.regions if isinstance(result, Limits) else result
    cells = found.cells
    n = np.geomspace(cells["cases"].min() / 1.15, cells["cases"].max() * 1.15, 60)
    act = funnel.limits(found.usual_share, n, tail=ACT_TAIL, phi=found.spread)
    beyond = cells[cells["verdict"] == "act"].assign(over=lambda d: d["share"] - d["act"])
    beyond = beyond.sort_values("over", ascending=False)
    with figure() as ax:
        ax.plot(n, act, color=RED, lw=1.6)
        ax.plot(n, np.minimum(_warn(found.usual_share, found.warn_z, n), act), color=ORANGE, lw=1.6, ls="--")
        ax.axhline(found.usual_share, color=GREY, lw=1)
        ax.plot(cells["cases"], cells["share"], "o", color=BLUE, ms=5, alpha=0.6)
        ax.plot(beyond["cases"], beyond["share"], "D", color=RED, ms=8)
        for row in beyond.head(3).itertuples():
            ax.annotate(
                str(row.region_id),
                (row.cases, row.share),
                (8, 5),
                textcoords="offset points",
                fontsize=12,
                color=INK,
            )
        ax.set_xscale("log")
        ticks = [t for t in (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 50000) if n[0] <= t <= n[-1]]
        ax.set_xticks(ticks[:: max(1, len(ticks) // 4)])
        ax.minorticks_off()
        ax.xaxis.set_major_formatter("{x:,.0f}")
        ax.set_ylim(0, 1.15 * max(cells["share"].max(), act[len(act) // 6]))
        top = ax.get_ylim()[1]
        spot = len(n) // 2
        warn = np.minimum(_warn(found.usual_share, found.warn_z, n), act)
        place = int((warn < 0.8 * top).argmax())  # the first that leaves room above
        if act[place] > 1.05 * warn[place]:
            ax.annotate(
                "warn",
                (n[place], warn[place]),
                (5, 6),
                textcoords="offset points",
                color="#9C6B00",
                fontsize=12,
            )
        ax.annotate(
            "act", (n[spot], min(act[spot], top)), (0, 5), textcoords="offset points", color=RED, fontsize=12
        )
        ax.annotate(
            "usual",
            (n[-1], found.usual_share),
            (-4, -15),
            textcoords="offset points",
            ha="right",
            fontsize=11,
            color=INK,
        )
        percent(ax)
    count = len(beyond)
    said = (
        f"{count} of {len(cells)} quarters {'is' if count == 1 else 'are'} worth acting on; small regions swing by chance"
        if count
        else f"None of {len(cells)} quarters is worth acting on; small regions swing by chance"
    )
    finding(ax, said, x="Cases of a region in a quarter", y=f"{found.what} (%)")
    return ax


def triggers(
    customer_weeks: pd.DataFrame, *, watch_weeks: int = 60, min_events: int = 15
) -> tuple[Trigger, ...]:
    """Learn each customer's usual pace from the earlier weeks, and watch the later ones for a change.

    Parameters
    ----------
    customer_weeks : DataFrame
        The view of that name.
    watch_weeks : int
        Last weeks, which are watched; at most half of the history.
    min_events : int
        Events a customer must have had before, after the first, to be watched.

    Raises
    ------
    ValueError
        When no behaviour has five customers known well enough.
    """
    weeks = int(customer_weeks["week_no"].max()) + 1 if len(customer_weeks) else 0
    watch = min(watch_weeks, weeks // 2)
    made = []
    for behaviour, side, name, action, owner in KINDS:
        rows = customer_weeks[customer_weeks["behaviour"] == behaviour]
        known = _known(rows, weeks, watch, min_events) if len(rows) else None
        if known is not None:
            made.append(_trigger(known, behaviour, side, name, action, owner))
    if not made:
        raise ValueError(
            f"triggers need five customers with {min_events} orders or more before the watched {watch} weeks"
        )
    return tuple(made)


def _known(rows: pd.DataFrame, weeks: int, watch: int, min_events: int) -> SimpleNamespace | None:
    """Return the customers whose usual pace is known and who had not gone before the watch; None when too few."""
    code, names = pd.factorize(rows["customer_id"])
    counts = np.zeros((len(names), weeks))
    week = weeks - 1 - rows["week_no"].to_numpy()
    counts[code, week] = rows["acts"].to_numpy()
    base = weeks - watch
    first, place = (counts > 0).argmax(axis=1), np.arange(weeks)
    latest = np.maximum.accumulate(
        np.where(counts > 0, place, -1), axis=1
    )  # the last week with an event, so far
    events = counts[:, :base].sum(axis=1) - 1  # the first one only opens the record
    known_weeks = base - first - 0.5
    fit = (events >= min_events) & (known_weeks >= base / 4)
    if fit.sum() < 5:
        return None
    mean = events[fit].sum() / known_weeks[fit].sum()
    usual = (events + PRIOR) / (np.maximum(known_weeks, 1) + PRIOR / mean)
    fit &= (base - 1 - latest[:, base - 1]) * usual < GONE
    if fit.sum() < 5:
        return None
    counts, usual, latest = counts[fit], usual[fit], latest[fit]
    active = (place[base - 1 : -1] - latest[:, base - 1 : -1]) * usual[:, None] < ACTIVE
    made, expected = (counts[:, base:] * active).sum(axis=0), (usual[:, None] * active).sum(axis=0)
    recent = np.ones(SHARED_WEEKS)
    made, expected = (np.convolve(each, recent)[:watch] for each in (made, expected))
    newest = np.datetime64(rows["week_on"].iloc[0], "D") + 7 * int(rows["week_no"].iloc[0])
    return SimpleNamespace(
        customer_id=names[fit],
        usual=usual,
        known=events[fit] + PRIOR,
        counts=counts[:, base:],
        pace=(made + SHARED_WEIGHT) / (expected + SHARED_WEIGHT),
        dispersion=_dispersion(counts[:, :base], usual, first[fit], latest[:, base - 1]),
        week_on=newest - 7 * np.arange(watch)[::-1],
    )


def _dispersion(counts: NDArray, usual: NDArray, first: NDArray, last: NDArray) -> float:
    """Return variance over mean of the counts, over blocks of weeks: one matter may take several requests."""
    weeks = min(BLOCK_WEEKS, counts.shape[1] // 3)
    edges = np.arange(counts.shape[1] % weeks, counts.shape[1], weeks)
    blocks = np.add.reduceat(counts, edges, axis=1)
    inside = (edges > first[:, None]) & (edges + weeks - 1 <= last[:, None])
    shared = (blocks * inside).sum(axis=0) / np.maximum((usual[:, None] * weeks * inside).sum(axis=0), 1e-9)
    expected = usual[:, None] * weeks * shared
    misfit = ((blocks - expected) ** 2 / np.maximum(expected, 1e-9))[inside].sum()
    return float(max(1.0, misfit / max(inside.sum() - len(usual), 1)))


def _trigger(
    known: SimpleNamespace, behaviour: str, side: poisson_cusum.Side, name: str, action: str, owner: str
) -> Trigger:
    changed = CHANGE if side == "up" else 1 / CHANGE
    reference = poisson_cusum.reference(known.usual, changed * known.usual)
    heights, rates, delays = _designs(known.usual, known.known, side, known.dispersion)
    return Trigger(
        behaviour=behaviour, side=side, name=name, action=action, owner=owner, customer_id=known.customer_id,
        usual=known.usual, known=known.known, counts=known.counts, pace=known.pace, reference=reference,
        sums=poisson_cusum.sums(known.counts, reference[:, None] * known.pace, side=side),
        heights=heights, rates=rates, delays=delays, dispersion=known.dispersion, week_on=known.week_on,
    )  # fmt: skip


def _designs(
    usual: NDArray, known: NDArray, side: poisson_cusum.Side, dispersion: float
) -> tuple[NDArray, NDArray, NDArray]:
    """Return limits to choose from, each customer's false alarms a week there, and weeks to see the change.

    The usual pace is itself an estimate: false alarms are averaged over what it may truly be.
    """
    grid = np.geomspace(usual.min() * 0.999, usual.max() * 1.001, 6)
    heights = np.linspace(1.5, 4 + 9 * dispersion, 8)
    changed = CHANGE if side == "up" else 1 / CHANGE
    mean, ratio, height = np.meshgrid(grid, RATIOS, heights, indexing="ij")
    reference = poisson_cusum.reference(mean, changed * mean)
    weeks = poisson_cusum.run_length(
        mean * ratio, reference, height, side=side, dispersion=dispersion, states=40
    )
    length = np.log(np.minimum(weeks, NEVER))
    # The true pace over its estimate, at the nodes of a gamma distribution (Wilson & Hilferty 1931).
    share = 1 / (9 * known[:, None])
    true = np.maximum(1 - share + NODES * np.sqrt(share), 0.05) ** 3
    weight = NODE_WEIGHTS / NODE_WEIGHTS.sum()
    at = _between(grid, usual)[:, None]
    each = _interpolated(length, at, _between(RATIOS, true))
    rates = (np.exp(-each) * weight[:, None]).sum(axis=1)
    delays = np.exp(_interpolated(length, at, np.full_like(at, len(RATIOS) - 1.0 if side == "up" else 0.0)))[
        :, 0
    ]
    return heights, rates, delays


def _between(grid: NDArray, values: NDArray) -> NDArray:
    """Return the places of values in a geometric grid, fractions between two of its points."""
    place = (np.log(values) - np.log(grid[0])) / (np.log(grid[1]) - np.log(grid[0]))
    return np.clip(place, 0, len(grid) - 1)


def _interpolated(table: NDArray, one: NDArray, other: NDArray) -> NDArray:
    """Return table[one, other] for places between its points, linear in both."""
    i, j = np.minimum(one.astype(int), table.shape[0] - 2), np.minimum(other.astype(int), table.shape[1] - 2)
    a, b = (one - i)[..., None], (other - j)[..., None]
    low = table[i, j] * (1 - b) + table[i, j + 1] * b
    high = table[i + 1, j] * (1 - b) + table[i + 1, j + 1] * b
    return low * (1 - a) + high * a


def _at_rate(trigger: Trigger, rate: float) -> tuple[NDArray, NDArray, NDArray]:
    """Return each customer's limit for a rate of false alarms, the rate it has there, and the weeks to see a change."""
    rates = np.log(np.maximum(trigger.rates, 1e-15))
    target = np.clip(np.log(rate), rates[:, -1], rates[:, 0])
    step = np.clip((rates > target[:, None]).sum(axis=1) - 1, 0, rates.shape[1] - 2)
    row = np.arange(len(rates))
    part = (target - rates[row, step]) / (rates[row, step + 1] - rates[row, step])
    limit = trigger.heights[step] + part * (trigger.heights[1] - trigger.heights[0])
    delay = trigger.delays[row, step] ** (1 - part) * trigger.delays[row, step + 1] ** part
    return limit, np.exp(target), delay


def set_limits(found: Regions, watched: tuple[Trigger, ...], *, alarms_week: float = 1.0) -> Limits:
    """Share a weekly budget of false alarms out over all triggers and customers.

    Parameters
    ----------
    found, watched
        From `regions` and `triggers`.
    alarms_week : float
        False alarms a week, over all customers and triggers, that people have time for.
    """
    tables, alarms = [], []
    for trigger in watched:
        limit, rate, delay = _at_rate(trigger, _share(watched, alarms_week))
        raised = _alarms(trigger, limit)
        alarms.append(raised)
        tables.append(
            {
                "trigger": trigger.name,
                "watched": len(limit),
                "usual_week": round(float(np.median(trigger.usual)), 2),
                "false_alarms_week": round(float(rate.sum()), 2),
                "weeks_to_see": round(float(np.median(delay)), 1),
                "alarms": len(raised),
                "action": trigger.action,
                "owner": trigger.owner,
            }
        )
    table = pd.DataFrame(tables).set_index("trigger")
    return Limits(found, watched, table, pd.concat(alarms, ignore_index=True), alarms_week)


def _share(watched: tuple[Trigger, ...], alarms_week: float) -> float:
    """Return the false alarms a week for each customer and trigger: all have the same."""
    return alarms_week / sum(len(trigger.customer_id) for trigger in watched)


def _alarms(trigger: Trigger, limit: NDArray) -> pd.DataFrame:
    signal, began = poisson_cusum.first_signal(trigger.sums, limit)
    who = np.flatnonzero(signal >= 0)
    weeks = trigger.counts.shape[1]
    after = np.arange(weeks) > signal[who, None]
    left = after.sum(axis=1)
    since = (trigger.counts[who] * after).sum(axis=1) / np.maximum(left, 1)
    return pd.DataFrame(
        {
            "trigger": trigger.name,
            "customer_id": trigger.customer_id[who],
            "alarm_on": trigger.week_on[signal[who]].astype("datetime64[us]"),
            "began_on": trigger.week_on[began[who]].astype("datetime64[us]"),
            "usual_week": trigger.usual[who],
            "since_week": np.where(left > 0, since, np.nan),
            "weeks_since": left,
            "limit": limit[who],
        }
    )


def trigger_text(result: Limits) -> str:
    """Say how many customers are watched, and what the triggers raised."""
    table = result.table
    weeks = len(result.triggers[0].week_on)
    says = (
        f"Watched: the last {weeks} weeks. With a budget of **{result.alarms_week:g} false "
        f"{'alarm' if result.alarms_week == 1 else 'alarms'} a week**, {table['alarms'].sum()} alarms came in all, "
        f"{table['alarms'].sum() / weeks:.1f} a week. If nobody had "
        f"changed, up to about {table['false_alarms_week'].sum() * weeks:.0f} would have come by chance."
    )
    missing = [kind[2] for kind in KINDS if kind[2] not in table.index]
    if missing:
        says += f" Not watched here, for want of data: who {' and who '.join(missing)}."
    return says


def shown(result: Limits) -> pd.DataFrame:
    """Return the triggers as a table to act by."""
    names = {"usual_week": "usual_a_week", "false_alarms_week": "false_a_week"}
    return result.table.drop(columns=["action", "owner"]).rename(columns=names)


def actions(result: Limits) -> pd.DataFrame:
    """Return what an alarm of each trigger sets in motion, and who acts."""
    return result.table[["action", "owner"]]


def latest(result: Limits, *, rows: int = 5) -> pd.DataFrame:
    """Return the newest alarms, with the usual count a week and the count since."""
    table = result.alarms.sort_values(["alarm_on", "trigger", "customer_id"], ascending=[False, True, True])
    table = table.head(rows)[["customer_id", "trigger", "began_on", "alarm_on", "usual_week"]]
    return table.assign(usual_week=table["usual_week"].round(2)).set_index("customer_id")


def focus(result: Limits) -> tuple[Trigger, int, float] | None:
    """Return trigger, place and limit of the clearest alarm of the first trigger that rang: the sum farthest beyond."""
    for trigger in result.triggers:
        limit = _at_rate(trigger, _share(result.triggers, result.alarms_week))[0]
        beyond = trigger.sums.max(axis=1) / limit
        if beyond.max() >= 1:
            return trigger, int(beyond.argmax()), float(limit[beyond.argmax()])
    return None


def plot_customer(result: Limits) -> Axes:
    """Draw the running sum of the customer with the clearest alarm, over their weekly counts."""
    found = focus(result)
    with figure() as ax:
        if found is None:
            trigger = result.triggers[0]
            ax.plot(trigger.week_on, trigger.sums.max(axis=0), color=BLUE)
            said = "No customer's running sum reached its limit"
        else:
            trigger, who, limit = found
            signal, began = (int(v[0]) for v in poisson_cusum.first_signal(trigger.sums[[who]], limit))
            ax.bar(trigger.week_on, trigger.counts[who], width=6, color=GREY, alpha=0.5)
            climb = trigger.sums[who][: signal + 1]
            ax.plot(trigger.week_on[: signal + 1], climb, color=BLUE, lw=2)
            ax.axhline(limit, color=RED, ls="--", lw=1.2)
            ax.plot(trigger.week_on[signal], climb[signal], "D", color=RED, ms=9)
            near_left = signal < len(trigger.week_on) / 2
            ax.annotate(
                "alarm", (trigger.week_on[signal], climb[signal]), (10 if near_left else -10, 4), fontsize=12,
                textcoords="offset points", ha="left" if near_left else "right", color=INK,
            )  # fmt: skip
            ax.annotate(
                "limit", (0.99, limit), (0, 4), xycoords=("axes fraction", "data"), textcoords="offset points",
                ha="right", fontsize=12, color=RED,
            )  # fmt: skip
            ax.set_ylim(0, 1.25 * max(climb.max(), trigger.counts[who].max()))
            since = pd.Timestamp(trigger.week_on[began])
            said = f"Customer {trigger.customer_id[who]} {trigger.name}, since about {since:%d %b %Y}"
        months(ax)
    finding(ax, said, x="Week", y=f"{trigger.behaviour} a week (bars), running sum (line)".capitalize())
    return ax


def bands(result: Limits) -> pd.DataFrame:
    """Compare the first trigger with the rule "twice as many as in the four weeks before".

    Returns
    -------
    DataFrame
        One row per band of usual pace: customers, rule and trigger (alarms a year per 100 customers).
    """
    trigger = result.triggers[0]
    blocks = trigger.counts.shape[1] // 4
    made = trigger.counts[:, trigger.counts.shape[1] - 4 * blocks :].reshape(-1, blocks, 4).sum(axis=2)
    rule = ((made[:, 1:] >= 2 * made[:, :-1]) & (made[:, :-1] > 0)).mean(axis=1) * 13
    limit = _at_rate(trigger, _share(result.triggers, result.alarms_week))[0]
    rung = (trigger.sums >= limit[:, None]).any(axis=1) * 52 / trigger.counts.shape[1]
    edges = np.quantile(trigger.usual, [0, 1 / 3, 2 / 3, 1])
    band = np.searchsorted(np.unique(edges)[1:-1], trigger.usual)
    rows = pd.DataFrame({"usual": 4 * trigger.usual, "rule": 100 * rule, "trigger": 100 * rung})
    table = rows.groupby(band).mean()
    return table.assign(customers=np.bincount(band))


def plot_bands(result: Limits) -> Axes:
    """Draw alarms of the simple rule and of the trigger, for seldom and frequent buyers."""
    table = bands(result)
    place = np.arange(len(table))
    with figure() as ax:
        for shift, name, colour in ((-0.2, "rule", ORANGE), (0.2, "trigger", BLUE)):
            bars = ax.bar(place + shift, table[name], width=0.38, color=colour)
            ax.bar_label(bars, fmt="{:.0f}", fontsize=12, padding=2)
        ax.set_xticks(place, [f"{usual:.1f}" for usual in table["usual"]])
        ax.set_ylim(0, table[["rule", "trigger"]].to_numpy().max() * 1.35)
        ax.annotate(
            "twice the last 4 weeks", (0.03, 0.94), xycoords="axes fraction", fontsize=12, color="#9C6B00"
        )
        ax.annotate("trigger", (0.97, 0.94), xycoords="axes fraction", ha="right", fontsize=12, color=BLUE)
        ax.grid(axis="x", visible=False)
    times = table["rule"].sum() / max(table["trigger"].sum(), 0.5)
    times_text = f"{times:.0f} times as often as" if times >= 1.5 else "about as often as"
    finding(
        ax,
        f'"Twice as many as last month" rings {times_text} the trigger',
        x=f"Usual {result.triggers[0].behaviour} in four weeks (mean of each third of customers)",
        y="Alarms a year per 100 customers",
    )
    return ax


def what_if(result: Limits, *, alarms_week: Sequence[float]) -> pd.DataFrame:
    """Return what each budget of false alarms buys.

    Columns: alarms_week, weeks_to_see (median over customers until a change to three times, or a third, is seen),
    raised_week (alarms a week in these data, right and false).
    """
    rows = []
    for budget in alarms_week:
        made = [(trigger, _at_rate(trigger, _share(result.triggers, budget))) for trigger in result.triggers]
        delays = np.concatenate([delay for _, (_, _, delay) in made])
        raised = sum(
            int((trigger.sums >= limit[:, None]).any(axis=1).sum()) for trigger, (limit, _, _) in made
        )
        rows.append((float(budget), float(np.median(delays)), raised / len(result.triggers[0].week_on)))
    return pd.DataFrame(rows, columns=["alarms_week", "weeks_to_see", "raised_week"])


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw the alarms to follow up against the weeks until a change is seen, one point per budget."""
    with figure() as ax:
        ax.plot(scenarios["weeks_to_see"], scenarios["raised_week"], color=BLUE, lw=1, marker="o", ms=8)
        for point in scenarios.itertuples():
            ax.annotate(
                f"{point.alarms_week:g}", (point.weeks_to_see, point.raised_week), (7, 6),
                textcoords="offset points", fontsize=12, color=INK,
            )  # fmt: skip
        ax.set_ylim(0, scenarios["raised_week"].max() * 1.2)
        ax.margins(x=0.16)
        said = "More false alarms a week (the labels) buy an earlier sight of a change"
        if chosen is not None:
            row = scenarios.loc[scenarios["alarms_week"] == chosen].iloc[0]
            ax.plot(row["weeks_to_see"], row["raised_week"], "D", color=ORANGE, ms=13)
            said = (
                f"With {chosen:g} false alarms a week: {row['raised_week']:.1f} alarms a week to follow up, "
                f"{row['weeks_to_see']:.0f} weeks to see a change"
            )
    finding(ax, said, x="Weeks until a change is seen (median customer)", y="Alarms a week to follow up")
    return ax


def decide(result: Limits) -> Decision:
    """Recommend limits for regions and triggers for customers, with the load they bring."""
    cells, table = result.regions.cells, result.table
    newest = cells[(cells["quarter_no"] == cells["quarter_no"].min()) & (cells["verdict"] == "act")]
    now = " and ".join(newest["region_id"]) or "no region"
    weeks = min(26, len(result.triggers[0].week_on))
    recent = result.alarms["alarm_on"] > pd.Timestamp(result.triggers[0].week_on[-1]) - pd.Timedelta(
        weeks=weeks
    )
    pace = recent.sum() / weeks
    half = Z90 * np.sqrt(pace / 13 + pace / weeks)
    return Decision(
        recommendation=f"Judge each region by the limits of its own volume (now: act on {now}), and run {len(table)} "
        f"{'trigger' if len(table) == 1 else 'triggers'} with {result.alarms_week:g} false "
        f"{'alarm' if result.alarms_week == 1 else 'alarms'} a week between them; each alarm starts its action.",
        evidence=f"{(cells['verdict'] == 'act').sum()} of {len(cells)} quarters lay above the act limit; "
        f"{int(table['alarms'].sum())} alarms in {len(result.triggers[0].week_on)} weeks over "
        f"{int(table['watched'].max()):,} customers; a change to three times the pace, or a third, is seen after "
        f"{table['weeks_to_see'].min():.0f} weeks by the quickest trigger, "
        f"{table['weeks_to_see'].max():.0f} by the slowest.",
        metric="alarms to follow up",
        unit="a week",
        low=round(max(0.0, float(pace - half)), 2),
        high=round(float(pace + half), 2),
        flips_if="of the alarms followed up in a quarter, fewer than one in three finds a change that lasts (halve the "
        "budget), or a region warns two quarters running (act before the act limit)",
        owner="head of operations",
    )


def extra_points(result: Limits) -> float:
    """Return by how many points the quarter farthest out exceeds its region's ordinary ones; 0 when none is out."""
    worst = worst_cell(result.regions)
    if worst is None:
        return 0.0
    return 100 * excess(result.regions, worst["region_id"], worst["quarter_no"])[0]


def check(answer: float, truth: SimpleNamespace | None, result: Limits) -> Feedback:
    """Check "how many points above its ordinary quarters is the quarter farthest out?".

    Parameters
    ----------
    answer : float
        Percentage points; 0 for "no quarter is out".
    truth : namespace or None
        `truth_shifts` of the world; None on a client's data, where the answer must agree with the cells.
    result : Limits
        What the participant read.
    """
    worst = worst_cell(result.regions)
    expected, slack, basis = extra_points(result), 0.0, OWN_DATA
    if truth is not None:
        basis = PLANTED
        expected = 0.0 if worst is None else 100 * _planted(truth.truth_shifts, worst)
        # The data themselves are off the planted size by chance.
        slack = (
            0.0
            if worst is None
            else Z90 * 100 * excess(result.regions, worst["region_id"], worst["quarter_no"])[1]
        )
    if worst is None or expected == 0:
        near = abs(float(answer)) <= slack
        says = (
            "Right: no quarter is out."
            if near
            else "Is any quarter above its act limit, and is it more than chance?"
        )
        return Feedback(near, says, HINTS, basis)
    return grade(float(answer), expected, tolerance=max(0.1, slack / expected), hints=HINTS, basis=basis)


def _planted(shifts: pd.DataFrame, cell: pd.Series) -> float:
    """Return the planted extra share of a region in a quarter; 0 when none is planted."""
    middle = cell["quarter_on"] + pd.Timedelta(days=45)
    inside = (
        (shifts["subject"] == cell["region_id"])
        & (shifts["start_at"] <= middle)
        & (middle < shifts["end_at"])
    )
    return float(shifts.loc[inside & (shifts["kind"] == "burst"), "size"].sum())


def recover(data: SimpleNamespace, truth: SimpleNamespace) -> pd.DataFrame:
    """Return the extra misses of the regions planted out of control, and the change of customers planted to order more.

    Columns: what, estimate, low, high (90 %), naive (the worst week against the usual share; the highest four weeks
    against the four before), truth.
    """
    shifts = truth.truth_shifts
    found = regions(data.customer_service)
    rows: list[tuple[object, ...]] = []
    bursts = shifts[shifts["kind"] == "burst"].sort_values("start_at")
    for label, burst in zip(("earlier", "later"), bursts.itertuples(), strict=False):
        middle = burst.start_at + (burst.end_at - burst.start_at) / 2
        at = found.cells["quarter_on"] <= middle
        cells = found.cells[at & (found.cells["region_id"] == burst.subject)]
        cell = cells.loc[cells["quarter_on"].idxmax()]
        extra, error = excess(found, burst.subject, cell["quarter_no"])
        rows.append(
            (
                f"extra share of missed hours, region of the {label} spell", extra, extra - Z90 * error,
                extra + Z90 * error, cell["worst_week_share"] - found.usual_share, burst.size,
            )
        )  # fmt: skip
    watched = triggers(data.customer_weeks)
    planted = shifts[(shifts["kind"] == "step") & (shifts["size"] > 1)]
    rows.append(("orders after a rise, times usual", *_rise(watched, planted)))
    return pd.DataFrame(rows, columns=["what", "estimate", "low", "high", "naive", "truth"])


def _rise(watched: tuple[Trigger, ...], planted: pd.DataFrame) -> tuple[float, ...]:
    """Return the factor after the alarm of customers planted to order more, of all watched where there are none."""
    from scipy.special import stdtrit

    up = next(trigger for trigger in watched if trigger.name == KINDS[0][2])
    limit = _at_rate(up, _share(watched, 1.0))[0]
    signal, _ = poisson_cusum.first_signal(up.sums, limit)
    chosen = pd.Index(up.customer_id).isin(planted["subject"]) & (signal >= 0)
    start = signal
    if planted.empty:
        chosen, start = np.ones(len(signal), dtype=bool), np.zeros(len(signal), dtype=int)
    counts, start, usual, known = up.counts[chosen], start[chosen], up.usual[chosen], up.known[chosen]
    place = np.arange(counts.shape[1])
    after = counts * (place > start[:, None])
    # Up to the last order, which ends the record: whoever has left meanwhile does not count as ordering less.
    last = counts.shape[1] - 1 - (after[:, ::-1] > 0).argmax(axis=1)
    events, weeks = after.sum(axis=1) - 1, last - start - 0.5
    seen = (events >= 1) & (weeks > 0)
    # Against what everybody did meanwhile, as the trigger does.
    shared = np.concatenate([[0.0], np.cumsum(up.pace)])
    shared = (shared[last + 1] - shared[start + 1])[seen] * (weeks / (last - start).clip(1))[seen]
    made, expected = events[seen].sum(), usual[seen] * shared
    factor = made / expected.sum()
    chance = up.dispersion / made + (expected**2 / known[seen]).sum() / expected.sum() ** 2
    between = ((events[seen] - factor * expected) ** 2).sum() / made**2
    n = int(seen.sum())
    # Whether these few move with everybody else is not known either: all of it, none, or something between.
    moved = np.log(expected.sum() / (usual * weeks)[seen].sum()) ** 2 / 3
    error = np.sqrt(max(chance, between * n / max(n - 1, 1)) + moved)
    reach = error * float(stdtrit(max(n - 1, 1), 0.95))
    four = np.cumsum(np.pad(counts, ((0, 0), (1, 0))), axis=1)
    four = four[:, 4:] - four[:, :-4]
    peak = four.argmax(axis=1)
    row = np.arange(len(four))
    before = np.where(peak >= 4, four[row, np.maximum(peak - 4, 0)], 4 * usual)
    naive = four[row, peak].sum() / before.sum()
    return (
        factor,
        factor * np.exp(-reach),
        factor * np.exp(reach),
        naive,
        (float(planted["size"].mean()) if len(planted) else 1.0),
    )
