"""The way to the database file: under the lease, made if it is missing, set aside if it is broken, given away politely.

Who asks what, and how threads share it, is `session`.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from wfkit.core.frozen import dataclass
from wfkit.errors import StoreFault
from wfkit.store.database import opening, rebuild
from wfkit.store.database.opening import Trouble

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_RETRY_S = 1.0
_POLITE_S = 0.05
_FULL = "the disk is full: the journals keep what is recorded; free space"


class Lease(Protocol):
    """The right to open the database file; `store.lease` has it."""

    def acquire(self, timeout: float) -> bool:
        """Get it (again); False when somebody else kept it all the time."""
        ...

    def release(self) -> None:
        """Give it back."""
        ...

    def wanted(self) -> bool:
        """Whether another process waits for it."""
        ...

    def holder(self) -> int | None:
        """The PID of the process that has it, if it is known."""
        ...


@dataclass(slots=True)
class Link:
    """An open database. `file` is False for one in memory."""

    connection: DuckDBPyConnection
    file: bool
    pid: int = field(default_factory=os.getpid)
    cursors: dict[int, DuckDBPyConnection] = field(default_factory=dict)

    def cursor(self) -> DuckDBPyConnection:
        """The calling thread's own: two threads on one cursor get each other's rows."""
        me = threading.get_ident()
        if me not in self.cursors:
            self.cursors[me] = self.connection.cursor()
        return self.cursors[me]

    def drop_cursor(self) -> None:
        """Close the calling thread's cursor, and roll back what it had open."""
        cursor = self.cursors.pop(threading.get_ident(), None)
        if cursor is not None:
            _close(cursor)

    def close(self) -> None:
        """Close every cursor, so that nothing keeps the instance alive."""
        for cursor in (*self.cursors.values(), self.connection):
            _close(cursor)
        self.cursors.clear()


class DiskFull(StoreFault):
    """The disk is full."""


class Door:
    """Opens and closes the file of a store. `notice` says what a user should know about it, or is None."""

    def __init__(self, path: Path, lease: Lease, fill: bool) -> None:
        self.path = path
        self._fill = fill
        self.notice: str | None = None
        self.lease = lease
        self._not_before = 0.0  # when it is worth trying to open the file again
        self._polite_until = 0.0  # somebody wanted the lease and must have time to take it

    def open(self, wait_s: float) -> Link | None:
        """The open file; None, with a notice, when it cannot be had for `wait_s` seconds."""
        import duckdb  # loads on first use: 80 ms

        if time.monotonic() < self._not_before or not self._acquire(wait_s):
            return None
        try:
            connection, self.notice = open_file(self.path, self._fill)
        except duckdb.Error as error:
            self.lease.release()
            self._not_before = time.monotonic() + _RETRY_S
            self.notice = _kept_away(error)
            return None
        except BaseException:
            self.lease.release()
            raise
        return Link(connection, file=True)

    def close(self, link: Link) -> None:
        """Close a database, and give the lease back if it is the file."""
        link.close()
        if link.file:
            wanted = self.lease.wanted()
            self.lease.release()
            self._polite_until = time.monotonic() + _POLITE_S if wanted else 0.0

    def refusal(self, trouble: Trouble, error: Exception) -> StoreFault:
        """What a caller is told of an error of the database."""
        if trouble is not Trouble.FULL:
            return StoreFault(f"{self.path.name}: {str(error).splitlines()[0]}; run `wfkit doctor`")
        self.notice = _FULL
        return DiskFull(f"{self.path.name} cannot grow, {_FULL}")

    def went_well(self) -> None:
        """The file took what was written: the disk is not full any more."""
        if self.notice == _FULL:
            self.notice = None

    def _acquire(self, wait_s: float) -> bool:
        polite_s = self._polite_until - time.monotonic()
        if polite_s > 0 and wait_s:
            time.sleep(polite_s)
        if (wait_s or polite_s <= 0) and self.lease.acquire(wait_s):
            return True
        pid = self.lease.holder()
        self.notice = f"read from journals; {f'PID {pid}' if pid else 'another process'} holds the database"
        return False


def open_file(path: Path, fill: bool = True) -> tuple[DuckDBPyConnection, str | None]:
    """Open the database of a store, made anew from the journals if it is missing, broken or of an older format.

    Without `fill` a missing one may be begun empty: whoever asks knows what the journals say beyond its watermarks.

    With it comes what a user should know, if anything. Raises duckdb.Error when it is held, denied, or the disk is
    full; StoreFault when it is newer.
    """
    import duckdb  # loads on first use: 80 ms

    if not path.exists():
        if not fill and not rebuild.is_long(path.parent):
            return rebuild.begin(path), None
        rebuild.build(path)
    try:
        connection = opening.connect(path)
        known = opening.read_format(connection)
    except duckdb.Error as error:
        trouble = opening.judge(error)
        if trouble in (Trouble.HELD, Trouble.FULL, Trouble.DENIED):
            raise
        if trouble is Trouble.NEWER:
            newer = f"{path.name} was written by a newer DuckDB ({error})"
            raise StoreFault(f"{newer}: update duckdb, or point WFKIT_STORE at another store") from error
        notice = set_aside(path, str(error))
        rebuild.build(path)
        return opening.connect(path), notice
    if known < opening.FORMAT:
        connection.close()
        rebuild.build(path)
        connection = opening.connect(path)
    return connection, None


def set_aside(path: Path, why: str) -> str:
    """Quarantine a broken database: it keeps its bytes under another name, and a warning says so."""
    broken = path.with_name(
        f"{path.name}.broken-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{time.time_ns() % 10**6}"
    )
    with suppress(FileNotFoundError):
        path.rename(broken)
    with suppress(FileNotFoundError):
        rebuild.wal_of(path).rename(rebuild.wal_of(broken))
    message = (
        f"{path.name} was broken ({why.splitlines()[0]}); it is kept as {broken.name} and made anew from the journals"
    )
    warnings.warn(message, RuntimeWarning, stacklevel=2)
    return message


def _kept_away(error: Exception) -> str:
    match opening.judge(error):
        case Trouble.HELD:
            return f"read from journals; {opening.holder(error)} holds the database"
        case Trouble.FULL:
            return "read from journals; the disk is full: free space, nothing recorded is lost"
    return f"read from journals; the database cannot be opened: {str(error).splitlines()[0]}"


def _close(connection: DuckDBPyConnection) -> None:
    import duckdb  # loads on first use: 80 ms

    try:
        connection.close()
    except (duckdb.Error, RuntimeError):
        return  # an invalidated instance refuses even that; it goes with its last reference
