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
            Column("dispatched_at", "time", "left the warehouse; empty while it has not", nullable=True),
            Column("delivered_at", "time", "arrived; empty while under way", nullable=True),
            Column("items_correct", "flag", "what arrived is what was ordered"),
            Column("lane_id", "text", "lane it took", nullable=True),
            Column("picked_at", "time", "taken from the shelf", nullable=True),
            Column("attempts", "number", "times the carrier stood at the door", "1", nullable=True, low=0),
            Column("pick_distance_m", "number", "way through the warehouse to collect it", "m", nullable=True,
                   low=0),
            Column("window_met", "flag", "came within the hours agreed with the customer", nullable=True),
            Column("preference_id", "text", "preference of the customer that applied", nullable=True),
            Column("preference_applied", "flag", "that preference was followed", nullable=True),
            Column("cost_amt", "number", "cost of carriage", "money", nullable=True, low=0),
            Column("staff_id", "text", "who picked it", nullable=True),
        ),
        system="warehouse and carrier systems",
    ),
)  # fmt: skip
