"""Which customers are worth knowing intimately? Margin still to come, and what a dedicated workflow adds to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from playbook.methods import clv, uplift
from playbook.methods import projection as ahead

YEAR = pd.Timedelta(weeks=52)
BINS = {"0": 0, "1": 1, "2-3": 3, "4-6": 6, "7-12": 12, "13+": np.inf}  # last of each
BANDS = (("best tenth", 0.1), ("next three tenths", 0.4), ("other six tenths", 1.0))
TRIAL, CONTROL = "IN-workflow", ("control", "none")
DISCOUNT_SHARE, CONTRACT_COST_SHARE = 0.10, 0.6  # a year; of a fee, to serve the contract
FREE_SHARE = 0.5  # of account managers' hours, for the workflow
REQUESTS_S = 0.006  # to the system it runs on, an active customer
COMPLEX = 3  # integration of a system that can still be done, 1 to 5


@dataclass(frozen=True)
class CustomerValue:
    """Value of all customers, what a workflow adds to it, and what both rest on.

    Parameters
    ----------
    customers : DataFrame
        customer_id, segment, frequency, recency_weeks, age_weeks, active_share (chance to be active),
        net_year_amt (margin of the last year less service), value_amt (discounted, to the horizon),
        orders_amt, contract_amt and service_amt (its parts), has_it (the workflow, already), pays_amt (the most
        that a workflow may cost a year: what it adds, or where nothing was tried the whole value).
    segments : DataFrame
        By value: segment, customers, active, net_year_amt, value_amt, low_amt, high_amt (90 %), carries_amt
        and carries_low_amt (cost a customer and year that the value covers, and its lower bound),
        next_purchases, next_low, next_high (purchases of the next 13 weeks, 90 %), has_it (share); NaN unless tried:
        by_lot (customers), uplift, uplift_low, uplift_high (share more purchases), chosen_uplift (of those whom
        people chose, plainly compared), added_amt, added_low_amt, added_high_amt (margin a customer and year).
    holdout : DataFrame
        By earlier repeat purchases: repeats, customers, predicted, actual, carried_on (purchases a customer
        in the held-out weeks; `carried_on` is the past pace continued).
    renewals : DataFrame or None
        renewal, up_for_it, stayed_share, fitted_share (share staying through so many renewals).
    facts : dict
        What was known, assumed and held out.
    """

    customers: pd.DataFrame
    segments: pd.DataFrame
    holdout: pd.DataFrame
    renewals: pd.DataFrame | None
    facts: dict[str, float | int | bool | str]

    @property
    def tried(self) -> bool:
        """Whether any segment has had a trial by lot."""
        return bool(self.segments["added_amt"].notna().any())


def value(
    customer_purchases: pd.DataFrame,
    *,
    customers: pd.DataFrame | None = None,
    accounts: pd.DataFrame | None = None,
    tickets: pd.DataFrame | None = None,
    contracts: pd.DataFrame | None = None,
    trial_purchases: pd.DataFrame | None = None,
    trial: str = TRIAL,
    margin_share: float = 0.35,
    ticket_cost_amt: float = 25.0,
    horizon_weeks: int = 104,
    draws: int = 200,
    seed: int = 1,
) -> CustomerValue:
    """Estimate the margin each customer still brings, net of service, and what a workflow adds to it by segment.

    Parameters
    ----------
    customer_purchases : DataFrame
        The view of that name: one row a customer.
    customers, accounts, tickets, contracts : DataFrame, optional
        Tiers; segments (of accounts; else tiers, else bands of value); requests, which cost; fees, which renew.
    trial_purchases : DataFrame, optional
        The view of that name: purchases before and since a customer was assigned to an arm.
    trial : str
        Initiative that tried the workflow.
    margin_share : float
        Margin on sales whose cost is unknown.
    ticket_cost_amt : float
        Cost of one request.
    horizon_weeks : int
        Weeks ahead that count.
    draws, seed : int
        Bootstrap samples of customers and contracts behind the intervals.

    Raises
    ------
    ValueError
        When the history is too short to hold any week out, or nobody bought twice.
    """
    bought = customer_purchases.reset_index(drop=True)
    held_weeks, as_of = _period(bought)
    origin, group = _groups(bought, customers, accounts)
    seen = _seen(bought, "", group)
    share, pooled = margins(bought, margin_share)
    weeks, years = ahead.periods(horizon_weeks), ahead.discounted_years(horizon_weeks, DISCOUNT_SHARE)
    rng = np.random.default_rng(seed)

    models = seen.fit()
    sales, soon, active = seen.project(models, weeks, DISCOUNT_SHARE).T
    service_year = _tickets_year(bought, tickets, as_of) * ticket_cost_amt
    renewals, fees_year, fees = _fees(bought, customers, contracts, as_of, horizon_weeks, draws, rng)
    serving = service_year * years
    columns = {
        "customer_id": bought["customer_id"],
        "segment": group,
        "frequency": bought["frequency"],
        "recency_weeks": seen.recency,
        "age_weeks": seen.age,
        "active_share": active,
        "net_year_amt": bought["spend_year_amt"] * share - service_year + fees_year,
        "value_amt": sales * share + fees[0] - serving * active,
        "orders_amt": sales * share,
        "contract_amt": fees[0],
        "service_amt": -serving * active,
    }
    table = pd.DataFrame(columns)
    if origin == "value":
        table["segment"] = _bands(table["value_amt"].to_numpy())
    codes, names = pd.factorize(table["segment"])
    member = np.eye(len(names))[codes]
    tested = _trial(trial_purchases, trial, table["customer_id"])
    table["has_it"] = tested.treated(len(table))

    def worth(fitted: ahead.Models) -> np.ndarray:
        found = seen.project(fitted, weeks, DISCOUNT_SHARE)
        net = found[:, 0] * share - serving * found[:, 2]
        return np.column_stack([net, net * table["has_it"], found[:, 1]])

    weights = uplift.bayesian_weights(draws, len(bought), rng)
    sums = seen.resampled_sums(models, worth, codes, weights)
    total = sums[:, 0] + weights @ (member * fees[0][:, None]) + (fees[1:] - fees[0]) @ member
    holdout = _holdout(bought, group)
    hit = float(holdout["actual"].sum() / holdout["predicted"].sum())
    by_segment = holdout.groupby("segment")[["actual", "predicted"]].sum()  # bands are not known at the cut
    hits = (by_segment["actual"] / by_segment["predicted"]).reindex(names).fillna(hit).to_numpy()

    parts = ["active_share", "net_year_amt", "value_amt", "has_it"]
    segments = pd.DataFrame(member.T @ table[parts].to_numpy(float), columns=["active", *parts[1:]])
    count = member.sum(axis=0).astype(int)
    segments.insert(0, "segment", names)
    segments.insert(1, "customers", count)
    segments["has_it"] /= count
    low, high = ahead.widened(np.quantile(total, [0.05, 0.95], axis=0), hits)
    segments["low_amt"], segments["high_amt"] = low, high
    segments["carries_amt"], segments["carries_low_amt"] = (
        segments["value_amt"] / count / years,
        low / count / years,
    )
    mean, low, high = ahead.next_range(soon, active, member, sums[:, 2].var(axis=0))
    segments["next_purchases"] = mean
    segments["next_low"], segments["next_high"] = ahead.widened([low, high], hits)
    now = member.T @ worth(models)[:, :2]
    effects = [tested.effect((codes == at) | (origin == "value"), weights) for at in range(len(names))]
    rows = [
        _added(each, now[at], sums[:, :2, at], count[at] * years, hits[at]) for at, each in enumerate(effects)
    ]
    segments = pd.concat([segments, pd.DataFrame(rows)], axis=1)
    table["pays_amt"] = table["value_amt"] / years
    if any(effects):
        more = segments["uplift"].fillna(0.0).to_numpy()[codes]
        base: pd.Series = (table["orders_amt"] + table["service_amt"]) / np.where(
            table["has_it"], 1 + more, 1.0
        )
        table["pays_amt"] = np.maximum(more, 0.0) * base.clip(lower=0.0) / years
    slope, p_value = clv.spend_trend(seen.frequency + 1, seen.spend / (seen.frequency + 1))
    facts: dict[str, float | int | bool | str] = {
        "as_of": f"{as_of:%Y-%m-%d}",
        "costed_share": float(bought["costed_amt"].sum() / bought["spend_amt"].sum()),
        "margin_share": pooled,
        "segments_from": origin,
        "has_tickets": tickets is not None,
        "has_contracts": renewals is not None,
        "ticket_cost_amt": ticket_cost_amt,
        "horizon_weeks": horizon_weeks,
        "history_weeks": float(seen.age.max()),
        "holdout_weeks": held_weeks,
        "holdout_hit": hit,
        "spend_slope": slope,
        "spend_p": p_value,
    }
    segments = segments.sort_values("carries_amt", ascending=False, ignore_index=True)
    return CustomerValue(table, segments, _by_repeats(holdout), _curve(renewals), facts)


def _period(bought: pd.DataFrame) -> tuple[int, pd.Timestamp]:
    """Return the weeks held out and the day on which the history ends."""
    held_weeks = int(bought["holdout_weeks"].iloc[0]) if len(bought) else 0
    if held_weeks < 1:
        raise ValueError("customer value needs at least three weeks of purchases")
    ends = bought["first_on"] + pd.to_timedelta(bought["age_weeks"] * 7, unit="D")
    return held_weeks, ends.max().round("D")


def _groups(
    bought: pd.DataFrame, customers: pd.DataFrame | None, accounts: pd.DataFrame | None
) -> tuple[str, np.ndarray]:
    """Return where segments come from, and each customer's: of the account, else the tier, else one for all."""
    if customers is not None:
        known = customers.set_index("customer_id")
        found = []
        if accounts is not None:
            found.append(("segment", known["account_id"].map(accounts.set_index("account_id")["segment"])))
        found.append(("tier", known["tier"]))
        for origin, column in found:
            if len(column.dropna().unique()) > 1:
                each = bought["customer_id"].map(column).astype(object)
                return origin, each.where(each.notna(), f"no {origin}").to_numpy()
    return "value", np.full(len(bought), "all", dtype=object)


