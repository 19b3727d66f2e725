"""Fixtures shared by all tests."""

import pytest

from playbook.store.reading import Store
from playbook.world.generate import cached_world
from playbook.world.settings import WorldSettings


@pytest.fixture(scope="session")
def demo_store() -> Store:
    """The demo engagement's world, generated once per machine and generator version."""
    return Store(cached_world(WorldSettings()))
