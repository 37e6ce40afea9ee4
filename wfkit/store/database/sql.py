"""One read-only SELECT of a user over the tables.

The statement is checked by DuckDB's own parser and runs in a read-only transaction; files, extensions and variables
of the caller are out of reach by the configuration in `opening`.
"""

from __future__ import annotations

import _thread
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from wfkit.errors import UsageFault
from wfkit.store.database import opening
from wfkit.store.database.opening import Trouble

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TABLES = """
SELECT string_agg(name, ', ' ORDER BY name) FROM (
    SELECT table_name AS name FROM duckdb_tables() WHERE NOT internal
    UNION ALL SELECT view_name FROM duckdb_views() WHERE NOT internal
)
"""

_UNWANTED = frozenset({"pg_sleep", "sleep_ms", "getenv", "current_setting", "pg_settings", "getvariable"})
_CATALOG = frozenset({"duckdb_tables", "duckdb_views", "duckdb_columns", "duckdb_functions", "duckdb_keywords"})


class _Asked:
    """A query that another thread asks: one that is inside DuckDB may not see a Ctrl-C before the query ends.

    A Ctrl-C may come between any two steps of the caller: all that it waits for is set by the other thread, and who was
    first is told by one step that cannot be half done.
    """

    def __init__(self, cursor: DuckDBPyConnection, query: str) -> None:
        self._cursor, self._query = cursor, query
        self._first: dict[None, str] = {}
        self._over = False
        self._bell = _thread.allocate_lock()
        self._bell.acquire()
        self._table: Any = None
        self._error: Exception | None = None

    def answer(self) -> Any:
        """The answer as a pandas DataFrame. Raises duckdb.Error; KeyboardInterrupt when the query has ended."""
        import duckdb  # loads on first use: 80 ms

        try:
            _thread.start_new_thread(self._work, ())  # at once: the other way waits in Python for its beginning
            while not self._over:
                self._bell.acquire(timeout=0.1)
        except KeyboardInterrupt:
            self._stop()
            raise
        if isinstance(self._error, duckdb.InterruptException):
            raise KeyboardInterrupt
        if self._error is not None:
            raise self._error
        return self._table

    def _work(self) -> None:
        try:
            if self._first.setdefault(None, "query") == "query":
                self._table = self._ask()
        except Exception as error:  # noqa: BLE001 - whoever asked gets it, whatever it is
            self._error = error
        finally:
            self._over = True
            self._bell.release()

    def _ask(self) -> Any:
        self._cursor.execute("BEGIN TRANSACTION READ ONLY")
        try:
            return self._cursor.execute(self._query).df()
        finally:
            self._cursor.execute("ROLLBACK")

    def _stop(self) -> None:
        """Until the query has ended, or will never begin: an interrupt before its first step is not heard. A second
        Ctrl-C changes nothing, for the cursor must not be closed under a query."""
        while not self._over:
            try:
                if self._first.setdefault(None, "stop") == "stop":
                    return
                self._cursor.interrupt()
                self._bell.acquire(timeout=0.05)
            except KeyboardInterrupt:
                continue


def select(cursor: DuckDBPyConnection, query: str) -> Any:
    """The answer as a pandas DataFrame. Raises UsageFault for what is not one SELECT or cannot be answered."""
    import duckdb  # loads on first use: 80 ms

    try:
        _check(cursor, query)
        return _Asked(cursor, query).answer()
    except duckdb.Error as error:
        if opening.judge(error) is not Trouble.OTHER:
            raise
        raise UsageFault(f"the query cannot be answered: {_first_lines(error)}\n{_hint(cursor)}") from error


def _check(cursor: DuckDBPyConnection, query: str) -> None:
    import duckdb  # loads on first use: 80 ms

    statements = cursor.extract_statements(query)
    if len(statements) != 1 or statements[0].type is not duckdb.StatementType.SELECT:
        kinds = ", ".join(statement.type.name for statement in statements) or "nothing"
        raise UsageFault(f"sql answers one SELECT, this is {kinds}\n{_hint(cursor)}")
    if unwanted := next((name for name in _names(query) if _is_unwanted(name)), None):
        raise UsageFault(f"sql answers from the tables of the store: {unwanted} is about the database itself, or waits")


def _names(query: str) -> Iterator[str]:
    """The identifiers of a query as DuckDB's own lexer sees them, in lower case and without quotes."""
    import duckdb  # loads on first use: 80 ms

    data = query.encode("utf-8", "replace")
    found = duckdb.tokenize(query)
    ends = [*(start for start, _ in found[1:]), len(data)][: len(found)]
    for (start, kind), end in zip(found, ends, strict=True):
        if kind is duckdb.token_type.identifier:
            yield data[start:end].decode("utf-8", "replace").strip().strip('"').lower()


def _is_unwanted(name: str) -> bool:
    return name in _UNWANTED or (name.startswith(("duckdb_", "pragma_")) and name not in _CATALOG)


def _first_lines(error: Exception) -> str:
    return str(error).strip().split("\n\n", maxsplit=1)[0]


def _hint(cursor: DuckDBPyConnection) -> str:
    return f"tables: {cursor.execute(_TABLES).fetchall()[0][0]}"
