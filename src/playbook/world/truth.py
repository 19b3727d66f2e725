"""The shared tables of truth: long, one row per planted fact, the first column naming the play it is planted for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbook.world.texts import TEXT, repeated

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS: dict[str, dict[str, str]] = {
    "truth_effects": {
        "action": "what was done, an arm or a touchpoint",
        "stratum": "for whom: a segment, tier, unit; 'all'",
        "metric": "what it changes",
        "lag": "weeks after which it does",
        "size": "by how much",
        "unit": "of the size, e.g. log rate, share, min",
    },
    "truth_outcomes": {
        "subject": "key of a customer, account, site, case",
        "arm": "what is done to it",
        "metric": "what comes of it",
        "value": "how much, had this been done",
    },
    "truth_labels": {
        "table": "canonical table",
        "key": "key of one of its rows",
        "label": "what kind of planted thing it is",
        "value": "more about it, as text",
    },
    "truth_values": {
        "table": "canonical table or extract",
        "key": "key of one of its rows",
        "field": "column",
        "value": "what is true, as text",
    },
    "truth_structure": {"kind": "of edge or group", "source": "from, or member", "target": "to, or group"},
    "truth_shifts": {
        "subject": "what shifts",
        "metric": "in what",
        "kind": "step, trend, burst",
        "start_at": "first moment",
        "end_at": "last moment",
        "size": "by how much",
    },
    "truth_raters": {
        "rater": "key of a person or instrument",
        "severity": "how much lower it scores than the average",
        "bias": "how much more it favours some subjects",
        "noise": "standard deviation of its error",
    },
    "truth_parameters": {"name": "of the parameter", "value": "planted", "unit": "of the value"},
}
NUMBERS = ("size", "lag", "severity", "bias", "noise")
MOMENTS = ("start_at", "end_at")


def planted(table: str, play: str, /, **columns: Any) -> pd.DataFrame:
    """Return rows of a shared table of truth; columns that are left out are empty.

    `columns` are sequences of one length, or single values for all rows.

    Examples
    --------
    >>> planted("truth_parameters", "design.routing", name=["patience"], value=[6.0], unit="min")
                 play      name  value unit
    0  design.routing  patience    6.0  min
    """
    unknown = set(columns) - set(COLUMNS[table])
    if unknown:
        raise ValueError(
            f"{table} has no column {', '.join(sorted(unknown))}; it has {', '.join(COLUMNS[table])}"
        )
    n = max((len(value) for value in columns.values() if not _is_one(value)), default=1)
    numbers = {*NUMBERS, *({"value"} if table in ("truth_outcomes", "truth_parameters") else ())}
    made: dict[str, Any] = {"play": repeated(play, n)}
    for name in COLUMNS[table]:
        kind: Any = "float64" if name in numbers else "datetime64[us]" if name in MOMENTS else TEXT
        value = columns.get(name)
        made[name] = (
            _repeated(value, n, kind)
            if _is_one(value)
            else pd.Series(value).reset_index(drop=True).astype(kind)
        )
    return pd.DataFrame(made)


def _repeated(value: Any, n: int, kind: Any) -> Any:
    """Return a column of one value; the usual kinds without pandas, which would look at all of them."""
    if kind == "float64":
        return np.full(n, np.nan if value is None else value, dtype=float)
    if kind is TEXT and (value is None or isinstance(value, str)):
        return repeated(value, n)
    return pd.Series([value] * n).astype(kind)


def planted_rows(
    table: str, play: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> pd.DataFrame:
    """Return `planted` for rows, each with the values of these columns; there may be none.

    Examples
    --------
    >>> planted_rows("truth_structure", "govern.rules", ("kind", "source"), [("conflict", "R1")]).loc[0].tolist()
    ['govern.rules', 'conflict', 'R1', nan]
    """
    values = zip(*rows, strict=True) if rows else ((),) * len(columns)
    return planted(table, play, **dict(zip(columns, map(list, values), strict=True)))


def _is_one(value: Any) -> bool:
    return value is None or isinstance(value, str) or not hasattr(value, "__len__")
