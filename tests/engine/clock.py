"""A clock that a test sets forward, so that a deadline passes when the test says so, however slow the machine is.

The clocks of the process and of all loops go on by themselves too. No tests here. `clock` is a fixture.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.engine.lab import PATIENCE_S
from wfkit.core.call import Request
from wfkit.llm.fake import Hang

FAR_S = 60.0  # a deadline that no machine reaches by itself, nearer than those that hold for all calls


class Clock:
    """Time as it is, and as many seconds more as it was set forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead_s = 0.0
        self._loops: set[asyncio.BaseEventLoop] = set()
        wall, steady, of_loop = time.time, time.monotonic, asyncio.BaseEventLoop.time

        def now(loop: asyncio.BaseEventLoop) -> float:
            self._loops.add(loop)
            return of_loop(loop)

        monkeypatch.setattr(time, "time", lambda: wall() + self.ahead_s)
        monkeypatch.setattr(time, "monotonic", lambda: steady() + self.ahead_s)
        monkeypatch.setattr(asyncio.BaseEventLoop, "time", now)

    def forward(self, seconds: float = FAR_S) -> None:
        """What is due until then is due now. From any thread."""
        self.ahead_s += seconds
        for loop in self._loops.copy():  # they may sleep until what was due first by the old time
            with suppress(RuntimeError):  # one that has ended meanwhile, because its time had come
                loop.call_soon_threadsafe(lambda: None)

    def forward_when(self, happened: Callable[[], object]) -> None:
        """Every deadline passes as soon as this has happened; soon if it never does."""

        def watch() -> None:
            until = time.monotonic() + PATIENCE_S
            while not happened() and time.monotonic() < until:
                threading.Event().wait(0.01)
            self.forward()

        threading.Thread(target=watch, daemon=True).start()

    def hang(self, request: Request) -> Hang:
        """A step of a script: the request is never answered, and every deadline passes."""
        self.forward()
        return Hang()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock to set forward."""
    return Clock(monkeypatch)
