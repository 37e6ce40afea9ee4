"""Group commit: bytes appended by many threads reach one file in one write and one fdatasync.

One daemon thread writes. It waits a moment for company (`LINGER_S`) only while nobody waits for it. What could not be
written is kept and tried again; the file never keeps a part of it. What is held becomes bytes only when it is written,
all of it together. What those bytes say is not known here, and no locks between processes are.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from wfkit.errors import StoreFault
from wfkit.interrupts import Milestone, held_back
from wfkit.own_threads import begin

_log = logging.getLogger(__name__)
LINGER_S = 0.01
RETRY_S = 0.5
_sync = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


class Receipt:
    """The Ticket of `core.promises`: the first `count` appends are durable, or could not be made so."""

    __slots__ = ("_commit", "count")

    def __init__(self, commit: GroupCommit, count: int) -> None:
        self._commit = commit
        self.count = count

    def wait(self, timeout: float | None = None) -> bool:
        """Block until durable; False when the time ran out. Raises StoreFault when the disk refuses."""
        return self._commit.wait(self.count, timeout)

    def then(self, call: Callable[[], None]) -> None:
        """Call once when durable or failed; from the writer's thread, or at once if that is already so."""
        self._commit.then(self.count, call)


Pack = Callable[[list[Any]], tuple[bytes, Any]]


class _Waiting:
    """What was appended and is not written yet. Whoever calls holds the lock."""

    def __init__(self, end: int, pack: Pack) -> None:
        self.buffer = bytearray()
        self.placed: list[tuple[int, int, Any]] = []
        self._held: list[Any] = []
        self._end = end
        self._pack = pack

    def __bool__(self) -> bool:
        return bool(self.buffer or self._held)

    @property
    def has_placed(self) -> bool:
        return bool(self.placed or self._held)

    def add(self, data: bytes | None, note: Any) -> None:
        """Take bytes, or hold the note (None)."""
        if data is None:
            self._held.append(note)
        else:
            self.release()
            self._place(data, note)

    def release(self) -> None:
        """Make bytes of what is held."""
        if self._held:
            held, self._held = self._held, []
            self._place(*self._pack(held))

    def _place(self, data: bytes, note: Any) -> None:
        start, self._end = self._end, self._end + len(data)
        self.buffer += data
        self.placed.append((start, self._end, note))


