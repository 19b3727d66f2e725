"""Who is in which tier this week? A weekly score, and rules that follow real changes without following chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from playbook.methods import hysteresis
from playbook.methods.intervals import Z90

TIERS = ("bronze", "silver", "gold")
YEAR = 52  # weeks
WINDOWS, BANDS, STAYS = (13, 26, 52), (0.0, 0.1, 0.2, 0.3, 0.4, 0.5), (1, 4, 13, 26)
CHANGE = 2.0  # a real change: a customer's business doubles or halves
HISTORIES = 1000  # behind the choice of a rule
LEAST_WEEKS, LEAST_CUSTOMERS = 26, 50
TIDE = 13  # weeks over which the season is smoothed
RECENT = 4  # weeks whose moves are listed


@dataclass(frozen=True)
class Rule:
    """How a score becomes a tier: weeks in the score, band (share of the cut), least weeks in a tier."""

    window: int
    band: float
    stay: int

    def __str__(self) -> str:
        band = f"band {self.band:.0%}" if self.band else "no band"
        return f"{self.window} weeks, {band}, " + (f"stay {self.stay}" if self.stay > 1 else "no stay")


@dataclass(frozen=True)
class Tiers:
    """The rules that were tried, and what the chosen one makes of the customers.

    Parameters
    ----------
    cuts : array, shape (2,)
        Value a year from which a customer is silver, and gold.
    values, orders : DataFrame
        Index customer_id, one column a week (the day on which it begins): value and orders.
    rules : DataFrame
        One row a rule: window, band, stay, false_moves (per 100 customer-years of shuffled histories), low, high (90 %),
        delay_weeks (mean until a customer who doubles or halves is in the right tier; who is not after a year counts
        as a year), efficient (no rule is better in both).
    today, chosen : Rule
        What is done today, and the fastest rule within the target.
    target : float
        False moves per 100 customer-years that are allowed.
    seen, by_chance : dict
        By "today" and "chosen": moves per 100 customer-years of customers who were there throughout, as it was and with
        their weeks shuffled.
    levels : dict of DataFrame
        By "today" and "chosen": the tier (0 to 2) of each customer in each week that both rules can score.
    throughout : Index
        Customers who bought both in the first and in the last quarter of the history.
    requests, requests_count
        Requests in the data, and whether they lower the value.
    """

    cuts: NDArray[np.float64]
    values: pd.DataFrame
    orders: pd.DataFrame
    rules: pd.DataFrame
    today: Rule
    chosen: Rule
    target: float
    seen: dict[str, float]
    by_chance: dict[str, float]
    levels: dict[str, pd.DataFrame]
    throughout: pd.Index
    requests: int
    requests_count: bool

    def of(self, rule: Rule) -> dict[str, float]:
        """Return the row of a rule in `rules`."""
        at = self.rules[["window", "band", "stay"]].eq([rule.window, rule.band, rule.stay]).all(axis=1)
        return {str(name): float(value) for name, value in self.rules[at].iloc[0].items()}


def tiers(
    value_weeks: pd.DataFrame,
    *,
    top_share: float = 0.08,
    middle_share: float = 0.25,
    margin_share: float = 0.35,
    ticket_cost_amt: float = 0.0,
    today_weeks: int = 26,
    target: float = 20.0,
    seed: int = 1,
) -> Tiers:
    """Try every rule on histories in which nothing changes and on such in which business doubles or halves; choose one.

    Parameters
    ----------
    value_weeks : DataFrame
        The view: customer_id, week_no (0 is the last), week_on, orders, sales_amt, costed_amt, cost_amt, requests.
    top_share, middle_share : float
        Shares of the customers who bought in the last year that shall be gold and silver: they set the cuts.
    margin_share : float
        Margin on sales whose cost is not in the data.
    ticket_cost_amt : float
        Cost of a request, taken off the value.
    today_weeks : int
        Weeks in the score of today's rule, which has no band and no stay.
    target : float
        False moves per 100 customer-years that are allowed.
    seed : int
        Of the shuffled and drawn histories.

    Raises
    ------
    ValueError
        When the history is too short, or too few customers were there throughout.
    """
    values, orders = _panels(value_weeks, margin_share, ticket_cost_amt)
    cuts = _cuts(values, orders, top_share, middle_share)
    quarter, longest = values.shape[1] // 4, values.shape[1] // 2
    there = (orders.iloc[:, :quarter].sum(axis=1) > 0) & (orders.iloc[:, -quarter:].sum(axis=1) > 0)
    if there.sum() < LEAST_CUSTOMERS:
        raise ValueError(
            f"tier_assignment needs {LEAST_CUSTOMERS} customers who bought in the first and in the last quarter of the "
            f"history, found {int(there.sum())}"
        )
    today = Rule(min(today_weeks, longest), 0.0, 1)
    windows = sorted({weeks for weeks in (*WINDOWS, today.window) if weeks <= longest})
    rules = _tried(values[there].to_numpy(), cuts, windows, np.random.default_rng(seed))
    both = {"today": today, "chosen": fastest(rules, target)}
    levels = {name: assigned(values, cuts, rule, since=max(windows)) for name, rule in both.items()}
    of = rules.set_index(["window", "band", "stay"])["false_moves"].to_dict()
    return Tiers(
        cuts=cuts,
        values=values,
        orders=orders,
        rules=rules,
        today=today,
        chosen=both["chosen"],
        target=target,
        seen={name: per_100(found[there]) for name, found in levels.items()},
        by_chance={name: float(of[rule.window, rule.band, rule.stay]) for name, rule in both.items()},
        levels=levels,
        throughout=values.index[there],
        requests=int(value_weeks["requests"].sum()),
        requests_count=ticket_cost_amt > 0,
    )


def _panels(
    value_weeks: pd.DataFrame, margin_share: float, ticket_cost_amt: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return value and orders, one row a customer and one column a week."""
    weeks = int(value_weeks["week_no"].max()) + 1 if len(value_weeks) else 0
    if weeks < LEAST_WEEKS:
        raise ValueError(f"tier_assignment needs {LEAST_WEEKS} weeks of orders, found {weeks}")
    who, customers = pd.factorize(value_weeks["customer_id"], sort=True)
    at = (who, weeks - 1 - value_weeks["week_no"].to_numpy())
    uncosted = value_weeks["sales_amt"] - value_weeks["costed_amt"]
    value = value_weeks["costed_amt"] - value_weeks["cost_amt"] + margin_share * uncosted
    value = value - ticket_cost_amt * value_weeks["requests"]
    last = (value_weeks["week_on"] + pd.to_timedelta(7 * value_weeks["week_no"], unit="D")).max()
    dates = pd.date_range(end=last, periods=weeks, freq="7D")
    found = []
    for column in (value, value_weeks["orders"]):
        panel = np.zeros((len(customers), weeks))
        panel[at] = column.to_numpy()
        found.append(pd.DataFrame(panel, index=pd.Index(customers, name="customer_id"), columns=dates))
    return found[0], found[1]


