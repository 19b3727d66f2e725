"""Published data that cannot be fetched: skipped with the reason on a desk, a failure in CI."""

import subprocess
from pathlib import Path

import pytest

from . import oracles


@pytest.fixture
def no_network(tmp_path, monkeypatch):
    """An empty cache, and an installer that fails as pip does without a network."""

    def refused(command, **options):
        Path(command[command.index("--target") + 1]).mkdir(parents=True)
        return subprocess.CompletedProcess(
            command, 1, "", "WARNING: retrying\nERROR: No matching distribution\n"
        )

    monkeypatch.setattr(oracles, "user_cache_path", lambda name: tmp_path)
    monkeypatch.setattr(subprocess, "run", refused)
    return tmp_path


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_without_a_network(no_network, monkeypatch, ci, outcome):
    """The reason names the package and what pip said last; nothing is left that a next run would take for it."""
    monkeypatch.setenv("CI", ci)
    with pytest.raises(
        outcome, match=r"oracle data 1\.0 could not be fetched .*: ERROR: No matching distribution"
    ):
        oracles.oracle_path("data", "1.0")
    assert [path for path in no_network.rglob("*") if path.name.startswith("data")] == []


def test_what_was_fetched_is_not_fetched_again(no_network):
    """The second test that needs it finds the folder."""
    folder = no_network / "oracles" / "data-1.0"
    folder.mkdir(parents=True)
    assert oracles.oracle_path("data", "1.0") == folder


def test_of_two_at_once_the_first_wins(tmp_path, monkeypatch):
    """The folder appears while this one is fetching: its draft is dropped."""

    def fetched(command, **options):
        Path(command[command.index("--target") + 1]).mkdir(parents=True)
        (tmp_path / "oracles" / "data-1.0" / "first").mkdir(parents=True)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(oracles, "user_cache_path", lambda name: tmp_path)
    monkeypatch.setattr(subprocess, "run", fetched)
    folder = oracles.oracle_path("data", "1.0")
    assert [path.name for path in folder.iterdir()] == ["first"]
    assert [path.name for path in folder.parent.iterdir()] == ["data-1.0"]