def _seen(bought: pd.DataFrame, prefix: str, group: np.ndarray) -> ahead.Buyers:
    known = [f"{prefix}{name}" for name in ("frequency", "recency_weeks", "age_weeks", "spend_amt")]
    frequency, recency, age, spend = bought[known].to_numpy(float).T
    return ahead.Buyers(frequency, recency, age, spend, group)


def margins(bought: pd.DataFrame, margin_share: float) -> tuple[np.ndarray, float]:
    """Return each customer's margin on sales, and the mean one (or `margin_share`) where no cost is known."""
    known = bought["costed_amt"] > 0
    pooled = 1 - bought["cost_amt"].sum() / bought["costed_amt"].sum() if known.any() else margin_share
    share = np.where(known, 1 - bought["cost_amt"] / bought["costed_amt"].where(known, 1.0), pooled)
    return share, float(pooled)


def _tickets_year(bought: pd.DataFrame, tickets: pd.DataFrame | None, as_of: pd.Timestamp) -> np.ndarray:
    """Return how many requests each customer made in the last year."""
    if tickets is None:
        return np.zeros(len(bought))
    recent = tickets[(tickets["opened_at"] > as_of - YEAR) & (tickets["opened_at"] <= as_of)]
    return bought["customer_id"].map(recent["customer_id"].value_counts()).fillna(0.0).to_numpy(dtype=float)