def _cuts(
    values: pd.DataFrame, orders: pd.DataFrame, top_share: float, middle_share: float
) -> NDArray[np.float64]:
    """Return the values a year that part the buyers of the last year by these shares, to two digits."""
    weeks = min(YEAR, values.shape[1])
    bought = orders.iloc[:, -weeks:].sum(axis=1) > 0
    a_year = values.iloc[:, -weeks:].sum(axis=1)[bought] * YEAR / weeks
    exact = np.quantile(a_year, [1 - top_share - middle_share, 1 - top_share])
    if exact[0] <= 0 or exact[1] <= exact[0]:
        raise ValueError(
            "tier_assignment finds no two rising cuts above zero: too few customers bring any value"
        )
    short = np.array([float(f"{cut:.2g}") for cut in exact])
    return short if short[1] > short[0] else exact


def assigned(values: pd.DataFrame, cuts: NDArray[np.float64], rule: Rule, *, since: int) -> pd.DataFrame:
    """Return the tier (0 to 2) of each customer in each week from the end of week `since` on."""
    panel, window = values.to_numpy(), rule.window
    found = hysteresis.levels(panel, cuts / YEAR, window, since=since, band=rule.band, stay=rule.stay)
    return pd.DataFrame(found, index=values.index, columns=values.columns[since - 1 :])


def per_100(levels: pd.DataFrame) -> float:
    """Return the moves per 100 customer-years."""
    return float(hysteresis.moves(levels.to_numpy()).mean() * 100 * YEAR / (levels.shape[1] - 1))


