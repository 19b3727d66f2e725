"""Contacts and requests."""

from playbook.store.schemas import Column, Table

TABLES = (
    Table(
        "interactions",
        "one contact, in or out, in any channel",
        ("interaction_id",),
        (
            Column("interaction_id", "text", "key"),
            Column("customer_id", "text", "who", nullable=True),
            Column("ticket_id", "text", "request it belongs to", nullable=True),
            Column("staff_id", "text", "who answered", nullable=True),
            Column("channel", "text", "phone, email, chat, sms, post"),
            Column(
                "direction",
                "text",
                "in: the customer contacts us; out: we contact them",
                choices=("in", "out"),
            ),
            Column("purpose", "text", "service, order, marketing, survey, personalisation"),
            Column("arrived_at", "time", "arrived, or was sent"),
            Column("answered_at", "time", "a person answered; empty when abandoned or sent", nullable=True),
            Column("ended_at", "time", "over, or given up", nullable=True),
            Column("handle_s", "number", "time of a person it took", "s", nullable=True, low=0),
        ),
    ),
    Table(
        "tickets",
        "one complaint or request",
        ("ticket_id",),
        (
            Column("ticket_id", "text", "key"),
            Column("customer_id", "text", "who asked"),
            Column("category", "text", "delivery, product, invoice, question"),
            Column("tier_at_open", "text", "service tier when it was opened"),
            Column("severity", "count", "1 low to 4 urgent", "1", low=1, high=4),
            Column("opened_at", "time", "opened"),
            Column("first_response_at", "time", "first answer by a person", nullable=True),
            Column("resolved_at", "time", "resolved; empty while open", nullable=True),
            Column("owner_staff_id", "text", "who keeps the relationship", nullable=True),
        ),
    ),
    Table(
        "shifts",
        "one person's block of work",
        ("shift_id",),
        (
            Column("shift_id", "text", "key"),
            Column("staff_id", "text", "who"),
            Column("starts_at", "time", "planned start"),
            Column("ends_at", "time", "planned end"),
            Column("activity", "text", "phone, back office, training ..."),
            Column("is_worked", "flag", "false when the person was absent"),
        ),
    ),
)
