"""One seed in, all tables and their truth out: in memory, or as a store on disk, block by block."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from playbook.sources import code_hash
from playbook.world import domain_names
from playbook.world.blocks import count_blocks, generate_block, with_needs
from playbook.world.settings import WorldSettings

if TYPE_CHECKING:
    import pandas as pd

    from playbook.store.writing import Part

# What decides the bytes of a written world, and the pages about it.
WORLD_CODE = ("world", "methods/learning.py", "methods/queueing.py", "store/writing.py", "store/schemas")
DRAFT_LIFE_S = 24 * 3600  # no world takes a day to write
WORLD_LIFE_S = 30 * 86_400


def generate(settings: WorldSettings, *, domains: Iterable[str] | None = None) -> dict[str, pd.DataFrame]:
    """Generate the world's tables, truth included, by name, in memory.

    Parameters
    ----------
    settings : WorldSettings
        Seed, size, history, effects.
    domains : iterable of str, optional
        Generate these and what they need (tests of one domain need no more); all when left out.

    Examples
    --------
    >>> tables = generate(WorldSettings(customers=200), domains=["market"])
    >>> len(tables["customers"])
    200
    """
    import pandas as pd

    from playbook.store.writing import conform

    chosen = tuple(domain_names() if domains is None else domains)
    blocks = [generate_block(settings, k, chosen) for k in range(count_blocks(settings))]
    names = dict.fromkeys(name for block in blocks for name in block)
    tables = {name: [block[name] for block in blocks if name in block] for name in names}
    return {
        name: conform(name, parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True))
        for name, parts in tables.items()
    }


def write_world(
    settings: WorldSettings,
    path: str | Path,
    *,
    domains: Iterable[str] | None = None,
    executor: Executor | None = None,
    report: Callable[[int, int], None] | None = None,
) -> None:
    """Generate a world and write it as a store at `path`, complete or not at all.

    Parameters
    ----------
    settings : WorldSettings
        Seed, size, history, effects.
    path : path
        The store; workers of an `executor` must see the same folder.
    domains : iterable of str, optional
        As in `generate`.
    executor : Executor, optional
        Runs the blocks: `workers`, or the executor of a Dask client. Without one they run here, one by one.
    report : callable, optional
        Called with (blocks done, blocks) after each.
    """
    from playbook import __version__
    from playbook.store.writing import store_draft

    chosen = tuple(domain_names() if domains is None else domains)
    with_needs(chosen)  # an unknown name is refused before anything is written
    info = {
        "kind": "world",
        "name": "synthetic world",
        "version": __version__,
        "settings": settings.as_dict(),
    }
    blocks = range(count_blocks(settings))
    with store_draft(path, info) as draft:
        write = partial(_write_block, draft.path, settings, chosen, len(blocks) > 1)
        done = map(write, blocks) if executor is None else _in_order(executor, write, blocks)
        for count, parts in enumerate(done, start=1):
            draft.add(parts)
            if report is not None:
                report(count, len(blocks))


def _write_block(
    draft: Path, settings: WorldSettings, domains: tuple[str, ...], in_parts: bool, block: int
) -> list[Part]:
    import pyarrow as pa

    from playbook.store.writing import conform, write_part

    tables = generate_block(settings, block, domains)
    parts = [
        write_part(draft, name, conform(name, tables.pop(name)), block if in_parts else None)
        for name in sorted(tables)
    ]
    pa.default_memory_pool().release_unused()  # else Arrow keeps the largest block's memory
    return parts


def _in_order(
    executor: Executor, write: Callable[[int], list[Part]], blocks: Iterable[int]
) -> Iterator[list[Part]]:
    """Yield the parts of each block in order; no result waits in memory but a few file names."""
    futures = [executor.submit(write, block) for block in blocks]
    try:
        for future in futures:
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


@contextmanager
def workers(n: int) -> Iterator[Executor | None]:
    """Yield an executor of `n` processes; None for one, which needs no other process."""
    if n == 1:
        yield None
        return
    with ProcessPoolExecutor(n, mp_context=get_context("spawn")) as pool:
        yield pool


@contextmanager
def dask_cluster(address: str, timeout_s: float = 10) -> Iterator[Executor]:
    """Yield the executor of the Dask cluster at `address`, e.g. ``tcp://scheduler:8786``.

    Raises
    ------
    SettingsError
        When Dask is not installed, or nobody answers at the address.
    """
    from playbook.errors import SettingsError

    try:
        from distributed import Client
    except ImportError:
        raise SettingsError(
            "a Dask cluster needs the optional extra: pip install 'playbook[cluster]'"
        ) from None
    try:
        client = Client(address, timeout=timeout_s)
    except (OSError, ValueError) as problem:
        reason = str(problem).splitlines()[0]
        raise SettingsError(
            f"no Dask scheduler answers at '{address}' ({reason}); start one with 'dask scheduler'"
        ) from None
    with client:
        yield client.get_executor(pure=False)


def cached_world(settings: WorldSettings) -> Path:
    """Return the folder of this world in the user's cache, generating it the first time.

    Worlds that nobody opened for `WORLD_LIFE_S` are removed when another is made.
    """
    from platformdirs import user_cache_path

    from playbook.store.reading import INFO

    text = repr(settings) + code_hash(*WORLD_CODE)
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    folder = user_cache_path("customer-intimacy-playbook") / "worlds" / key
    if not (folder / INFO).is_file():
        _drop_old(folder.parent)
        # Two notebooks may start at once: each writes its own draft, the first rename wins.
        draft = folder.with_name(f"{key}-{np.random.SeedSequence().entropy:x}")
        write_world(settings, draft)
        try:
            draft.rename(folder)
        except OSError:
            if not (folder / INFO).is_file():
                raise
            shutil.rmtree(draft)
    os.utime(folder)  # opened now
    return folder


def _drop_old(cache: Path) -> None:
    """Remove worlds that nobody opened for long, and the drafts that kills left; a younger one may be another notebook's."""
    for folder in cache.glob("*"):
        life = DRAFT_LIFE_S if "-" in folder.name else WORLD_LIFE_S
        with suppress(OSError):  # moved into place meanwhile
            if time.time() - folder.stat().st_mtime > life:
                shutil.rmtree(folder)
