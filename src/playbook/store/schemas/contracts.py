"""What was agreed, and for how long."""

from playbook.store.schemas import Column, Table

TABLES = (
    Table(
        "contracts",
        "one term of one contract: a renewal is a new version",
        ("contract_id", "version_no"),
        (
            Column("contract_id", "text", "contract"),
            Column("version_no", "count", "1 for the first term, one more with each renewal", "1", low=1),
            Column("party_type", "text", "who signed: account or customer", choices=("account", "customer")),
            Column("party_id", "text", "key of the account or customer"),
            Column("tier", "text", "service tier that was agreed", nullable=True),
            Column("starts_on", "time", "first day of the term"),
            Column("ends_on", "time", "day after its last day"),
            Column("renewed", "flag", "followed by a further term"),
            Column("end_reason", "text", "why it was not renewed; else empty", nullable=True),
            Column("annual_fee_amt", "number", "fee for a year", "money/year", low=0),
        ),
    ),
)