def _fees(
    bought: pd.DataFrame,
    customers: pd.DataFrame | None,
    contracts: pd.DataFrame | None,
    as_of: pd.Timestamp,
    horizon_weeks: int,
    draws: int,
    rng: np.random.Generator,
) -> tuple[ahead.Renewals | None, np.ndarray, np.ndarray]:
    """Return renewals, and net fees of each customer: a year now, (n,), and to come, estimate and draws, (1 + draws, n).

    A contract is spread evenly over its customers: the one who signed, or those of the account. Without contracts,
    or before any renewal, nothing counts.
    """
    n, nothing = len(bought), (None, np.zeros(len(bought)), np.zeros((1 + draws, len(bought))))
    if contracts is None or contracts.empty:
        return nothing
    begun = contracts[contracts["starts_on"] <= as_of].sort_values("version_no")
    last = begun.groupby("contract_id").tail(1).reset_index(drop=True)
    runs = (last["ends_on"] > as_of).to_numpy()
    renewals = ahead.Renewals.of(last["version_no"].to_numpy() - 1, runs)
    if renewals is None:
        return nothing
    running = last[runs].reset_index(drop=True)
    own = bought["customer_id"]
    account = (
        own if customers is None else own.map(customers.set_index("customer_id")["account_id"]).fillna(own)
    )
    sides = [pd.DataFrame({"row": range(n), "party_id": own, "own": True})]
    sides.append(pd.DataFrame({"row": range(n), "party_id": account, "own": False}))
    signed = running[["party_id"]].assign(own=running["party_type"] == "customer", contract=running.index)
    links = pd.concat(sides).merge(signed, on=["party_id", "own"])
    part = 1 / links.groupby("contract")["row"].transform("size").to_numpy()
    row, contract = links["row"].to_numpy(), links["contract"].to_numpy()
    net = np.asarray(running["annual_fee_amt"], dtype=np.float64) * (1 - CONTRACT_COST_SHARE)
    due = np.asarray((running["ends_on"] - as_of).dt.days / 365, dtype=np.float64)
    so_far = np.asarray(running["version_no"] - 1, dtype=np.float64)
    paid = [
        net * renewals.paid_years(model, so_far, due, horizon_weeks / 52, DISCOUNT_SHARE)
        for model in (renewals.model, *renewals.resampled(draws, rng))
    ]
    spread = [np.bincount(row, weights=each[contract] * part, minlength=n) for each in (net, *paid)]
    return renewals, spread[0], np.array(spread[1:])


