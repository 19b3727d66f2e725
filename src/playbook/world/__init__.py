"""The synthetic world: a company's operations from one seed, with the truth kept apart.

One file per domain. `DOMAINS` is the order of causes; each domain module says in `NEEDS` which domains it reads.
"""

DOMAINS = (
    "market",
    "orders",
    "delivery",
    "organisation",
    "service",
    "contracts",
    "supply",
    "privacy",
    "training",
    "extracts",
)
