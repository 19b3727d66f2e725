"""The operations dashboard: figures, the queries that make them, and what their owners wrote down about it.

Planted for `unify.lineage`: every figure has a query over canonical tables (DuckDB). Which columns change a figure is
in `truth_structure` (kind lineage); it was written down by hand with each query and not derived from it. Queries also
name columns that change nothing: in comments, and in parts that the result never uses. `dependencies` (kind feeds)
holds what owners declared: `FALSE_EDGES` of the edges are declared but false, `MISSING` of the true ones are not
declared, both times the size.
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

NEEDS: tuple[str, ...] = ()
ONCE = True

PLAY = "unify.lineage"
FALSE_EDGES, MISSING = 0.25, 0.2  # shares of the true edges
REPORT = "operations dashboard"

# figure, question, query, the columns that change it, use case
FIGURES = (
    (
        "late share",
        "How many parcels arrive after the promise?",
        "select avg(case when delivered_at > promised_at then 1.0 else 0.0 end) as figure\n"
        "from shipments where delivered_at is not null",
        ("shipments.delivered_at", "shipments.promised_at"),
        "carrier bonus",
    ),
    (
        "revenue",
        "What did we sell?",
        "-- qty_returned is booked elsewhere; order_lines.unit_cost_amt is for the margin\n"
        "select sum(qty_ordered * unit_price_amt) as figure from order_lines",
        ("order_lines.qty_ordered", "order_lines.unit_price_amt"),
        "sales plan",
    ),
    (
        "margin share",
        "What is left of it?",
        "select 1 - sum(qty_ordered * unit_cost_amt) / sum(qty_ordered * unit_price_amt) as figure from order_lines",
        ("order_lines.qty_ordered", "order_lines.unit_price_amt", "order_lines.unit_cost_amt"),
        "price approval",
    ),
    (
        "revenue of gold customers",
        "What do gold customers buy?",
        "select sum(l.qty_ordered * l.unit_price_amt) as figure\n"
        "from order_lines l join orders o on l.order_id = o.order_id\n"
        "join customers c on o.customer_id = c.customer_id where c.tier = 'gold'",
        ("order_lines.qty_ordered", "order_lines.unit_price_amt", "order_lines.order_id", "orders.order_id",
         "orders.customer_id", "customers.customer_id", "customers.tier"),
        "tier review",
    ),
    (
        "web share",
        "How much is ordered without us?",
        "select avg(case when channel = 'web' then 1.0 else 0.0 end) as figure from orders",
        ("orders.channel",),
        "channel budget",
    ),
    (
        "hours to dispatch",
        "How fast are we?",
        "with late as (select avg(case when delivered_at > promised_at then 1 else 0 end) as share from shipments)\n"
        "select avg(date_diff('second', o.ordered_at, s.dispatched_at)) / 3600 as figure\n"
        "from shipments s join orders o on s.order_id = o.order_id",
        ("shipments.dispatched_at", "shipments.order_id", "orders.order_id", "orders.ordered_at"),
        "shift plan",
    ),
    (
        "faulty parcels of the north",
        "How often is the wrong thing in the parcel?",
        "select avg(case when items_correct then 0.0 else 1.0 end) as figure from shipments\n"
        "where site_id like 'north%'",
        ("shipments.items_correct", "shipments.site_id"),
        "picker training",
    ),
    (
        "late share of gold customers",
        "Do the best get the best?",
        "with gold as (select customer_id, region_id from customers where tier = 'gold')\n"
        "select avg(case when s.delivered_at > s.promised_at then 1.0 else 0.0 end) as figure\n"
        "from shipments s join gold g on s.customer_id = g.customer_id where s.delivered_at is not null",
        ("shipments.delivered_at", "shipments.promised_at", "shipments.customer_id", "customers.customer_id",
         "customers.tier"),
        "priority rule",
    ),
    (
        "buyers of the last quarter",
        "Who still buys?",
        "select count(distinct customer_id) as figure from orders\n"
        "where ordered_at >= (select max(ordered_at) from orders) - interval 91 day",
        ("orders.customer_id", "orders.ordered_at"),
        "win-back",
    ),
    (
        "lines of an order",
        "How big is a basket?",
        "select 1 + count(case when line_no > 1 then 1 end) * 1.0 / count(distinct order_id) as figure from order_lines",
        ("order_lines.order_id", "order_lines.line_no"),
        "packing plan",
    ),
    (
        "revenue of key accounts",
        "How much hangs on a few?",
        "with key_ones as (select account_id from accounts where is_key),\n"
        "unused as (select segment, industry from accounts)\n"
        "select sum(l.qty_ordered * l.unit_price_amt) as figure from order_lines l\n"
        "join orders o on l.order_id = o.order_id join customers c on o.customer_id = c.customer_id\n"
        "join key_ones k on c.account_id = k.account_id",
        ("order_lines.qty_ordered", "order_lines.unit_price_amt", "order_lines.order_id", "orders.order_id",
         "orders.customer_id", "customers.customer_id", "customers.account_id", "accounts.account_id",
         "accounts.is_key"),
        "risk review",
    ),
    (
        "stock value of pumps and the like",
        "What does the most expensive category cost?",
        "select max(price) as figure from\n"
        "(select category, avg(price_amt) as price from products group by category)",
        ("products.category", "products.price_amt"),
        "insurance",
    ),
)  # fmt: skip
UNLIKELY = (
    "customers.language", "customers.region_id", "orders.channel", "orders.status", "shipments.site_id",
    "products.name", "products.unit_cost_amt", "accounts.segment", "accounts.industry", "order_lines.unit_cost_amt",
    "shipments.dispatched_at", "customers.preferred_channel",
)  # fmt: skip

PLANTS = (
    Plant(
        play=PLAY,
        what="Each figure of the dashboard has its query. Owners declared which columns feed it; some of that is false "
        "and some is missing.",
        why="Declarations are believed, and a search for column names also finds comments and parts of a query that "
        "nothing uses.",
        tables=("reports", "dependencies"),
        truth=("truth_structure",),
        size="FALSE_EDGES and MISSING x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return reports, dependencies and truth_structure."""
    size = settings.size(PLAY)
    real = [(column, figure[0]) for figure in FIGURES for column in figure[3]]
    made_up = sorted({(column, figure[0]) for figure in FIGURES for column in UNLIKELY} - set(real))
    n_false = min(round(FALSE_EDGES * size * len(real)), len(made_up))
    n_missing = min(round(MISSING * size * len(real)), len(real) - 1)
    wrong = [made_up[k] for k in np.sort(rng.choice(len(made_up), n_false, replace=False))]
    missing = [real[k] for k in np.sort(rng.choice(len(real), n_missing, replace=False))]
    declared = sorted({*real, *wrong} - set(missing), key=lambda edge: (edge[1], edge[0]))
    truth = [
        planted(
            "truth_structure",
            PLAY,
            kind=kind,
            source=[edge[0] for edge in edges],
            target=[edge[1] for edge in edges],
        )
        for kind, edges in (
            ("lineage", real),
            ("declared but false", wrong),
            ("true but not declared", missing),
        )
    ]
    return {
        "reports": _reports(settings, rng),
        "dependencies": pd.DataFrame(
            {
                "dependency_id": ids("YF", len(declared)),
                "from_type": "field",
                "from_id": [edge[0] for edge in declared],
                "to_type": "figure",
                "to_id": [edge[1] for edge in declared],
                "kind": "feeds",
                "owner_party": "company",
                "is_declared": True,
            }
        ),
        "truth_structure": pd.concat(truth, ignore_index=True),
    }


def _reports(settings: WorldSettings, rng: np.random.Generator) -> pd.DataFrame:
    n = len(FIGURES)
    return pd.DataFrame(
        {
            "report_id": REPORT,
            "figure": [figure[0] for figure in FIGURES],
            "question": [figure[1] for figure in FIGURES],
            "sql_text": [figure[2] for figure in FIGURES],
            "dialect": "duckdb",
            "use_case": [figure[4] for figure in FIGURES],
            "audience_party": "company",
            "views_per_h": np.round(rng.gamma(2.0, 2.0, n), 1),
            "refresh_min": 1440.0,
            "last_run_at": settings.end - pd.Timedelta(hours=2),
        }
    )
