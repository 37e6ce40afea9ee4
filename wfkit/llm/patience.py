"""Time that is not the model's: while a library loads (litellm: 2 to 40 s), the time limit of an attempt stands still;
and how long the rest of a stream is waited for whose answer is whole.

Who sets a limit says so with `bearing`; who makes others wait for a library does it in `standing_still`; who measures
work asks `stood` how much of it was such a wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from wfkit.core.frozen import dataclass

if TYPE_CHECKING:
    import asyncio


@dataclass(frozen=True, slots=True)
class Patience:
    """A limit, and the time of its loop that it must not pass whatever happens (None: none); `outer` is one of those
    who wait for what it limits."""

    limit: asyncio.Timeout
    latest: float | None = None
    outer: Patience | None = None


class Stood:
    """How many `seconds` were waited for libraries; several waits at once count as one."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._waits, self._since = 0, 0.0

    def begin(self, now: float) -> None:
        """One more waits; `now` is the time of the loop, here and below."""
        self._since = self._since if self._waits else now
        self._waits += 1

    def end(self, now: float) -> None:
        """One waits no longer."""
        self._waits -= 1
        self.seconds += 0.0 if self._waits else now - self._since


REST_S = 2.0  # for usage and the end of a stream, once its finish reason has come
_SHARE = 0.8  # of what is left until the deadline: the reply must not be lost to it

_current: ContextVar[Patience | None] = ContextVar("wfkit_patience", default=None)
_stood: ContextVar[Stood | None] = ContextVar("wfkit_stood", default=None)
_due: ContextVar[float | None] = ContextVar("wfkit_due", default=None)


def due_at(end: float | None) -> None:
    """The request that this task makes next must be done by then (time of its loop)."""
    _due.set(end)


def rest_until(now: float) -> float:
    """How long to wait for the rest of a stream that has told all that it says; both are times of the loop."""
    due = _due.get()
    return now + (REST_S if due is None else max(0.0, min(REST_S, _SHARE * (due - now))))


@contextmanager
def bearing(limit: asyncio.Timeout, latest_s: float | None = None) -> Iterator[None]:
    """This limit can stand still inside, but in so many seconds it ends (None: never). They may nest."""
    import asyncio  # the loop that runs this has loaded it

    end = None if latest_s is None else asyncio.get_running_loop().time() + latest_s
    token = _current.set(Patience(limit, end, _current.get()))
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def stood() -> Iterator[Stood]:
    """Tells how long what is done inside waits for libraries."""
    found = Stood()
    token = _stood.set(found)
    try:
        yield found
    finally:
        _stood.reset(token)


@contextmanager
def standing_still() -> Iterator[None]:
    """The limits do not come nearer meanwhile. Several at once count as the first of them."""
    with _measured(), ExitStack() as held:
        patience = _current.get()
        while patience is not None:
            held.enter_context(_held(patience))
            patience = patience.outer
        yield


@contextmanager
def _measured() -> Iterator[None]:
    import asyncio  # the loop that runs this has loaded it

    found, loop = _stood.get(), asyncio.get_running_loop()
    if found is None:
        yield
        return
    found.begin(loop.time())
    try:
        yield
    finally:
        found.end(loop.time())


@contextmanager
def _held(patience: Patience) -> Iterator[None]:
    import asyncio  # the loop that runs this has loaded it

    end = patience.limit.when()
    if end is None or end == patience.latest or patience.limit.expired():
        yield
        return
    loop = asyncio.get_running_loop()
    left = end - loop.time()
    patience.limit.reschedule(patience.latest)
    try:
        yield
    finally:
        if not patience.limit.expired():
            again = loop.time() + left
            patience.limit.reschedule(again if patience.latest is None else min(again, patience.latest))