def _bands(total: np.ndarray) -> np.ndarray:
    """Return each customer's band of value."""
    rank = pd.Series(-total).rank(method="first").to_numpy() / len(total)
    edges = np.array([upper for _, upper in BANDS])
    return np.array([name for name, _ in BANDS], dtype=object)[np.searchsorted(edges, rank - 1e-12)]


def _holdout(bought: pd.DataFrame, group: np.ndarray) -> pd.DataFrame:
    """Fit on what was bought up to the cut, predict the weeks after it; one row a customer known by then."""
    before = (bought["cal_age_weeks"] >= 0).to_numpy()
    known = bought[before]
    seen = _seen(known, "cal_", group[before])
    weeks = float(known["holdout_weeks"].iloc[0])
    predicted = seen.project(seen.fit(), np.array([0.0, weeks]))[:, 1]
    return pd.DataFrame(
        {
            "segment": seen.group,
            "repeats": seen.frequency,
            "predicted": predicted,
            "actual": known["held_purchases"],
            "carried_on": (seen.frequency + 1) / np.maximum(seen.age, 1.0) * weeks,
        }
    )


def _trial(rows: pd.DataFrame | None, name: str, customer_id: pd.Series) -> uplift.Trial:
    """Return the trial of the workflow among customers who bought in the year before it."""
    names = ("customer_id", "arm", "design", "propensity_share", "weeks")
    counts = [f"{span}_purchases" for span in ("year", "quarter", "after")]
    rows = pd.DataFrame(columns=[*names, *counts]) if rows is None else rows[rows["initiative_id"] == name]
    at = pd.Index(customer_id).get_indexer(rows["customer_id"])
    kept = (at >= 0) & (rows["year_purchases"] > 0).to_numpy(bool)
    rows = rows[kept]
    year, quarter, after = rows[counts].to_numpy(float).T
    return uplift.Trial(
        unit=at[kept],
        by_lot=(rows["design"] == "random").to_numpy(bool),
        given=~rows["arm"].isin(CONTROL).to_numpy(bool),
        chance=np.asarray(rows["propensity_share"].astype(float).fillna(0.5), dtype=np.float64),
        before=np.column_stack([year, quarter]),
        after=after,
        weeks=rows["weeks"].to_numpy(float),
    )


