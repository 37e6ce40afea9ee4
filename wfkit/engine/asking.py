"""The attempt of a prompt: render, ask through pay-once and the guards, write every call to the log before its reply
is used.

Runs on the loop's thread. When an attempt is made is not decided here.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from wfkit.core.call import Failure
from wfkit.core.effects import Start
from wfkit.core.events import CallEnded, CallStarted
from wfkit.core.frozen import dataclass
from wfkit.core.routing import place
from wfkit.core.terms import FailureKind
from wfkit.engine.baton import Baton
from wfkit.engine.bodies import judge, run_prompt
from wfkit.engine.context import Context, Made
from wfkit.engine.inputs import Given
from wfkit.engine.loop import Posted
from wfkit.engine.paid_once import Payer, Send, UnderWay
from wfkit.engine.prepare import ReadyNode
from wfkit.engine.purses import Purses
from wfkit.engine.spending import spending
from wfkit.errors import CallFailed
from wfkit.guards.chain import Guards, guarded
from wfkit.llm import client
from wfkit.llm.availability import check_model
from wfkit.llm.cassette import Cassette, Tape

if TYPE_CHECKING:
    import asyncio


@dataclass(frozen=True, slots=True)
class Asking:
    """What the prompts of one run share on their way to a model. `buy` False: only the call log answers."""

    context: Context
    baton: Baton
    send: Send
    under_way: UnderWay
    guards: Guards
    purses: Purses
    buy: bool = True
    cassette: Cassette | None = None

    async def ask(self, start: Start, task: int, given: Given) -> tuple[Made | None, Failure | None]:
        """One attempt of a prompt: what it made, or why it failed."""
        ready = self.context.prepared.ready[self.context.run.node_of[task]]
        calls: list[CallEnded] = []
        spec = self.context.run.specs[self.context.run.node_of[task]]
        model, failed = place(spec, self.context.run.failures.get(task, ())) or (0, 0)
        last = model == spec.fallbacks
        payer = Payer(
            store=self.context.store,
            send=self.send,
            guard=lambda send: guarded(send, self.guards, self.purses.about(ready, failed > 0, last)),
            record=lambda event, durable: self._record(event, durable, calls),
            under_way=self.under_way,
            judge=lambda reply: judge(ready, reply),
            check=self._check(),
            task=task,
            attempt=start.attempt,
            left=self._requests_left(ready, task),
            kept=lambda digest: self.context.kept.pop((task, digest), None),
            tape=self._tape(task, start.attempt),
            fresh=self.context.fresh_replies,
        )
        began = time.perf_counter()
        answer, failure = await run_prompt(ready, given, payer.ask, model)
        if answer is None:
            return None, failure
        return Made(answer.value, run_s=time.perf_counter() - began, spent=spending(calls)), None

    def _requests_left(self, ready: ReadyNode, task: int) -> int:
        """How many requests this question may still send: attempts, corrections and other models together."""
        policy = ready.model
        assert policy is not None
        most = 1 + ready.node.options.retry.retries + policy.repairs + len(policy.fallback)
        return most - self.context.run.requests.get(task, 0)

    def _check(self) -> Callable[[str], None]:
        """What is asked of a model's name before it is asked anything: nothing where a cassette answers."""
        if self.cassette is not None and not self.cassette.records:
            return _anything
        return check_model if self.buy else refuse

    def _tape(self, task: int, attempt: int) -> Tape | None:
        run = self.context.run
        spec = run.specs[run.node_of[task]]
        item = None if spec.over is None else task - run.first[run.node_of[task]]
        return None if self.cassette is None else Tape(self.cassette, spec.name, item, attempt)

    def _record(self, event: CallStarted | CallEnded, durable: bool, calls: list[CallEnded]) -> Awaitable[None]:
        """Log a call's event; what it returns ends when that is on disk, or at once if nobody needs to know."""
        import asyncio  # the loop that runs this has loaded it

        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if isinstance(event, CallEnded):
            calls.append(event)
        if not durable:
            self.baton.post(Posted((event,)))
            future.set_result(None)
            return future

        def on_disk() -> None:
            loop.call_soon_threadsafe(_resolve, future)

        self.baton.post(Posted((event,), durable=on_disk))
        return future


def refuse(model: str) -> None:
    """Stand in for the check of a model where nothing may be bought; models that cost nothing are let through."""
    if not client.is_local(model):
        text = f"the call log has no reply to this request, and nothing may be bought from {model} (setting buy)"
        raise CallFailed(Failure(FailureKind.INVALID_REQUEST, "NotBought", text))


def _anything(model: str) -> None:  # noqa: ARG001 - stands for a check
    return None


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
