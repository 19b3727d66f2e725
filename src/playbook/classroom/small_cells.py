"""Tables as a published page may show them: no count of fewer than five people, no row of a single customer.

Hundepool et al. (2012), *Statistical Disclosure Control*, chapter 4: a cell with fewer contributors than a threshold is
suppressed (primary); since totals are known or stand elsewhere, so many others are suppressed with it that it cannot be
worked out from a total (secondary, or complementary, suppression).
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Array = NDArray[Any]

FEWEST = 5
HIDDEN = "hidden"
NOTE = f"{HIDDEN}: fewer than {FEWEST} people, or a figure from which their number or their values could be worked out."
LEFT_OUT = "{rows} of single customers or members of staff are left out of this page; the facilitator's notebook has them."

# Words that say, in a column's name, that it counts people; those that say it is something else; and keys of people.
PEOPLE = {
    "accounts", "agents", "authors", "buyers", "clients", "coders", "colleagues", "companies", "contacts", "customers",
    "employees", "households", "leads", "members", "movers", "operators", "owners", "patients", "people", "persons",
    "raters", "recipients", "respondents", "staff", "subscribers", "technicians", "trainees", "users",
    "visitors", "workers",
}  # fmt: skip
NO_COUNT = {
    "%", "amt", "average", "cost", "days", "each", "factor", "h", "high", "hours", "low", "margin", "mean", "median",
    "min", "minutes", "months", "per", "probability", "rate", "sales", "score", "share", "value", "weeks",
}  # fmt: skip
PERSON_KEY = re.compile(
    r"(?:^|_)(?:customer|client|contact|account|person|people|staff|employee|user|subject|anon|crm|erp|billing|web|rater|"
    r"visitor|login)(?:_id|_key|_no|_number)$|^(?:e-?mail|phone|(?:full|first|last)[_ ]name)$"
)
PSEUDONYM = re.compile(r"(?:[a-z_]+:)?[0-9a-f]{16}")
FIGURE = re.compile(r"[-+–−~<>≤≥≈]?\s*\.?\d")  # how a text that is a formatted number begins
COUNT = re.compile(r"\d{1,3}(?:,\d{3})*|\d+")
TOTAL = re.compile(r"(?:all|total|totals|sum|together|everyone|everybody|overall)\b", re.I)


def published(table: pd.DataFrame | pd.Series) -> dict[str, str]:
    """Return a table as a published page shows it, by MIME type.

    Parameters
    ----------
    table : DataFrame or Series
        As a cell displays it. Columns, or else rows, whose names say so count people; see `PEOPLE`.

    Examples
    --------
    >>> import pandas as pd
    >>> tiers = pd.DataFrame({"customers": [4, 30, 9], "sales": [700.0, 90.5, 3.0]}, index=["gold", "silver", "bronze"])
    >>> print(published(tiers)["text/plain"].splitlines()[1])
    gold      hidden  hidden
    >>> print(published(tiers)["text/plain"].splitlines()[2])
    silver        30    90.5
    """
    frame: Any = table.to_frame() if table.ndim == 1 else table  # type: ignore[operator]
    if of_single_people(frame):
        rows = f"{len(frame):,} row{'' if len(frame) == 1 else 's'}"
        note = LEFT_OUT.format(rows=rows)
        bundle = {"text/html": f"<p>{note}</p>", "text/plain": note}
    else:
        shown: Any = suppressed(frame)
        html = shown._repr_html_()
        bundle = {"text/html": html, "text/plain": f"{shown!r}"}
        if shown is not frame:
            bundle = {
                "text/html": f"{bundle['text/html']}<p>{NOTE}</p>",
                "text/plain": f"{bundle['text/plain']}\n\n{NOTE}",
            }
    return bundle if table.ndim == 2 else {"text/plain": bundle["text/plain"]}


def of_single_people(frame: pd.DataFrame) -> bool:
    """Return whether a row, or a column, of a table is one customer or one member of staff."""
    names = [*_levels(frame.columns.names), *_levels(frame.index.names), *frame.columns]
    if any(PERSON_KEY.search(_words(name)) for name in names):
        return True
    labels = [*_labels(frame.columns), *_labels(frame.index)]
    cells = (value for place in range(frame.shape[1]) for value in frame.iloc[:, place])
    return any(isinstance(value, str) and PSEUDONYM.fullmatch(value) for value in (*labels, *cells))


def suppressed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table with every row that could give away fewer than `FEWEST` people hidden; itself when none could.

    In a hidden row every number is hidden, since each may be a figure of these few people. Zero is shown: nobody is
    given away by it.
    """
    import numpy as np

    across = not _counts(frame) and bool(_counts(frame.T))
    table = frame.T if across else frame
    hide = hidden_rows(table)
    if not hide.any():
        return frame
    shown = table.astype(object)
    numeric = np.array(
        [[_is_figure(value) for value in row] for row in table.astype(object).to_numpy()], dtype=bool
    )
    shown = shown.mask(numeric.reshape(table.shape) & hide[:, None], HIDDEN)
    return shown.T if across else shown


