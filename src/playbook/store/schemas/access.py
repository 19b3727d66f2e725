"""Who answers for what, and who looked at what."""

from playbook.store.schemas import Column, Table

TABLES = (
    Table(
        "responsibilities",
        "one letter of a RACI: who is what for a subject",
        ("responsibility_id",),
        (
            Column("responsibility_id", "text", "key"),
            Column("subject_type", "text", "process step, field, conflict, move, config ..."),
            Column("subject_id", "text", "its key or name"),
            Column("unit_id", "text", "team", nullable=True),
            Column("staff_id", "text", "person", nullable=True),
            Column("role", "text", "role; empty when a person or team is named", nullable=True),
            Column("party", "text", "ours, customer, supplier, partner", nullable=True),
            Column("raci", "text", "R does, A answers for, C is asked first, I is told", nullable=True),
            Column("scenario", "text", "when it holds: normal, emergency ...", nullable=True),
            Column("valid_from", "time", "first moment it holds", nullable=True),
            Column("valid_to", "time", "first moment it no longer holds; empty while it does", nullable=True),
        ),
        system="process handbook",
    ),
    Table(
        "access_log",
        "one query, edit or export of data",
        ("access_id",),
        (
            Column("access_id", "text", "key"),
            Column("staff_id", "text", "who; empty for a system or another company", nullable=True),
            Column("party_unit_id", "text", "team or company they belong to", nullable=True),
            Column("role", "text", "role in which they asked", nullable=True),
            Column("system_id", "text", "system that was asked", nullable=True),
            Column("field_ids", "text", "data elements, separated by commas", nullable=True),
            Column("customer_id", "text", "whose data, when one customer's", nullable=True),
            Column("purpose", "text", "purpose they stated", nullable=True),
            Column("ticket_id", "text", "request it served", nullable=True),
            Column("action", "text", "read, edit, export, replay test ..."),
            Column("accessed_at", "time", "when"),
            Column("rows", "number", "records returned or changed", "1", nullable=True, low=0),
            Column("bytes_out", "number", "data that left the system", "byte", nullable=True, low=0),
            Column("allowed", "flag", "the system let it through"),
        ),
        system="audit logs of the systems",
    ),
)
