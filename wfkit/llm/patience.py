"""Time that is not the model's: while a library loads (litellm: 2 to 40 s), the time limit of an attempt stands still.

Who sets a limit tells it to `bear`; who makes others wait for a library does it in `standing_still`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from wfkit.core.frozen import dataclass

if TYPE_CHECKING:
    import asyncio


@dataclass(frozen=True, slots=True)
class Patience:
    """The limit of an attempt, and the time of its loop that it must not pass whatever happens (None: none)."""

    limit: asyncio.Timeout
    latest: float | None = None


_current: ContextVar[Patience | None] = ContextVar("wfkit_patience", default=None)


def bear(limit: asyncio.Timeout, latest_s: float | None) -> None:
    """From now on this limit can stand still in this task, but in so many seconds it ends (None: never)."""
    import asyncio  # the loop that runs this has loaded it

    end = None if latest_s is None else asyncio.get_running_loop().time() + latest_s
    _current.set(Patience(limit, end))


@contextmanager
def standing_still() -> Iterator[None]:
    """The limit does not come nearer meanwhile. Several at once count as the first of them."""
    import asyncio  # the loop that runs this has loaded it

    patience = _current.get()
    end = None if patience is None else patience.limit.when()
    if patience is None or end is None or end == patience.latest or patience.limit.expired():
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
