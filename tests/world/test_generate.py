"""A world in the user's cache is made once, whole, and leaves nothing beside it."""

import os
import time

import pandas as pd
import platformdirs
import pytest

from playbook.store.reading import Store
from playbook.world import generate
from playbook.world.settings import WorldSettings

SMALL = WorldSettings(seed=3, customers=200)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path)
    return tmp_path / "worlds"


def test_is_generated_once(cache, monkeypatch):
    """The second notebook finds what the first made."""
    first = generate.cached_world(SMALL)
    monkeypatch.setattr(generate, "generate", lambda *a, **k: pytest.fail("generated again"))
    assert generate.cached_world(SMALL) == first
    assert len(Store(first).table("customers")) == 200


def test_another_notebook_is_faster(cache, monkeypatch):
    """Both start at once: the second to finish uses the first one's world and drops its own."""
    original = generate.generate

    def overtaken(settings, **options):
        monkeypatch.setattr(generate, "generate", original)
        generate.cached_world(settings)
        return {"regions": pd.DataFrame({"region_id": ["R1"]})}

    monkeypatch.setattr(generate, "generate", overtaken)
    assert len(Store(generate.cached_world(SMALL)).table("customers")) == 200
    assert len(list(cache.iterdir())) == 1


def test_drafts_that_a_kill_left_go_after_a_day(cache):
    """A younger one may be being written."""
    for name in ("old-1", "young-2"):
        (cache / name / "truth").mkdir(parents=True)
    os.utime(cache / "old-1", (time.time() - 2 * generate.DRAFT_LIFE_S,) * 2)
    made = generate.cached_world(SMALL)
    assert {path.name for path in cache.iterdir()} == {"young-2", made.name}
