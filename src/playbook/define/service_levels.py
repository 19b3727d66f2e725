"""Which service levels carry intimacy into the SLA? Hours and special requests to promise, and how teams share them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Decision, Feedback, grade
from playbook.methods import service_levels as sl
from playbook.pictures import BLUE, GREY, INK, ORANGE, PALETTE, figure, finding, percent, thousands

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

HINTS = (
    "A miss is a case that took longer than the hours promised. Which hours are promised here?",
    "The hours are result.promise.loc[result.focus, 'added_h']; the cases are those of that tier in result.cases.",
    "Take the share of those cases whose hours exceed added_h, and say it as cases out of 100.",
)
TIERS = ("gold", "silver", "bronze")
MIN_CASES = 50  # a tier, or a number of special requests, with fewer is not judged by itself
MONTH_D = 365.25 / 12
T90 = 1.66  # quantile of t for a 90 % interval over some hundred weeks
DRAWS = 200
PASSES = 3
# Of the median hours: penalties of neighbouring targets are averaged over so many hours on either side.
SMOOTH = 0.1


@dataclass(frozen=True)
class ServiceLevels:
    """What was kept, and what promise costs least.

    Parameters
    ----------
    cases : DataFrame
        One row per case that is over: case_id, customer_id, tier, channel, asked_at, week, requests, hours, covered (by the
        promise that costs least).
    stages : DataFrame
        Hours of the same cases at each stage, one column per stage.
    promise : DataFrame
        By tier (index): cases, kept_share with kept_low and kept_high (of today's promise), joint_h with joint_low and
        joint_high (hours that a share `level` keeps), added_h (the same from stages added as if independent),
        added_kept (share that keeps it), percentiles_h (sum of the stages' own percentiles).
    curve : DataFrame
        Per tier and target_h, money a month: penalty_amt, waiting_amt, serving_amt, total_amt; kept_share.
    targets : DataFrame
        By tier (index), the promise that costs least, over the cases it covers: target_h with target_low and
        target_high (90 %), kept_share with kept_low and kept_high, penalty_amt, waiting_amt, serving_amt, total_amt (a
        month), requests (special requests covered, inf for any number), beyond_h (hours for cases with more; empty
        where there are too few).
    requests : DataFrame
        Per tier and label ("0", "1", "2+"), at the tier's target: cases, requests (mean), kept_share, low, high,
        penalty_amt, serving_amt (a case), net_amt (worth less cost and added penalty, a case, against none).
    facts : dict
        process, focus, level, target_h, penalty_amt, hour_value_amt, request_value_amt, request_cost_amt, months,
        open_cases, from_contract, stage_targets, faster_amt (cost a month to make a stage a tenth faster).
    """

    cases: pd.DataFrame
    stages: pd.DataFrame
    promise: pd.DataFrame
    curve: pd.DataFrame
    targets: pd.DataFrame
    requests: pd.DataFrame
    facts: dict[str, Any]

    @property
    def focus(self) -> str:
        """The tier with most cases."""
        return str(self.facts["focus"])


def service_levels(
    stage_hours: pd.DataFrame,
    *,
    contract_terms: pd.DataFrame | None = None,
    process_steps: pd.DataFrame | None = None,
    costs: pd.DataFrame | None = None,
    penalty_amt: float = 120.0,
    hour_value_amt: float = 0.8,
    request_value_amt: float = 18.0,
    request_cost_amt: float = 9.0,
    seed: int = 1,
) -> ServiceLevels:
    """Hold stage times against the promise, and find the promise that costs least for each tier.

    Parameters
    ----------
    stage_hours : DataFrame
        The view of that name.
    contract_terms : DataFrame, optional
        "<process>, whole" is promised to customers, "<process>, <stage>" between teams. Without it, today's hours of
        nine in ten cases count as promised.
    process_steps, costs : DataFrame, optional
        What a special request costs, and a stage made a tenth faster.
    penalty_amt : float
        Due for a customer's month that misses the promise, where the contract does not say.
    hour_value_amt : float
        What a promise one hour shorter is worth to customers, per case.
    request_value_amt, request_cost_amt : float
        What a special request is worth and, where `costs` does not say, what it takes to serve.
    seed : int
        Of the bootstrap of weeks behind target_low and target_high.

    Raises
    ------
    ValueError
        When fewer than `MIN_CASES` cases are over, or within fewer than two weeks.
    """
    process, stages, cases, open_cases = _cases(stage_hours)
    terms = _terms(contract_terms, process, stages.columns.tolist(), cases["hours"], penalty_amt)
    spent = _costs(costs, process_steps, process, request_cost_amt)
    facts: dict[str, Any] = {
        "process": process,
        "focus": cases["tier"].value_counts().idxmax(),
        "open_cases": open_cases,
        "months": max((cases["asked_at"].max() - cases["asked_at"].min()) / pd.Timedelta(days=MONTH_D), 1.0),
        "hour_value_amt": hour_value_amt,
        "request_value_amt": request_value_amt,
        **terms,
        **spent,
    }
    names = [
        tier for tier in (*TIERS, *sorted(set(cases["tier"]) - set(TIERS))) if tier in set(cases["tier"])
    ]
    promise = pd.DataFrame(
        [_kept_today(cases[cases["tier"] == t], stages[cases["tier"] == t], facts) for t in names],
        index=pd.Index(names, name="tier"),
    )
    covered = pd.Series(np.inf, index=promise.index)  # special requests that the promise covers, by tier
    for _ in range(PASSES):  # hours decide which requests the promise bears, and those which hours
        cases["covered"] = cases["requests"] <= cases["tier"].map(covered)
        priced = [_priced(cases[(cases["tier"] == tier) & cases["covered"]], facts, seed) for tier in names]
        targets = pd.DataFrame([best for _, best in priced], index=promise.index)
        hours = targets["target_h"].to_dict()
        counted = [_by_requests(cases[cases["tier"] == t], hours[t]).assign(tier=t) for t in names]
        requests = _worth(pd.concat(counted, ignore_index=True), facts)
        targets["requests"] = covered
        before, covered = covered, pd.Series({t: _limit(requests, cases, t) for t in names})
        if (before == covered).all():
            break
    targets["beyond_h"] = [
        _beyond(cases[(cases["tier"] == tier) & ~cases["covered"]], float(share))
        for tier, share in targets["kept_share"].items()
    ]
    curve = pd.concat(
        [table.assign(tier=t) for t, (table, _) in zip(names, priced, strict=True)], ignore_index=True
    )
    return ServiceLevels(cases, stages, promise, curve, targets, requests, facts)


def _cases(stage_hours: pd.DataFrame) -> tuple[str, pd.DataFrame, pd.DataFrame, int]:
    """Return the process with most cases, its stage times and cases that are over, and how many are not."""
    if stage_hours.empty:
        raise ValueError("no case passes two stages or more of a process: check seq_no in process_steps")
    process = stage_hours["process"].value_counts().idxmax()
    rows = stage_hours[stage_hours["process"] == process]
    names = rows.drop_duplicates("seq_no").sort_values("seq_no")["stage"].tolist()
    hours = (
        rows["hours"].to_numpy(dtype=float).reshape(-1, len(names))
    )  # the view: every case, every stage, in order
    over = np.isfinite(hours).all(axis=1)
    cases = rows.iloc[:: len(names)].loc[over].drop(columns=["process", "seq_no", "stage", "hours"])
    if len(cases) < MIN_CASES:
        raise ValueError(
            f"service levels need at least {MIN_CASES} cases that are over; {process} has {len(cases)}"
        )
    small = cases["tier"].map(cases["tier"].value_counts()) < MIN_CASES
    cases = cases.assign(
        tier=cases["tier"].mask(small, "other"),
        week=(cases["asked_at"] - cases["asked_at"].min()).dt.days // 7,
        hours=hours[over].sum(axis=1),
    ).reset_index(drop=True)
    return str(process), pd.DataFrame(hours[over], columns=names), cases, int((~over).sum())


def _terms(
    terms: pd.DataFrame | None, process: str, stages: list[str], hours: pd.Series, penalty_amt: float
) -> dict[str, Any]:
    """Return what is promised today, in hours, to customers and between teams."""
    found: dict[str, Any] = {
        "level": 0.9,
        "target_h": float(np.ceil(hours.quantile(0.9))),
        "penalty_amt": penalty_amt,
        "from_contract": False,
        "stage_targets": dict.fromkeys(stages, np.nan),
    }
    if terms is None:
        return found
    per_hour = terms["target_unit"].map({"h": 1.0, "d": 24.0, "min": 1 / 60})
    promised = terms.assign(target=terms["target"] * per_hour).dropna(subset=["target"]).set_index("metric")
    for stage in stages:
        if f"{process}, {stage}" in promised.index:
            found["stage_targets"][stage] = float(promised.loc[[f"{process}, {stage}"], "target"].iloc[-1])
    whole = promised[promised.index == f"{process}, whole"]
    if len(whole):
        term = whole.iloc[-1]
        found |= {"target_h": float(term["target"]), "from_contract": True}
        found["level"] = float(term["percentile"]) if 0 < term["percentile"] < 1 else found["level"]
        found["penalty_amt"] = penalty_amt if pd.isna(term["penalty_amt"]) else float(term["penalty_amt"])
    return found


def _costs(
    costs: pd.DataFrame | None, steps: pd.DataFrame | None, process: str, request_cost_amt: float
) -> dict[str, Any]:
    """Return what a special request costs, and making each stage a tenth faster, a month."""
    nothing = {"request_cost_amt": request_cost_amt, "faster_amt": {}, "costs_known": False}
    if costs is None or steps is None:
        return nothing
    rows = costs[costs["subject_type"] == "process step"].merge(
        steps.loc[steps["process"] == process, ["step_id", "name", "seq_no"]],
        left_on="subject_id",
        right_on="step_id",
    )
    rows = rows[rows["month_on"] == rows["month_on"].max()]
    special = rows[rows["seq_no"].isna() & (rows["driver_qty"] > 0)]
    faster = rows[rows["seq_no"].notna() & rows["activity"].str.endswith("a tenth faster")]
    if special.empty and faster.empty:
        return nothing
    one = special["variable_amt"].sum() / special["driver_qty"].sum() if len(special) else request_cost_amt
    by_stage = faster.set_index("name")["fixed_amt"].to_dict()
    return {"request_cost_amt": float(one), "faster_amt": by_stage, "costs_known": True}


def _kept_today(cases: pd.DataFrame, stages: pd.DataFrame, facts: dict[str, Any]) -> dict[str, float]:
    """Return what one tier keeps of today's promise, and what it could be promised in three ways of adding up."""
    level, whole, week = facts["level"], cases["hours"].to_numpy(), cases["week"].to_numpy()
    kept, kept_low, kept_high = sl.share_interval(whole <= facts["target_h"], week)
    joint, joint_low, joint_high = sl.quantile_interval(whole, level, week)
    added = sl.independent_quantile(stages, level, step=_step(stages))
    return {
        "cases": len(cases),
        "kept_share": kept,
        "kept_low": kept_low,
        "kept_high": kept_high,
        "joint_h": joint,
        "joint_low": joint_low,
        "joint_high": joint_high,
        "added_h": added,
        "added_kept": float((whole <= added).mean()),
        "percentiles_h": float(stages.quantile(level).sum()),
    }


def _step(stages: pd.DataFrame) -> float:
    """Return a bin that no manager would notice, and that few enough bins come of."""
    return max(0.25, float(stages.to_numpy().max()) / 1000)


def _customer_months(cases: pd.DataFrame, level: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the promise that each customer's month just keeps (hours), and the week of its first case.

    A month keeps a promise when a share `level` of its cases do: the penalty is due for a month, not for a case.
    """
    who = cases["customer_id"].fillna(cases["case_id"])
    order = cases.assign(who=who, month=12 * cases["asked_at"].dt.year + cases["asked_at"].dt.month)
    order = order.sort_values(["who", "month", "hours"])
    new = (order["who"].ne(order["who"].shift()) | order["month"].ne(order["month"].shift())).to_numpy()
    first = np.flatnonzero(new)
    count = np.diff(np.append(first, len(order)))
    needed = first + np.ceil(level * count - 1e-9).astype(np.int64) - 1
    return order["hours"].to_numpy()[needed], order["week"].to_numpy()[first]


def _priced(cases: pd.DataFrame, facts: dict[str, Any], seed: int) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the cost a month of every whole hour that one tier could be promised, and the cheapest."""
    whole, months = cases["hours"].to_numpy(), facts["months"]
    width = max(
        round(SMOOTH * float(np.median(whole))), 1
    )  # the lowest point of raw counts jumps from case to case
    grid = np.arange(np.ceil(np.quantile(whole, 0.4)), np.ceil(np.quantile(whole, 0.99)) + 1)
    wide = np.arange(grid[0] - width, grid[-1] + width + 1)
    due, week = _customer_months(cases, facts["level"])
    weeks = int(cases["week"].max()) + 1
    place = week * (len(wide) + 1) + np.searchsorted(wide, due)  # misses every target before it
    count = np.bincount(place, minlength=weeks * (len(wide) + 1)).reshape(weeks, -1)
    missed = (
        count[:, ::-1].cumsum(axis=1)[:, ::-1].cumsum(axis=1)
    )  # of each week and target, summed to average below
    missed = (missed[:, 2 * width + 1 :] - missed[:, : -2 * width - 1]) / (2 * width + 1)
    asked = np.bincount(cases["week"], minlength=weeks)
    penalty = missed.sum(axis=0) * facts["penalty_amt"] / months
    waiting = facts["hour_value_amt"] * grid * len(cases) / months
    serving = cases["requests"].sum() * facts["request_cost_amt"] / months
    total = penalty + waiting + serving
    best = int(total.argmin())
    draws = np.random.default_rng(seed).multinomial(weeks, np.full(weeks, 1 / weeks), size=DRAWS)
    again = facts["penalty_amt"] * draws @ missed + facts["hour_value_amt"] * np.outer(draws @ asked, grid)
    low, high = np.quantile(grid[again.argmin(axis=1)], [0.05, 0.95])
    kept, kept_low, kept_high = sl.share_interval(whole <= grid[best], cases["week"])
    curve = pd.DataFrame(
        {
            "target_h": grid,
            "kept_share": np.searchsorted(np.sort(whole), grid, side="right") / len(whole),
            "penalty_amt": penalty,
            "waiting_amt": waiting,
            "serving_amt": serving,
            "total_amt": total,
        }
    )
    found: dict[str, float] = {str(k): float(v) for k, v in curve.iloc[best].items()} | {
        "target_low": min(low, grid[best]),
        "target_high": max(high, grid[best]),
        "kept_share": kept,
        "kept_low": kept_low,
        "kept_high": kept_high,
    }
    return curve, found


def _by_requests(cases: pd.DataFrame, target_h: float) -> pd.DataFrame:
    """Return what one tier keeps of its promise by the number of special requests."""
    most = int(cases["requests"].max())
    while most > 0 and (cases["requests"] >= most).sum() < MIN_CASES:
        most -= 1
    rows = []
    for number in range(most + 1):
        of = cases[cases["requests"].clip(upper=most) == number]
        if len(of):
            label = f"{number}+" if (of["requests"] > number).any() else f"{number}"
            rows.append(
                (number, label, len(of), of["requests"].mean(), *_share(of["hours"] <= target_h, of["week"]))
            )
    return pd.DataFrame(rows, columns=["number", "label", "cases", "requests", "kept_share", "low", "high"])


def _worth(requests: pd.DataFrame, facts: dict[str, Any]) -> pd.DataFrame:
    """Add money a case. Few cases say little about one tier, so what requests lose is partly pooled over tiers."""
    variance = ((requests["high"] - requests["low"]) / (2 * T90)) ** 2
    none = requests[requests["number"] == 0].set_index("tier")
    lost = requests["tier"].map(none["kept_share"]) - requests["kept_share"]
    noise = variance + requests["tier"].map(variance[requests["number"] == 0].set_axis(none.index))
    pooled = pd.Series(0.0, index=requests.index)
    for _, rows in requests[lost.notna() & (requests["number"] > 0)].groupby("label"):
        pooled[rows.index] = sl.partial_pool(lost[rows.index], noise[rows.index])
    margin = (facts["request_value_amt"] - facts["request_cost_amt"]) * requests["requests"]
    return requests.assign(
        penalty_amt=facts["penalty_amt"] * (1 - requests["kept_share"]),
        serving_amt=facts["request_cost_amt"] * requests["requests"],
        net_amt=margin.where(requests["number"] > 0, 0.0) - facts["penalty_amt"] * pooled,
    )


def _share(kept: pd.Series, week: pd.Series) -> tuple[float, float, float]:
    """Return a share and its interval; all that is possible where one week holds all cases."""
    return sl.share_interval(kept, week) if week.min() < week.max() else (float(kept.mean()), 0.0, 1.0)


def _limit(requests: pd.DataFrame, cases: pd.DataFrame, tier: str) -> float:
    """Return how many special requests one tier's promise should cover; inf for any number."""
    rows = requests[requests["tier"] == tier]
    number = int(rows["number"].to_numpy()[rows["net_amt"].to_numpy().argmax()])
    few = ((cases["tier"] == tier) & (cases["requests"] <= number)).sum() < MIN_CASES
    return np.inf if few or number == rows["number"].max() else float(number)


def _beyond(cases: pd.DataFrame, kept_share: float) -> float:
    """Return the hours that cases with more requests than covered keep equally often; nan where they are few."""
    return float(np.ceil(cases["hours"].quantile(kept_share))) if len(cases) >= MIN_CASES else np.nan


def _row(table: pd.DataFrame, tier: str) -> dict[Any, Any]:
    return table.loc[tier].to_dict()


def _in(result: ServiceLevels, tier: str) -> NDArray[np.bool_]:
    """Return which cases are of one tier and covered by its promise."""
    return ((result.cases["tier"] == tier) & result.cases["covered"]).to_numpy()


def read(result: ServiceLevels) -> str:
    """Say which process and promise are read, what the money rests on, and what is left out."""
    f = result.facts
    first, last = result.cases["asked_at"].min(), result.cases["asked_at"].max()
    stages = ", ".join(result.stages.columns)
    source = "the contract" if f["from_contract"] else "no contract term: today's own level"
    text = (
        f"{len(result.cases):,} cases of *{f['process']}*, asked for from {first:%B %Y} to {last:%B %Y}. Stages: {stages}. "
        f"Promise: {f['target_h']:g} hours in {f['level']:.0%} of cases ({source}); a customer's month that misses it "
        f"costs {f['penalty_amt']:g}."
    )
    if f["open_cases"]:
        text += f" {f['open_cases']:,} cases that are not over yet are left out, so the newest look a little too fast."
    if not f["costs_known"]:
        text += " The data hold no costs of these steps: a special request costs what the setting says."
    return text


def glance(result: ServiceLevels) -> pd.DataFrame:
    """Return, by tier, the cases, the hours of half and of nine in ten of them, and special requests a case."""
    by = result.cases.groupby("tier")
    table = pd.DataFrame(
        {
            "cases": by.size(),
            "half within (h)": by["hours"].median().round(1),
            "9 in 10 within (h)": by["hours"].quantile(0.9).round(1),
            "special requests a case": by["requests"].mean().round(2),
        }
    )
    return table.loc[result.promise.index]


def plot(result: ServiceLevels) -> Axes:
    """Draw the share of cases that keep today's promise, by tier and channel, with 90 % intervals."""
    level, target = result.facts["level"], result.facts["target_h"]
    channels = list(result.cases["channel"].value_counts().index[:4])
    with figure((5.2, 4.1)) as ax:
        for row, tier in enumerate(result.promise.index):
            for place, channel in enumerate(channels):
                of = result.cases[(result.cases["tier"] == tier) & (result.cases["channel"] == channel)]
                if len(of) < MIN_CASES:
                    continue
                share, low, high = _share(of["hours"] <= target, of["week"])
                y = row + (place - (len(channels) - 1) / 2) * 0.2
                ax.plot([low, high], [y, y], color=PALETTE[place], lw=2.5, alpha=0.6)
                ax.plot(share, y, "osD^"[place], color=PALETTE[place], ms=8)
        for place, channel in enumerate(channels):
            ax.plot([], [], "osD^"[place], color=PALETTE[place], ms=8, label=channel)
        ax.axvline(level, color=INK, ls="--", lw=1.2)
        ax.annotate("promised", (level, -0.62), (5, 0), textcoords="offset points", va="center", fontsize=11)
        ax.set_yticks(range(len(result.promise)), result.promise.index)
        ax.set_ylim(len(result.promise) - 0.4, -0.8)
        ax.set_xlim(right=max(level + 0.17, ax.get_xlim()[1]))
        ax.grid(visible=False, axis="y")
        ax.figure.legend(loc="outside lower center", ncols=4, handletextpad=0.2, columnspacing=1.2)
        percent(ax, "x")
    short, tiers = int((result.promise["kept_high"] < level).sum()), len(result.promise)
    said = {0: "No tier clearly misses", tiers: "Every tier misses"}.get(
        short, f"{short} of {tiers} tiers clearly miss"
    )
    said += f" the promise of {target:g} hours"
    finding(ax, said, x=f"Cases within {target:g} hours (%), 90 % interval")
    return ax


def plot_sum(result: ServiceLevels) -> Axes:
    """Draw what is kept of every promise in hours, and what independent stages would make of it, for the focus tier."""
    tier, level = result.focus, result.facts["level"]
    row, mine = _row(result.promise, tier), (result.cases["tier"] == tier).to_numpy()
    edges, kept = sl.independent_cdf(result.stages[mine], step=_step(result.stages[mine]))
    whole = np.sort(result.cases.loc[mine, "hours"])
    with figure() as ax:
        ax.plot(edges, kept, color=ORANGE, lw=2.5, ls="--")
        ax.plot(whole, (np.arange(len(whole)) + 1) / len(whole), color=BLUE, lw=2.5)
        ax.axhline(level, color=GREY, lw=1)
        for hours, share, colour in (
            (row["added_h"], level, ORANGE), (row["added_h"], row["added_kept"], BLUE), (row["joint_h"], level, BLUE),
        ):  # fmt: skip
            ax.plot(hours, share, "o", color=colour, ms=8, zorder=5)
        low, high = np.quantile(whole, [max(0.5, 2 * level - 1.3), 0.99])
        ax.set_xlim(low, high)
        ax.set_ylim(max(0.0, 2 * level - 1.2), 1.0)
        place = ax.get_ylim()[0]
        ax.annotate("dashed: stages added\nas if independent", (low, 1.0), (6, -6), textcoords="offset points",
                    va="top", fontsize=11, color="#9A6A00")  # fmt: skip
        ax.annotate(
            "solid: whole cases",
            (high, place),
            (-6, 8),
            textcoords="offset points",
            ha="right",
            fontsize=11,
            color=BLUE,
        )
        percent(ax)
    said = (
        f"{tier}: stages added as if independent say {row['added_h']:.0f} hours for {level:.0%}; "
        f"{row['added_kept']:.1%} of cases keep that"
    )
    finding(ax, said, x="Hours promised for the whole case", y="Cases kept (%)")
    return ax


def adding_up(result: ServiceLevels) -> pd.DataFrame:
    """Return, by tier and way of adding up, the hours to promise and the share of cases that keep them."""
    ways = {"whole cases": "joint_h", "as if independent": "added_h", "percentiles added": "percentiles_h"}
    rows = []
    for tier in result.promise.index:
        of = _row(result.promise, tier)
        hours = result.cases.loc[result.cases["tier"] == tier, "hours"]
        for way, column in ways.items():
            interval = f"{of['joint_low']:.0f} to {of['joint_high']:.0f}" if column == "joint_h" else ""
            rows.append((tier, way, round(of[column], 1), interval, f"{(hours <= of[column]).mean():.1%}"))
    table = pd.DataFrame(rows, columns=["tier", "added up", "hours", "90 % interval", "cases kept"])
    return table.set_index(["tier", "added up"])


def together(result: ServiceLevels) -> str:
    """Say whether stages of one week are slow together, on a scale from -1 to 1, with its 90 % interval."""
    low, middle, high = _dependence(result)
    verdict = (
        "are slow in the same weeks" if low > 0 else "show no sure tendency to be slow in the same weeks"
    )
    advice = "add up whole cases" if low > 0 else "adding them up as if independent does little harm here"
    return (
        f"The stages {verdict}: the correlation of their weekly averages is {middle:.2f} (90 % interval {low:.2f} to "
        f"{high:.2f}); 0 would mean that they have nothing to do with each other. So {advice}."
    )


def _dependence(result: ServiceLevels) -> tuple[float, float, float]:
    """Return the mean correlation between stages of weekly mean logs with its interval (Fisher's z; weeks are the cases).

    Each stage is taken net of tier, special requests and channel, which change over weeks only by chance.
    """
    logs = result.stages.clip(lower=1e-3).apply(np.log)
    by = [result.cases["tier"], result.cases["requests"], result.cases["channel"]]
    centred = {stage: column - column.groupby(by).transform("mean") for stage, column in logs.items()}
    weekly = pd.DataFrame(centred).groupby(result.cases["week"]).mean().to_numpy()
    if len(weekly) < 5:
        return -1.0, 0.0, 1.0
    rho = np.corrcoef(weekly.T)[np.triu_indices(weekly.shape[1], 1)]
    z = float(np.arctanh(np.clip(rho, -0.999, 0.999)).mean())
    half = 1.645 / np.sqrt(len(weekly) - 3)  # of one pair: of their mean it is at most this
    low, middle, high = np.tanh([z - half, z, z + half])
    return float(low), float(middle), float(high)


def olas(result: ServiceLevels) -> pd.DataFrame:
    """Return hours per stage: what teams promise each other today and how often they keep it, and what each tier needs."""
    f = result.facts
    today = pd.Series(f["stage_targets"])
    table = pd.DataFrame(index=pd.Index([*result.stages.columns, "sum"], name="stage"))
    if today.notna().all():
        table["agreed today (h)"] = [*today, today.sum()]
        shares = [f"{(result.stages[stage] <= hours).mean():.0%}" for stage, hours in today.items()]
        table["kept today"] = [*shares, ""]
    for tier in result.targets.index:
        stages = result.stages[_in(result, tier)]
        hours, _ = sl.split(stages, float(result.targets.loc[tier, "target_h"]))
        table[f"{tier} (h)"] = np.round([*hours, hours.sum()], 1)
    return table


def composed(result: ServiceLevels) -> str:
    """Say how often each team must keep its hours so that the whole is kept, and what today's hours add up to."""
    parts = []
    for tier in result.targets.index:
        mine = _in(result, tier)
        target = float(result.targets.loc[tier, "target_h"])
        _, level = sl.split(result.stages[mine], target)
        parts.append(f"{tier}: each team {level:.0%}, the whole {result.targets.loc[tier, 'kept_share']:.0%}")
    text = "Share of cases in which the hours above are kept: " + "; ".join(parts) + "."
    today = sum(result.facts["stage_targets"].values())
    if np.isfinite(today):
        target = result.facts["target_h"]
        gap = "more than" if today > target else "no more than"
        text += (
            f" Today's agreements add up to {today:g} hours: {gap} the {target:g} promised to the customer."
        )
    return text


def faster(result: ServiceLevels) -> pd.DataFrame:
    """Return what making each stage a tenth faster saves a month, over all tiers at their cheapest promise, and costs.

    Columns: stage (index), saves, costs, net (money a month).
    """
    f, rows = result.facts, {}
    for stage, cost in f["faster_amt"].items():
        sooner = result.cases.assign(hours=result.cases["hours"] - 0.1 * result.stages[stage])
        least = [_priced(sooner[_in(result, t)], f, 0)[1]["total_amt"] for t in result.targets.index]
        rows[stage] = (result.targets["total_amt"].sum() - sum(least), cost)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["saves", "costs"]).rename_axis("stage")
    return table.assign(net=table["saves"] - table["costs"]).round().astype(int)


def capacity(result: ServiceLevels) -> str:
    """Say whether a faster stage pays for itself."""
    table = faster(result)
    if table.empty:
        return "The data do not say what a faster stage costs, so more capacity is not weighed here."
    best = str(table["net"].idxmax())
    row = _row(table, best)
    verdict = "pays" if row["net"] > 0 else "does not pay for itself, and no other stage does"
    return (
        f"More capacity: making the {best} a tenth faster saves {row['saves']:,.0f} a month in penalties and "
        f"waiting and costs {row['costs']:,.0f}; it {verdict}."
    )


def plot_cost(result: ServiceLevels) -> Axes:
    """Draw the cost of each promise for the focus tier: penalties fall, waiting grows, and the sum has a lowest point."""
    tier = result.focus
    rows, best = result.curve[result.curve["tier"] == tier], _row(result.targets, tier)
    with figure() as ax:
        for column, name, colour, style, shift in (
            ("total_amt", "all costs", BLUE, "-", (-4, 8)), ("penalty_amt", "penalties", ORANGE, "--", (-4, 8)),
            ("waiting_amt", "waiting", PALETTE[2], "-.", (-4, -44)),
        ):  # fmt: skip
            ax.plot(rows["target_h"], rows[column], color=colour, lw=2.5, ls=style)
            at = (rows["target_h"].iloc[-1], rows[column].iloc[-1])
            ax.annotate(name, at, shift, textcoords="offset points", ha="right", fontsize=11, color=INK)
        ax.axvspan(best["target_low"], best["target_high"], color=BLUE, alpha=0.12, lw=0)
        ax.plot(best["target_h"], best["total_amt"], "D", color=BLUE, ms=10)
        ax.set_ylim(0, 1.15 * rows["total_amt"].max())
        thousands(ax)
    said = (
        f"{tier}: {best['target_h']:.0f} hours cost least ({best['target_low']:.0f} to {best['target_high']:.0f}); "
        f"{best['kept_share']:.0%} of the cases they cover keep them"
    )
    finding(ax, said, x="Hours promised (band: 90 % interval)", y="Money a month")
    return ax


def plot_requests(result: ServiceLevels) -> Axes:
    """Draw the share of cases that keep their tier's promise by the number of special requests."""
    with figure() as ax:
        tiers = list(result.targets.index)
        labels = list(dict.fromkeys(result.requests.sort_values("requests")["label"]))
        for place, tier in enumerate(tiers):
            rows = result.requests[result.requests["tier"] == tier]
            x = (
                np.array([labels.index(label) for label in rows["label"]])
                + (place - (len(tiers) - 1) / 2) * 0.14
            )
            colour, mark = PALETTE[place % 6], "osD^"[place % 4]
            ax.vlines(x, rows["low"], rows["high"], color=colour, lw=2.5, alpha=0.6)
            ax.plot(
                x,
                rows["kept_share"],
                mark,
                color=colour,
                ms=8,
                label=f"{tier}, {result.targets.loc[tier, 'target_h']:.0f} h",
            )
        ax.set_xticks(range(len(labels)), labels)
        ax.set_xlim(-0.5, len(labels) - 0.5)
        ax.grid(visible=False, axis="x")
        ax.figure.legend(
            loc="outside lower center", ncols=min(len(tiers), 3), handletextpad=0.2, columnspacing=1.0
        )
        percent(ax)
    kept = result.cases["hours"] <= result.cases["tier"].map(result.targets["target_h"])
    lost = _lost(kept, result.cases["requests"] > 0, result.cases)
    said = "No tier has enough special requests to judge"
    if lost is not None:
        points, low, high = (100 * share for share in lost)
        change = "keep their promise less often" if low > 0 else "may keep their promise as often"
        said = f"Cases with special requests {change}: {points:.0f} points less ({low:.0f} to {high:.0f})"
    finding(ax, said, x="Special requests in the case", y="Promises kept (%)")
    return ax


def _lost(kept: pd.Series, special: pd.Series, cases: pd.DataFrame) -> tuple[float, float, float] | None:
    """Return how much smaller a share of the special cases is kept, tier by tier, with its 90 % interval over weeks."""

    def within(value: pd.Series) -> NDArray[np.float64]:
        means = value.groupby(cases["tier"]).transform("mean")
        return np.asarray(value - means)

    x, y = within(special.astype(float)), within(kept.astype(float))
    spread = float((x**2).sum())
    if spread == 0:
        return None
    slope = float(x @ y / spread)
    half = T90 * np.sqrt((np.bincount(cases["week"], x * (y - slope * x)) ** 2).sum()) / spread
    return -slope, -slope - half, -slope + half


def break_even(result: ServiceLevels) -> str:
    """Say what a special request must be worth to be covered by the promise."""
    rows, f = result.requests[result.requests["number"] > 0], result.facts
    if rows.empty:
        return "Too few cases have special requests to say how many the promise can bear."
    added = (f["request_value_amt"] - f["request_cost_amt"]) * rows["requests"] - rows["net_amt"]
    one = float((added * rows["cases"]).sum() / (rows["requests"] * rows["cases"]).sum())
    return (
        f"A special request costs {f['request_cost_amt']:.0f} to serve and adds {one:.0f} in penalties on average. To be "
        f"covered by the promise it must be worth more than {f['request_cost_amt'] + one:.0f}; the setting says "
        f"{f['request_value_amt']:g}."
    )


def thresholds(result: ServiceLevels) -> pd.DataFrame:
    """Return per tier and number of special requests: kept share, and money a case (penalty, serving, net of worth)."""
    rows = result.requests
    table = pd.DataFrame(
        {
            "tier": rows["tier"],
            "special requests": rows["label"],
            "cases": rows["cases"],
            "kept": rows["kept_share"].map("{:.0%}".format),
            "penalty": rows["penalty_amt"].round(1),
            "cost to serve": rows["serving_amt"].round(1),
            "net against none": rows["net_amt"].round(1) + 0.0,
        }
    )
    return table.set_index(["tier", "special requests"])


def sla(result: ServiceLevels) -> pd.DataFrame:
    """Return the service level to write into the SLA of each tier: hours, chance, money a month, special requests."""
    rows = result.targets
    covered = ["any number" if n == np.inf else f"up to {n:.0f}" if n else "none" for n in rows["requests"]]
    beyond = rows["beyond_h"].map(lambda hours: f"{hours:.0f} h" if np.isfinite(hours) else "by quote")
    return pd.DataFrame(
        {
            "promise (h)": rows["target_h"].astype(int),
            "kept": rows["kept_share"].map("{:.0%}".format),
            "90 % interval": rows["kept_low"].map("{:.0%}".format)
            + " to "
            + rows["kept_high"].map("{:.0%}".format),
            "penalty a month": rows["penalty_amt"].round().astype(int),
            "cost to serve a month": rows["serving_amt"].round().astype(int),
            "special requests": covered,
            "with more": beyond.mask(np.array(covered) == "any number", "-"),
        }
    )


def by_channel(result: ServiceLevels) -> pd.DataFrame:
    """Return the hours to promise per tier and channel, so that each channel is kept as often as its tier's promise."""
    channels = sorted(result.cases["channel"].unique())
    table = pd.DataFrame("too few", index=result.targets.index, columns=channels)
    for (tier, channel), of in result.cases[result.cases["covered"]].groupby(["tier", "channel"]):
        if len(of) >= MIN_CASES and of["week"].min() < of["week"].max():
            level = min(_row(result.targets, str(tier))["kept_share"], 0.99)
            hours, low, high = sl.quantile_interval(of["hours"], level, of["week"])
            table.loc[str(tier), str(channel)] = f"{hours:.0f} h ({low:.0f} to {high:.0f})"
    return table


def what_if(result: ServiceLevels, *, hour_value_amt: Sequence[float]) -> pd.DataFrame:
    """Return the cheapest promise of each tier for each worth of an hour.

    Columns: hour_value_amt (money a case and hour), tier, target_h, kept_share, penalty_amt (a month).
    """
    rows = []
    for tier, curve in result.curve.groupby("tier", sort=False):
        cases = _in(result, str(tier)).sum() / result.facts["months"]
        for value in hour_value_amt:
            total = curve["penalty_amt"] + value * cases * curve["target_h"]
            best = curve.loc[total.idxmin()]
            rows.append((float(value), str(tier), best["target_h"], best["kept_share"], best["penalty_amt"]))
    columns = ["hour_value_amt", "tier", "target_h", "kept_share", "penalty_amt"]
    return pd.DataFrame(rows, columns=columns)


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw the cheapest promise of each tier against the worth of an hour."""
    with figure() as ax:
        for place, (tier, rows) in enumerate(scenarios.groupby("tier", sort=False)):
            ax.plot(rows["hour_value_amt"], rows["target_h"], f"{'osD^'[place % 4]}-", color=PALETTE[place % 6], lw=2, ms=7,
                    label=str(tier))  # fmt: skip
        ax.set_ylim(0, scenarios["target_h"].max() * 1.1)
        ax.figure.legend(loc="outside lower center", ncols=4, handletextpad=0.3, columnspacing=1.2)
        said = "The more an hour is worth to customers, the shorter the promise, and the more penalties it pays to accept"
        if chosen is not None:
            rows = scenarios[scenarios["hour_value_amt"] == chosen]
            ax.axvline(chosen, color=INK, ls="--", lw=1.2)
            hours = ", ".join(
                f"{r.tier} {r.target_h:.0f} h ({r.kept_share:.0%} kept)" for r in rows.itertuples()
            )
            said = f"At {chosen:g} an hour: {hours}; penalties {rows['penalty_amt'].sum():,.0f} a month"
    finding(ax, said, x="Worth of an hour, per case (money)", y="Hours that cost least")
    return ax


def decide(result: ServiceLevels) -> Decision:
    """Recommend hours and special requests per tier, and how often they will be kept."""
    f, rows = result.facts, result.targets
    table = sla(result)
    covers = table["special requests"].to_dict()[result.focus]
    promises = "; ".join(
        f"{tier} {row['promise (h)']} hours, kept in {row['kept']} of cases, special requests: {row['special requests']}"
        for tier, row in table.iterrows()
    )
    focus = _row(rows, result.focus)
    slack, now = _next_value(result), _row(result.promise, result.focus)["kept_share"]
    return Decision(
        recommendation=f"Write into the SLA of {f['process']}: {promises}. Give the teams the stage hours that "
        "add up to them.",
        evidence=f"{len(result.cases):,} cases over {f['months']:.0f} months; today {now:.0%} of {result.focus} cases keep "
        f"{f['target_h']:g} hours. Penalties at the new promise: {rows['penalty_amt'].sum():,.0f} a month; special "
        f"requests cost {rows['serving_amt'].sum():,.0f}.",
        metric=f"{result.focus} cases (special requests: {covers}) within {focus['target_h']:.0f} hours",
        unit="share",
        low=float(focus["kept_low"]),
        high=float(focus["kept_high"]),
        flips_if=f"customers say that an hour is worth {slack} instead of {f['hour_value_amt']:g}, or fewer than "
        f"{focus['kept_low']:.0%} of {result.focus} cases keep the new promise over a quarter",
        owner="head of service operations",
    )


def _next_value(result: ServiceLevels) -> str:
    """Return from which worth of an hour on the focus tier's promise would be another by a tenth or more."""
    values = np.round(result.facts["hour_value_amt"] * np.array([1.25, 1.5, 2, 3, 5, 8]), 2)
    scenarios = what_if(result, hour_value_amt=list(values))
    mine = scenarios[scenarios["tier"] == result.focus]
    moved = mine[mine["target_h"] <= 0.9 * _row(result.targets, result.focus)["target_h"]]
    return f"{moved['hour_value_amt'].iloc[0]:g} or more" if len(moved) else f"more than {values[-1]:g}"


def check(answer: float, truth: SimpleNamespace | None, result: ServiceLevels) -> Feedback:
    """Check "how many cases in 100 of the focus tier miss the hours that stages added as if independent promise?".

    Parameters
    ----------
    answer : float
        Cases in 100.
    truth : namespace or None
        `truth_outcomes` of the world; None on a client's data.
    result : ServiceLevels
        What the participant read.
    """
    expected, basis = 1 - _row(result.promise, result.focus)["added_kept"], OWN_DATA
    if truth is not None:
        outcomes = truth.truth_outcomes
        planted = outcomes[
            (outcomes["subject"] == result.focus) & (outcomes["metric"] == "kept of independent p90")
        ]
        expected, basis = 1 - planted["value"].iloc[0], PLANTED
    return grade(float(answer), 100 * float(expected), tolerance=0.15, hints=HINTS, basis=basis)


def recover(data: Any, truth: SimpleNamespace) -> pd.DataFrame:
    """Return hours and shares beside their planted values; naive is the sum of independent stages, or the tier's average."""
    result = service_levels(data.stage_hours, contract_terms=data.contract_terms)
    planted = truth.truth_outcomes.set_index(["subject", "metric"])["value"].to_dict()
    rows = []
    for tier in TIERS[1:]:  # the few gold cases do not tell a joint from an independent quantile
        of = _row(result.promise, tier)
        rows.append(
            (f"{tier}: hours that nine in ten cases keep", of["joint_h"], of["joint_low"], of["joint_high"], of["added_h"],
             planted[tier, "p90 h"])
        )  # fmt: skip
    for tier in TIERS[1:]:
        share, low, high = _added_interval(result, tier)
        true = planted[tier, "kept of independent p90"]
        rows.append((f"{tier}: share that keeps the sum of independent stages", share, low, high, 0.9, true))
    bronze = result.cases[(result.cases["tier"] == "bronze") & (result.cases["requests"] != 1)]
    lost = _lost(bronze["hours"] <= result.facts["target_h"], bronze["requests"] >= 2, bronze)
    few, many = ("bronze, no special request", "bronze, 2 or more special requests")
    gap = planted[few, "kept of target"] - planted[many, "kept of target"]
    rows.append(
        ("bronze: share of promises lost to 2 or more special requests", *(lost or [np.nan] * 3), 0.0, gap)
    )
    return pd.DataFrame(rows, columns=["what", "estimate", "low", "high", "naive", "truth"])


def _added_interval(result: ServiceLevels, tier: str) -> tuple[float, float, float]:
    """Return the share that keeps the sum of independent stages, with its 90 % interval: one week left out at a time."""
    mine = (result.cases["tier"] == tier).to_numpy()
    stages, week = result.stages[mine].to_numpy(), result.cases.loc[mine, "week"].to_numpy()
    level, whole, step = result.facts["level"], stages.sum(axis=1), _step(result.stages[mine])
    share = float(_row(result.promise, tier)["added_kept"])
    weeks = np.unique(week)
    left = np.array(
        [
            ((whole <= sl.independent_quantile(stages, level, weight=keep, step=step)) & keep).sum()
            / keep.sum()
            for keep in (week != one for one in weeks)
        ]
    )
    half = T90 * np.sqrt((len(weeks) - 1) / len(weeks) * ((left - left.mean()) ** 2).sum())
    return share, share - half, share + half