def _added(
    effect: uplift.Effect | None, now: np.ndarray, sums: np.ndarray, years: float, hit: float
) -> dict[str, float]:
    """Return what the workflow adds in a segment: uplift times the margin that customers would bring without it.

    `now` (2,) and `sums` (draws, 2) are margin of all customers and of those who have it; `years` are those of all.
    """
    names = ["by_lot", "uplift", "uplift_low", "uplift_high", "chosen_uplift"]
    names += ["added_amt", "added_low_amt", "added_high_amt"]
    if effect is None:
        return dict.fromkeys(names, np.nan) | {"by_lot": 0}
    shares = np.expm1([effect.log, *np.quantile(effect.draws, [0.05, 0.95]), effect.chosen])
    draws = effect.added(sums[:, 0] - sums[:, 1], sums[:, 1], effect.draws) / years
    ends = ahead.widened(np.quantile(draws, [0.05, 0.95]), hit)
    added = effect.added(now[0] - now[1], now[1], effect.log) / years
    return dict(zip(names, map(float, (effect.by_lot, *shares, added, *ends)), strict=True))


def _by_repeats(holdout: pd.DataFrame) -> pd.DataFrame:
    """Average the held-out purchases over customers with about the same repeat purchases before."""
    band = pd.cut(holdout["repeats"], [-1, *BINS.values()], labels=list(BINS))
    bins = holdout.assign(band=band).groupby("band", observed=True)
    means = bins[["predicted", "actual", "carried_on"]].mean().assign(customers=bins.size())
    return means.rename_axis("repeats").reset_index()


def _curve(renewals: ahead.Renewals | None) -> pd.DataFrame | None:
    if renewals is None:
        return None
    names = ("renewal", "up_for_it", "stayed_share", "fitted_share")
    table = pd.DataFrame(dict(zip(names, renewals.curve(), strict=True)))
    return table if len(table) else None


def tested(result: CustomerValue) -> str:
    """Return what the hold-out and the test of independence say, as prose."""
    facts, slope = result.facts, float(result.facts["spend_slope"])
    gap = float(facts["holdout_hit"]) - 1
    third = int(float(facts["history_weeks"]) / 3)
    text = f"The last {facts['holdout_weeks']} weeks were hidden from the model"
    text += " (a third of a short history)" if facts["holdout_weeks"] == third else ""
    text += f"; customers then bought {abs(gap):.0%} {'more' if gap > 0 else 'less'} than it had predicted. "
    if float(facts["spend_p"]) < clv.TREND_P:
        text += (
            "Spend is not independent of frequency: a customer who buys twice as often spends "
            f"{abs(slope):.0%} {'more' if slope > 0 else 'less'} each time; the estimate follows that trend."
        )
    else:
        text += (
            "Spend per purchase does not depend visibly on how often a customer buys, as the method assumes."
        )
    if abs(gap) > 0.1 and float(facts["history_weeks"]) < 104:
        text += " So short a history cannot tell a season from growth; the intervals below carry that miss."
    if result.customers["active_share"].mean() > 0.97:
        text += " It shows hardly anyone leave, so value far ahead is on the high side."
    return text


