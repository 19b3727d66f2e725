"""What customers allow, and what each law asks for."""

from playbook.store.schemas import Column, Table

TABLES = (
    Table(
        "rules",
        "one row of a decision table: when it holds, what follows, who owns it",
        ("rule_id",),
        (
            Column("rule_id", "text", "key"),
            Column("ruleset", "text", "decision table it belongs to: contact, opt_out, escalation, access ..."),
            Column("jurisdiction", "text", "law it states; any = all"),
            Column("priority", "count", "of the rows that hold, the smallest decides", "1"),
            Column("condition_json", "text", "when it holds, e.g. purpose, channel; or clock_used_share"),
            Column("outcome_json", "text", "what follows, e.g. basis, source; or action"),
            Column("owner_role", "text", "who answers for it, or is called", nullable=True),
            Column("clock_h", "number", "time allowed to act on a request", "h", nullable=True, low=0),
            Column("valid_from", "time", "first moment it holds"),
            Column("valid_to", "time", "first moment it no longer holds; empty while it does", nullable=True),
        ),
        system="policy register",
    ),
    Table(
        "consents",
        "one decision of a customer, as it reached one system",
        ("consent_id", "system_id"),
        (
            Column("consent_id", "text", "the decision; the same in every system"),
            Column("customer_id", "text", "who decided"),
            Column("purpose", "text", "marketing, survey, personalisation ...; any = all"),
            Column("channel", "text", "email, sms, phone ...; any = all"),
            Column("status", "text", "what was decided", choices=("granted", "withdrawn")),
            Column("effective_at", "time", "the customer said so"),
            Column("recorded_at", "time", "entered into the ledger"),
            Column("system_id", "text", "system that must act on it"),
            Column("applied_at", "time", "that system acted on it; empty while it has not", nullable=True),
            Column("ticket_id", "text", "request in which the customer said so", nullable=True),
            Column("proof_hash", "text", "fingerprint of the evidence: form, click, call", nullable=True),
        ),
        system="consent register",
    ),
)  # fmt: skip
