"""The domains of what people say hold in every industry, without effects, in one market, and in small worlds."""

from functools import lru_cache

import pytest

from playbook.store.schemas import tables
from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.presets import PRESETS
from playbook.world.settings import WorldSettings
from playbook.world.wording import topics
from tests.world.worlds_of_voices import DOMAINS

SMALL = [{"industry": name} for name in PRESETS] + [
    {"effect": 0.0},
    {"regions": ("GB",)},
    {"effect": 2.0, "months": 60},
]
PREFIX = {  # of keys, by domain: whose rows are whose
    "codings": {"ratings": "RN"},
    "composites": {"tickets": "MT", "surveys": "SQ"},
    "definitions": {"ratings": "RD", "kpi_targets": "TD"},
    "faults": {"tickets": "FT", "notes": "NF", "incidents": "IC", "changes": "CF"},
    "micro_surveys": {"surveys": "SF"},
    "indicators": {"tickets": "CT", "actions": "CAR", "surveys": "SK", "kpi_targets": "TC"},
    "observations": {
        "sites": "SP",
        "ratings": "SO",
        "surveys": "SS",
        "events": "ES",
        "costs": "SIC",
        "rules": "LM",
    },
    "pulse": {"surveys": "SR"},
    "relations": {"interactions": "RI", "notes": "NC", "surveys": "SC"},
    "scales": {"surveys": "SI", "process_steps": "VS", "rules": "LV"},
    "stances": {"ratings": "RS", "actions": "SEV", "kpi_targets": "TS"},
}


@lru_cache(maxsize=1)
def small(number):
    """A world of 200 customers."""
    return generate(WorldSettings(customers=200, **SMALL[number]), domains=DOMAINS)


def rows(world, domain, table):
    """The rows of a table that a domain made."""
    frame = world[table]
    return frame[frame[tables()[table].key[0]].str.startswith(PREFIX[domain][table])]


@pytest.mark.parametrize(("number", "domain"), [(k, name) for k in range(len(SMALL)) for name in DOMAINS])
def test_small_worlds_hold(number, domain):
    """Tables pass their schemas; customers and dates are those of the history, and nothing comes after a customer's end."""
    world, settings = small(number), WorldSettings(customers=200, **SMALL[number])
    closed = world["customers"].set_index("customer_id")["closed_at"]
    for table in PREFIX[domain]:
        validate(table, world[table])
        own = rows(world, domain, table)
        assert len(own) > 0 or (table == "incidents" and settings.effect == 0)
        if "customer_id" in own and own["customer_id"].notna().any():
            known = own[own["customer_id"].notna()]
            assert known["customer_id"].isin(closed.index).all()
            end = known["customer_id"].map(closed).fillna(settings.end)
            for column in ("opened_at", "sent_at", "responded_at", "arrived_at", "written_at", "reopened_at"):
                if column in known:
                    assert not (known[column] > end).any(), (table, column)


def test_languages_are_those_of_the_markets():
    """Reports are written in the customer's language: each of four has words of its own, and none has another's."""
    world = small(0)
    notes = world["notes"].query("kind == 'ticket text'")
    greets = {"en": "hello|hi", "de": "hallo|guten tag|moin", "fr": "bonjour", "pt": "olá|bom dia|boa tarde"}
    for language, words in greets.items():
        said = notes["text"].str.lower().str.contains(rf"\b(?:{words})\b", regex=True)
        assert said[notes["language"] == language].mean() > 0.15
        assert said[notes["language"] != language].mean() < 0.02


@pytest.mark.parametrize("industry", PRESETS)
def test_texts_vary_and_speak_of_the_industry(industry):
    """Hardly two reports read the same, lengths differ, and every everyday fault occurs."""
    world = generate(WorldSettings(customers=600, industry=industry, regions=("GB",)), domains=["faults"])
    text = world["notes"]["text"]
    assert text.nunique() > 0.95 * len(text)
    assert text.str.len().quantile(0.9) > 2 * text.str.len().quantile(0.1)
    lower = text.str.lower()
    for topic in topics(industry)[:5]:
        assert lower.str.contains(topic.lower(), regex=False).any()