def hidden_rows(table: pd.DataFrame) -> Array:
    """Return which rows to hide: those with a small count, and the fewest, smallest others that protect them.

    The hidden rows of the whole table, and of each group that a text column or a level of the index makes, are at least
    two and count at least `FEWEST` people together in every column: a reader who knows a total learns no less than that.
    """
    import numpy as np

    counts = _counts(table)
    if not counts:
        return np.zeros(len(table), dtype=bool)
    values = np.column_stack([_numbers(table.iloc[:, place]) for place in counts])
    small = (values > 0) & (values < FEWEST)
    hide: Array = np.any(small, axis=1)
    totals: Array = np.array([_is_total(label) for label in table.index], dtype=bool)
    groups = list(_groups(table))
    changed = bool(hide.any())
    while changed:
        changed = False
        for group in groups:
            more = _complement(values, hide, small, group & ~totals, group & totals)
            changed |= bool((more & ~hide).any())
            hide |= more
    return hide


def _complement(values: Array, hide: Array, small: Array, parts: Array, totals: Array) -> Array:
    """Return the rows to hide in one group so that no small count can be worked out from the group's total."""
    import numpy as np

    hide = hide.copy()
    for column in range(values.shape[1]):
        counted = values[:, column]
        while (small[:, column] & hide & parts).any():
            hidden = hide & parts & (counted > 0)
            if hidden.sum() >= 2 and counted[hidden].sum() >= FEWEST:
                break
            others = parts & ~hide & (counted > 0)
            if not others.any():
                hide |= totals
                break
            hide[np.where(others)[0][np.argmin(counted[others])]] = True
    return hide


def _groups(table: pd.DataFrame) -> Iterator[Array]:
    import numpy as np

    yield np.ones(len(table), dtype=bool)
    keys = [list(column) for column in _texts(table)]
    if table.index.nlevels > 1:
        keys += [list(table.index.get_level_values(level)) for level in range(table.index.nlevels)]
    for key in keys:
        labels = [str(value) for value in key]
        for label in dict.fromkeys(labels):
            group = np.array([other == label for other in labels], dtype=bool)
            if 1 < group.sum() < len(table):
                yield group


def _counts(table: pd.DataFrame) -> list[int]:
    """Return the places of the columns that count people: by their names, and whole numbers only."""
    over_all = any(_says_people(name) for name in table.columns.names if name is not None)
    return [
        place
        for place, label in enumerate(table.columns)
        if (over_all or _says_people(label)) and _is_whole(table.iloc[:, place])
    ]


def _says_people(label: Hashable) -> bool:
    words = re.split(r"[\s_,:()/]+", _words(label).lower())
    return bool(PEOPLE & set(words)) and not NO_COUNT & set(words)


def _is_whole(column: pd.Series) -> bool:
    figures = [_number(value) for value in column if _is_figure(value)]
    return bool(figures) and all(n is not None and n >= 0 and n.is_integer() for n in figures)


def _number(value: object) -> float | None:
    """Return a number, also one that is formatted as a whole number; None for anything else."""
    if isinstance(value, str):
        return float(value.strip().replace(",", "")) if COUNT.fullmatch(value.strip()) else None
    return float(value) if _is_figure(value) else None  # type: ignore[arg-type]


def _is_figure(value: object) -> bool:
    import math
    from numbers import Real

    if isinstance(value, str):
        return bool(FIGURE.match(value.strip()))
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _numbers(column: pd.Series) -> Array:
    import numpy as np

    return np.array([_number(value) or 0.0 for value in column])


def _is_total(label: Hashable) -> bool:
    parts = label if isinstance(label, tuple) else (label,)
    return any(TOTAL.match(str(part)) for part in parts)


def _texts(frame: pd.DataFrame) -> Iterator[pd.Series]:
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        if any(isinstance(value, str) and not _is_figure(value) for value in column):
            yield column


def _labels(index: pd.Index) -> Iterator[object]:
    for label in index:
        yield from label if isinstance(label, tuple) else (label,)


def _levels(names: object) -> Iterator[Hashable]:
    yield from (name for name in names if name is not None)  # type: ignore[attr-defined]


def _words(label: Hashable) -> str:
    return " ".join(map(str, label)) if isinstance(label, tuple) else str(label)