class GroupCommit:
    """Appends to an open file. The note of each append is kept with its place until `take_placed`.

    `pack` makes bytes and one note of notes that were held; it is called under the lock and must not raise.
    """

    def __init__(
        self, fd: int, name: str, write: Callable[[int, Any], int] = os.write, pack: Pack = lambda held: (b"", held)
    ) -> None:
        self._fd, self._name, self._write = fd, name, write
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._commit = Milestone()
        self._calls: list[tuple[int, Callable[[], None]]] = []
        self.durable = os.fstat(fd).st_size
        self._waiting = _Waiting(self.durable, pack)
        self._count = self._taken = self._written = self._failed = 0  # appends: all, at the writer, durable, refused
        self.fault: StoreFault | None = None
        self._urgent = self._idle = self._closing = False
        self._thread: threading.Thread | None = None

    def append(self, data: bytes | None, note: Any = None, durable: bool = False) -> Receipt:
        """Take the bytes, or hold the note (None); in order when this returns. Never blocks on the disk."""
        if self._pid != os.getpid():
            raise StoreFault(f"{self._name} belongs to process {self._pid}: open the store anew after a fork")
        with self._lock:
            if self._closing:
                raise StoreFault(f"{self._name} is closed: open the store again")
            if data != b"":
                self._count += 1
                self._waiting.add(data, note)
            if self._idle or (durable and not self._urgent):
                self._urgent = self._urgent or durable
                self._work.notify()
            if self._thread is None:
                with held_back():
                    self._thread = begin(self._run, "wfkit-journal")
            return Receipt(self, self._count)

    def take_placed(self) -> list[tuple[int, int, Any]]:
        """(offset, end, note) of every append since the last call, in file order; of what was held together one."""
        with self._lock:
            self._waiting.release()
            placed, self._waiting.placed = self._waiting.placed, []
            return placed

    @property
    def has_placed(self) -> bool:
        """Whether `take_placed` would give something."""
        return self._waiting.has_placed

    def wait(self, count: int | None = None, timeout: float | None = None) -> bool:
        """Block until so many appends (None: all) are durable. Raises StoreFault when the disk refuses."""
        until = None if timeout is None else time.monotonic() + timeout
        commit: Milestone | None = None
        while commit is None or commit.wait(None if until is None else max(0.0, until - time.monotonic())):
            with self._lock:
                count = self._count if count is None else count
                if self._written >= count:
                    return True
                if self._failed >= count and self.fault:
                    raise self.fault
                if not self._urgent:
                    self._urgent = True
                    self._work.notify()
                commit = self._commit
        return False

    def then(self, count: int, call: Callable[[], None]) -> None:
        """Call when so many appends are durable, or failed."""
        with self._lock:
            if self._written < count and self._failed < count:
                self._calls.append((count, call))
                return
        call()

    def close(self) -> None:
        """Write what is left and stop. Raises StoreFault when it could not be written."""
        if self._pid != os.getpid():
            return
        with self._lock:
            self._closing, self._failed = True, 0  # what was refused is tried once more: the disk may work again
            self._work.notify_all()
        if self._thread is not None:
            self._thread.join()
        if self._written < self._count and self.fault:
            raise self.fault

    def _run(self) -> None:
        while data := self._next():
            fault = self._put(data)
            for call in self._settle(data, fault):
                _tell(call)

    def _next(self) -> bytearray | None:
        """The bytes of the next commit; None when closed and nothing is left, or when the disk refused a last try."""
        with self._lock:
            if self.fault and not self._closing:
                self._work.wait(RETRY_S)
            while not self._waiting and not self._closing:
                self._idle = True
                self._work.wait()
                self._idle = False
            if not self._urgent and not self._closing:
                self._work.wait(LINGER_S)
            if self._closing and self.fault and self._failed == self._count:
                return None
            self._waiting.release()
            data, self._waiting.buffer = self._waiting.buffer, bytearray()
            self._taken, self._urgent = self._count, False
            return data

    def _put(self, data: bytearray) -> StoreFault | None:
        try:
            if self.fault:
                os.ftruncate(self._fd, self.durable)  # the last try may have left a torn line and no way to cut it
            view = memoryview(data)
            while view:
                view = view[self._write(self._fd, view) :]
            _sync(self._fd)
        except OSError as error:
            return self._take_back(error)
        return None

    def _take_back(self, error: OSError) -> StoreFault:
        """No part of a refused write stays in the file: a reader must never see half a line become whole."""
        what = f"{self._name} cannot be written ({error.strerror or error}): free space or mend the disk"
        try:
            os.ftruncate(self._fd, self.durable)
        except OSError as second:
            return StoreFault(f"{what}; a torn line was left ({second.strerror})")
        return StoreFault(f"{what}; results stay in memory and are written when it works again")

    def _settle(self, data: bytearray, fault: StoreFault | None) -> list[Callable[[], None]]:
        with self._lock:
            self.fault = fault
            if fault is None:
                self.durable += len(data)
                self._written = self._taken
            else:
                self._failed = self._taken
                self._waiting.buffer = data + self._waiting.buffer
            ready = [call for count, call in self._calls if count <= self._taken]
            self._calls = [(count, call) for count, call in self._calls if count > self._taken]
            ended, self._commit = self._commit, Milestone()
        ended.set()
        return ready


def _tell(call: Callable[[], None]) -> None:
    try:
        call()
    except Exception:  # noqa: BLE001 (whoever waits may fail, the journal goes on)
        _log.exception("a callback of the journal failed")
