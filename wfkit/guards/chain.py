"""The order in which guards are asked before a request is sent, in one list. A guard of a later issue is one more
line here.

A guard wraps `send`; it never retries and never changes a request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from wfkit.core.call import Reply, Request
from wfkit.core.frozen import dataclass
from wfkit.guards.pools import Pools

Send = Callable[[Request], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Guards:
    """The guards that all runs of a process share."""

    pools: Pools


def provider_of(model: str) -> str:
    """The provider part of a model's name: what stands before the first slash, else the name itself."""
    return model.split("/", 1)[0]


def guarded(send: Send, guards: Guards) -> Send:
    """`send` behind every guard, outermost first as listed."""
    for guard in reversed((_pool,)):
        send = guard(send, guards)
    return send


def _pool(send: Send, guards: Guards) -> Send:
    async def ask(request: Request) -> Reply:
        return await guards.pools.through(provider_of(request.model), lambda: send(request))

    return ask
