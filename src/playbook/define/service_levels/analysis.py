"""Which service levels carry intimacy into the SLA? Hours and special requests to promise, and how teams share them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbook.methods import service_levels as sl

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    added = sl.independent_quantile(stages, level, step=bin_hours(stages))
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


def bin_hours(stages: pd.DataFrame) -> float:
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
                (
                    number,
                    label,
                    len(of),
                    of["requests"].mean(),
                    *kept_share(of["hours"] <= target_h, of["week"]),
                )
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


def kept_share(kept: pd.Series, week: pd.Series) -> tuple[float, float, float]:
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


def tier_row(table: pd.DataFrame, tier: str) -> dict[Any, Any]:
    """Return one tier's row."""
    return table.loc[tier].to_dict()


def covered_in(result: ServiceLevels, tier: str) -> NDArray[np.bool_]:
    """Return which cases are of one tier and covered by its promise."""
    return ((result.cases["tier"] == tier) & result.cases["covered"]).to_numpy()


def faster(result: ServiceLevels) -> pd.DataFrame:
    """Return what making each stage a tenth faster saves a month, over all tiers at their cheapest promise, and costs.

    Columns: stage (index), saves, costs, net (money a month).
    """
    f, rows = result.facts, {}
    for stage, cost in f["faster_amt"].items():
        sooner = result.cases.assign(hours=result.cases["hours"] - 0.1 * result.stages[stage])
        least = [_priced(sooner[covered_in(result, t)], f, 0)[1]["total_amt"] for t in result.targets.index]
        rows[stage] = (result.targets["total_amt"].sum() - sum(least), cost)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["saves", "costs"]).rename_axis("stage")
    return table.assign(net=table["saves"] - table["costs"]).round().astype(int)


def promises_lost(
    kept: pd.Series, special: pd.Series, cases: pd.DataFrame
) -> tuple[float, float, float] | None:
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
