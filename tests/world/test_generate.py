"""A world is written whole or not at all, by any number of workers; one in the user's cache is made once."""

import os
import subprocess
import sys
import time

import pandas as pd
import platformdirs
import pytest

from playbook.errors import SettingsError, StoreError
from playbook.store.reading import Store
from playbook.world import blocks, generate
from playbook.world.settings import WorldSettings

SMALL = WorldSettings(seed=3, customers=200)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path)
    return tmp_path / "worlds"


def test_is_generated_once(cache, monkeypatch):
    """The second notebook finds what the first made."""
    first = generate.cached_world(SMALL)
    monkeypatch.setattr(generate, "generate_block", lambda *a, **k: pytest.fail("generated again"))
    assert generate.cached_world(SMALL) == first
    assert len(Store(first).table("customers")) == 200


def test_another_notebook_is_faster(cache, monkeypatch):
    """Both start at once: the second to finish uses the first one's world and drops its own."""
    original = generate.generate_block

    def overtaken(*arguments):
        monkeypatch.setattr(generate, "generate_block", original)
        generate.cached_world(SMALL)
        return {"regions": pd.DataFrame({"region_id": ["R1"]})}

    monkeypatch.setattr(generate, "generate_block", overtaken)
    assert len(Store(generate.cached_world(SMALL)).table("customers")) == 200
    assert len(list(cache.iterdir())) == 1


def test_drafts_that_a_kill_left_go_after_a_day(cache):
    """A younger one may be being written."""
    for name in ("old-1", "young-2"):
        (cache / name / "truth").mkdir(parents=True)
    os.utime(cache / "old-1", (time.time() - 2 * generate.DRAFT_LIFE_S,) * 2)
    made = generate.cached_world(SMALL)
    assert {path.name for path in cache.iterdir()} == {"young-2", made.name}


def test_worlds_that_nobody_opened_for_a_month_go(cache):
    """One that was opened yesterday stays, whenever it was made."""
    opened = generate.cached_world(SMALL)
    (cache / "forgotten").mkdir()
    for folder in (opened, cache / "forgotten"):
        os.utime(folder, (time.time() - 2 * generate.WORLD_LIFE_S,) * 2)
    generate.cached_world(SMALL)
    made = generate.cached_world(WorldSettings(seed=SMALL.seed + 1, customers=200))
    assert {path.name for path in cache.iterdir()} == {opened.name, made.name}


@pytest.fixture
def three_blocks():
    """A world of three blocks."""
    return WorldSettings(seed=4, customers=2 * blocks.BLOCK_CUSTOMERS + 200)


def hashes(path):
    """Each table's hash, and one of all."""
    info = Store(path).info
    return info["hash"], {name: entry["sha256"] for name, entry in info["tables"].items()}


def test_workers_do_not_change_a_byte(tmp_path, three_blocks):
    """One process, two processes and a Dask cluster of two processes write the same files."""
    distributed = pytest.importorskip("distributed", reason="needs the optional extra 'cluster'")
    chosen = {"domains": ["market"]}
    generate.write_world(three_blocks, tmp_path / "one", **chosen)
    with generate.workers(2) as pool:
        generate.write_world(three_blocks, tmp_path / "two", executor=pool, **chosen)
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with cluster, generate.dask_cluster(cluster.scheduler_address) as executor:
        generate.write_world(three_blocks, tmp_path / "cluster", executor=executor, **chosen)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two") == hashes(tmp_path / "cluster")
    assert len(Store(tmp_path / "one").table("customers")) == three_blocks.customers
    assert len(Store(tmp_path / "one").files("customers")) == 3


def test_a_cluster_that_does_not_answer_is_named():
    """The address and the remedy are in one line."""
    pytest.importorskip("distributed", reason="needs the optional extra 'cluster'")
    with (
        pytest.raises(SettingsError, match=r"no Dask scheduler answers at 'tcp://127\.0\.0\.1:9'"),
        generate.dask_cluster("tcp://127.0.0.1:9", timeout_s=1),
    ):
        pass


def test_a_world_that_was_not_finished_says_so(tmp_path, three_blocks, monkeypatch):
    """After a full disk in the second block there is no store, only a folder that says incomplete; again works."""
    original = generate.generate_block

    def full_disk(settings, block, domains):
        if block == 1:
            raise OSError(28, "No space left on device")
        return original(settings, block, domains)

    monkeypatch.setattr(generate, "generate_block", full_disk)
    with pytest.raises(StoreError, match=r"is incomplete \(No space left on device\): make room and run"):
        generate.write_world(three_blocks, tmp_path / "world", domains=["market"])
    with pytest.raises(StoreError, match="is incomplete: run the command that makes it again"):
        Store(tmp_path / "world")
    monkeypatch.undo()
    generate.write_world(three_blocks, tmp_path / "world", domains=["market"])
    assert len(Store(tmp_path / "world").table("customers")) == three_blocks.customers
    assert [path.name for path in tmp_path.iterdir()] == ["world"]


def test_a_killed_world_is_never_taken_for_whole(tmp_path):
    """A process that is killed while it writes leaves no store."""
    options = ["generate", str(tmp_path / "w"), "--domain", "market", "--customers", "2000000"]
    start = "from playbook.cli import main; main()"
    process = subprocess.Popen([sys.executable, "-c", start, *options])
    draft = tmp_path / "w.incomplete" / "customers"
    while not draft.is_dir() or len(list(draft.iterdir())) < 2:
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    with pytest.raises(StoreError, match="is incomplete"):
        Store(tmp_path / "w")


def test_two_at_once_into_one_folder_are_refused(tmp_path):
    """The second is told to wait, and the first one's world is whole."""
    from playbook.store.writing import store_draft

    with store_draft(tmp_path / "w", {"kind": "world"}) as draft:
        with pytest.raises(StoreError, match="is being written by another process"):
            generate.write_world(SMALL, tmp_path / "w", domains=["market"])
        assert draft.path.is_dir()
    assert Store(tmp_path / "w").info["tables"] == {}
