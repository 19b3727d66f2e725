"""Which customers are worth knowing intimately? Margin still to come, and what a dedicated workflow adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Decision, Feedback, grade
from playbook.methods import clv, uplift
from playbook.methods import projection as ahead
from playbook.pictures import BLUE, GREY, ORANGE, PALETTE, RED, figure, finding, percent, thousands

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HINTS = (
    "You want margin that is still to come, so start from what each customer will order, not from the past.",
    "Sort result.customers by orders_amt, largest first, and take one customer in ten from the top.",
    "Divide the sum of orders_amt over that tenth by its sum over all customers, and say it in per cent.",
)
YEAR = pd.Timedelta(weeks=52)
BINS = {"0": 0, "1": 1, "2-3": 3, "4-6": 6, "7-12": 12, "13+": np.inf}  # last of each
BANDS = (("best tenth", 0.1), ("next three tenths", 0.4), ("other six tenths", 1.0))
TRIAL, CONTROL = "IN-workflow", ("control", "none")
DISCOUNT_SHARE, CONTRACT_COST_SHARE = 0.10, 0.6  # a year; of a fee, to serve the contract
FREE_SHARE = 0.5  # of account managers' hours, for the workflow
REQUESTS_S = 0.006  # to the system it runs on, an active customer
COMPLEX = 3  # integration of a system that can still be done, 1 to 5
ORIGINS = {
    "segment": "Segments are those of the sales plan.",
    "tier": "Segments are today's service tiers.",
    "value": "No segments are recorded, so they are bands of customers by value.",
}
GATES = ("value", "fit", "hours", "system")


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
    share, pooled = _margins(bought, margin_share)
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


def _margins(bought: pd.DataFrame, margin_share: float) -> tuple[np.ndarray, float]:
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


def overview(customer_purchases: pd.DataFrame) -> pd.DataFrame:
    """Return how customers differ: quantiles of purchases, weeks since first and last, and sales."""
    shown = pd.DataFrame(
        {
            "purchases": customer_purchases["frequency"] + 1,
            "since first": customer_purchases["age_weeks"],
            "since last": customer_purchases["age_weeks"] - customer_purchases["recency_weeks"],
            "sales": customer_purchases["spend_amt"],
        }
    )
    return shown.quantile([0.1, 0.25, 0.5, 0.75, 0.9]).round(1).rename_axis("share below")


def best_share(result: CustomerValue, share: float = 0.1) -> float:
    """Return the part (0 to 1) of the margin to come from orders that the best `share` of customers hold."""
    ranked = result.customers["orders_amt"].sort_values(ascending=False)
    return float(ranked.head(round(share * len(ranked))).sum() / ranked.sum())


def assumed(result: CustomerValue) -> str:
    """Return what the numbers rest on, as prose."""
    facts = result.facts
    costed, horizon, history = (float(facts[at]) for at in ("costed_share", "horizon_weeks", "history_weeks"))
    no_cost = (
        f"No unit cost is known, so every sale is taken to leave a margin of {facts['margin_share']:.0%}: "
    )
    no_cost += "an assumption that scales all money below, but not the ranking."
    some_cost = f"Unit costs are known for {costed:.0%} of sales; the rest has their mean margin."
    requests = f"Each request costs {facts['ticket_cost_amt']:g} to serve (an assumption)."
    fees = f"Serving a contract takes {CONTRACT_COST_SHARE:.0%} of its fee (an assumption)."
    far = f"That is longer than the history of {history:.0f} weeks: trust the order of customers more than the sums."
    parts = [
        no_cost if costed == 0 else some_cost if costed < 0.99 else "",
        requests
        if facts["has_tickets"]
        else "These data hold no requests, so no cost of service is taken off.",
        fees if facts["has_contracts"] else "They hold no renewals of contracts: all value is in orders.",
        ORIGINS[str(facts["segments_from"])],
        f"Value is the margin of the next {horizon:.0f} weeks, discounted at {DISCOUNT_SHARE:.0%} a year.",
        far if horizon > history else "",
    ]
    return " ".join(part for part in parts if part)


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


def renewed(result: CustomerValue) -> str:
    """Return what renewals say about contracts, as prose."""
    if result.renewals is None:
        return "Too few contracts have come up for renewal in these data to read from them who stays."
    table = result.renewals
    rate = (table["fitted_share"] / table["fitted_share"].shift(fill_value=1.0)).to_numpy()
    text = f"At their first renewal {rate[0]:.0%} of contracts stay"
    if len(rate) == 1:
        return text + "."
    text += f"; of those that reach renewal {table['renewal'].iloc[-1]:.0f}, {rate[-1]:.0%} do. "
    if rate[-1] - rate[0] < 0.03:
        return text + "Old contracts are hardly safer than new ones."
    return (
        text + "Those likely to leave do so early: an old contract is safer than a new one, and worth more."
    )


def tried(result: CustomerValue) -> str:
    """Return what the trial says, beside the plain comparison of chosen customers, as prose."""
    known = result.segments.dropna(subset="uplift")
    if known.empty:
        return (
            "No trial by lot of a dedicated workflow is in these data, so what it adds is **not known**. What follows "
            "is value: the most that a workflow could ever pay, not what it does pay."
        )
    sure = known["uplift_low"] > 0
    text = f"{known['by_lot'].sum():,.0f} customers got the workflow, or not, by lot."
    text += f" It surely makes {_all(known[sure])} customers buy more often." if sure.any() else ""
    if not sure.all():
        text += (
            f" For {_all(known[~sure])} customers no gain has been shown: the interval reaches down to zero."
        )
    both = known.dropna(subset="chosen_uplift")
    if len(both):
        gap, plain = (both["chosen_uplift"] - both["uplift"]).median(), both["chosen_uplift"].median()
        text += (
            f" Where people chose who gets it, those with it buy {abs(plain):.0%} {'more' if plain > 0 else 'less'} "
            f"than those without, in the middle segment. The lot says {abs(gap) * 100:.0f} points "
            f"{'less' if gap > 0 else 'more'}: that part is the choosing, not the workflow."
        )
    left = result.segments[result.segments["uplift"].isna()]
    return text + (f" Too few {_all(left)} customers were in the trial to say." if len(left) else "")


def _all(rows: pd.DataFrame) -> str:
    *others, last = rows["segment"].astype(str)
    return f"{', '.join(others)} and {last}" if others else last


def shown(result: CustomerValue) -> pd.DataFrame:
    """Return the segments as a table to read, in whole money."""
    names = {
        "customers": "customers",
        "active": "still active",
        "value_amt": "value",
        "low_amt": "at least",
        "high_amt": "at most",
        "carries_amt": "value a year",
    }
    whole = result.segments.set_index("segment")[list(names)].rename(columns=names).round(0).astype("int64")
    return whole.map("{:,}".format)


def plot(result: CustomerValue) -> Axes:
    """Draw the whale curve: last year's net margin, summed from the best customer to the worst."""
    net = np.sort(result.customers["net_year_amt"].to_numpy())[::-1]
    total = net.sum()
    share = np.arange(1, len(net) + 1) / len(net)
    curve = np.cumsum(net) / total
    best = float(curve[max(round(0.1 * len(net)), 1) - 1])
    losing = float((net < 0).mean())
    with figure() as ax:
        ax.fill_between(share, curve, color=BLUE, alpha=0.15, lw=0)
        ax.plot(share, curve, color=BLUE, lw=2)
        ax.axhline(1, color=GREY, lw=1, ls="--")
        ax.plot(0.1, best, "o", color=ORANGE, ms=9)
        ax.annotate("best tenth", (0.1, best), (10, -4), textcoords="offset points", fontsize=11, va="top")
        if losing:
            ax.axvspan(1 - losing, 1, color=RED, alpha=0.12, lw=0)
        ax.set_xlim(0, 1)
        ax.set_ylim(0, max(1.05, curve.max() * 1.08))
    said = f"The best tenth of customers bring {best:.0%} of net margin"
    said += f"; {losing:.0%} cost more than they bring" if losing else ""
    finding(ax, said, x="Customers, best first", y="Net margin of the last year, summed")
    percent(ax, "x")
    percent(ax, "y")
    return ax