def _tried(
    pool: NDArray[np.float64], cuts: NDArray[np.float64], windows: list[int], rng: np.random.Generator
) -> pd.DataFrame:
    """Try all rules on shuffled histories of the customers in `pool`, and on such that double or halve."""
    grid = pd.MultiIndex.from_product([BANDS, STAYS], names=["band", "stay"]).to_frame(index=False)
    band, stay, a_week = grid["band"].to_numpy(), grid["stay"].to_numpy(), cuts / YEAR
    few = rng.permutation(pool)[:HISTORIES]
    times, common = -(-HISTORIES // len(few)), tide(pool)
    late = hysteresis.delays(few, a_week, windows, change=CHANGE, rng=rng, band=band, stay=stay).mean(axis=-1)
    tables = []
    for window, delay_weeks in zip(windows, late, strict=True):
        each = hysteresis.false_moves(
            few, a_week, window, since=max(windows), rng=rng, band=band, stay=stay, times=times, common=common
        )
        each = 100 * YEAR * each.reshape(len(grid), -1)
        mean, miss = each.mean(axis=1), Z90 * each.std(axis=1) / np.sqrt(len(few))
        found = {
            "window": window,
            "false_moves": mean,
            "low": np.maximum(mean - miss, 0.0),
            "high": mean + miss,
        }
        tables.append(grid.assign(**found, delay_weeks=delay_weeks))
    rules = pd.concat(tables, ignore_index=True)
    rules["efficient"] = hysteresis.frontier(rules["false_moves"], rules["delay_weeks"])
    return rules


def tide(pool: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how business as a whole rose and fell, as a factor of each week: the mean of the quarter about it."""
    total = pd.Series(pool.sum(axis=0)).rolling(TIDE, center=True, min_periods=TIDE // 2).mean()
    return (total / total.mean()).clip(lower=0.1).to_numpy()


def rule_of(row: pd.Series) -> Rule:
    """Return the rule of a row of `Tiers.rules`."""
    return Rule(int(row["window"]), float(row["band"]), int(row["stay"]))


def fastest(rules: pd.DataFrame, target: float) -> Rule:
    """Return the rule that follows a change fastest with no more than `target` false moves; else the quietest.

    Where less than half a week lies between rules, the one with the shorter stay and the narrower band.
    """
    within = rules[rules["false_moves"] <= max(target, rules["false_moves"].min())]
    near = within[within["delay_weeks"] <= within["delay_weeks"].min() + 0.5]
    return rule_of(near.sort_values(["stay", "band", "delay_weeks"]).iloc[0])


def movers(
    result: Tiers, *, customers: pd.DataFrame | None = None, contracts: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return who moved in the last weeks by the chosen rule, and why; the most valuable first.

    Columns: was, now, why, orders, orders_before (in the weeks of the score, and in as many before), value, before (a year,
    likewise), contract (tier under contract now, "-" for none or unknown), held (whether that is above `now`).
    """
    levels, window = result.levels["chosen"], result.chosen.window
    was, now = levels.iloc[:, -1 - RECENT], levels.iloc[:, -1]
    moved = now.index[now != was]
    orders, value = (
        [
            panel.loc[moved].iloc[:, part].sum(axis=1)
            for part in (slice(-window, None), slice(-2 * window, -window))
        ]
        for panel in (result.orders, result.values * (YEAR / window))
    )
    often = (orders[0] + 0.5) / (orders[1] + 0.5)
    up = (now > was)[moved]
    by_number = np.where(up, often > 1.1, often < 0.9)
    choices = ["new or back", "more orders", "larger orders", "fewer orders"]
    why = np.select([orders[1] == 0, up & by_number, up, by_number], choices, "smaller orders")
    names, place = dict(enumerate(TIERS)), {name: level for level, name in enumerate(TIERS)}
    contract = _under_contract(
        moved, customers, contracts, pd.Timestamp(str(levels.columns[-1])) + pd.Timedelta(7, "D")
    )
    frame = pd.DataFrame(
        {
            "was": was[moved].map(names),
            "now": now[moved].map(names),
            "why": why,
            "orders": orders[0].astype(int),
            "orders_before": orders[1].astype(int),
            "value": value[0],
            "before": value[1],
            "contract": contract.fillna("-"),
            "held": contract.map(place).fillna(-1) > now[moved],
        }
    )
    return frame.sort_values("value", ascending=False)


def _under_contract(
    moved: pd.Index, customers: pd.DataFrame | None, contracts: pd.DataFrame | None, on: pd.Timestamp
) -> pd.Series:
    """Return the tier that a contract promises each customer, or else the customer's account, on a day."""
    if contracts is None:
        return pd.Series(index=moved, dtype=object)
    valid = contracts[(contracts["starts_on"] <= on) & ~(contracts["ends_on"] <= on)].sort_values("starts_on")
    tier = dict(zip(valid["party_id"], valid["tier"], strict=True))
    account = {} if customers is None else customers.set_index("customer_id")["account_id"].to_dict()
    return pd.Series([tier.get(who, tier.get(account.get(who))) for who in moved], moved, dtype=object)
