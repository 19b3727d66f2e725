"""Fixtures shared by all tests."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from playbook.store.reading import Store
from playbook.world.generate import cached_world
from playbook.world.settings import WorldSettings

from .oracles import oracle_path

settings.register_profile("playbook", deadline=None)  # no test asserts a time, on any machine
settings.load_profile("playbook")


@pytest.fixture(scope="session")
def demo_store() -> Store:
    """The demo engagement's world, generated once per machine and generator version."""
    return Store(cached_world(WorldSettings()))


@pytest.fixture(scope="session")
def oracle() -> Callable[[str, str], Path]:
    """``oracle(package, version)``: the folder of a package that carries published data."""
    return oracle_path