def plot_holdout(result: CustomerValue) -> Axes:
    """Draw predicted against actual purchases in the held-out weeks, by earlier repeat purchases."""
    table = result.holdout
    at = np.arange(len(table))
    miss = {
        name: abs((table["customers"] * table[name]).sum() / (table["customers"] * table["actual"]).sum() - 1)
        for name in ("predicted", "carried_on")
    }
    with figure() as ax:
        ax.bar(at, table["actual"], color=GREY, alpha=0.35, width=0.7, label="bought")
        ax.plot(at, table["predicted"], "o", color=BLUE, ms=9, label="predicted")
        ax.plot(at, table["carried_on"], "_", color=ORANGE, ms=22, mew=3, label="past pace carried on")
        ax.set_xticks(at, table["repeats"].astype(str))
        ax.legend(loc="upper left")
    said = f"The model missed by {miss['predicted']:.0%}, carrying the past on by {miss['carried_on']:.0%}"
    finding(ax, said, x="Repeat purchases before the cut", y="Purchases a customer after it")
    return ax


def plot_uplift(result: CustomerValue) -> Axes:
    """Draw how much more often customers buy with the workflow: by lot, with its interval, and as chosen.

    Raises
    ------
    ValueError
        When nothing was tried by lot.
    """
    if not result.tried:
        raise ValueError("no segment has had a trial by lot")
    table = result.segments.dropna(subset="uplift").iloc[::-1].reset_index(drop=True)
    with figure() as ax:
        ax.axvline(0, color=GREY, lw=1)
        ax.hlines(table.index, table["uplift_low"], table["uplift_high"], color=BLUE, lw=5, alpha=0.5)
        ax.plot(table["uplift"], table.index, "o", color=BLUE, ms=9, label="by lot (line: 90 %)")
        ax.plot(table["chosen_uplift"], table.index, "D", color=ORANGE, ms=8, label="chosen by people")
        ax.set_yticks(table.index, table["segment"])
        ax.set_ylim(-0.6, len(table) - 0.4)
        ax.locator_params(axis="x", nbins=5)
        ax.figure.legend(loc="outside lower center", ncols=2)
    best = table.iloc[int(table["uplift"].to_numpy().argmax())]
    said = f"By lot, {best['segment']} customers respond most: {best['uplift']:+.0%}"
    top = table["chosen_uplift"].max()
    said += f"; chosen ones look like up to {top:+.0%}" if pd.notna(top) else ""
    finding(ax, said, x="Purchases with the workflow, against without")
    percent(ax, "x")
    return ax


