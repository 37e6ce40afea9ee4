"""Who uses the database and when: it is opened on first use, shared by the threads of this process, given away when
another process asks, opened again when it broke.

When the file cannot be had, answers come from a database in memory made from the journals. What is asked is not known
here, and how the file is got is `door`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from wfkit.store.database import opening, rebuild
from wfkit.store.database.door import DiskFull, Door, Lease, Link, set_aside
from wfkit.store.database.opening import Trouble

if TYPE_CHECKING:
    import duckdb
    from duckdb import DuckDBPyConnection

T = TypeVar("T")
READ_WAIT_S = 2.0


class _NotOurs(Exception):
    """The file cannot be had now."""


class _Failed(Exception):
    """DuckDB could not answer."""

    def __init__(self, link: Link, error: duckdb.Error) -> None:
        super().__init__(str(error))
        self.link, self.error = link, error


class Session:
    """The shared use of one database file."""

    def __init__(self, path: Path, lease: Lease, fill: bool = True) -> None:
        self.door = Door(path, lease, fill)
        self._lock = threading.RLock()  # taken by itself: a Ctrl-C may come while a condition takes it, which keeps it
        self._free = threading.Condition(self._lock)
        self._users: set[int] = set()  # the threads that are in an action; an action asks for no other
        self._link: Link | None = None
        self.aside = False  # questions do not take the file from another process: it lacks what could not be folded

    def run(self, action: Callable[[DuckDBPyConnection], T]) -> T:
        """What `action` answers for this thread's cursor; again after a repair if the database broke under it.

        Raises StoreFault for errors of the database, KeyboardInterrupt when the user interrupted the query.
        """
        return self._run(action, READ_WAIT_S, memory=True)

    def run_on_file(self, action: Callable[[DuckDBPyConnection], T], wait_s: float = 0.0) -> T | None:
        """As `run`, on the file only: None when it cannot be had for `wait_s` seconds or the disk is full."""
        try:
            answer = self._run(action, wait_s, memory=False)
        except (_NotOurs, DiskFull):
            return None
        self.aside = False
        self.door.went_well()
        return answer

    def _run(self, action: Callable[[DuckDBPyConnection], T], wait_s: float, memory: bool) -> T:
        for broken in (False, True, None):  # first it is opened again, then made anew
            try:
                return self._act(action, wait_s, memory)
            except _Failed as failed:
                link, error, trouble = failed.link, failed.error, opening.judge(failed.error)
            if trouble in (Trouble.INVALID, Trouble.CORRUPT) and broken is not None:
                self._repair(link, broken or trouble is Trouble.CORRUPT, str(error))
            else:
                raise self.door.refusal(trouble, error) from error
        raise AssertionError("the last try answers or raises")

    def _act(self, action: Callable[[DuckDBPyConnection], T], wait_s: float, memory: bool) -> T:
        users, me = self._users, threading.get_ident()
        try:
            return _answer(self._enter(wait_s, memory), action)
        finally:  # also of `_enter`, where a Ctrl-C may come, and by one step before which none can
            users.discard(me)
            self._leave()

    def close(self) -> None:
        """Close the database when nobody uses it any more, and give the lease back. It opens again when needed."""
        with self._lock:
            self._free.wait_for(lambda: not self._users)
            self._drop()

    @contextmanager
    def closed(self) -> Iterator[bool]:
        """While it lasts the file is closed and nobody here opens it; yields whether the lease is ours."""
        with self._lock:
            self._free.wait_for(lambda: not self._users)
            self._drop()
            mine = self.door.lease.acquire(READ_WAIT_S)
            try:
                yield mine
            finally:
                if mine:
                    self.door.lease.release()

    def _enter(self, wait_s: float, memory: bool) -> Link:
        with self._lock:
            link = self._current(wait_s, memory)
            self._users.add(threading.get_ident())
            return link

    def _leave(self) -> None:
        with self._lock:
            self._free.notify_all()
            if not self._users and self._link is not None and self._link.file and self.door.lease.wanted():
                self._drop()

    def _current(self, wait_s: float, memory: bool) -> Link:
        """The open database: the file if it can be had, else (with `memory`) one in memory that is up to date."""
        link = self._link
        if link is not None and link.pid != os.getpid():
            self._users.clear()
            link = self._link = None  # a fork: the parent's connection is not ours, not even to close
        if link is not None and link.file:
            return link
        may_open = not self._users and not (memory and self.aside)
        opened = self.door.open(wait_s if link is None else 0.0) if may_open else None
        if opened is not None:
            if link is not None:
                link.close()
            self._link = opened
            return opened
        if not memory:
            raise _NotOurs
        if link is None:
            link = self._link = Link(rebuild.in_memory(self.door.path.parent), file=False)
        else:
            rebuild.catch_up(link.cursor(), self.door.path.parent)
        return link

    def _repair(self, link: Link, broken: bool, why: str) -> None:
        with self._lock:
            if self._link is not link:
                return  # another thread was first
            self._free.wait_for(lambda: not self._users)
            if broken and link.file:
                link.close()
                set_aside(self.door.path, why)  # what stands there is made anew when it is next needed
            self._drop()

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None and link.pid == os.getpid():
            self.door.close(link)


def _answer(link: Link, action: Callable[[DuckDBPyConnection], T]) -> T:
    import duckdb  # loads on first use: 80 ms

    try:
        return action(link.cursor())
    except duckdb.Error as error:
        link.drop_cursor()
        raise _Failed(link, error) from error
    except BaseException as error:
        link.drop_cursor()
        if isinstance(error, RuntimeError) and "nterrupted" in str(error):
            raise KeyboardInterrupt from None  # DuckDB turns a SIGINT into this
        raise
