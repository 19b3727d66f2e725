"""Keys of rows and names of places: made in bulk, and found among others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from playbook.world.texts import text_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Keys = Sequence[str] | pd.Series | pd.Index | pd.api.extensions.ExtensionArray | NDArray[np.object_]

# The texts 0000 to 9999, each as one number of four bytes: keys are written four digits at a time.
FOUR_DIGITS = np.frombuffer("".join(f"{i:04d}" for i in range(10_000)).encode(), dtype=np.uint32)


def ids(prefix: str, n: int, block: int = 0) -> pd.Series:
    """Return `n` text keys in order, different in every block of customers.

    Examples
    --------
    >>> ids("C", 2).tolist(), ids("C", 2, block=3).tolist()
    (['C000001', 'C000002'], ['C3-000001', 'C3-000002'])
    """
    head = np.frombuffer((f"{prefix}{block}-" if block else prefix).encode(), dtype=np.uint8)
    digits = max(6, len(str(n)))
    width = len(head) + digits
    groups = -(-digits // 4)
    numbers = np.empty((n, groups), dtype=FOUR_DIGITS.dtype)
    rest = np.arange(1, n + 1, dtype=np.uint32 if n < 2**32 - 1 else np.uint64)
    for group in range(groups - 1, -1, -1):
        rest, four = np.divmod(rest, 10_000)
        numbers[:, group] = FOUR_DIGITS[four]
    text = np.empty((n, width), dtype=np.uint8)
    text[:, : len(head)] = head
    text[:, len(head) :] = numbers.view(np.uint8)[:, -digits:]
    offsets = np.arange(0, (n + 1) * width, width, dtype=np.int64)
    keys = pa.LargeStringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(text))
    return pd.Series(text_column(keys))


def local(name: str, block: int) -> str:
    """Return the name of a site or team of one division.

    Examples
    --------
    >>> local("north", 0), local("north", 3)
    ('north', 'north-3')
    """
    return f"{name}-{block}" if block else name


def position(wanted: Keys, among: Keys) -> NDArray[np.int64]:
    """Return where each wanted key stands among others, which are all different; -1 where it does not.

    Examples
    --------
    >>> position(["C3", "C1", "C9"], among=["C1", "C2", "C3"]).tolist()
    [2, 0, -1]
    """
    sought, known = (pa.array(keys, pa.large_string(), from_pandas=True) for keys in (wanted, among))
    return pc.index_in(sought, value_set=known).fill_null(-1).to_numpy().astype(np.int64)