def plot_segments(result: CustomerValue) -> Axes:
    """Draw the value of a customer and year in each segment and, where tried, the part that a workflow adds."""
    table = result.segments.iloc[::-1].reset_index(drop=True)
    label = "Bar: value; dot: added by the workflow, line: 90 %" if result.tried else "Line: 90 %"
    scale = 1.0 if result.tried else table["carries_amt"] / table["value_amt"]
    ends = ["added_low_amt", "added_high_amt"] if result.tried else ["low_amt", "high_amt"]
    with figure() as ax:
        ax.barh(table.index, table["carries_amt"], color=GREY, alpha=0.4, height=0.4)
        low, high = (table[end] * scale for end in ends)
        ax.hlines(table.index, low, high, color=BLUE, lw=5, alpha=0.5)
        if result.tried:
            ax.plot(table["added_amt"], table.index, "o", color=BLUE, ms=9)
        for at, (name, worth, more) in enumerate(table[["segment", "carries_amt", "added_amt"]].to_numpy()):
            said = f"{name}: {worth:,.0f}" + (f", a workflow adds {more:,.0f}" if pd.notna(more) else "")
            ax.annotate(said, (0, at + 0.24), (4, 0), textcoords="offset points", fontsize=12, va="bottom")
        ax.set_yticks([])
        ax.set_ylim(-0.5, len(table) - 0.3)
        ax.locator_params(axis="x", nbins=5)
    best = result.segments.iloc[0]
    of, who = (best[each] / result.segments[each].sum() for each in ("value_amt", "customers"))
    said = f"{best['segment'].capitalize()}: {who:.0%} of customers, {of:.0%} of the value to come"
    if result.tried:
        most = (
            table.sort_values("added_amt")["segment"].dropna().iloc[int(table["added_amt"].notna().sum()) - 1]
        )
        same = "and gain most from a workflow" if most == best["segment"] else f"{most} ones gain most"
        said = f"{best['segment'].capitalize()} customers are worth most, {same}"
    finding(ax, said, x=f"A customer and year (money). {label}")
    thousands(ax, "x")
    return ax


