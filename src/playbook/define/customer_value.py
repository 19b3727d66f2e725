"""Which customers are worth knowing intimately? Net margin today and the margin still to come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Decision, Feedback, grade
from playbook.methods import clv
from playbook.pictures import BLUE, GREY, ORANGE, PALETTE, RED, figure, finding, percent, thousands

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HINTS = (
    "You want margin that is still to come, so start from what each customer will order, not from the past.",
    "Sort result.customers by orders_amt, largest first, and take one customer in ten from the top.",
    "Divide the sum of orders_amt over that tenth by its sum over all customers, and say it in per cent.",
)
QUARTER_WEEKS = 13
YEAR_WEEKS = 52
ALL = "all customers"
BINS = (-0.5, 0.5, 1.5, 3.5, 6.5, 12.5, np.inf)
BIN_NAMES = ("0", "1", "2-3", "4-6", "7-12", "13+")
BANDS = (("best tenth", 0.1), ("next three tenths", 0.4), ("other six tenths", 1.0))


@dataclass(frozen=True)
class CustomerValue:
    """Value of all customers, and what it rests on.

    Parameters
    ----------
    customers : DataFrame
        customer_id, segment, frequency, recency_weeks, age_weeks, active_share (chance to be active),
        net_year_amt (margin of the last year less service), value_amt (discounted, to the horizon),
        orders_amt, contract_amt and service_amt (its parts).
    segments : DataFrame
        By value: segment, customers, active, net_year_amt, value_amt, low_amt, high_amt (90 %), carries_amt
        and carries_low_amt (cost a customer and year that the value covers, and its lower bound),
        next_purchases, next_low, next_high (purchases of the next 13 weeks, 90 %).
    holdout : DataFrame
        By earlier repeat purchases: repeats, customers, predicted, actual, carried_on (purchases a customer
        in the held-out weeks; `carried_on` is the past pace continued).
    renewals : DataFrame or None
        renewal, up_for_it, stayed_share, fitted_share (share staying through so many renewals).
    models : dict
        `clv.Projection` by tier (or `ALL`), fitted to the whole history.
    facts : dict
        What was known, assumed and held out.
    """

    customers: pd.DataFrame
    segments: pd.DataFrame
    holdout: pd.DataFrame
    renewals: pd.DataFrame | None
    models: dict[str, clv.Projection]
    facts: dict[str, float | int | bool | str]


def value(
    customer_purchases: pd.DataFrame,
    *,
    customers: pd.DataFrame | None = None,
    tickets: pd.DataFrame | None = None,
    contracts: pd.DataFrame | None = None,
    margin_share: float = 0.35,
    ticket_cost_amt: float = 25.0,
    contract_cost_share: float = 0.6,
    horizon_weeks: int = 104,
    discount_share: float = 0.10,
    draws: int = 60,
    seed: int = 1,
) -> CustomerValue:
    """Estimate the margin each customer still brings, net of service, and sum it by segment.

    Parameters
    ----------
    customer_purchases : DataFrame
        The view of that name: one row a customer.
    customers, tickets, contracts : DataFrame, optional
        Tiers and accounts; requests, which cost; fees, which renew. Left out of the sums when None.
    margin_share : float
        Margin on sales whose cost is unknown.
    ticket_cost_amt : float
        Cost of one request.
    contract_cost_share : float
        Share of a contract's fee that serving it takes.
    horizon_weeks : int
        Weeks ahead that count.
    discount_share : float
        Discount a year.
    draws, seed : int
        Bootstrap samples of customers and contracts behind the intervals.

    Raises
    ------
    ValueError
        When the history is too short to hold any week out, or nobody bought twice.
    """
    bought = customer_purchases.reset_index(drop=True)
    held_weeks, as_of = _period(bought)
    seen = _seen(bought, "", _tiers(bought, customers))
    share, pooled = _margins(bought, margin_share)
    weeks, years = _weeks(horizon_weeks), _discounted_years(horizon_weeks, discount_share)

    models = _fit(seen)
    worth = partial(_orders, seen=seen, share=share, weeks=weeks, discount_share=discount_share)
    orders, ahead, active = worth(models)
    service_year = _tickets_year(bought, tickets, as_of) * ticket_cost_amt
    contract = _contracts(
        bought, customers, contracts, as_of, horizon_weeks, discount_share, contract_cost_share
    )
    net_year = bought["spend_year_amt"].to_numpy() * share - service_year + contract.year_amt
    fees, serving = contract.expected_amt(contract.model), service_year * years
    table = _customers(bought, seen, active, net_year, orders, fees, serving * active)

    holdout = _holdout(bought, seen.tier)
    codes, names = pd.factorize(table["segment"])
    hit, hits = _hits(holdout, seen.tier, names)
    rng = np.random.default_rng(seed)
    sums, soon = _bootstrap(seen, models, contract, codes, worth, serving, draws, rng)
    segments = _summary(table, codes, names, sums, soon, ahead, years, hits)
    facts = {
        **_data_facts(bought, as_of, pooled, seen.tier, tickets, contract),
        "ticket_cost_amt": ticket_cost_amt,
        "contract_cost_share": contract_cost_share,
        "horizon_weeks": horizon_weeks,
        "discount_share": discount_share,
        **_test_facts(seen, held_weeks, hit),
    }
    return CustomerValue(table, segments, _by_repeats(holdout), contract.curve(), models, facts)


def _period(bought: pd.DataFrame) -> tuple[int, pd.Timestamp]:
    """Return the weeks held out and the day on which the history ends."""
    held_weeks = int(bought["holdout_weeks"].iloc[0]) if len(bought) else 0
    if held_weeks < 1:
        raise ValueError("customer value needs at least three weeks of purchases")
    ends = bought["first_on"] + pd.to_timedelta(bought["age_weeks"] * 7, unit="D")
    return held_weeks, ends.max().round("D")


@dataclass(frozen=True)
class _Seen:
    """What is known of each customer, (n,) each; `tier` is None where none is recorded."""

    frequency: np.ndarray
    recency: np.ndarray
    age: np.ndarray
    spend: np.ndarray
    tier: np.ndarray | None


def _seen(bought: pd.DataFrame, prefix: str, tier: np.ndarray | None) -> _Seen:
    frequency, recency, age, spend = (
        bought[f"{prefix}{name}"].to_numpy(float)
        for name in ("frequency", "recency_weeks", "age_weeks", "spend_amt")
    )
    return _Seen(frequency, recency, age, spend, tier)


def _tiers(bought: pd.DataFrame, customers: pd.DataFrame | None) -> np.ndarray | None:
    """Return each customer's service tier, or None where they do not tell customers apart."""
    if customers is None or customers["tier"].nunique() < 2:
        return None
    tier = bought["customer_id"].map(customers.set_index("customer_id")["tier"])
    return tier.astype(object).where(tier.notna(), "no tier").to_numpy()


