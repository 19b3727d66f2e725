"""Who the company serves and what it sells."""

from playbook.store.schemas import Column, Table

TABLES = (
    Table(
        "regions",
        "a market with one law, language and time zone",
        ("region_id",),
        (
            Column("region_id", "text", "key"),
            Column("country", "text", "ISO 3166 alpha-2 code"),
            Column("jurisdiction", "text", "law that governs contact and data: EU, UK, US ..."),
            Column("timezone", "text", "IANA name", nullable=True),
            Column("currency", "text", "ISO 4217 code of its money", nullable=True),
            Column("language", "text", "ISO 639-1 code of most customers", nullable=True),
            Column("bandwidth_kbps", "number", "usual bandwidth at the company's sites", "kbit/s", nullable=True,
                   low=0),
            Column("wage_amt_h", "number", "hourly cost of an hour of service work", "money/h", nullable=True, low=0),
        ),
    ),
    Table(
        "accounts",
        "an organisation that buys",
        ("account_id",),
        (
            Column("account_id", "text", "key"),
            Column("name", "text", "trading name"),
            Column("segment", "text", "segment in the sales plan"),
            Column("industry", "text", "the customer's industry"),
            Column("region_id", "text", "home market"),
            Column("is_key", "flag", "managed as a key account"),
        ),
    ),
    Table(
        "customers",
        "a person or ship-to that orders and calls",
        ("customer_id",),
        (
            Column("customer_id", "text", "key"),
            Column("account_id", "text", "account it belongs to", nullable=True),
            Column("region_id", "text", "market"),
            Column("language", "text", "ISO 639-1 code", nullable=True),
            Column("tier", "text", "service tier: gold, silver, bronze", nullable=True),
            Column("preferred_channel", "text", "phone, email, chat", nullable=True),
            Column("created_at", "time", "first known to the company"),
            Column("closed_at", "time", "known to have left", nullable=True),
        ),
    ),
    Table(
        "products",
        "a stock-keeping unit",
        ("product_id",),
        (
            Column("product_id", "text", "key"),
            Column("name", "text", "what it is"),
            Column("category", "text", "product family", nullable=True),
            Column("price_amt", "number", "list price", "money", low=0),
            Column("unit_cost_amt", "number", "cost of one unit", "money", nullable=True, low=0),
            Column("hold_share_year", "number", "cost of holding one unit a year, share of its cost", "1/year",
                   nullable=True, low=0),
        ),
    ),
)  # fmt: skip
