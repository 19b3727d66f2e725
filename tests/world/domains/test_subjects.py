"""The desk's tickets have subject lines in the customer's language, and nothing else about them changes."""

import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.presets import PRESETS
from playbook.world.settings import WorldSettings


@pytest.mark.parametrize("industry", PRESETS)
def test_subjects_speak_the_customers_language_and_leave_the_rest_alone(industry):
    """Every ticket of the desk has a line; words of a language occur in its markets only; other columns are as before."""
    settings = WorldSettings(seed=3, customers=200, industry=industry)
    plain = generate(settings, domains=["service"])["tickets"]
    world = generate(settings, domains=["subjects"])
    tickets = world["tickets"]
    validate("tickets", tickets)
    assert plain.drop(columns="subject_text").equals(tickets.drop(columns="subject_text"))
    assert tickets["subject_text"].str.len().min() > 2
    late = tickets[tickets["category"] == "question"].merge(world["customers"], on="customer_id")
    german = late["subject_text"].str.contains("Frage|frage")
    assert german[late["language"] == "de"].any()
    assert not german[late["language"] != "de"].any()
