"""Rows that arrive one by one in Python, and typed values of a database, become a table of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from playbook.intake.cells import WHOLE
from playbook.intake.reading import TRIMMED

if TYPE_CHECKING:
    import duckdb

BATCH_ROWS, BATCH_CHARACTERS = 20_000, 2**25
Row = tuple[str | None, Sequence[str | None]]  # why it is damaged, if it is, and its cells


def named(header: Iterable[str | None]) -> list[str]:
    """Return the names of columns without the blanks around; one without a name is called by its place.

    Examples
    --------
    >>> named([" No ", None, ""])
    ['No', 'column 2', 'column 3']
    """
    names = [(name or "").strip() for name in header]
    return [name or f"column {place}" for place, name in enumerate(names, start=1)]


def trimmed(sql: str) -> str:
    """Return SQL for a text without the blanks around, null where nothing is left."""
    # Looking at both ends first takes a fifth of the time of trimming every cell.
    ends = (
        f"ord({sql}) > 32 and ord(right({sql}, 1)) > 32 and ord({sql}) <> 160 and ord(right({sql}, 1)) <> 160"
    )
    return f"case when {ends} then {sql} else nullif(trim({sql}, {TRIMMED}), '') end"


def text_of(value: str, kind: str) -> str:
    """Return SQL for the text of a typed value, in the forms that all formats share.

    Parameters
    ----------
    value : str
        SQL of the value.
    kind : str
        Its type in DuckDB.
    """
    if kind in ("FLOAT", "DOUBLE"):
        # A key column with gaps arrives as floats from pandas: 17850.0 is the key 17850, NaN is a gap.
        whole = f"when {value} = trunc({value}) and abs({value}) < {WHOLE} then {value}::bigint::varchar"
        return f"case when isnan({value}) then null {whole} else {value}::varchar end"
    if kind.startswith("DECIMAL"):
        return short_decimal(f"{value}::varchar")
    if kind == "TIMESTAMP WITH TIME ZONE":
        return _time(f"make_timestamp(epoch_us({value}))::varchar")
    if kind == "DATE" or kind.startswith("TIMESTAMP"):
        return _time(f"{value}::timestamp::varchar")
    if kind == "BLOB":
        return blob(value)
    if kind.endswith("[]") or kind.startswith(("MAP", "STRUCT", "UNION")) or kind.endswith("]"):
        return f"to_json({value})::varchar"
    return f"{value}::varchar"


def short_decimal(text: str) -> str:
    """Return SQL for a decimal's text without the noughts at its end: 12.50 is 12.5 and 12.00 is 12."""
    return f"case when contains({text}, '.') then rtrim(rtrim({text}, '0'), '.') else {text} end"


def blob(value: str) -> str:
    """Return SQL for bytes as the text they are, or as hexadecimal digits where they are none."""
    return f"coalesce(try(decode({value})), lower(hex({value})))"


def _time(text: str) -> str:
    return f"case when contains({text}, '.') then rpad({text}, 26, '0') else {text} end"


def number_text(value: float) -> str | None:
    """Return a float in the form that `text_of` gives it.

    Examples
    --------
    >>> number_text(17850.0), number_text(0.1), number_text(float("nan"))
    ('17850', '0.1', None)
    """
    if value != value:
        return None
    return str(int(value)) if abs(value) < WHOLE and value == int(value) else repr(value)


def bytes_text(value: bytes) -> str:
    """Return bytes in the form that `text_of` gives them."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.hex()


def fill(connection: duckdb.DuckDBPyConnection, target: str, names: list[str], rows: Iterable[Row]) -> None:
    """Create the table `target`: row (from 1), damage, and a column of trimmed text for each name.

    `names` may grow while `rows` is read, and a row may be shorter than it.
    """
    cells = "".join(f", c{i} varchar" for i in range(len(names)))
    connection.execute(f"create table {target} (row bigint, damage varchar{cells})")
    width, done, size = len(names), 0, 0
    batch: list[Row] = []
    for one in rows:
        batch.append(one)
        size += sum(map(len, filter(None, one[1])))
        if len(batch) == BATCH_ROWS or size > BATCH_CHARACTERS:
            width = _insert(connection, target, width, len(names), done, batch)
            done, size, batch = done + len(batch), 0, []
    _insert(connection, target, width, len(names), done, batch)


def _insert(
    connection: duckdb.DuckDBPyConnection, target: str, width: int, wanted: int, done: int, batch: list[Row]
) -> int:
    """Append a batch below the `done` rows that are there; return how many columns the table has now."""
    import pyarrow as pa

    wanted = max([wanted, width, *(len(cells) for _, cells in batch)])
    for place in range(width, wanted):
        connection.execute(f"alter table {target} add column c{place} varchar")
    if not batch:
        return wanted
    columns = [pa.array(range(done + 1, done + len(batch) + 1)), pa.array([d for d, _ in batch], pa.string())]
    by_place = list(zip_longest(*(cells for _, cells in batch)))
    columns += [pa.array(cells, pa.large_string()) for cells in by_place]
    columns += [pa.nulls(len(batch), pa.large_string())] * (wanted - len(by_place))
    heads = ["row", "damage", *(f"c{i}" for i in range(wanted))]
    connection.register("playbook_batch", pa.table(columns, names=heads))
    texts = "".join(f", {trimmed(f'c{i}')}" for i in range(wanted))
    connection.execute(f"insert into {target} select row, damage{texts} from playbook_batch")
    connection.unregister("playbook_batch")
    return wanted
