"""What data there are, and what was found wrong with them."""

from playbook.store.schemas import Column, Table

TABLES = (
    Table(
        "fields",
        "one data element in one system",
        ("field_id",),
        (
            Column("field_id", "text", "key"),
            Column("system_id", "text", "system that holds it", nullable=True),
            Column("table_name", "text", "table or extract it is in", nullable=True),
            Column("field_name", "text", "column", nullable=True),
            Column("data_type", "text", "text, date, number, code, flag", nullable=True),
            Column("unit", "text", "of its values", nullable=True),
            Column("sensitivity", "text", "public, internal, personal, sensitive", nullable=True),
            Column("purposes", "text", "what it may be used for, with commas", nullable=True),
            Column("canonical_name", "text", "what it is about, in the company's words", nullable=True),
            Column("retention_class", "text", "how long it is kept", nullable=True),
            Column("collection_amt", "number", "cost of collecting one value", "money", nullable=True, low=0),
            Column("records", "number", "rows that could hold it", "1", nullable=True, low=0),
        ),
        system="data catalogue",
    ),
    Table(
        "corrections",
        "one value reported as wrong, or audited (the old value equals the new one where it was right)",
        ("correction_id",),
        (
            Column("correction_id", "text", "key"),
            Column("field_id", "text", "data element", nullable=True),
            Column("record_id", "text", "row that holds the value: its key", nullable=True),
            Column("customer_id", "text", "whom it is about", nullable=True),
            Column("reporter_staff_id", "text", "who reported it; empty for automated checks", nullable=True),
            Column("method", "text", "report, check, audit", nullable=True),
            Column("occasion_no", "number", "round of reports or checks, from 1", "1", nullable=True, low=1),
            Column("old_value", "text", "what was there", nullable=True),
            Column("new_value", "text", "what is right", nullable=True),
            Column("reported_at", "time", "reported or audited", nullable=True),
            Column("verified", "flag", "the value was looked into and was wrong"),
            Column("fixed_at", "time", "put right; empty while it is not", nullable=True),
            Column("impact_amt", "number", "what the error costs while it stays", "money", nullable=True, low=0),
        ),
        personal=("old_value", "new_value"),
        system="data quality tool",
    ),
)  # fmt: skip
