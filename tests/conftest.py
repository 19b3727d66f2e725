"""Fixtures shared by all tests."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from playbook.store.reading import Store
from playbook.world.generate import cached_world
from playbook.world.settings import WorldSettings

from .oracles import oracle_path
from .postgres_server import programs, serve

os.environ["PLAYBOOK_KEY"] = "a key for tests alone"  # no test may read or make a key in the user's settings
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


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of an empty database of a PostgreSQL server that runs for these tests only."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed: no initdb on the PATH or in /usr/lib/postgresql/*/bin")
    with serve(found) as address:
        yield address
