"""What was sent and how it arrived."""

from playbook.store.schemas import Column, Table

TABLES = (
    Table(
        "shipments",
        "one consignment of one order",
        ("shipment_id",),
        (
            Column("shipment_id", "text", "key"),
            Column("order_id", "text", "order it fulfils"),
            Column("customer_id", "text", "customer it goes to"),
            Column("site_id", "text", "warehouse it left from"),
            Column("promised_at", "time", "latest arrival that was promised"),
            Column("dispatched_at", "time", "left the warehouse"),
            Column("delivered_at", "time", "arrived; empty while under way", nullable=True),
            Column("items_correct", "flag", "what arrived is what was ordered"),
        ),
    ),
)
