"""Drives calls through a guard step by step, for stateful tests: each call is held until the test ends it.

No promises here. One loop a machine; `settle` lets everything happen that can happen now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from wfkit.core.call import Reply

Through = Callable[[Callable[[], Awaitable[Reply]]], Awaitable[Any]]


@dataclass(eq=False)
class Held:
    """A call: waiting for the guard until `is_sent`, then held until it is ended."""

    task: asyncio.Task[Any]
    gate: asyncio.Future[Reply]
    facts: dict[str, Any] = field(default_factory=dict)
    is_sent: bool = False


class Driver:
    """The calls that are on their way."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.calls: list[Held] = []

    @property
    def sent(self) -> list[Held]:
        return [call for call in self.calls if call.is_sent]

    @property
    def waiting(self) -> list[Held]:
        return [call for call in self.calls if not call.is_sent]

    def ask(self, through: Through, **facts: Any) -> Held:
        """Begin a call."""
        gate: asyncio.Future[Reply] = self.loop.create_future()

        async def call() -> Reply:
            held.is_sent = True
            return await gate

        async def go() -> Any:
            return await through(call)

        held = Held(self.loop.create_task(go()), gate, facts)
        self.calls.append(held)
        self.settle()
        return held

    def end(self, held: Held, outcome: Reply | Exception | None) -> None:
        """End a call: answered, failed, or (None) given up."""
        if outcome is None:
            held.task.cancel()
        elif isinstance(outcome, Exception):
            held.gate.set_exception(outcome)
        else:
            held.gate.set_result(outcome)
        self.settle()

    def settle(self) -> None:
        """Let happen what can; calls that have ended are forgotten."""
        for _ in range(12):
            self.loop.run_until_complete(asyncio.sleep(0))
        for held in [held for held in self.calls if held.task.done()]:
            self.calls.remove(held)
            if not held.task.cancelled():
                held.task.exception()  # looked at: an outcome that nobody wants is no error of the test

    def close(self) -> None:
        """Give everything up."""
        for held in list(self.calls):
            held.task.cancel()
        self.settle()
        self.loop.close()
