"""How an answer is checked, and what is recovered of a planted truth."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.define.standardize_or_localize.analysis import Variants, gains
from playbook.methods.shrinkage import shortest_interval

HINTS = (
    "Compare weeks of one unit with other weeks of the same unit, only those that a lot decided.",
    "The difference that you see at the unit that looks best is partly luck: pull it to what the others show.",
    "Read result.units: the column gain of that unit, times 100.",
)


def _planted(result: Variants, effects: pd.DataFrame) -> pd.DataFrame:
    """Return the planted gain of each cell of `mix`: a customer's own where it is more than the unit's."""
    size = -effects[effects["action"] == "local protocol"].set_index("stratum")["size"]
    units = size.reindex(result.mix.columns).fillna(0.0).to_numpy()
    customers = size.reindex(result.mix.index).fillna(0.0).to_numpy()
    return pd.DataFrame(np.maximum(units, customers[:, None]), result.mix.index, result.mix.columns)


def check(answer: float, truth: SimpleNamespace | None, result: Variants) -> Feedback:
    """Check "how many repeat contacts does the unit that looks best avoid, per hundred requests?".

    Parameters
    ----------
    answer : float
        Per hundred requests.
    truth : namespace or None
        `truth_effects` of the world; None on a client's data, where the answer must agree with the result.
    result : Variants
        What the participant computed.
    """
    unit = result.first
    expected, basis = float(result.units["gain"].to_dict()[unit]), OWN_DATA
    if truth is not None:
        planted = _planted(result, truth.truth_effects)[unit]
        if planted.max() > 0:
            expected, basis = float(np.average(planted, weights=result.mix[unit])), PLANTED
    return grade(float(answer), 100 * expected, tolerance=0.2, hints=HINTS, basis=basis)


def recover(data: SimpleNamespace, truth: SimpleNamespace) -> pd.DataFrame:
    """Return gains against the planted ones; naive: weeks that people chose, and gains as they look."""
    result = gains(data.protocol_trials)
    planted, mix, units = _planted(result, truth.truth_effects), result.mix, result.units
    at_unit = (planted * mix).sum() / mix.sum()
    best, worst = result.first, str(units["repeats"].idxmax())
    excess = units["repeats"] - np.average(units["repeats"], weights=units["requests"])
    ten = result.customers["raw"].nlargest(10).index
    chosen = mix.loc[ten].to_numpy()
    share = chosen / chosen.sum(axis=1, keepdims=True) / len(ten)
    weight = pd.Series(1 / len(ten), ten).reindex(mix.index, fill_value=0.0).to_numpy(float)
    of_ten = result.slopes.average(share.sum(axis=0)[None], np.asarray(weight[None], dtype=float))
    low, high = shortest_interval(result.slopes.row_spread)
    columns = ["gain", "low", "high"]
    rows = [
        ("gain of the local protocol, all requests", *result.average, result.chosen,
         float((planted * mix).to_numpy().sum() / mix.to_numpy().sum())),
        ("gain at the unit that looks best", *units.loc[best, columns], units.loc[best, "raw"], at_unit[best]),
        ("gain at the unit with most repeat contacts", *units.loc[worst, columns], excess[worst], at_unit[worst]),
        ("gain of the ten customers that look best", *of_ten[0], result.customers.loc[ten, "raw"].mean(),
         float((planted.loc[ten].to_numpy() * share).sum())),
        ("spread of gains between units", result.slopes.between["row slopes"], low, high, units["raw"].std(),
         at_unit.std()),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["what", "estimate", "low", "high", "naive", "truth"])
