"""How an answer is checked, and what is recovered of a planted truth."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.define.customer_value.analysis import DISCOUNT_SHARE, CustomerValue, margins, value
from playbook.methods import projection as ahead

HINTS = (
    "You want margin that is still to come, so start from what each customer will order, not from the past.",
    "Sort result.customers by orders_amt, largest first, and take one customer in ten from the top.",
    "Divide the sum of orders_amt over that tenth by its sum over all customers, and say it in per cent.",
)


def best_share(result: CustomerValue, share: float = 0.1) -> float:
    """Return the part (0 to 1) of the margin to come from orders that the best `share` of customers hold."""
    ranked = result.customers["orders_amt"].sort_values(ascending=False)
    return float(ranked.head(round(share * len(ranked))).sum() / ranked.sum())


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
    naive = bought["spend_year_amt"] * margins(bought, 0.35)[0] * years
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
    return true_sales(latent, result) * sums["paid"] / sums["latent"] * margins(bought, 0.35)[0]
