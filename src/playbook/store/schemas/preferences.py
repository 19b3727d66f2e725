"""What customers want, as far as the company knows."""

from playbook.store.schemas import Column, Table

TABLES = (
    Table(
        "preferences",
        "one thing known, or once seen, about what a customer wants",
        ("preference_id",),
        (
            Column("preference_id", "text", "key"),
            Column("customer_id", "text", "whose"),
            Column("attribute", "text", "what it is about, e.g. delivery window"),
            Column("value", "text", "what the customer wants, as text", nullable=True),
            Column("source", "text", "how it is known: stated, survey, delivery, contact, audit ...", nullable=True),
            Column("confidence_share", "number", "how sure whoever wrote it down was", "1", nullable=True, low=0,
                   high=1),
            Column("template_id", "text", "template it was copied from", nullable=True),
            Column("unit_id", "text", "team that keeps it", nullable=True),
            Column("evidence_type", "text", "table of the row that shows it, e.g. shipments", nullable=True),
            Column("evidence_id", "text", "key of that row", nullable=True),
            Column("valid_from", "time", "first moment it holds, as far as known", nullable=True),
            Column("valid_to", "time", "first moment it no longer holds; empty while it does", nullable=True),
            Column("recorded_at", "time", "written down", nullable=True),
        ),
        personal=("value",),
        system="CRM",
    ),
)  # fmt: skip
