"""What is in stock, what is on its way and what was forecast."""

from playbook.store.schemas import Column, Table

TABLES = (
    Table(
        "inventory",
        "one product at one site in one week",
        ("site_id", "product_id", "week_on"),
        (
            Column("site_id", "text", "where the stock lies"),
            Column("product_id", "text", "what it is"),
            Column("week_on", "time", "Monday of the week"),
            Column("on_hand", "count", "on the shelf at the end of the week", "units", low=0),
            Column("sold_qty", "count", "sold during the week", "units", low=0),
            Column("stockout_h", "number", "time with an empty shelf", "h", low=0, high=168),
        ),
    ),
    Table(
        "supply_orders",
        "one replenishment order",
        ("supply_order_id",),
        (
            Column("supply_order_id", "text", "key"),
            Column("product_id", "text", "what was ordered"),
            Column("to_site_id", "text", "where it goes"),
            Column("placed_at", "time", "ordered from the supplier"),
            Column("due_at", "time", "promised by the supplier"),
            Column("received_at", "time", "on the shelf; empty while under way", nullable=True),
            Column("qty", "count", "units", "units", low=1),
        ),
    ),
    Table(
        "forecasts",
        "demand of one segment for one product and week, as one model expected it at the start of some week",
        ("origin_on", "target_week_on", "product_id", "segment", "is_behavioural"),
        (
            Column("origin_on", "time", "Monday on which it was made"),
            Column("target_week_on", "time", "Monday of the week it is for"),
            Column("product_id", "text", "what will be asked for"),
            Column("segment", "text", "who will ask for it"),
            Column("is_behavioural", "flag", "uses what customers do, not only what they bought"),
            Column("mean_qty", "number", "expected demand", "units", low=0),
        ),
    ),
)
