"""Opening a DuckDB file: one configuration for all, and what an error of DuckDB means for the store.

No other file connects. Who may open (the lease) is decided in `session`; what goes in is `fold`.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

from wfkit.errors import StoreFault

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FORMAT = 9  # of the tables; a database of an older format is built anew from the journals
TABLES = Path(__file__).parent / "schema" / "tables.sql"
_VIEWS = TABLES.with_name("views.sql")
_CONFIG: dict[str, str | bool | int] = {
    "allow_community_extensions": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "enable_external_access": False,  # SQL sees its own tables, no file of the machine and no variable of the caller
    "lock_configuration": True,
    "memory_limit": "1GB",
    "python_enable_replacements": False,
    "storage_compatibility_version": "v1.2.0",
    "threads": 2,
}
_HELD = re.compile(r"(?:Could not set lock|Conflicting lock).*", re.DOTALL)
_PID = re.compile(r"PID (\d+)")
_CORRUPT = re.compile(r"corrupt|checksum|not a valid DuckDB|replaying WAL|deseriali|read enough bytes", re.IGNORECASE)


class Trouble(Enum):
    """What an error of DuckDB means."""

    HELD = auto()  # another process has the file
    FULL = auto()  # the disk
    DENIED = auto()  # by the file system
    NEWER = auto()  # a later DuckDB or wfkit wrote it
    CORRUPT = auto()
    INVALID = auto()  # this instance is unusable, the file may be well
    OTHER = auto()


def connect(path: Path | None) -> DuckDBPyConnection:
    """Open or create a file, or with None a database in memory. Raises duckdb.Error."""
    import duckdb  # loads on first use: 80 ms

    return duckdb.connect(":memory:" if path is None else str(path), config=dict(_CONFIG))


def create_tables(connection: DuckDBPyConnection) -> None:
    """Tables and views of a new database. The only DDL there is."""
    connection.execute("BEGIN TRANSACTION")
    for path in (TABLES, _VIEWS):
        connection.execute(path.read_text("utf-8"))
    connection.execute("INSERT INTO store_format VALUES (?)", [FORMAT])
    connection.execute("COMMIT")


def read_format(connection: DuckDBPyConnection) -> int:
    """The format of an open database, 0 if it has none of our tables. Raises StoreFault for a newer one."""
    import duckdb  # loads on first use: 80 ms

    try:
        found = connection.execute("SELECT max(version) FROM store_format").fetchall()[0][0] or 0
    except duckdb.CatalogException:
        return 0
    if found > FORMAT:
        newer = f"the database has format {found}, this wfkit knows {FORMAT}"
        raise StoreFault(f"{newer}: update wfkit, or point WFKIT_STORE at another store")
    return int(found)


def judge(error: Exception) -> Trouble:
    """What an error means, by its class and text: DuckDB often raises the base class."""
    import duckdb  # loads on first use: 80 ms

    text = str(error)
    if _HELD.search(text):
        return Trouble.HELD
    if "No space left" in text or "Disk quota" in text:
        return Trouble.FULL
    if re.search(r"Permission denied|Read-only file system|Too many open files", text):
        return Trouble.DENIED
    if "database file with version number" in text:
        return Trouble.NEWER
    if isinstance(error, duckdb.SerializationException) or _CORRUPT.search(text):
        return Trouble.CORRUPT
    if isinstance(error, duckdb.FatalException | duckdb.InternalException) or "has been invalidated" in text:
        return Trouble.INVALID
    return Trouble.OTHER


def holder(error: Exception) -> str:
    """Who holds a file, as DuckDB says it: `PID n`, or another process."""
    found = _PID.search(str(error))
    return f"PID {found[1]}" if found else "another process"
