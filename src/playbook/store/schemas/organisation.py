"""Who does the work."""

from playbook.store.schemas import Column, Table

TABLES = (
    Table(
        "units",
        "a team",
        ("unit_id",),
        (
            Column("unit_id", "text", "key"),
            Column("name", "text", "what it is called"),
            Column("function", "text", "the role its people have"),
            Column("region_id", "text", "market it serves"),
        ),
    ),
    Table(
        "staff",
        "a person who works for the company",
        ("staff_id",),
        (
            Column("staff_id", "text", "key"),
            Column("unit_id", "text", "team"),
            Column("role", "text", "service agent, account manager, picker, planner"),
            Column("region_id", "text", "where they work"),
            Column("hired_on", "time", "first day"),
            Column("left_on", "time", "last day; empty while employed", nullable=True),
            Column("fte_h_week", "number", "contracted hours", "h/week", low=0),
            Column("cost_amt_h", "number", "cost of an hour", "money/h", low=0),
        ),
    ),
)
