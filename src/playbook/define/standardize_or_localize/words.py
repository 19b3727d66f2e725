"""What the page says in words and tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.define.standardize_or_localize.analysis import LEAST_CUSTOMER, Variants
from playbook.methods.shrinkage import shortest_interval


def sizes(result: Variants) -> str:
    """Return what was tried, as prose."""
    mix = result.mix
    said = (
        f"In {result.years:.1f} years the lot decided for {mix.shape[1]} units. {mix.to_numpy().sum():,.0f} requests fell "
        f"into these weeks; {len(mix) - 1:,} customers made enough of them ({LEAST_CUSTOMER} or more) to be looked at one "
        "by one."
    )
    if result.chosen is not None:
        said += (
            f" Where people chose for themselves, weeks with the local protocol show {_points(result.chosen)}. In the weeks "
            f"that a lot decided it is {_points(result.average[0])}, over all units."
        )
    return said


def _points(gain: float) -> str:
    return f"{abs(100 * gain):.1f} {'fewer' if gain >= 0 else 'more'} repeat contacts per hundred requests"


def spreads(result: Variants) -> str:
    """Return how far units differ in level and in gain, as prose."""
    low, high = shortest_interval(result.slopes.row_spread)
    return (
        f"Under the standard, repeat contacts differ between units by {100 * result.levels.between:.1f} points (standard "
        "deviation, chance taken off). What the local protocol gains differs by "
        f"{100 * result.slopes.between['row slopes']:.1f} points (between {100 * low:.1f} and {100 * high:.1f})."
    )


def shown(choices: pd.DataFrame, most: int = 12) -> pd.DataFrame:
    """Return the units nearest to a variant as a table to read, in whole money."""
    part = choices.head(most)
    part = part.set_index(part["name"].rename(None))
    return pd.DataFrame(
        {
            "gain, points": [f"{100 * gain:.1f}" for gain in part["gain"]],
            "requests a year": [f"{n:,.0f}" for n in part["requests"]],
            "break-even cost": [f"{n:,.0f}" for n in part["break_even"]],
            "choice": np.where(part["variant"], "variant", "standard"),
        },
        index=part.index,
    )


def question(result: Variants) -> str:
    """Return the exercise's question, about the unit whose gain looks largest."""
    name = result.units["name"].to_dict()[result.first]
    return (
        f"**At *{name}*, the unit whose own protocol looks best: how many repeat contacts does it really avoid, per hundred "
        "requests?**"
    )
