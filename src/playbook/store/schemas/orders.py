"""What customers ordered."""

from playbook.store.schemas import Column, Table

TABLES = (
    Table(
        "orders",
        "one order, or one request that was lost",
        ("order_id",),
        (
            Column("order_id", "text", "key"),
            Column("customer_id", "text", "who ordered; empty when the export does not say", nullable=True),
            Column("kind", "text", "order, return or lost", choices=("order", "return", "lost")),
            Column("channel", "text", "web, phone, edi, store", nullable=True),
            Column("ordered_at", "time", "when it was placed"),
            Column("status", "text", "open, shipped, cancelled", choices=("open", "shipped", "cancelled")),
        ),
    ),
    Table(
        "order_lines",
        "one product on one order",
        ("order_id", "line_no"),
        (
            Column("order_id", "text", "order"),
            Column("line_no", "count", "position on the order, from 1", "1", low=1),
            Column("product_id", "text", "what was ordered"),
            Column("qty_ordered", "count", "units; negative on returns", "units"),
            Column("unit_price_amt", "number", "price paid for a unit", "money", low=0),
            Column("unit_cost_amt", "number", "cost of a unit", "money", nullable=True, low=0),
        ),
    ),
)
