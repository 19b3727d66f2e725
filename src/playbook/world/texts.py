"""Numbers as exports write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def as_text(numbers: NDArray[np.number]) -> pd.Series:
    """Return numbers as text, each in its shortest form.

    Examples
    --------
    >>> import numpy as np
    >>> as_text(np.array([6.0, 2.5])).tolist()
    ['6', '2.5']
    """
    return pd.Series(pd.array(pa.array(numbers).cast(pa.large_string()), dtype="str"))
