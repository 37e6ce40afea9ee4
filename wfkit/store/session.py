"""Who uses the database and when: it is opened on first use under the lease, shared by the threads of this process,
given away when another process asks, opened again when it broke.

Without the lease, or with the file held by a stranger, answers come from a database in memory made from the journals.
What is asked is not known here.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from wfkit.errors import StoreFault
from wfkit.store import opening, rebuild
from wfkit.store.opening import Trouble

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")
READ_WAIT_S = 2.0
_RETRY_S = 1.0


class _NotOurs(Exception):
    """The file cannot be had now."""


class _Full(StoreFault):
    """The disk is full."""


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


class Session:
    """The shared use of one database file. `notice` says what a user should know about it, or is None."""

    def __init__(self, path: Path, lease: Lease) -> None:
        self.path = path
        self.notice: str | None = None
        self._lease = lease
        self._free = threading.Condition(threading.RLock())
        self._users = 0
        self._link: Link | None = None
        self._not_before = 0.0

    def run(self, action: Callable[[DuckDBPyConnection], T]) -> T:
        """What `action` answers for this thread's cursor; again after a repair if the database broke under it.

        Raises StoreFault for errors of the database, KeyboardInterrupt when the user interrupted the query.
        """
        return self._run(action, READ_WAIT_S, memory=True)

    def run_on_file(self, action: Callable[[DuckDBPyConnection], T]) -> T | None:
        """As `run`, on the file only and without waiting: None when it cannot be had now or the disk is full."""
        try:
            return self._run(action, 0.0, memory=False)
        except (_NotOurs, _Full):
            return None

    def _run(self, action: Callable[[DuckDBPyConnection], T], wait_s: float, memory: bool) -> T:
        import duckdb  # loads on first use: 80 ms

        for broken in (False, True, None):  # first it is opened again, then made anew
            link = self._enter(wait_s, memory)
            try:
                return action(link.cursor())
            except duckdb.Error as error:
                link.drop_cursor()
                failed, trouble = error, opening.judge(error)
            except BaseException as error:
                link.drop_cursor()
                if isinstance(error, RuntimeError) and "nterrupted" in str(error):
                    raise KeyboardInterrupt from None  # DuckDB turns a SIGINT into this
                raise
            finally:
                self._leave()
            if trouble in (Trouble.INVALID, Trouble.CORRUPT) and broken is not None:
                self._repair(link, broken or trouble is Trouble.CORRUPT, str(failed))
            else:
                raise self._refused(trouble, failed) from failed
        raise AssertionError("the last try answers or raises")

    def close(self) -> None:
        """Close the database when nobody uses it any more, and give the lease back. It opens again when needed."""
        with self._free:
            self._free.wait_for(lambda: self._users == 0)
            self._drop()

    @contextmanager
    def closed(self, wait_s: float = READ_WAIT_S) -> Iterator[bool]:
        """While it lasts the file is closed and nobody here opens it; yields whether the lease is ours."""
        with self._free:
            self._free.wait_for(lambda: self._users == 0)
            self._drop()
            mine = self._lease.acquire(wait_s)
            try:
                yield mine
            finally:
                if mine:
                    self._lease.release()

    def _enter(self, wait_s: float, memory: bool) -> Link:
        with self._free:
            link = self._current(wait_s, memory)
            self._users += 1
            return link

    def _leave(self) -> None:
        with self._free:
            self._users -= 1
            self._free.notify_all()
            if self._users == 0 and self._link is not None and self._link.file and self._lease.wanted():
                self._drop()

    def _current(self, wait_s: float, memory: bool) -> Link:
        """The open database: the file if it can be had, else (with `memory`) one in memory that is up to date."""
        link = self._link
        if link is not None and link.pid != os.getpid():
            self._link, self._users = None, 0  # a fork: the parent's connection is not ours, not even to close
            link = None
        if link is not None and link.file:
            return link
        if self._users == 0 and time.monotonic() >= self._not_before:
            opened = self._open_file(wait_s if link is None else 0.0)
            if opened is not None:
                if link is not None:
                    link.close()
                self._link = opened
                return opened
        if not memory:
            raise _NotOurs
        if link is None:
            link = self._link = Link(rebuild.in_memory(self.path.parent), file=False)
        else:
            rebuild.catch_up(link.cursor(), self.path.parent)
        return link

    def _open_file(self, wait_s: float) -> Link | None:
        import duckdb  # loads on first use: 80 ms

        if not self._lease.acquire(wait_s):
            self.notice = f"read from journals; {_owner(self._lease)} holds the database"
            return None
        try:
            connection, self.notice = open_file(self.path)
        except duckdb.Error as error:
            self._lease.release()
            self._not_before = time.monotonic() + _RETRY_S
            self.notice = _kept_away(error)
            return None
        except BaseException:
            self._lease.release()
            raise
        return Link(connection, file=True)

    def _repair(self, link: Link, broken: bool, why: str) -> None:
        with self._free:
            if self._link is not link:
                return  # another thread was first
            self._free.wait_for(lambda: self._users == 0)
            link.close()
            self._link = None
            if broken and link.file:
                set_aside(self.path, why)  # what stands there is made anew when it is next needed
            if link.file:
                self._lease.release()

    def _refused(self, trouble: Trouble, error: Exception) -> StoreFault:
        if trouble is not Trouble.FULL:
            return StoreFault(f"{self.path.name}: {str(error).splitlines()[0]}; run `wfkit doctor`")
        self.notice = "the disk is full: the journals keep what is recorded; free space"
        return _Full(f"{self.path.name} cannot grow, {self.notice}")

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is None or link.pid != os.getpid():
            return
        link.close()
        if link.file:
            self._lease.release()


def open_file(path: Path) -> tuple[DuckDBPyConnection, str | None]:
    """Open the database of a store, made anew from the journals if it is missing, broken or of an older format.

    With it comes what a user should know, if anything. Raises duckdb.Error when it is held, denied, or the disk is
    full; StoreFault when it is newer.
    """
    import duckdb  # loads on first use: 80 ms

    if not path.exists():
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


def _owner(lease: Lease) -> str:
    pid = getattr(lease, "holder", lambda: None)()
    return f"PID {pid}" if pid else "another process"


def _close(connection: DuckDBPyConnection) -> None:
    import duckdb  # loads on first use: 80 ms

    try:
        connection.close()
    except (duckdb.Error, RuntimeError):
        return  # an invalidated instance refuses even that; it goes with its last reference
