"""When is a deviation worth acting on? Limits for regions of unequal volume, and triggers for single customers."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.methods import funnel, poisson_cusum

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST_CASES = 20  # in a quarter; below that a share says next to nothing
ACT_TAIL = 0.001  # chance that an ordinary quarter lies above the act limit
COVER = CONFIDENCE = 0.95  # of ordinary quarters below the warn limit, and how sure that is
CHANGE = 3.0  # what a trigger is tuned to see: three times as much, or a third
SHARED_WEEKS = 4  # over which the pace that all customers share is taken
SHARED_WEIGHT = 50.0  # orders' worth of belief that it is as usual
GONE = 6.0  # usual gaps of silence after which a customer counts as gone
ACTIVE = 2.5  # usual gaps of silence up to which a customer counts for the pace that all share
BLOCK_WEEKS = 8
PRIOR = 0.5  # customers' worth of the mean rate added to each
NEVER = 1e9  # weeks
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
    cells = cells.assign(
        share=cells["failed"] / n, warn=np.minimum(warn_above(usual, warn_z, n), act), act=act
    )
    cells["verdict"] = np.select(
        [cells["share"] > act, cells["share"] > cells["warn"]], ["act", "warn"], "leave alone"
    )
    return Regions(_what(customer_service), cells, usual, spread, warn_z, customer_service, left_out)


def _what(customer_service: pd.DataFrame) -> str:
    return str(customer_service["what"].iloc[0])


def warn_above(usual: float, warn_z: float, cases: NDArray) -> NDArray:
    """Return the share from which a quarter of so many cases is worth a warning."""
    return usual + warn_z * np.sqrt(usual * (1 - usual) / cases)


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


def at_rate(trigger: Trigger, rate: float) -> tuple[NDArray, NDArray, NDArray]:
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
        limit, rate, delay = at_rate(trigger, share_of(watched, alarms_week))
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


def share_of(watched: tuple[Trigger, ...], alarms_week: float) -> float:
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


def latest(result: Limits, *, rows: int = 5) -> pd.DataFrame:
    """Return the newest alarms, with the usual count a week."""
    table = result.alarms.sort_values(["alarm_on", "trigger", "customer_id"], ascending=[False, True, True])
    table = table.head(rows)[["customer_id", "trigger", "began_on", "alarm_on", "usual_week"]]
    names = {
        "customer_id": "customer",
        "began_on": "began on",
        "alarm_on": "alarm on",
        "usual_week": "usual a week",
    }
    return table.assign(usual_week=table["usual_week"].round(2)).rename(columns=names).set_index("customer")


def focus(result: Limits) -> tuple[Trigger, int, float] | None:
    """Return trigger, place and limit of the clearest alarm of the first trigger that rang: the sum farthest beyond."""
    for trigger in result.triggers:
        limit = at_rate(trigger, share_of(result.triggers, result.alarms_week))[0]
        beyond = trigger.sums.max(axis=1) / limit
        if beyond.max() >= 1:
            return trigger, int(beyond.argmax()), float(limit[beyond.argmax()])
    return None


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
    limit = at_rate(trigger, share_of(result.triggers, result.alarms_week))[0]
    rung = (trigger.sums >= limit[:, None]).any(axis=1) * 52 / trigger.counts.shape[1]
    edges = np.quantile(trigger.usual, [0, 1 / 3, 2 / 3, 1])
    band = np.searchsorted(np.unique(edges)[1:-1], trigger.usual)
    rows = pd.DataFrame({"usual": 4 * trigger.usual, "rule": 100 * rule, "trigger": 100 * rung})
    table = rows.groupby(band).mean()
    return table.assign(customers=np.bincount(band))


def extra_points(result: Limits) -> float:
    """Return by how many points the quarter farthest out exceeds its region's ordinary ones; 0 when none is out."""
    worst = worst_cell(result.regions)
    if worst is None:
        return 0.0
    return 100 * excess(result.regions, worst["region_id"], worst["quarter_no"])[0]
