"""What comes back, why, and what an inspection finds.

Planted:

- Feedback of errors and delays on spend: a line of a parcel with wrong items comes back with chance `WRONG_RETURNS`, a
  late one `LATE_RETURNS` times as often as others; both are paid back.
- Abuse (design.returns_policy), scaled by its size: `ABUSER_SHARE` of customers return `ABUSER_RETURNS` times as often,
  and most of what they return was used (`USED`); few others do so by mistake. Since `AUDIT_WEEKS` before the end,
  `AUDIT_SHARE` of all returns, drawn by lot, are inspected; clerks inspect others when they look odd, which used and
  dear ones do. The condition is known of inspected returns only; what is found used is not paid back. Customers
  differ besides in how often they return (gamma), which no label explains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbook.world.draws import pick
from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders", "delivery")
COMPLETES = ("order_lines",)

PLAY = "design.returns_policy"
INITIATIVE = "returns audit"
WRONG_RETURNS = 0.55
LATE_RETURNS = 1.6
RETURNS_SHAPE = 2.0
ABUSER_SHARE = 0.04
ABUSER_RETURNS = 5.0
MOST_RETURNS = 0.6  # of the lines of anybody
USED = (0.03, 0.80)  # of the returns of honest customers and of abusers
AUDIT_WEEKS = 78
AUDIT_SHARE = 0.15
LOOKS_ODD = (0.04, 0.50)  # chance that a clerk opens it: as sold, used
LOOKS_DEAR = 0.10  # more, for the dearest quarter
KEPT_D = (4.0, 10.0)  # at least, and on average beyond that
REASONS = ("wrong item", "came too late", "does not fit", "changed mind", "damaged")
USUAL_REASONS = (0.0, 0.0, 0.40, 0.35, 0.25)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return order_lines with what came back, assignments, initiatives, truth_labels and truth_parameters."""
    order_lines, lines, sent = tables["order_lines"], tables["_lines"], tables["_parcels"]
    size = settings.size(PLAY)
    n_customers = len(tables["customers"])
    is_abuser = rng.random(n_customers) < ABUSER_SHARE * size
    line, at = _returned(settings, tables, is_abuser, rng)

    order = lines["order"].to_numpy()[line]
    abuses = is_abuser[sent["customer"].to_numpy()[order]]
    used = rng.random(len(line)) < np.where(abuses, USED[1], USED[0]) * size
    in_audit = at >= np.datetime64(settings.end - pd.Timedelta(weeks=AUDIT_WEEKS), "us")
    by_lot = in_audit & (rng.random(len(line)) < AUDIT_SHARE)
    paid = (order_lines["qty_ordered"].to_numpy() * order_lines["unit_price_amt"].to_numpy())[line]
    odd = np.where(used, LOOKS_ODD[1], LOOKS_ODD[0]) + LOOKS_DEAR * (
        paid > np.quantile(paid, 0.75) if len(paid) else 0
    )
    inspected = by_lot | (rng.random(len(line)) < odd)

    wrong = ~tables["shipments"]["items_correct"].to_numpy()[order]
    late = sent["is_late"].to_numpy()[order] & (rng.random(len(line)) < 1 - 1 / LATE_RETURNS)
    reason = np.where(wrong, 0, np.where(late, 1, pick(USUAL_REASONS, len(line), rng)))
    back = pd.DataFrame(
        {
            "qty_returned": order_lines["qty_ordered"].to_numpy()[line].astype(float),
            "returned_at": at,
            "return_reason": words(REASONS, reason),
            "return_condition": words(("as sold", "used"), used * 1),
            "inspected": inspected,
            "refund_amt": np.where(inspected & used, 0.0, np.round(paid, 2)),
        }
    )
    back["return_condition"] = back["return_condition"].where(inspected)  # what nobody opened nobody knows
    return {
        "order_lines": _with_returns(order_lines, line, back),
        **_audit(settings, order_lines, line[in_audit], at[in_audit], by_lot[in_audit]),
        **_truth(tables, order_lines, line, used, inspected, is_abuser),
    }


