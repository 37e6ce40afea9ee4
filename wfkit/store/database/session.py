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
    from duckdb import DuckDBPyConnection

T = TypeVar("T")
READ_WAIT_S = 2.0


class _NotOurs(Exception):
    """The file cannot be had now."""


class Session:
    """The shared use of one database file."""

    def __init__(self, path: Path, lease: Lease, fill: bool = True) -> None:
        self.door = Door(path, lease, fill)
        self._free = threading.Condition(threading.RLock())
        self._users = 0
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
                raise self.door.refusal(trouble, failed) from failed
        raise AssertionError("the last try answers or raises")

    def close(self) -> None:
        """Close the database when nobody uses it any more, and give the lease back. It opens again when needed."""
        with self._free:
            self._free.wait_for(lambda: self._users == 0)
            self._drop()

    @contextmanager
    def closed(self) -> Iterator[bool]:
        """While it lasts the file is closed and nobody here opens it; yields whether the lease is ours."""
        with self._free:
            self._free.wait_for(lambda: self._users == 0)
            self._drop()
            mine = self.door.lease.acquire(READ_WAIT_S)
            try:
                yield mine
            finally:
                if mine:
                    self.door.lease.release()

    def _enter(self, wait_s: float, memory: bool) -> Link:
        with self._free:
            link = self._current(wait_s, memory)
            self._users += 1
            return link

    def _leave(self) -> None:
        with self._free:
            self._users -= 1
            self._free.notify_all()
            if self._users == 0 and self._link is not None and self._link.file and self.door.lease.wanted():
                self._drop()

    def _current(self, wait_s: float, memory: bool) -> Link:
        """The open database: the file if it can be had, else (with `memory`) one in memory that is up to date."""
        link = self._link
        if link is not None and link.pid != os.getpid():
            self._link, self._users = None, 0  # a fork: the parent's connection is not ours, not even to close
            link = None
        if link is not None and link.file:
            return link
        may_open = self._users == 0 and not (memory and self.aside)
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
        with self._free:
            if self._link is not link:
                return  # another thread was first
            self._free.wait_for(lambda: self._users == 0)
            if broken and link.file:
                link.close()
                set_aside(self.door.path, why)  # what stands there is made anew when it is next needed
            self._drop()

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None and link.pid == os.getpid():
            self.door.close(link)
