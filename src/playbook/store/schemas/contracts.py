"""What was agreed, for how long, and what it promises."""

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
            Column("joint_investment_amt", "number", "what both sides put into shared processes in the term", "money",
                   nullable=True, low=0),
            Column("notice_d", "number", "notice to end it", "d", nullable=True, low=0),
            Column("audit_right", "flag", "we may be audited by the customer"),
            Column("residency_region_id", "text", "region in which the customer's data must stay; empty = any",
                   nullable=True),
        ),
        system="contract management",
    ),
    Table(
        "contract_terms",
        "one promise: to a customer in a contract (SLA), or between units (OLA)",
        ("term_id",),
        (
            Column("term_id", "text", "key"),
            Column("contract_id", "text", "contract it stands in; empty between units", nullable=True),
            Column("provider_unit_id", "text", "unit or supplier that promises", nullable=True),
            Column("receiver_unit_id", "text", "unit it is promised to; empty when it is the customer", nullable=True),
            Column("metric", "text", "what is measured"),
            Column("channel", "text", "channel it holds for; empty = all", nullable=True),
            Column("target", "number", "value promised", nullable=True),
            Column("target_unit", "text", "unit of the target", nullable=True),
            Column("percentile", "number", "share of cases that must meet it", "share", nullable=True, low=0, high=1),
            Column("penalty_amt", "number", "due for a month in which it is missed", "money", nullable=True, low=0),
            Column("bonus_amt", "number", "earned for a month in which it is met", "money", nullable=True, low=0),
            Column("cap_amt", "number", "most that is due in a year", "money/year", nullable=True, low=0),
            Column("valid_from", "time", "first day", nullable=True),
            Column("valid_to", "time", "day after the last; empty while it holds", nullable=True),
        ),
        system="contract management",
    ),
)  # fmt: skip
