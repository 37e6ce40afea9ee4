"""A second request where the first is late: the first good reply counts, the other is given up.

Knows nothing of models or money: each call is reserved, logged and booked by whoever makes it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from wfkit.core.call import Reply
from wfkit.core.frozen import dataclass

if TYPE_CHECKING:
    import asyncio

Call = Callable[[Callable[[], None]], Coroutine[Any, Any, Reply]]
_LATE = "the other request was answered first (option hedge)"


@dataclass(frozen=True, slots=True)
class Hedge:
    """`after_s` seconds after a request was sent a second one is, if it `may` be. `good`: no other reply is needed."""

    after_s: float
    may: Callable[[], bool]
    good: Callable[[Reply], bool]


async def hedged(call: Call, hedge: Hedge) -> Reply:
    """The first good reply of one call or two, else the first reply, else the error of the first that failed.

    A call is told what to call when its request is sent. One that is not needed any more is cancelled, and has ended
    when this returns; so have both when this is cancelled.
    """
    import asyncio  # the loop that runs this has loaded it

    left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    legs = [asyncio.ensure_future(call(lambda: left.set_result(None)))]
    try:
        begun: list[asyncio.Future[Any]] = [legs[0], left]
        await asyncio.wait(begun, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait(legs, timeout=hedge.after_s)
        if not legs[0].done() and hedge.may():
            legs.append(asyncio.ensure_future(call(_unheeded)))
        return await _best(legs, hedge.good)
    finally:
        for leg in legs:
            leg.cancel(_LATE)
        await asyncio.gather(*legs, return_exceptions=True)


async def _best(legs: Sequence[asyncio.Future[Reply]], good: Callable[[Reply], bool]) -> Reply:
    import asyncio  # the loop that runs this has loaded it

    pending = set(legs)
    while pending:
        _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        answered = [leg.result() for leg in legs if _answered(leg)]
        best = next((reply for reply in answered if good(reply)), None)
        if best is not None or (answered and not pending):
            return best or answered[0]
    return legs[0].result()  # raises: none was answered


def _answered(leg: asyncio.Future[Reply]) -> bool:
    return leg.done() and not leg.cancelled() and leg.exception() is None


def _unheeded() -> None:
    """Nobody waits for the second request to leave."""
