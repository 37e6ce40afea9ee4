"""The order in which guards are asked before a request is sent, in one list.

A guard waits or refuses; it never retries and never changes a request. What a call can cost is told from outside.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from functools import partial
from typing import Any

from wfkit.core.call import Failure, Reply, Request
from wfkit.core.decision import Decision
from wfkit.core.frozen import dataclass
from wfkit.core.report import GuardRow
from wfkit.errors import CallFailed
from wfkit.guards.breakers import Breakers
from wfkit.guards.budgets import Amount, Budgets, Purse
from wfkit.guards.pools import Pools
from wfkit.guards.rates import Rates
from wfkit.guards.retries import RetryBudget
from wfkit.guards.turn import Turn, TurnedBack

Send = Callable[[Request], Awaitable[Reply]]


async def _sleep(seconds: float) -> None:
    import asyncio  # costs 50 ms: the loop that runs this has loaded it

    await asyncio.sleep(seconds)


@dataclass(slots=True)
class Guards:
    """The guards that all runs of a process share. `away` counts the calls of each model that are sent."""

    pools: Pools
    budgets: Budgets = field(default_factory=lambda: Budgets(time.monotonic))
    breakers: Breakers = field(default_factory=lambda: Breakers(time.monotonic, _sleep))
    retries: RetryBudget = field(default_factory=lambda: RetryBudget(time.monotonic))
    rates: Rates = field(default_factory=lambda: Rates(time.monotonic, _sleep, time.time))
    away: dict[str, int] = field(default_factory=dict)

    def statistics(self) -> Mapping[str, Mapping[str, Any]]:
        """What each guard says of itself, by guard and model, provider or purse."""
        return {
            "budget": self.budgets.statistics(),
            "breaker": self.breakers.statistics(),
            "retry": self.retries.statistics(),
            "rate": self.rates.statistics(),
            "pool": self.pools.statistics(),
        }

    def rows(self) -> list[GuardRow]:
        """The same in words, in the order in which they are asked."""
        return [stand.row(guard, about) for guard, found in self.statistics().items() for about, stand in found.items()]


@dataclass(frozen=True, slots=True)
class About:
    """What guards must know of a call besides its request.

    `purses` is whose money it spends, and `worst` what it may cost at most; `patience_s` is how long it waits for a
    model that is left alone (0: another model stands by); `again`: the model has failed this question before; `age_s`
    is how long its task has been at work.
    """

    purses: tuple[Purse, ...] = ()
    worst: Amount = Amount()
    input_tokens: int | None = None
    priority: int = 0
    again: bool = False
    patience_s: float = 60.0
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: `tell` hears what guards decided, `unwanted` gives a failure once nobody wants the answer any more."""

    tell: Callable[[Decision], None]
    unwanted: Callable[[], Failure | None]


@dataclass(frozen=True, slots=True)
class Passing:
    """A request on its way through the guards."""

    request: Request
    about: About
    guards: Guards
    turn: Turn


Call = Callable[[], Awaitable[Reply]]


def _budget(one: Passing, call: Call) -> Awaitable[Reply]:
    return one.guards.budgets.through(one.about.purses, one.about.worst, call, one.turn)


def _breaker(one: Passing, call: Call) -> Awaitable[Reply]:
    return one.guards.breakers.through(one.request.model, call, one.turn)


def _retry(one: Passing, call: Call) -> Awaitable[Reply]:
    return one.guards.retries.through(one.request.model, one.about.again, call, one.turn)


def _rate(one: Passing, call: Call) -> Awaitable[Reply]:
    return one.guards.rates.through(one.request.model, one.about.input_tokens, call, one.turn)


def _pool(one: Passing, call: Call) -> Awaitable[Reply]:
    return one.guards.pools.through(provider_of(one.request.model), call, one.turn)


async def _last_look(one: Passing, call: Call) -> Reply:
    """At its seat: what has happened while it waited? Raises TurnedBack, or CallFailed when nobody wants it."""
    failure = one.turn.unwanted()
    if failure is not None:
        raise CallFailed(failure)
    if not one.guards.breakers.stands(one.request.model, one.turn):
        raise TurnedBack("breaker")
    if not one.guards.rates.takes(one.request.model, one.about.input_tokens):
        raise TurnedBack("rate")
    one.turn.sent = True
    away, model = one.guards.away, one.request.model
    away[model] = away.get(model, 0) + 1
    try:
        return await call()
    finally:
        away[model] -= 1


ORDER = (_budget, _breaker, _retry, _rate, _pool, _last_look)


def provider_of(model: str) -> str:
    """The provider part of a model's name: what stands before the first slash, else the name itself."""
    return model.split("/", 1)[0]


def guarded(send: Send, guards: Guards, about: Callable[[Request], About], caller: Caller | None = None) -> Send:
    """`send` behind every guard, outermost first as in ORDER. `about` tells what a request may cost, and for whom."""

    async def ask(request: Request) -> Reply:
        told = about(request)
        turn = Turn(told.priority, told.patience_s, age_s=told.age_s)
        if caller is not None:
            turn.tell, turn.unwanted = caller.tell, caller.unwanted
        one = Passing(request, told, guards, turn)
        call: Call = partial(send, request)
        for guard in reversed(ORDER):
            call = partial(guard, one, call)
        return await call()

    return ask