def _margins(bought: pd.DataFrame, margin_share: float) -> tuple[np.ndarray, float]:
    """Return each customer's margin on sales, and the mean one (or `margin_share`) where no cost is known."""
    known = bought["costed_amt"] > 0
    pooled = 1 - bought["cost_amt"].sum() / bought["costed_amt"].sum() if known.any() else margin_share
    share = np.where(known, 1 - bought["cost_amt"] / bought["costed_amt"].where(known, 1.0), pooled)
    return share, float(pooled)


def _weeks(horizon_weeks: int) -> np.ndarray:
    """Return the ends of the periods to discount: the next quarter, then half years."""
    later = np.arange(QUARTER_WEEKS, horizon_weeks, 26)
    return np.unique(np.concatenate([[0], later, [horizon_weeks]])).astype(float)


def _discounted_years(horizon_weeks: float, discount_share: float) -> float:
    rate = np.log1p(discount_share)
    years = horizon_weeks / YEAR_WEEKS
    return float(years if rate == 0 else (1 - np.exp(-rate * years)) / rate)


def _fit(
    seen: _Seen, *, weights: np.ndarray | None = None, start: dict[str, clv.Projection] | None = None
) -> dict[str, clv.Projection]:
    """Fit purchases and spend of each tier by itself, and of `ALL` for tiers too small to be fitted.

    Tiers are given by people who know more than the purchases say; one fit for all would draw them together.
    A refit (with `start`) keeps the trend of spend with frequency.
    """
    repeats = pd.Series(seen.frequency > 0)
    groups = {ALL: np.ones(len(repeats), dtype=bool)}
    if seen.tier is not None:
        counts = repeats.groupby(seen.tier).agg(["size", "sum"])
        large = counts[(counts["size"] >= 100) & (counts["sum"] >= 30)].index
        groups |= {str(name): seen.tier == name for name in large}
        if len(large) == len(counts):
            del groups[ALL]
    return {
        name: clv.project(
            seen.frequency[rows],
            seen.recency[rows],
            seen.age[rows],
            seen.spend[rows],
            weights=None if weights is None else weights[rows],
            start=None if start is None else start[name],
        )
        for name, rows in groups.items()
    }


