"""Text keys, made in bulk."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from playbook.world.draws import TEXT


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
    text = np.empty((n, width), dtype=np.uint8)
    text[:, : len(head)] = head
    rest = np.arange(1, n + 1, dtype=np.uint32 if n < 2**32 - 1 else np.uint64)
    for place in range(width - 1, len(head) - 1, -1):
        rest, digit = np.divmod(rest, 10)
        text[:, place] = digit + 48
    offsets = np.arange(0, (n + 1) * width, width, dtype=np.int64)
    keys = pa.LargeStringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(text))
    return pd.Series(pd.array(keys, dtype=TEXT))


def local(name: str, block: int) -> str:
    """Return the name of a site or team of one division.

    Examples
    --------
    >>> local("north", 0), local("north", 3)
    ('north', 'north-3')
    """
    return f"{name}-{block}" if block else name