def _returned(
    settings: WorldSettings,
    tables: Mapping[str, pd.DataFrame],
    is_abuser: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.datetime64]]:
    """Return which lines (position) come back within the history, and when."""
    sent, customers = tables["_parcels"], tables["customers"]
    order, who = tables["_lines"]["order"].to_numpy(), sent["customer"].to_numpy()
    habit = rng.gamma(RETURNS_SHAPE, 1 / RETURNS_SHAPE, len(customers)) * np.where(
        is_abuser, ABUSER_RETURNS, 1.0
    )
    chance = settings.preset.return_share * habit[who] * np.where(sent["is_late"], LATE_RETURNS, 1.0)
    chance = np.minimum(chance, MOST_RETURNS)
    chance = np.where(tables["shipments"]["items_correct"], chance, WRONG_RETURNS)
    line = np.flatnonzero(rng.random(len(order)) < chance[order])
    kept_d = KEPT_D[0] + rng.exponential(KEPT_D[1], len(line))
    at = sent["delivered_at"].to_numpy()[order[line]] + (kept_d * 86_400e6).astype("timedelta64[us]")
    closed = customers["closed_at"].to_numpy()[who[order[line]]]
    inside = (at < np.datetime64(settings.end, "us")) & ~(at >= closed)
    return line[inside], at[inside]


def _with_returns(order_lines: pd.DataFrame, line: NDArray[np.int64], back: pd.DataFrame) -> pd.DataFrame:
    """Return all lines, with `back` filled in at the given positions."""
    row = np.full(len(order_lines), -1)
    row[line] = np.arange(len(line))
    filled: dict[str, Any] = {}
    for name in back.columns:
        values = back[name]
        if name == "inspected":
            filled[name] = np.zeros(len(row), dtype=bool)
            filled[name][line] = values
        else:
            filled[name] = values.array.take(row, allow_fill=True)
    return order_lines.assign(**filled)


def _line_keys(order_lines: pd.DataFrame, line: NDArray[np.int64]) -> pd.Series:
    """Return the key of each line as one text: order and number."""
    some = order_lines.iloc[line]
    return (some["order_id"] + "|" + some["line_no"].astype("str")).reset_index(drop=True)


def _audit(
    settings: WorldSettings,
    order_lines: pd.DataFrame,
    line: NDArray[np.int64],
    at: NDArray[np.datetime64],
    by_lot: NDArray[np.bool_],
) -> dict[str, pd.DataFrame]:
    """Return which returns the lot sent to inspection, and the initiative."""
    assignments = pd.DataFrame(
        {
            "assignment_id": ids("RA", len(line), settings.block),
            "initiative_id": INITIATIVE,
            "subject_type": "order_line",
            "subject_id": _line_keys(order_lines, line),
            "arm": words(("usual", "audit"), by_lot.astype(np.int64)),
            "design": "random",
            "propensity_share": np.where(by_lot, AUDIT_SHARE, 1 - AUDIT_SHARE),
            "starts_at": at,
        }
    )
    if settings.block:
        return {"assignments": assignments}
    began = settings.end - pd.Timedelta(weeks=AUDIT_WEEKS)
    initiative = pd.DataFrame(
        {
            "initiative_id": [INITIATIVE],
            "kind": "inspection by lot",
            "starts_on": [began.normalize()],
            "status": "running",
        }
    )
    return {"assignments": assignments, "initiatives": initiative}


def _truth(
    tables: Mapping[str, pd.DataFrame],
    order_lines: pd.DataFrame,
    line: NDArray[np.int64],
    used: NDArray[np.bool_],
    inspected: NDArray[np.bool_],
    is_abuser: NDArray[np.bool_],
) -> dict[str, pd.DataFrame]:
    """Return labels of used returns and of abusers; the share of used ones, of this division."""
    labels = planted(
        "truth_labels",
        PLAY,
        table="order_lines",
        key=_line_keys(order_lines, line[used]),
        label="used",
        value=words(("not inspected", "inspected"), inspected[used].astype(np.int64)),
    )
    abusers = planted(
        "truth_labels",
        PLAY,
        table="customers",
        key=tables["customers"]["customer_id"].array[is_abuser],
        label="abuser",
    )
    return {"truth_labels": pd.concat([labels, abusers], ignore_index=True)}


PLANTS = (
    Plant(
        play=PLAY,
        what="A few customers return what they have used, and often. A part of all returns is inspected by lot, others when "
        "they look odd to a clerk. Wrong and late parcels come back more often, too.",
        why="What clerks choose to inspect is worse than the rest: their finds overstate abuse, and who returns often is "
        "not yet an abuser.",
        tables=("order_lines", "orders", "customers", "assignments", "shipments"),
        truth=("truth_labels",),
        size="ABUSER_SHARE, USED x size; inspected by lot AUDIT_SHARE",
    ),
)
