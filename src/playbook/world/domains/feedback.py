"""What customers say before they buy, and what they ask the company to improve.

Planted for balance.planning_feedback, scaled by its size:

- Enquiries. Before `ENQUIRES` of the orders of `ITEMS` products their customer asks about the item, about `LEAD_D` days
  ahead: the intention causes both. Other enquiries (`IDLE`) lead to nothing. With size 0 as many are asked, at moments that
  have nothing to do with any order.
- Backlog. What an item of the backlog is worth for each point of effort varies (`WORTH_LOG_SD`); the estimate in
  `changes.value_amt` errs a little (`ESTIMATE_LOG_SD`). Size 0: all are worth the same for a point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "market", "orders", "service")

PLAY = "balance.planning_feedback"
ITEMS = slice(22, 28)  # places in the order of popularity
ENQUIRES = 0.40
IDLE = 0.15  # further enquiries, against those orders
LEAD_D, LEAD_SD_D = 21.0, 1.0
ANSWER_H = 20.0
BACKLOG = 36
EFFORT = (1, 2, 3, 5, 8, 13)
WORTH_AMT = 900.0  # median, a point of effort
WORTH_LOG_SD = 0.9
ESTIMATE_LOG_SD = 0.15
WISHES = ("tell me earlier when the {} is late", "show stock of the {} online", "let me change an order for the {}",
          "send one invoice a month for the {}", "add drawings of the {}", "let me return the {} by label")  # fmt: skip


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return tickets, changes, truth_effects and truth_outcomes."""
    tickets = _enquiries(settings, tables, rng)
    if settings.block:
        return {"tickets": tickets}
    changes, truth = _backlog(settings, rng)
    product_id = tables["products"]["product_id"].to_numpy()[ITEMS]
    effects = planted(
        "truth_effects",
        PLAY,
        action="enquiry",
        stratum=product_id,
        metric="orders for one enquiry",
        lag=LEAD_D / 7,
        size=_leading(settings),
        unit="orders",
    )
    return {"tickets": tickets, "changes": changes, "truth_outcomes": truth, "truth_effects": effects}


def _leading(settings: WorldSettings) -> float:
    """Return the share of enquiries that an order follows."""
    return min(1.0, settings.size(PLAY) * ENQUIRES / (ENQUIRES + IDLE))


def _enquiries(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> pd.DataFrame:
    lines, sent, customers = tables["_lines"], tables["_parcels"], tables["customers"]
    start, end = np.datetime64(settings.start, "us"), np.datetime64(settings.end, "us")
    product = lines["product"].to_numpy()
    asked_for = np.flatnonzero((product >= ITEMS.start) & (product < ITEMS.stop))
    line = asked_for[rng.random(len(asked_for)) < ENQUIRES + IDLE]
    leads = rng.random(len(line)) < _leading(settings)
    order = lines["order"].to_numpy()[line]
    who = sent["customer"].to_numpy()[order]

    created = np.maximum(customers["created_at"].to_numpy()[who], start)
    gone = np.fmin(customers["closed_at"].to_numpy()[who], end)
    anywhere = created + ((gone - created).astype(np.int64) * rng.random(len(line))).astype("timedelta64[us]")
    ahead = (rng.normal(LEAD_D, LEAD_SD_D, len(line)) * 86_400e6).astype("timedelta64[us]")
    opened = np.where(leads, tables["orders"]["ordered_at"].to_numpy()[order] - ahead, anywhere)
    known = (opened >= created) & (opened < gone)
    line, who, opened = line[known], who[known], opened[known]
    first = np.argsort(opened, kind="stable")
    line, who, opened = line[first], who[first], opened[first]

    reply = opened + (rng.exponential(ANSWER_H, len(line)) * 3600e6).astype("timedelta64[us]")
    return pd.DataFrame(
        {
            "ticket_id": ids("EQ", len(line), settings.block),
            "customer_id": customers["customer_id"].array.take(who),
            "category": "enquiry",
            "product_id": tables["products"]["product_id"].array.take(product[line]),
            "tier_at_open": customers["tier"].array.take(who),
            "severity": 1,
            "opened_at": opened,
            "first_response_at": pd.Series(reply).where(reply < end),
            "resolved_at": pd.Series(reply).where(reply < end),
        }
    )


def _backlog(settings: WorldSettings, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what customers wish for, with effort and estimated worth; and what each is worth."""
    change_id = ids("CB", BACKLOG)
    effort = np.array(EFFORT)[rng.integers(0, len(EFFORT), BACKLOG)].astype(float)
    worth = effort * WORTH_AMT * np.exp(settings.size(PLAY) * WORTH_LOG_SD * rng.normal(size=BACKLOG))
    estimate = worth * np.exp(ESTIMATE_LOG_SD * settings.size(PLAY) * rng.normal(size=BACKLOG))
    age_d = np.sort(rng.uniform(5, 240, BACKLOG))[::-1]
    things = settings.preset.things
    changes = pd.DataFrame(
        {
            "change_id": change_id,
            "kind": "backlog",
            "subject_type": "feedback",
            "requested_at": np.datetime64(settings.end, "us") - (age_d * 86_400e6).astype("timedelta64[us]"),
            "effort_points": effort,
            "value_amt": np.round(estimate, -1),
            "status": "requested",
            "description": [
                WISHES[wish].format(things[thing])
                for wish, thing in zip(
                    rng.integers(0, len(WISHES), BACKLOG), rng.integers(0, len(things), BACKLOG), strict=True
                )
            ],
        }
    )
    truth = planted("truth_outcomes", PLAY, subject=change_id, arm="built", metric="worth", value=worth)
    return changes, truth


PLANTS = (
    Plant(
        play=PLAY,
        what="Customers ask about some items before they order them; some ask and never order. What they wish for stands in "
        "the backlog with its effort and an estimate of its worth.",
        why="The plan looks at past orders only. What was wished first, or is worth most in total, is not what makes most "
        "of a sprint.",
        tables=("tickets", "orders", "order_lines", "changes"),
        truth=("truth_effects", "truth_outcomes"),
        size="ENQUIRES, WORTH_LOG_SD x size",
    ),
)
