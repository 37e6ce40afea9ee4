"""One read-only SELECT of a user over the tables.

The statement is checked by DuckDB's own parser and runs in a read-only transaction; files, extensions and variables
of the caller are out of reach by the configuration in `opening`.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from wfkit.errors import UsageFault
from wfkit.interrupts import Milestone, held_back
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


def select(cursor: DuckDBPyConnection, query: str) -> Any:
    """The answer as a pandas DataFrame. Raises UsageFault for what is not one SELECT or cannot be answered."""
    import duckdb  # loads on first use: 80 ms

    try:
        _check(cursor, query)
        return _beside(cursor, query)
    except duckdb.Error as error:
        if opening.judge(error) is not Trouble.OTHER:
            raise
        raise UsageFault(f"the query cannot be answered: {_first_lines(error)}\n{_hint(cursor)}") from error


def _beside(cursor: DuckDBPyConnection, query: str) -> Any:
    """The answer, made by another thread: one that is inside DuckDB may not see a Ctrl-C before the query ends."""
    import duckdb  # loads on first use: 80 ms

    answer: Future[Any] | None = None
    over, pool = Milestone(), ThreadPoolExecutor(1, "wfkit-sql")
    try:
        with held_back():
            answer = pool.submit(_answer, cursor, query)
            answer.add_done_callback(lambda _: over.set())
            pool.shutdown(wait=False)
        while not over.wait(0.1):
            pass
        return answer.result()
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    except KeyboardInterrupt:
        with held_back():  # a second one changes nothing: the cursor must not be closed under a query
            while answer is not None and not over.wait(0.05):
                cursor.interrupt()  # again and again: before its first step a query does not hear it
        raise


def _answer(cursor: DuckDBPyConnection, query: str) -> Any:
    cursor.execute("BEGIN TRANSACTION READ ONLY")
    try:
        return cursor.execute(query).df()
    finally:
        cursor.execute("ROLLBACK")


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
