"""What would change the decision, and the decision."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.balance.safety_stock.analysis import Buffers, factor_of
from playbook.contract import Decision
from playbook.wording import listed


def what_if(result: Buffers, *, error_cut: Sequence[float]) -> pd.DataFrame:
    """Return the capital in each segment's own buffers if its forecast errors were smaller by `error_cut` per
    cent.

    Columns: error_cut (%), segment, capital. Late deliveries stay as they are.
    """
    lines = result.buffers
    late = lines["spread"] ** 2 - lines["error_sd"] ** 2
    batch = (lines["lot_weeks"] * lines["demand_week"]).to_numpy()
    found = []
    for cut in error_cut:
        spread = np.sqrt((late + ((1 - cut / 100) * lines["error_sd"]) ** 2).to_numpy())
        stock = factor_of(lines["promise"].to_numpy(), result.kind, spread, batch) * spread
        capital = (lines["unit_cost_amt"] * stock).groupby(lines["segment"], sort=False).sum()
        found.append(
            pd.DataFrame({"error_cut": cut, "segment": capital.index, "capital": capital.to_numpy()})
        )
    return pd.concat(found, ignore_index=True)


def decide(result: Buffers, *, smallest_saving: float = 0.05) -> Decision:
    """Recommend own buffers, or one shared stock by rank where that saves at least `smallest_saving`."""
    rows = result.segments
    own, shared = result.items["own_capital"].sum(), result.items["shared_capital"].sum()
    share = 1 - shared / own >= smallest_saving
    capital = shared if share else own
    cover = ", ".join(f"{r.segment} {r.cover_weeks:.1f}" for r in rows.itertuples())
    used = (
        [] if result.forecasts is None else result.forecasts.loc[result.forecasts["used"], "segment"].tolist()
    )
    planned = f" Plan {listed(used)} with the behaviour forecast." if used else ""
    how = (
        "Keep one stock per item, serve segments by rank down to their critical levels"
        if share
        else f"Keep a buffer for each segment (weeks of demand: {cover})"
    )
    # A standard deviation from n independent cycles is known to one part in sqrt(2 n).
    cycles = max(result.weeks / float(result.buffers["weeks"].mean()), 1.0)
    band = min(1.645 / math.sqrt(2 * cycles), 0.9)
    missing = float((rows["promise"] - rows["shared" if share else "own_buffer"]).max())
    return Decision(
        recommendation=f"{how}.{planned}",
        evidence=f"Replay of {result.weeks} weeks, {len(result.items)} items: {capital:,.0f} of capital "
        f"serve every segment to within {100 * max(missing, 0):.1f} points of its promise; separate buffers "
        f"take {own:,.0f}.",
        metric="capital in safety stock", unit="money", low=capital * (1 - band), high=capital * (1 + band),
        flips_if="a segment misses its promise in two quarters in a row, or forecast errors over the "
        f"lead time grow by {band:.0%}",
        owner="head of supply planning",
    )  # fmt: skip
