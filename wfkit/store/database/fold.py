"""Folding: entries of journals become rows, and how far is said in the same transaction.

Rows go in as lists of JSON lines bound to one INSERT a table: in DuckDB 2.0.0 as fast as read_json of a file (44
against 49 ms for 10,000 wide rows; the appender takes 70 and keeps the GIL), so no file need be open to SQL.
No journals and no opening of databases here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson

from wfkit.core.events import Entry
from wfkit.store import wire
from wfkit.store.database import opening, rows, spread

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Placed = tuple[str, int, int, Entry]
_BATCH_ROWS = 20_000
_TABLE = re.compile(r"CREATE TABLE (\w+) \((.*?)\);", re.DOTALL)
_COLUMN = re.compile(r'"?(\w+)"? (\w+(?:\[\]|\([0-9, ]+\))?)(?:,|\s*$)')


def fold(cursor: DuckDBPyConnection, batch: Sequence[Placed]) -> int:
    """Add the entries that are not folded yet, in one transaction; how many they were.

    Entries are (journal id, offset, offset of the next, entry), each journal's in its order. Raises duckdb.Error, then
    nothing is folded, or all of it if the commit came through: the watermarks tell.
    """
    cursor.execute("BEGIN TRANSACTION")
    try:
        done = _add(cursor, batch)
        cursor.execute("COMMIT")
    except BaseException:
        _roll_back(cursor)
        raise
    return done


def watermarks(cursor: DuckDBPyConnection) -> dict[str, int]:
    """Up to which byte each journal is folded."""
    found = cursor.execute('SELECT journal_id, max("offset") FROM folded GROUP BY ALL').fetchall()
    return dict(found)


def batches(entries: Iterable[Placed]) -> Iterator[list[Placed]]:
    """Cut a long stream of entries into batches of a size that is quick to fold and small in memory."""
    batch: list[Placed] = []
    size = 0
    for placed in entries:
        # A line may hold several entries: they share an offset and must not be parted.
        if size >= _BATCH_ROWS and (batch[-1][0], batch[-1][1]) != (placed[0], placed[1]):
            yield batch
            batch, size = [], 0
        batch.append(placed)
        size += rows.weight(placed[3])
    if batch:
        yield batch


def _add(cursor: DuckDBPyConnection, batch: Sequence[Placed]) -> int:
    before = watermarks(cursor)
    after: dict[str, int] = {}
    tables: rows.Tables = {}
    done = 0
    for journal_id, offset, next_offset, entry in batch:
        if offset >= before.get(journal_id, 0):
            rows.add_rows(tables, journal_id, entry)
            after[journal_id] = max(next_offset, after.get(journal_id, 0))
            done += 1
    if after:
        tables["folded"] = [{"journal_id": name, "offset": offset} for name, offset in after.items()]
        inserts = _inserts()
        for table, made in tables.items():
            if made:
                cursor.execute(inserts[table], [[_line(row) for row in made]])
    return done


@cache
def _inserts() -> dict[str, str]:
    """An INSERT for each table that takes a list of JSON lines; made from the text that makes the tables, because
    asking a database for its columns takes 14 ms."""
    text = re.sub("--.*", "", opening.TABLES.read_text("utf-8"))
    found = {table: _insert(table, _COLUMN.findall(columns)) for table, columns in _TABLE.findall(text)}
    return found | spread.inserts()


def _insert(table: str, kinds: list[tuple[str, str]]) -> str:
    is_time = {column for column, kind in kinds if kind == "TIMESTAMP"}
    spec = orjson.dumps({column: "BIGINT" if column in is_time else kind for column, kind in kinds}).decode()
    values = ", ".join(f'make_timestamp(r."{c}")' if c in is_time else f'r."{c}"' for c, _ in kinds)
    lines = "SELECT unnest($1::VARCHAR[]) AS line"
    return f"INSERT INTO {table} SELECT {values} FROM (SELECT from_json_strict(line, '{spec}') AS r FROM ({lines}))"  # noqa: S608 (our own names)


def _line(row: rows.Row) -> str:
    try:
        return orjson.dumps(row, default=_plain).decode()
    except TypeError:  # lone surrogates: journals keep them escaped, so do the rows
        return orjson.dumps({**wire.escape(row), "escaped": True}).decode()


def _plain(value: Any) -> str:
    if type(value) is Decimal:
        return format(value, "f")
    raise TypeError(f"a {type(value).__name__} cannot stand in a row")


def _roll_back(cursor: DuckDBPyConnection) -> None:
    import duckdb  # loads on first use: 80 ms

    try:
        cursor.execute("ROLLBACK")
    except (duckdb.Error, RuntimeError):
        return  # nothing was open any more, or the database is gone: the error on its way says which
