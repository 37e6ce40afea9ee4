"""Waiting for a run inside a running event loop. The run itself goes on elsewhere; the loop stays free and can be
interrupted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

_TICK_S = 0.2
_PATIENCE_S = 1.0
_STOPPED = object()


async def awaited(call: Callable[[threading.Event], Any]) -> Any:
    """The result of a blocking call made on another thread; the call is handed an event that asks it to stop.

    The ticks keep the loop awake: ipykernel 7 does not wake a sleeping loop when an interrupt arrives.
    """
    import asyncio  # the caller's loop has loaded it

    stop = threading.Event()

    def called() -> Any:
        try:
            return call(stop)
        except KeyboardInterrupt:
            return _STOPPED  # our own doing: in a task, a KeyboardInterrupt would end the caller's loop

    work = asyncio.ensure_future(asyncio.to_thread(called))
    try:
        while not work.done():
            await asyncio.wait([work], timeout=_TICK_S)
    finally:
        if not work.done():
            stop.set()
            await asyncio.wait([work], timeout=_PATIENCE_S)  # it is written down as interrupted before we are gone
            work.add_done_callback(lambda done: done.cancelled() or done.exception())  # told by what ended the wait
    if work.result() is _STOPPED:
        raise KeyboardInterrupt
    return work.result()