def _orders(
    models: dict[str, clv.Projection],
    seen: _Seen,
    share: np.ndarray,
    weeks: np.ndarray,
    discount_share: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, by customer: discounted margin, purchases in the first period, chance to be active."""
    middle = (weeks[1:] + weeks[:-1]) / 2 / YEAR_WEEKS
    amount, ahead, active = (np.empty(len(share)) for _ in range(3))
    for name, rows in _rows(models, seen.tier, len(share)):
        model = models[name]
        x, t_x, age = seen.frequency[rows], seen.recency[rows], seen.age[rows]
        until = clv.bgnbd_expected(model.purchases, x[:, None], t_x[:, None], age[:, None], ahead=weeks)
        each = np.diff(until, axis=1)
        spend = model.spend_per_purchase(x + 1, seen.spend[rows] / (x + 1))
        amount[rows] = (each @ (1 + discount_share) ** -middle) * spend * share[rows]
        ahead[rows] = each[:, 0]
        active[rows] = clv.bgnbd_alive(model.purchases, x, t_x, age)
    return amount, ahead, active


def _rows(models: dict[str, clv.Projection], tier: np.ndarray | None, n: int) -> list[tuple[str, np.ndarray]]:
    """Return which customers each model speaks for."""
    if tier is None:
        return [(ALL, np.ones(n, dtype=bool))]
    rows = [(name, tier == name) for name in models if name != ALL]
    if ALL in models:
        rows.append((ALL, ~np.isin(tier, [name for name, _ in rows])))
    return rows


def _tickets_year(bought: pd.DataFrame, tickets: pd.DataFrame | None, as_of: pd.Timestamp) -> np.ndarray:
    """Return how many requests each customer made in the last year."""
    if tickets is None:
        return np.zeros(len(bought))
    recent = tickets[
        (tickets["opened_at"] > as_of - pd.Timedelta(weeks=YEAR_WEEKS)) & (tickets["opened_at"] <= as_of)
    ]
    return bought["customer_id"].map(recent["customer_id"].value_counts()).fillna(0.0).to_numpy(dtype=float)


@dataclass(frozen=True)
class _Contracts:
    """Contracts that run, spread over the customers of their account, and all renewals so far."""

    left: np.ndarray  # (k,) contracts that ended at their first, second ... renewal
    still: np.ndarray  # (k + 1,) contracts that run, by renewals so far
    model: clv.SBG | None
    renewed: np.ndarray  # (m,) renewals so far of each running contract
    due_years: np.ndarray  # (m,) years until the next renewal
    net_amt: np.ndarray  # (m,) fee a year, less what serving it costs
    customer: np.ndarray  # (j,) row of each customer of a running contract
    contract: np.ndarray  # (j,) its contract
    part: np.ndarray  # (j,) its part of the contract
    year_amt: np.ndarray  # (n,) net fees a year of each customer now
    horizon_years: float
    discount_share: float

    def expected_amt(self, model: clv.SBG | None) -> np.ndarray:
        """Return each customer's discounted net fees from renewals up to the horizon, (n,)."""
        total = np.zeros(len(self.year_amt))
        if model is None:
            return total
        each = np.zeros(len(self.renewed))
        for k in range(1, int(np.ceil(self.horizon_years)) + 1):
            when = self.due_years + k - 1
            paid = np.clip(self.horizon_years - when, 0.0, 1.0)  # the part of that term before the horizon
            stays = clv.sbg_survival(model, self.renewed + k) / clv.sbg_survival(model, self.renewed)
            each += stays * paid * self.net_amt * (1 + self.discount_share) ** -(when + paid / 2)
        np.add.at(total, self.customer, each[self.contract] * self.part)
        return total

    def resampled(self, rng: np.random.Generator) -> clv.SBG | None:
        """Return the model of a bootstrap sample of contracts."""
        if self.model is None:
            return None
        counts = np.concatenate([self.left, self.still])
        again = rng.multinomial(int(counts.sum()), counts / counts.sum())
        return clv.sbg_fit(again[: len(self.left)], again[len(self.left) :])

    def curve(self) -> pd.DataFrame | None:
        """Return the observed and fitted shares that stay, for renewals that at least 10 came up for."""
        if self.model is None:
            return None
        k = np.arange(1, len(self.left) + 1)
        up_for_it = np.array([self.left[i:].sum() + self.still[i + 1 :].sum() for i in range(len(k))])
        stayed = np.cumprod(1 - self.left / np.maximum(up_for_it, 1))
        table = pd.DataFrame(
            {
                "renewal": k,
                "up_for_it": up_for_it,
                "stayed_share": stayed,
                "fitted_share": clv.sbg_survival(self.model, k),
            }
        )
        table = table[table["up_for_it"] >= 10]
        return table if len(table) else None


def _contracts(
    bought: pd.DataFrame,
    customers: pd.DataFrame | None,
    contracts: pd.DataFrame | None,
    as_of: pd.Timestamp,
    horizon_weeks: int,
    discount_share: float,
    contract_cost_share: float,
) -> _Contracts:
    """Read renewals and running fees; without contracts, or before any renewal, nothing of them counts."""
    horizon_years = horizon_weeks / YEAR_WEEKS
    empty = _no_contracts(len(bought), horizon_years, discount_share)
    if contracts is None:
        return empty
    last = _last_terms(contracts, as_of)
    runs = (last["ends_on"] > as_of).to_numpy()
    renewals = last["version_no"].to_numpy() - 1
    left, still = _renewal_counts(renewals, runs)
    if left.sum() + still[1:].sum() == 0:
        return empty
    running = last[runs].reset_index(drop=True)
    row, contract, part = _links(bought, customers, running)
    net = running["annual_fee_amt"].to_numpy() * (1 - contract_cost_share)
    year = np.zeros(len(bought))
    np.add.at(year, row, net[contract] * part)
    return _Contracts(
        left=left,
        still=still,
        model=clv.sbg_fit(left, still),
        renewed=renewals[runs].astype(float),
        due_years=((running["ends_on"] - as_of).dt.days / 365).to_numpy(),
        net_amt=net,
        customer=row,
        contract=contract,
        part=part,
        year_amt=year,
        horizon_years=horizon_years,
        discount_share=discount_share,
    )


def _no_contracts(n: int, horizon_years: float, discount_share: float) -> _Contracts:
    """Return contracts that bring `n` customers nothing."""
    none = np.empty(0)
    return _Contracts(
        none, none, None, none, none, none, none, none, none, np.zeros(n), horizon_years, discount_share
    )


def _last_terms(contracts: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return the last term of each contract that has begun."""
    begun = contracts[contracts["starts_on"] <= as_of].sort_values("version_no")
    return begun.groupby("contract_id").tail(1).reset_index(drop=True)


def _renewal_counts(renewals: np.ndarray, runs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count the contracts that ended at each renewal, and those that run by renewals so far."""
    size = int(renewals.max(initial=0)) + 1
    return np.bincount(renewals[~runs], minlength=size), np.bincount(renewals[runs], minlength=size + 1)


def _links(
    bought: pd.DataFrame, customers: pd.DataFrame | None, running: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spread contracts evenly over the customers they are for: return row of the customer, contract and part.

    A contract is with one customer or with an account; a customer without an account is their own.
    """
    account = bought["customer_id"].to_numpy()
    if customers is not None:
        belongs = customers.set_index("customer_id")["account_id"]
        account = bought["customer_id"].map(belongs).fillna(bought["customer_id"]).to_numpy()
    rows = range(len(bought))
    parties = pd.concat(
        [
            pd.DataFrame({"row": rows, "party": account, "own": False}),
            pd.DataFrame({"row": rows, "party": bought["customer_id"], "own": True}),
        ]
    )
    party, own = running["party_id"].to_numpy(), running["party_type"].to_numpy() == "customer"
    signed = pd.DataFrame({"party": party, "own": own, "contract": range(len(running))})
    links = parties.merge(signed, on=["party", "own"])
    part = 1 / links.groupby("contract")["row"].transform("size").to_numpy()
    return links["row"].to_numpy(), links["contract"].to_numpy(), part


def _customers(
    bought: pd.DataFrame,
    seen: _Seen,
    active: np.ndarray,
    net_year: np.ndarray,
    orders: np.ndarray,
    fees: np.ndarray,
    service: np.ndarray,
) -> pd.DataFrame:
    """Add up each customer's value; without tiers, bands of it are the segments."""
    total = orders + fees - service
    return pd.DataFrame(
        {
            "customer_id": bought["customer_id"],
            "segment": _bands(total) if seen.tier is None else seen.tier,
            "frequency": bought["frequency"],
            "recency_weeks": seen.recency,
            "age_weeks": seen.age,
            "active_share": active,
            "net_year_amt": net_year,
            "value_amt": total,
            "orders_amt": orders,
            "contract_amt": fees,
            "service_amt": -service,
        }
    )


def _bands(total: np.ndarray) -> np.ndarray:
    """Return each customer's band of value."""
    rank = pd.Series(-total).rank(method="first").to_numpy() / len(total)
    edges = np.array([upper for _, upper in BANDS])
    return np.array([name for name, _ in BANDS], dtype=object)[np.searchsorted(edges, rank - 1e-12)]


def _holdout(bought: pd.DataFrame, tier: np.ndarray | None) -> pd.DataFrame:
    """Fit on what was bought up to the cut, predict the weeks after it; one row a customer known by then."""
    before = (bought["cal_age_weeks"] >= 0).to_numpy()
    known = bought[before]
    seen = _seen(known, "cal_", None if tier is None else tier[before])
    weeks = float(known["holdout_weeks"].iloc[0])
    models = _fit(seen)
    _, predicted, _ = _orders(models, seen, np.ones(len(known)), np.array([0.0, weeks]), 0.0)
    return pd.DataFrame(
        {
            "segment": "all" if seen.tier is None else seen.tier,
            "repeats": seen.frequency,
            "predicted": predicted,
            "actual": known["held_purchases"],
            "carried_on": (seen.frequency + 1) / np.maximum(seen.age, 1.0) * weeks,
        }
    )


def _hits(holdout: pd.DataFrame, tier: np.ndarray | None, names: pd.Index) -> tuple[float, np.ndarray]:
    """Return actual over predicted purchases held out, of all customers and of each segment.

    Bands of value are not known at the cut: each has the ratio of all customers.
    """
    hit = float(holdout["actual"].sum() / holdout["predicted"].sum())
    if tier is None:
        return hit, np.full(len(names), hit)
    sums = holdout.groupby("segment")[["actual", "predicted"]].sum()
    return hit, (sums["actual"] / sums["predicted"])[names].to_numpy()


def _bootstrap(
    seen: _Seen,
    models: dict[str, clv.Projection],
    contract: _Contracts,
    codes: np.ndarray,
    worth: Callable[[dict[str, clv.Projection]], tuple[np.ndarray, np.ndarray, np.ndarray]],
    service_amt: np.ndarray,
    draws: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return each segment's value, and orders ahead, in samples of customers and contracts: (draws, segments) each.

    `worth` gives, for refitted models, each customer's orders in money, orders ahead and chance to be active;
    `service_amt` is what serving each takes while active.
    """
    n, segments = len(codes), int(codes.max()) + 1
    sums, soon = np.zeros((draws, segments)), np.zeros((draws, segments))
    for draw in range(draws):
        weights = rng.multinomial(n, np.full(n, 1 / n)).astype(float)
        sampled, coming, stays = worth(_fit(seen, weights=weights, start=models))
        each = sampled + contract.expected_amt(contract.resampled(rng)) - service_amt * stays
        sums[draw] = np.bincount(codes, weights=weights * each, minlength=segments)
        happens = rng.binomial(1, stays) * rng.poisson(coming / stays)
        soon[draw] = np.bincount(codes, weights=happens, minlength=segments)
    return sums, soon


def _summary(
    table: pd.DataFrame,
    codes: np.ndarray,
    names: pd.Index,
    sums: np.ndarray,
    soon: np.ndarray,
    ahead: np.ndarray,
    years: float,
    hit: np.ndarray,
) -> pd.DataFrame:
    """Sum the customers by segment, with 90 % intervals over the draws.

    A bootstrap knows nothing of a wrong model: each interval is widened by what the hold-out missed (`hit`,
    actual over predicted purchases), on the side on which it missed.
    """
    low, high = np.quantile(sums, [0.05, 0.95], axis=0)
    next_low, next_high = np.quantile(soon, [0.05, 0.95], axis=0)
    count = np.bincount(codes)
    total = np.bincount(codes, weights=table["value_amt"])
    frame = pd.DataFrame(
        {
            "segment": names,
            "customers": count,
            "active": np.bincount(codes, weights=table["active_share"]),
            "net_year_amt": np.bincount(codes, weights=table["net_year_amt"]),
            "value_amt": total,
            "low_amt": low * np.minimum(1.0, hit),
            "high_amt": high * np.maximum(1.0, hit),
            "carries_amt": total / count / years,
            "carries_low_amt": low * np.minimum(1.0, hit) / count / years,
            "next_purchases": np.bincount(codes, weights=ahead),
            "next_low": next_low * np.minimum(1.0, hit),
            "next_high": next_high * np.maximum(1.0, hit),
        }
    )
    return frame.sort_values("carries_amt", ascending=False, ignore_index=True)


def _data_facts(
    bought: pd.DataFrame,
    as_of: pd.Timestamp,
    pooled: float,
    tier: np.ndarray | None,
    tickets: pd.DataFrame | None,
    contract: _Contracts,
) -> dict[str, float | int | bool | str]:
    """Return the facts about what the data hold."""
    return {
        "as_of": f"{as_of:%Y-%m-%d}",
        "costed_share": float(bought["costed_amt"].sum() / bought["spend_amt"].sum()),
        "margin_share": pooled,
        "segments_from": "value" if tier is None else "tier",
        "has_tickets": tickets is not None,
        "has_contracts": contract.model is not None,
    }


def _test_facts(seen: _Seen, held_weeks: int, hit: float) -> dict[str, float | int | bool | str]:
    """Return the facts about the hold-out and the test of independence."""
    slope, p_value = clv.spend_trend(seen.frequency + 1, seen.spend / (seen.frequency + 1))
    return {
        "history_weeks": float(seen.age.max()),
        "holdout_weeks": held_weeks,
        "holdout_hit": hit,
        "spend_slope": slope,
        "spend_p": p_value,
    }


def _by_repeats(holdout: pd.DataFrame) -> pd.DataFrame:
    """Average the held-out purchases over customers with about the same repeat purchases before."""
    band = pd.cut(holdout["repeats"], BINS, labels=BIN_NAMES)
    bins = holdout.assign(band=band).groupby("band", observed=True)
    means = bins[["predicted", "actual", "carried_on"]].mean().assign(customers=bins.size())
    return means.rename_axis("repeats").reset_index()


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
    facts, parts = result.facts, []
    if facts["costed_share"] == 0:
        parts.append(
            "No unit cost is known, so every sale is taken to leave a margin of "
            f"{facts['margin_share']:.0%}: an assumption that scales all money below, but not the ranking."
        )
    elif float(facts["costed_share"]) < 0.99:
        parts.append(
            f"Unit costs are known for {facts['costed_share']:.0%} of sales; the rest has their mean margin."
        )
    if facts["has_tickets"]:
        parts.append(f"Each request costs {facts['ticket_cost_amt']:g} to serve (an assumption).")
    else:
        parts.append("There are no requests in these data, so no cost of service is taken off.")
    if facts["has_contracts"]:
        parts.append(
            f"Serving a contract takes {facts['contract_cost_share']:.0%} of its fee (an assumption)."
        )
    else:
        parts.append("There are no renewals of contracts in these data: all value is in orders.")
    if facts["segments_from"] == "tier":
        parts.append("Segments are today's service tiers.")
    else:
        parts.append("No service tiers are recorded, so segments are bands of customers by value.")
    parts.append(
        f"Value is the margin of the next {facts['horizon_weeks']} weeks, discounted at "
        f"{facts['discount_share']:.0%} a year."
    )
    if float(facts["horizon_weeks"]) > float(facts["history_weeks"]):
        parts.append(
            f"That is longer than the history of {facts['history_weeks']:.0f} weeks: trust the order of "
            "customers more than the sums."
        )
    return " ".join(parts)


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
    if abs(gap) > 0.1 and float(facts["history_weeks"]) < 2 * YEAR_WEEKS:
        text += " So short a history cannot tell a season from growth; the intervals below carry that miss."
    if result.customers["active_share"].mean() > 0.97:
        text += " It shows hardly anyone leave, so value far ahead is on the high side."
    return text


def renewed(result: CustomerValue) -> str:
    """Return what renewals say about contracts, as prose."""
    if result.renewals is None:
        return "Too few contracts have come up for renewal in these data to read a curve from them."
    table = result.renewals
    rate = (table["fitted_share"] / table["fitted_share"].shift(fill_value=1.0)).to_numpy()
    text = f"At their first renewal {rate[0]:.0%} of contracts stay"
    if len(rate) == 1:
        return text + "."
    text += f"; of those that reach renewal {table['renewal'].iloc[-1]}, {rate[-1]:.0%} do. "
    if rate[-1] - rate[0] < 0.03:
        return text + "Old contracts are hardly safer than new ones."
    return (
        text + "Those likely to leave do so early: an old contract is safer than a new one, and worth more."
    )


def shown(result: CustomerValue) -> pd.DataFrame:
    """Return the segments as a table to read, in whole money."""
    names = {
        "customers": "customers",
        "active": "still active",
        "value_amt": "value",
        "low_amt": "at least",
        "high_amt": "at most",
        "carries_amt": "covers a year",
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


def plot_segments(result: CustomerValue) -> Axes:
    """Draw the cost a customer and year that each segment's value covers, with its interval."""
    table = result.segments.iloc[::-1].reset_index(drop=True)
    scale = table["carries_amt"] / table["value_amt"]
    with figure() as ax:
        ax.barh(table.index, table["carries_amt"], color=BLUE, alpha=0.8, height=0.4)
        ax.hlines(table.index, table["low_amt"] * scale, table["high_amt"] * scale, color=ORANGE, lw=4)
        for at, row in enumerate(table.itertuples()):
            said = f"{row.segment}: {row.carries_amt:,.0f} ({row.customers:,} customers)"
            ax.annotate(said, (0, at + 0.24), (4, 0), textcoords="offset points", fontsize=12, va="bottom")
        ax.set_yticks([])
        ax.set_ylim(-0.5, len(table) - 0.3)
        ax.locator_params(axis="x", nbins=5)
    best = result.segments.iloc[0]
    of = best["value_amt"] / result.segments["value_amt"].sum()
    who = best["customers"] / result.segments["customers"].sum()
    said = f"{best['segment'].capitalize()}: {who:.0%} of customers, {of:.0%} of the value to come"
    finding(ax, said, x="Value a customer and year (money; line: 90 %)")
    thousands(ax, "x")
    return ax


def plot_renewals(result: CustomerValue) -> Axes:
    """Draw the share of contracts that stay through each renewal, observed and fitted.

    Raises
    ------
    ValueError
        When no contract has come up for renewal.
    """
    table = result.renewals
    if table is None:
        raise ValueError("no contract has come up for renewal")
    with figure() as ax:
        ax.plot(
            [0, *table["renewal"]], [1, *table["stayed_share"]], "o", color=ORANGE, ms=9, label="observed"
        )
        ax.plot([0, *table["renewal"]], [1, *table["fitted_share"]], color=BLUE, lw=2, label="fitted")
        ax.set_ylim(0, 1.05)
        ax.set_xticks([0, *table["renewal"]])
        ax.legend(loc="lower left")
    first, last = table.iloc[0], table.iloc[-1]
    said = f"{1 - first['stayed_share']:.0%} of contracts leave at the first renewal"
    said += (
        f"; {last['stayed_share']:.0%} last through number {last['renewal']:.0f}" if len(table) > 1 else ""
    )
    finding(ax, said, x="Renewals", y="Contracts that stay")
    percent(ax)
    return ax


def cost_steps(result: CustomerValue) -> list[float]:
    """Return round costs a customer and year to try, around what the segments cover."""
    top = max(float(result.segments["carries_amt"].max()), 1.0)
    series = [digit * 10.0**power for power in range(-2, 9) for digit in (1, 2, 5)]
    return [step for step in series if top / 100 <= step <= 2 * top]


def what_if(result: CustomerValue, *, cost_amt: Sequence[float]) -> pd.DataFrame:
    """Return who could carry a dedicated workflow at each cost a customer and year.

    Columns: cost_amt, segment, customers (whose own value covers it), share (of the segment's).
    """
    years = _discounted_years(float(result.facts["horizon_weeks"]), float(result.facts["discount_share"]))
    a_year = result.customers["value_amt"] / years
    rows = []
    for cost in cost_amt:
        covers = (a_year >= cost).groupby(result.customers["segment"])
        for segment in result.segments["segment"]:
            group = covers.get_group(segment)
            rows.append((float(cost), segment, int(group.sum()), float(group.mean())))
    return pd.DataFrame(rows, columns=["cost_amt", "segment", "customers", "share"])


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw the share of each segment that could carry each cost."""
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
        ax.legend(loc="lower left")
        ax.set_xscale("log")
        ax.set_ylim(-0.02, 1.05)
    finding(ax, said, x="Cost a customer and year (money)", y="Customers who cover it")
    percent(ax)
    thousands(ax, "x")
    return ax


def decide(result: CustomerValue, *, cost_amt: float = 150.0) -> Decision:
    """Recommend the segments whose value covers a dedicated workflow at `cost_amt` a customer and year."""
    table = result.segments
    chosen = table[table["carries_low_amt"] >= cost_amt]
    drops = "; ".join(f"{row.segment} above {row.carries_amt:,.0f}" for row in table.itertuples())
    evidence = (
        f"At {result.facts['as_of']}, segments drop out at a cost a customer and year of: {drops}. "
        f"Hold-out: bought {result.facts['holdout_hit']:.0%} of what was predicted."
    )
    watched = table if chosen.empty else chosen
    if chosen.empty:
        advice = (
            f"Build no dedicated workflow at {cost_amt:,g} a customer and year: no segment surely covers it."
        )
        flips = f"a workflow that costs less than {table['carries_low_amt'].max():,.0f} a customer and year"
    else:
        names = [str(name) for name in chosen["segment"]]
        reach = (
            f"Every segment covers a dedicated workflow at {cost_amt:,g} a customer and year: begin with {names[0]}"
            if len(chosen) == len(table)
            else f"Short list for a dedicated workflow at {cost_amt:,g} a customer and year: {', then '.join(names)}"
        )
        advice = f"{reach}. Try it on a random half first, since value does not show what intimacy adds."
        flips = (
            f"a workflow that costs more than {chosen['carries_low_amt'].min():,.0f} a customer and year, "
            "or a trial in which the half with it brings no more net margin"
        )
    return Decision(
        recommendation=advice, evidence=evidence,
        metric="purchases in the next 13 weeks, "
        + ("all customers" if len(chosen) in (0, len(table)) else " and ".join(names)),
        unit="purchase days", low=float(watched["next_low"].sum()), high=float(watched["next_high"].sum()),
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
    ends = latent["dropout_week"].to_numpy() + np.log1p(float(result.facts["discount_share"])) / YEAR_WEEKS
    weeks = (1 - np.exp(-ends * float(result.facts["horizon_weeks"]))) / ends
    return np.where(latent["active"], latent["rate_week"] * latent["spend_amt"] * weeks, 0.0)


def true_best_share(truth_purchases: pd.DataFrame, result: CustomerValue) -> float:
    """Return the true share of the tenth of customers that the result ranks best."""
    worth = true_sales(truth_purchases, result)
    order = np.argsort(-result.customers["orders_amt"].to_numpy())
    return float(worth[order[: round(0.1 * len(order))]].sum() / worth.sum())