def cost_steps(result: CustomerValue) -> list[float]:
    """Return round costs a customer and year to try, around what the segments cover."""
    top = max(float(result.segments["added_amt" if result.tried else "carries_amt"].max()), 1.0)
    series = [digit * 10.0**power for power in range(-2, 9) for digit in (1, 2, 5)]
    return [step for step in series if top / 50 <= step <= 2 * top]


def what_if(result: CustomerValue, *, cost_amt: Sequence[float]) -> pd.DataFrame:
    """Return whom a dedicated workflow pays for at each cost a customer and year.

    Columns: cost_amt, segment, customers (where what it adds, or untried their own value, covers it), share.
    """
    pays = dict(list(result.customers.groupby("segment")["pays_amt"]))
    cells = [
        (float(cost), name, pays[name] >= cost) for cost in cost_amt for name in result.segments["segment"]
    ]
    rows = [(cost, name, int(covers.sum()), float(covers.mean())) for cost, name, covers in cells]
    return pd.DataFrame(rows, columns=["cost_amt", "segment", "customers", "share"])


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw the share of each segment that covers each cost."""
    with figure() as ax:
        for color, (segment, rows) in zip(
            PALETTE * 3, scenarios.groupby("segment", sort=False), strict=False
        ):
            ax.plot(rows["cost_amt"], rows["share"], "o-", color=color, lw=2, ms=5, label=segment)
        said = "A dearer workflow is for fewer customers"
        if chosen is not None:
            at = scenarios[scenarios["cost_amt"] == chosen]
            ax.axvline(chosen, color=GREY, lw=2, ls="--")
            ax.plot(at["cost_amt"], at["share"], "D", color=ORANGE, ms=11, zorder=3)
            parts = ", ".join(f"{row.segment} {row.share:.0%}" for row in at.itertuples())
            said = f"At {chosen:,g} a year {at['customers'].sum():,} customers cover it: {parts}"
        ax.figure.legend(loc="outside lower center", ncols=3)
        ax.set_xscale("log")
        ax.set_ylim(-0.02, 1.05)
    finding(ax, said, x="Cost a customer and year (money)", y="Customers who cover it")
    percent(ax)
    thousands(ax, "x")
    return ax


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


def shown_gates(listed: pd.DataFrame) -> pd.DataFrame:
    """Return the short list as a table to read; a gate without data is open."""
    table = listed.set_index("segment")
    shown = table[["drops_out_amt", "sure_amt"]].map(_money)
    shown.columns = ["drops out above", "surely covers"]
    for name in (*GATES, "survives"):
        room = {"hours": "free_h", "system": "room_rps"}.get(name)
        words = {True: "yes" if room is None or table[room].notna().all() else "open", False: "no"}
        shown[name] = table[name].map(words)
    return shown


def _money(amount: float) -> str:
    if pd.isna(amount):
        return "not tried"
    return f"{amount:,.0f}" if amount > 0 else "nothing"


def _above(amount: float) -> str:
    return f"above {amount:,.0f}" if amount > 0 else "at any cost" if amount <= 0 else "not tried"


def gated(listed: pd.DataFrame, costs: pd.DataFrame | None = None, *, trial: str = TRIAL) -> str:
    """Return what the gates rest on, and the cost that the books show, as prose."""
    need, free = listed.loc[listed["value"] & listed["fit"], "need_h"].sum(), listed["free_h"].iloc[0]
    text = "The data hold no account managers, so nothing is said about hours."
    if pd.notna(free):
        text = f"Account managers can give {free:,.0f} hours a month ({FREE_SHARE:.0%} of theirs, an assumption); "
        text += f"segments that pass value and fit want {need:,.0f}."
    booked = pd.DataFrame() if costs is None else costs[costs["programme_tag"] == trial]
    booked = booked if booked.empty else booked[booked["driver"] == "customers"]
    if len(booked):
        year = booked[booked["month_on"] > booked["month_on"].max() - YEAR]
        cost = 12 * year[["variable_amt", "fixed_amt"]].to_numpy().sum() / year["driver_qty"].sum()
        text += f" By the books, the workflow on trial cost {cost:,.0f} a customer and year; "
        text += f"the gates take {listed['cost_amt'].iloc[0]:,g}."
    return text


def decide(result: CustomerValue, listed: pd.DataFrame | None = None, *, cost_amt: float = 50.0) -> Decision:
    """Recommend the segments of the short list at `cost_amt` a customer and year; without `listed`, by value alone."""
    table = shortlist(result, cost_amt=cost_amt) if listed is None else listed
    chosen, barred = table[table["survives"]], table[table["value"] & ~table["survives"]]
    maybe = table[(table["drops_out_amt"] >= cost_amt) & ~table["value"]]
    names = [str(name) for name in chosen["segment"]]
    drops = "; ".join(f"{name} {_above(at)}" for name, at in table[["segment", "drops_out_amt"]].to_numpy())
    why = [", ".join(gate for gate in GATES if not getattr(row, gate)) for row in barred.itertuples()]
    evidence = f"At {result.facts['as_of']}, segments drop out at a cost a customer and year of: {drops}. "
    evidence += f"They would pay, but fail a gate: {_all(barred)} ({'; '.join(why)}). " if len(barred) else ""
    evidence += f"Hold-out: bought {result.facts['holdout_hit']:.0%} of what was predicted."
    price = f"a dedicated workflow at {cost_amt:,g} a customer and year"
    if names:
        short = f"Short list for {price}: {', then '.join(names)}. "
        advice = (
            f"Every segment covers {price}: begin with {names[0]}. " if len(chosen) == len(table) else short
        )
        advice += (
            "Leave a tenth without it, by lot, to see that it goes on paying."
            if result.tried
            else "Try it on a random half first, since value does not show what intimacy adds."
        )
        other = (
            "those left without it buying as much"
            if result.tried
            else "a trial in which it brings no more net margin"
        )
        flips = (
            f"a workflow that costs more than {chosen['sure_amt'].min():,.0f} a customer and year, or {other}"
        )
    elif len(barred):
        advice = (
            f"Build no dedicated workflow yet: {_all(barred)} would pay, and no segment passes every gate."
        )
        flips = "hours, a system or a strategy that lets one of them in"
    else:
        advice = (
            f"Build no dedicated workflow at {cost_amt:,g} a customer and year: no segment surely covers it."
        )
        flips = f"a workflow that costs less than {max(table['sure_amt'].max(), 0):,.0f} a customer and year"
    if len(maybe) and result.tried:
        advice += f" Go on with the trial for {_all(maybe)}: there it would pay on the best estimate, but not surely."
    watched = result.segments[result.segments["segment"].isin(names)] if names else result.segments
    lift = (1 - watched["has_it"]) * float(result.tried and bool(names))
    low = watched["next_low"] * (1 + lift * watched["uplift_low"].fillna(0.0))
    high = watched["next_high"] * (1 + lift * watched["uplift_high"].fillna(0.0))
    who = "all customers" if len(names) in (0, len(table)) else " and ".join(names)
    return Decision(
        recommendation=advice, evidence=evidence, metric=f"purchases in the next 13 weeks, {who}",
        unit="purchase days", low=float(low.sum()), high=float(high.sum()),
        flips_if=flips, owner="head of customer operations",
    )  # fmt: skip


def check(answer: float, truth: SimpleNamespace | None, result: CustomerValue) -> Feedback:
    """Check "which part (%) of the margin to come from orders does the best tenth of customers hold?".

    Parameters
    ----------
    answer : float
        Per cent.
    truth : namespace or None
        `truth_purchases` of the world; None on a client's data, where the answer must agree with the result.
    result : CustomerValue
        What the participant computed.
    """
    if truth is None:
        expected, basis = best_share(result), OWN_DATA
    else:
        expected, basis = true_best_share(truth.truth_purchases, result), PLANTED
    return grade(float(answer), 100 * expected, tolerance=0.12, hints=HINTS, basis=basis)


def true_sales(truth_purchases: pd.DataFrame, result: CustomerValue) -> np.ndarray:
    """Return discounted sales to the horizon of each customer of `result`, from the latent rates.

    A customer who has dropped out brings nothing; the others may drop out on the way.
    """
    latent = result.customers[["customer_id"]].merge(truth_purchases, on="customer_id", how="left")
    ends = latent["dropout_week"].to_numpy() + np.log1p(DISCOUNT_SHARE) / 52
    weeks = (1 - np.exp(-ends * float(result.facts["horizon_weeks"]))) / ends
    return np.where(latent["active"], latent["rate_week"] * latent["spend_amt"] * weeks, 0.0)


def true_best_share(truth_purchases: pd.DataFrame, result: CustomerValue) -> float:
    """Return the true share of the tenth of customers that the result ranks best."""
    worth = true_sales(truth_purchases, result)
    order = np.argsort(-result.customers["orders_amt"].to_numpy())
    return float(worth[order[: round(0.1 * len(order))]].sum() / worth.sum())


def recover(data: SimpleNamespace, truth: SimpleNamespace) -> pd.DataFrame:
    """Return uplift and value of segments, and the ranking of two of them, beside what was planted.

    Uplift: share more purchases; naive: whom people chose, against whom they did not. Value: margin of orders; naive:
    last year's, carried on. Ranking: margin added a customer and year where most was planted, less that in the most
    valuable segment; naive: the difference of their value.
    """
    bought = data.customer_purchases
    result = value(
        bought, customers=data.customers, accounts=data.accounts, trial_purchases=data.trial_purchases
    )
    table, segment = result.segments.set_index("segment"), result.customers["segment"]
    years = ahead.discounted_years(float(result.facts["horizon_weeks"]), DISCOUNT_SHARE)
    planted = truth.truth_effects.set_index("stratum")["size"]
    size, worth = segment.map(planted), true_margin(truth.truth_purchases, bought, result)
    gain = np.expm1(size) * worth / np.where(result.customers["has_it"], np.exp(size), 1.0) / years
    naive = bought["spend_year_amt"] * _margins(bought, 0.35)[0] * years
    sums = pd.DataFrame({"naive": naive, "truth": worth}).groupby(segment).sum()
    shares, money = (
        ["uplift", "uplift_low", "uplift_high", "chosen_uplift"],
        ["value_amt", "low_amt", "high_amt"],
    )
    rows = [(f"uplift, {at}", *table.loc[at, shares], np.expm1(log)) for at, log in planted.items()]
    rows += [(f"value, {at}", *table.loc[at, money], *sums.loc[at]) for at in planted.index[:3]]
    best, most = planted.index[:2]
    more, naive_more = (
        table.loc[most, ["added_amt", "carries_amt"]] - table.loc[best, ["added_amt", "carries_amt"]]
    )
    half = float(np.hypot(*(table["added_high_amt"] - table["added_low_amt"])[[most, best]])) / 2
    true_more = gain[segment == most].mean() - gain[segment == best].mean()
    rows.append((f"added a year, {most} less {best}", more, more - half, more + half, naive_more, true_more))
    return pd.DataFrame(rows, columns=["what", "estimate", "low", "high", "naive", "truth"])


def true_margin(latent: pd.DataFrame, bought: pd.DataFrame, result: CustomerValue) -> pd.Series:
    """Return the true margin to come from each customer's orders, at the prices that their segment has really paid."""
    spend = bought["customer_id"].map(latent.set_index("customer_id")["spend_amt"])
    sums = pd.DataFrame({"paid": bought["spend_amt"], "latent": spend * (bought["frequency"] + 1)})
    sums = sums.groupby(result.customers["segment"].to_numpy()).transform("sum")
    return true_sales(latent, result) * sums["paid"] / sums["latent"] * _margins(bought, 0.35)[0]