def cost_steps(result: CustomerValue) -> list[float]:
    """Return round costs a customer and year to try, around what the segments cover."""
    top = max(float(result.segments["added_amt" if result.tried else "carries_amt"].max()), 1.0)
    series = [digit * 10.0**power for power in range(-2, 9) for digit in (1, 2, 5)]
    return [step for step in series if top / 50 <= step <= 2 * top]


def shortlist(
    result: CustomerValue,
    *,
    staff: pd.DataFrame | None = None,
    systems: pd.DataFrame | None = None,
    cost_amt: float = 50.0,
    hours_month: float = 1.0,
    leave_out: str = "",
    system: str = "engagement",
) -> pd.DataFrame:
    """Return which segments survive value, strategic fit and feasibility, those that gain most first.

    Parameters
    ----------
    staff, systems : DataFrame, optional
        Hours of account managers, and what the workflow runs on; a gate without its data is open.
    cost_amt, hours_month : float
        Of the workflow: money a customer and year; hours of account managers an active customer and month.
    leave_out : str
        Segments that do not fit the strategy, by comma.
    system : str
        Key of the system that must take `REQUESTS_S` of every active customer.

    Returns
    -------
    DataFrame
        segment, drops_out_amt (cost a customer and year above which it drops out), sure_amt (its lower bound),
        cost_amt, need_h, free_h (hours a month), room_rps (of the system; NaN: unknown), a truth value for each of `GATES`,
        survives. Segments share hours and system in this order; one that does not fit is passed over.
    """
    by = "added" if result.tried else "carries"
    table = result.segments.sort_values(f"{by}_amt", ascending=False, ignore_index=True)
    made = table[["segment"]].assign(drops_out_amt=table[f"{by}_amt"], sure_amt=table[f"{by}_low_amt"])
    made["need_h"], made["free_h"] = (
        table["active"] * hours_month,
        _free_hours(staff, str(result.facts["as_of"])),
    )
    made["room_rps"], made["cost_amt"] = _room(systems, system), cost_amt
    made["value"] = made["sure_amt"] >= cost_amt
    apart = [name.strip().casefold() for name in leave_out.split(",")]
    made["fit"] = ~made["segment"].astype(str).str.casefold().isin(apart)
    wanted = made["value"] & made["fit"]
    for name, need, room in (
        ("hours", made["need_h"], "free_h"),
        ("system", table["active"] * REQUESTS_S, "room_rps"),
    ):
        capacity = float(made[room].fillna(np.inf).iloc[0])
        made[name] = need <= capacity
        made.loc[wanted, name] = uplift.filled(need[wanted], capacity)
        wanted = wanted & made[name]
    return made.assign(survives=wanted)


def _free_hours(staff: pd.DataFrame | None, as_of: str) -> float:
    """Return the hours a month that account managers can give; NaN where the data hold none."""
    if staff is None:
        return float("nan")
    there = staff["left_on"].isna() | (staff["left_on"] > pd.Timestamp(as_of))
    hours = staff.loc[there & staff["role"].str.contains("account", case=False), "fte_h_week"]
    return float(hours.sum() * 52 / 12 * FREE_SHARE) if len(hours) else float("nan")


def _room(systems: pd.DataFrame | None, system: str) -> float:
    """Return the requests a second that a system can take: 0 where it cannot be joined, NaN where unknown."""
    row = None if systems is None else systems[systems["system_id"] == system]
    if row is None or row.empty:
        return float("nan")
    joins = bool(row["has_api"].iloc[0]) and not row["integration_complexity"].iloc[0] > COMPLEX
    return float(row["capacity_rps"].iloc[0]) if joins else 0.0
