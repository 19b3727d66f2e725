"""PostgreSQL: a table, a view or what a query selects, streamed out of a transaction that can only read.

The address comes from the environment alone. No error holds it, or the user, the password or a client's values.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any

from playbook.errors import MappingError, nearest
from playbook.intake.reading.rows import blob, named, short_decimal, text_of, trimmed

if TYPE_CHECKING:
    import duckdb
    import psycopg

    from playbook.intake.mapping import Source

FORM = "postgresql://user:password@host:5432/database"
TOLD = 10_000  # rows between two words to the progress bar
NULL = r"\N"
TABLES = """
    select table_schema, table_name from information_schema.tables
    where table_schema not in ('pg_catalog', 'information_schema') order by 1, 2
"""
REASONS = {  # what libpq says when it gets no connection: why, without its words, which hold the address
    "password authentication failed": "it refuses the user or the password",
    "no password supplied": "it asks for a password and the address holds none",
    "no pg_hba.conf entry": "it does not accept this user from this machine",
    "could not translate host name": "its host name is not known here",
    "failed to resolve host": "its host name is not known here",
    "refused": "nothing answers at its host and port",
    "No such file or directory": "nothing answers at its socket",
    "timeout": "it did not answer in time",
    "does not exist": "it has no such database or user",
    "SSL": "no safe connection could be agreed on (sslmode)",
}


def load(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    target: str,
    *,
    scratch: Path,
    tick: Callable[[int], None],
) -> tuple[list[str], str]:
    """Read `source.table` or `source.query` into the table `target`; see `playbook.intake.reading`.

    Parameters
    ----------
    connection : DuckDB connection
        Gets the table.
    source : Source
        Its `connection` names the environment variable that holds the address.
    target : str
        Name of the table.
    scratch : path
        The rows pass through a file here.
    tick : callable
        Told how many more rows were read.

    Raises
    ------
    MappingError
        When the variable is not set, the database cannot be reached, or the query does more than read.
    """
    import duckdb

    variable = str(source.connection)
    with _opened(variable) as database, TemporaryDirectory(dir=scratch) as folder:
        query = source.query or f"select * from {_table(database, variable, str(source.table))}"
        query = query.strip().rstrip("; \n")
        columns, may_be_broken = _described(database, query)
        if not columns:
            raise MappingError(f"the database that {variable} names: the query selects no columns")
        file = Path(folder) / "rows.csv"
        with file.open("wb") as handle:
            longest = _copy(database, query, may_be_broken, handle, tick)
        try:
            connection.execute(_table_of_text(target, columns, may_be_broken, longest), [str(file)])
        except duckdb.Error as error:  # its text quotes the data
            raise MappingError(
                f"the database that {variable} names: its rows cannot be stored ({type(error).__name__})"
            ) from None
    return named(name for name, _ in columns), "PostgreSQL"


def _table_of_text(target: str, columns: list[tuple[str, str]], may_be_broken: bool, longest: int) -> str:
    """Return SQL that makes the table from the file of rows; broken text is marked by the replacement character."""
    cells = [f"c{i}" for i in range(len(columns))]
    texts = "".join(
        f", {trimmed(_text(cell, kind))} as {cell}" for cell, (_, kind) in zip(cells, columns, strict=True)
    )
    broken = f"contains(concat_ws('', {', '.join(cells)}), chr(65533))" if may_be_broken else "false"
    types = ", ".join(f"'{cell}': 'varchar'" for cell in cells)
    return (
        f"create table {target} as select row_number() over () as row, "
        f"case when {broken} then 'damaged characters' end as damage{texts} "
        f"from read_csv(?, columns = {{{types}}}, auto_detect = false, header = false, delim = ',', quote = '\"', "
        f"escape = '\"', nullstr = '{NULL}', allow_quoted_nulls = false, max_line_size = {longest + 2**21})"
    )


def tables(variable: str) -> list[str]:
    """Return the tables and views, as `schema.table`, of the database whose address an environment variable holds.

    Raises
    ------
    MappingError
        When the variable is not set, or the database cannot be reached.
    """
    with _opened(variable) as database:
        return [f"{schema}.{name}" for schema, name in database.execute(TABLES)]


@contextmanager
def _opened(variable: str) -> Iterator[psycopg.Connection[Any]]:
    """Connect for reading only; errors leave as one line that holds nothing secret."""
    import psycopg

    address = os.environ.get(variable, "").strip()
    if not address:
        raise MappingError(f"environment variable {variable} is not set; expected an address like {FORM}")
    try:
        parts = psycopg.conninfo.conninfo_to_dict(address)
    except psycopg.Error:
        raise MappingError(
            f"environment variable {variable} holds no address of a database; expected {FORM}"
        ) from None
    options: dict[str, Any] = {
        "connect_timeout": 20,
        **parts,
        "client_encoding": "utf8",
        "application_name": "playbook",
    }
    try:
        database = psycopg.connect(psycopg.conninfo.make_conninfo(**options))
    except psycopg.Error as error:
        why = next(
            (reason for words, reason in REASONS.items() if words in str(error)), "it gives no connection"
        )
        raise MappingError(f"the database that {variable} names cannot be opened: {why}") from None
    try:
        with database:
            database.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            database.read_only = True
            database.execute("set local datestyle = 'ISO'; set local timezone = 'UTC'")
            database.execute("set local intervalstyle = 'iso_8601'; set local bytea_output = 'hex'")
            database.execute("set local synchronize_seqscans = off")  # the same rows in the same order again
            yield database
    except psycopg.Error as error:
        raise MappingError(f"the database that {variable} names: {_reason(error, parts)}") from None


def _table(database: psycopg.Connection[Any], variable: str, name: str) -> str:
    """Return the quoted name of a table that is there."""
    from psycopg.sql import Identifier

    found = {f"{schema}.{table}": Identifier(schema, table) for schema, table in database.execute(TABLES)}
    for one in (name, f"public.{name}"):
        if one in found:
            return found[one].as_string(database)
    raise MappingError(f"the database that {variable} names has no table '{name}'; {nearest(name, found)}")


def _described(database: psycopg.Connection[Any], query: str) -> tuple[list[tuple[str, str]], bool]:
    """Return each column's name and type, and whether the database may hold broken text.

    A cursor can be declared for a single statement that reads, and for no other: this is the check of the query.
    """
    with database.cursor("playbook_check") as cursor:
        cursor.execute(query)
        columns = [(one.name, one.type_code) for one in cursor.description or ()]
    names = dict(database.execute("select oid::int, typname from pg_type").fetchall())
    encoding = database.execute("show server_encoding").fetchone()
    return [(name, names.get(code, "")) for name, code in columns], encoding == ("SQL_ASCII",)


def _copy(
    database: psycopg.Connection[Any],
    query: str,
    may_be_broken: bool,
    handle: IO[bytes],
    tick: Callable[[int], None],
) -> int:
    """Write the rows of a query as CSV; return the bytes of the longest."""
    longest = rows = 0
    utf8 = codecs.getincrementaldecoder("utf-8")("replace")
    if may_be_broken:
        database.execute(
            "set local client_encoding = 'SQL_ASCII'"
        )  # the server would stop at the first such byte
    with (
        database.cursor() as cursor,
        cursor.copy(f"copy (\n{query}\n) to stdout (format csv, force_quote *, null '{NULL}')") as copied,
    ):
        for data in copied:
            text = bytes(data)
            longest = max(longest, len(text))
            handle.write(utf8.decode(text).encode() if may_be_broken else text)
            rows += 1
            if rows % TOLD == 0:
                tick(TOLD)
    tick(rows % TOLD)
    return longest


def _text(cell: str, kind: str) -> str:
    """Return SQL for a cell that PostgreSQL wrote, in the form that all formats share."""
    if kind == "bool":
        return f"case {cell} when 't' then 'true' when 'f' then 'false' end"
    if kind in ("float4", "float8"):
        typed = "FLOAT" if kind == "float4" else "DOUBLE"
        return text_of(f"{cell}::{typed}", typed)
    if kind == "numeric":
        return f"nullif({short_decimal(cell)}, 'NaN')"
    if kind == "bytea":
        return blob(f"unhex({cell}[3:])")
    if kind in ("date", "timestamp", "timestamptz"):
        usual = f"try_cast(regexp_replace({cell}, '[+]00$', '') as timestamp)"
        return f"case when {cell} ~ '^[0-9][-0-9:. ]*([+]00)?$' then {text_of(usual, 'TIMESTAMP')} else {cell} end"
    return cell


def _reason(error: psycopg.Error, parts: dict[str, Any]) -> str:
    """Return an error of the server as one line without a part of the address or a client's values."""
    state = error.sqlstate or ""
    if state == "25006" or "DECLARE CURSOR" in str(error) or "multiple commands" in str(error):
        return "the query may only read: expected one 'select'"
    if state.startswith("42"):  # syntax, unknown names, rights
        text = (error.diag.message_primary or "").splitlines()[0]
        return f"the query does not fit it: {_scrubbed(text, parts)}; expected one 'select'"
    if state.startswith("22"):
        return "the query cannot be computed for some row (a conversion, or a division by zero)"
    return f"reading failed ({state or type(error).__name__}); try again"


def _scrubbed(text: str, parts: dict[str, Any]) -> str:
    for key in ("password", "user", "host", "hostaddr", "dbname", "options", "passfile", "service"):
        if value := str(parts.get(key) or ""):
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "***", text, flags=re.IGNORECASE)
    return text
