"""Ctrl-C where half a step of the caller would be worse than a late answer: held back for a moment, or met by a wait
that it cannot break.

Python raises KeyboardInterrupt in the main thread between any two of its steps, also while a thread that was just
started is waited for. What may take long must stay interruptible, or be another thread's; held back is at most the wait
for such a one that was told to stop.
"""

from __future__ import annotations

import signal
import threading
from contextlib import AbstractContextManager, nullcontext
from types import FrameType
from typing import Any

_NOTHING = nullcontext()


def held_back() -> AbstractContextManager[None]:
    """While the block lasts a Ctrl-C is only noted; when it ends it is heard as it would have been. About 2 µs, and
    nothing on other threads, which no signal interrupts.
    """
    return _HeldBack() if threading.get_ident() == threading.main_thread().ident else _NOTHING


class _HeldBack:
    __slots__ = ("_before", "_heard")

    def __enter__(self) -> None:
        self._heard: list[tuple[int, FrameType | None]] = []
        before = signal.getsignal(signal.SIGINT)
        self._before: Any = before if callable(before) else None  # else nothing is raised
        if self._before is not None:
            signal.signal(signal.SIGINT, self._note)

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            if self._heard:
                self._before(*self._heard[-1])

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._heard.append((number, frame))


class Milestone:
    """Something that comes once, for many threads to wait for. An Event that a Ctrl-C can meet anywhere: it keeps no
    lock and turns into no other error.
    """

    __slots__ = ("_come", "_gate")

    def __init__(self) -> None:
        self._come = False
        self._gate = threading.Lock()
        self._gate.acquire()

    def set(self) -> None:
        """It has come. Twice is harmless."""
        if not self._come:
            self._come = True
            self._gate.release()

    def is_set(self) -> bool:
        """Whether it has come."""
        return self._come

    def wait(self, timeout: float | None = None) -> bool:
        """Until it has come, or for so many seconds; whether it has."""
        if not self._come and self._gate.acquire(timeout=-1 if timeout is None else timeout):
            self._gate.release()  # for the next who waits
        return self._come
