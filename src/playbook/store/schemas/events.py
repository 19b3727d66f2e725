"""What happened, as systems wrote it down."""

from playbook.store.schemas import Column, Table

TABLES = (
    Table(
        "events",
        "one thing that happened, as a system recorded it: on the website, in the app, in the warehouse",
        ("event_id",),
        (
            Column("event_id", "text", "key"),
            Column("event_type", "text", "page_view, search, basket, order, help, sign_in, app_week ..."),
            Column("schema_version", "number", "version of the event's schema, as the sender says", "1",
                   nullable=True, low=1),
            Column("customer_id", "text", "who; on the website empty while anonymous", nullable=True),
            Column("anon_id", "text", "device, as its cookie says", nullable=True),
            Column("session_id", "text", "visit on the website", nullable=True),
            Column("product_id", "text", "product it is about", nullable=True),
            Column("subject_type", "text", "kind of thing it is about: order, figure, trace ...", nullable=True),
            Column("subject_id", "text", "key of that thing", nullable=True),
            Column("system_id", "text", "system or platform that recorded it", nullable=True),
            Column("occurred_at", "time", "when it happened"),
            Column("received_at", "time", "when it reached the log", nullable=True),
            Column("processed_at", "time", "when something was done about it", nullable=True),
            Column("value", "number", "a measure that the event carries; its unit follows from the type", "as typed",
                   nullable=True),
            Column("tags", "text", "labels, separated by semicolons", nullable=True),
            Column("payload_json", "text", "the rest of it", nullable=True),
        ),
        system="event log: web, app, devices",
    ),
)  # fmt: skip
