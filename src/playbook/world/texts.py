"""Text columns, made in bulk: words of a short list, numbers as exports write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

TEXT = pd.StringDtype("pyarrow", na_value=np.nan)  # what pandas calls "str"


def text_column(texts: pa.Array) -> pd.api.extensions.ExtensionArray:
    """Return an Arrow array of large strings as a pandas text column, without a copy."""
    arrays: Any = pd.arrays  # its stubs do not name the class
    return arrays.ArrowStringArray(texts, dtype=TEXT)


def words(pool: Sequence[str | None], position: NDArray[np.integer]) -> pd.api.extensions.ExtensionArray:
    """Return the words at these positions of a list, as a text column.

    Examples
    --------
    >>> list(words(("gold", "silver"), np.array([1, 1, 0])))
    ['silver', 'silver', 'gold']
    """
    return text_column(pa.array(pool, pa.large_string()).take(pa.array(position)))


def repeated(word: str | None, n: int) -> pd.api.extensions.ExtensionArray:
    """Return a text column of one word, or of none.

    Examples
    --------
    >>> list(repeated("gold", 2))
    ['gold', 'gold']
    """
    return text_column(pa.repeat(pa.scalar(word, pa.large_string()), n))


def as_text(numbers: NDArray[np.number]) -> pd.Series:
    """Return numbers as text, each in its shortest form.

    Examples
    --------
    >>> as_text(np.array([6.0, 2.5])).tolist()
    ['6', '2.5']
    """
    return pd.Series(pd.array(pa.array(numbers).cast(pa.large_string()), dtype="str"))
