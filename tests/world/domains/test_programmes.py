"""Trials of programmes and what they cost keep their schemas."""

import pytest

from playbook.store.writing import conform, validate
from tests.world.worlds_of_programmes import trial


@pytest.mark.parametrize("table", ["initiatives", "assignments", "costs"])
def test_tables_are_canonical(table):
    """Columns, kinds, keys and choices as declared."""
    validate(table, conform(table, trial(0).tables[table]))
