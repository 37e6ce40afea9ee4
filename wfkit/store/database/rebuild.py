"""Making a database from journals and segments alone: a new store, a broken file, an older format, a reader without
the lease, or `doctor --rebuild`.

The file is made beside the old one and takes its place in one rename. What rows look like is `rows`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from wfkit.store.database import fold, opening
from wfkit.store.files import sync_file, sync_folder
from wfkit.store.journals import journal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LONG = 16 << 20


def build(path: Path) -> None:
    """Make the database of a store (the folder of `path`) anew; the old file is replaced. Needs the lease.

    Raises duckdb.Error (a full disk) and leaves the old file as it was.
    """
    made = path.with_name(f".{path.name}.new")
    _remove(made)
    connection = opening.connect(made)
    try:
        opening.create_tables(connection)
        connection.execute("CHECKPOINT")
        catch_up(connection, path.parent)
        connection.execute("CHECKPOINT")
    finally:
        connection.close()
    made.chmod(0o600)
    sync_file(made)
    # The log of the old file must not meet the new one. A crash here leaves the old file without its last commits,
    # which its watermarks say, so they are folded again.
    wal_of(path).unlink(missing_ok=True)
    made.replace(path)
    sync_folder(path.parent)


def begin(path: Path) -> DuckDBPyConnection:
    """A new file with nothing in it, open. Needs the lease. A crash leaves one without tables, or without rows, and
    what it lacks its watermarks say. Raises duckdb.Error."""
    _remove(path)
    connection = opening.connect(path)
    path.chmod(0o600)
    opening.create_tables(connection)
    return connection


def is_long(root: Path) -> bool:
    """Whether there is so much in the journals that nobody should hold all of it in memory."""
    return sum(log.size for log in journal.list_journals(root)) > _LONG


def in_memory(root: Path) -> DuckDBPyConnection:
    """A database in memory with all that the journals and segments of a store say now."""
    connection = opening.connect(None)
    opening.create_tables(connection)
    catch_up(connection, root)
    return connection


def catch_up(connection: DuckDBPyConnection, root: Path) -> int:
    """Fold what is in the journals and segments and not in the database; how many entries that was."""
    return sum(fold.fold(connection, batch) for batch in fold.batches(_unfolded(root, fold.watermarks(connection))))


def wal_of(path: Path) -> Path:
    """DuckDB's own log beside a database file."""
    return path.with_name(f"{path.name}.wal")


def _unfolded(root: Path, watermarks: dict[str, int]) -> Iterator[fold.Placed]:
    for log in journal.list_journals(root):
        done = watermarks.get(log.journal_id, 0)
        if done < log.size:
            yield from (
                (log.journal_id, offset, after, entry) for offset, after, entry in journal.read_entries(log.path, done)
            )


def _remove(path: Path) -> None:
    for each in (path, wal_of(path)):
        with suppress(FileNotFoundError):
            each.unlink()
