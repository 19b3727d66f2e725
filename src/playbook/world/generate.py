"""One seed in, all tables and their truth out."""

from __future__ import annotations

import hashlib
import importlib
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from playbook.world import DOMAINS
from playbook.world.settings import WorldSettings

if TYPE_CHECKING:
    import pandas as pd

DRAFT_LIFE_S = 24 * 3600  # no world takes a day to write


def stream(seed: int, domain: str) -> np.random.Generator:
    """Return the random stream of one domain: adding a domain never shifts another's numbers."""
    key = int.from_bytes(hashlib.blake2b(domain.encode(), digest_size=8).digest(), "big")
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(key,))))


def with_needs(domains: Iterable[str]) -> list[str]:
    """Return `domains` and all that they read, in the order of causes.

    Examples
    --------
    >>> with_needs(["delivery"])
    ['market', 'orders', 'delivery']
    """
    wanted: set[str] = set()
    queue = list(domains)
    while queue:
        domain = queue.pop()
        if domain not in wanted:
            wanted.add(domain)
            queue += importlib.import_module(f"playbook.world.{domain}").NEEDS
    return [domain for domain in DOMAINS if domain in wanted]


def generate(settings: WorldSettings, *, domains: Iterable[str] = DOMAINS) -> dict[str, pd.DataFrame]:
    """Generate the world's tables, truth included, by name.

    Each domain module has ``NEEDS`` and ``generate(settings, tables, rng) -> dict``: it reads the tables made before it
    and returns new ones. Rows for a table that is already there are appended.

    Parameters
    ----------
    settings : WorldSettings
        Seed, size, history, effect.
    domains : iterable of str
        Generate these and what they need (tests of one domain need no more).

    Examples
    --------
    >>> tables = generate(WorldSettings(customers=200), domains=["market"])
    >>> len(tables["customers"])
    200
    """
    import pandas as pd

    tables: dict[str, pd.DataFrame] = {}
    for domain in with_needs(domains):
        module = importlib.import_module(f"playbook.world.{domain}")
        for name, frame in module.generate(settings, tables, stream(settings.seed, domain)).items():
            known = tables.get(name)
            tables[name] = frame if known is None else pd.concat([known, frame], ignore_index=True)
    return tables


def write_world(settings: WorldSettings, path: str | Path, *, domains: Iterable[str] = DOMAINS) -> None:
    """Generate a world and write it as a store at `path`, complete or not at all."""
    from playbook import __version__
    from playbook.store.writing import write_store

    info = {
        "kind": "world",
        "name": "synthetic world",
        "version": __version__,
        "settings": settings.as_dict(),
    }
    write_store(path, generate(settings, domains=domains), info)


def cached_world(settings: WorldSettings) -> Path:
    """Return the folder of this world in the user's cache, generating it the first time."""
    from platformdirs import user_cache_path

    from playbook.store.reading import INFO

    text = repr(settings) + code_hash()
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    folder = user_cache_path("customer-intimacy-playbook") / "worlds" / key
    if not (folder / INFO).is_file():
        _drop_old_drafts(folder.parent)
        # Two notebooks may start at once: each writes its own draft, the first rename wins.
        draft = folder.with_name(f"{key}-{np.random.SeedSequence().entropy:x}")
        write_world(settings, draft)
        try:
            draft.rename(folder)
        except OSError:
            if not (folder / INFO).is_file():
                raise
            shutil.rmtree(draft)
    return folder


def _drop_old_drafts(cache: Path) -> None:
    """Remove the drafts that kills left; a younger one may be another notebook's."""
    for draft in cache.glob("*-*"):
        with suppress(OSError):  # moved into place meanwhile
            if time.time() - draft.stat().st_mtime > DRAFT_LIFE_S:
                shutil.rmtree(draft)


def code_hash() -> str:
    """Return a hash of the generator's source, so that a changed generator is a different world."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
