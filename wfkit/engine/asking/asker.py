"""The way of every question to a model, whoever asks it: pay-once, guards, cassette, and each call in the log before
its reply is used.

Runs on the loop's thread. What is asked, and when it is asked again, is decided elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import field
from decimal import Decimal
from typing import TYPE_CHECKING

from wfkit.core.call import NEVER_SENT, CallRecord, Failure, Listener, Reply, Request
from wfkit.core.decision import Decision
from wfkit.core.events import CallEnded, CallStarted, GuardDecided, ToolEnded, ToolStarted
from wfkit.core.frozen import dataclass
from wfkit.core.promises import Store
from wfkit.core.result import Spent
from wfkit.core.terms import FailureKind, Verdict
from wfkit.engine.asking.corrected import Corrected, Corrections
from wfkit.engine.asking.paid_once import Payer, Sender, UnderWay
from wfkit.engine.asking.spending import spending
from wfkit.errors import CallFailed
from wfkit.guards.chain import About, Caller, Guards, guarded
from wfkit.llm import client, prices
from wfkit.llm.cassette import Cassette, Tape
from wfkit.llm.checks import check_request

if TYPE_CHECKING:
    import asyncio

Called = CallStarted | CallEnded | GuardDecided | ToolStarted | ToolEnded
Write = Callable[[Called, Callable[[], None] | None], object]


_INTERRUPTED = Failure(FailureKind.CANCELLED, NEVER_SENT, "the run was interrupted before it was sent")


@dataclass(frozen=True, slots=True)
class Asking:
    """What the questions of one run share on their way to a model.

    `write` puts an event into the log and calls, if given, the second argument when it is on disk. `kept` gives, once,
    what a task had been answered before a crash. `at_work` tells whether the run goes on: if not, nobody waits for an
    answer. `buy` False: only the call log answers; replies from before `since` do not serve.
    """

    store: Store
    send: Sender
    under_way: UnderWay
    guards: Guards
    write: Write
    kept: Callable[[int, str], CallRecord | None]
    at_work: Callable[[], bool]
    buy: bool = True
    since: float = 0.0
    cassette: Cassette | None = None
    ready: Callable[[Request], Awaitable[None]] = client.ready

    async def prepare(self, request: Request) -> None:
        """Before a request is bought: whether it may be, and until what sends it is loaded. Raises CallFailed."""
        self.check()(request)
        await self.ready(request)

    def check(self) -> Callable[[Request], None]:
        """What is looked at before a request is sent: nothing where a cassette answers."""
        if self.cassette is not None and not self.cassette.records:
            return _anything
        return check_request if self.buy else refuse


@dataclass(frozen=True, slots=True)
class Question:
    """How a question is asked. `judge` tells what a reply is worth, `about` what the guards must know of a request,
    `left` how many requests it may still send; `id` tells it from others of its task, if there are. A `listener` hears
    the replies while they grow (`streaming.Stream`). After `hedge_s` seconds without a reply a request is sent once
    more. `parts` tells the records of a reply that are kept apart, `how` its answers are corrected."""

    judge: Callable[[Reply], Verdict]
    about: Callable[[Request], About]
    left: int
    listener: Listener | None = None
    hedge_s: float | None = None
    id: str | None = None
    parts: Callable[[CallRecord], Sequence[CallRecord]] | None = None
    how: Corrections | None = None


@dataclass(slots=True)
class Asker:
    """Asks for one attempt of one task: a prompt has one question, Python code as many as it likes.

    `node` and `item` name the task on a cassette. `calls` are those that ended, for the books.
    """

    asking: Asking
    task: int
    attempt: int
    node: str
    item: int | None = None
    calls: list[CallEnded] = field(default_factory=list)

    def payer(self, question: Question) -> Payer:
        """Who sends the requests of one question: its corrections, and other models, are the same question."""
        asking = self.asking
        corrected = Corrected(asking.store, question.how, asking.since)
        return Payer(
            store=asking.store,
            send=asking.send,
            guard=lambda send: guarded(send, asking.guards, question.about, Caller(self._tell, self._unwanted)),
            record=self.record,
            under_way=asking.under_way,
            judge=question.judge,
            check=asking.prepare,
            worst=_worst,
            task=self.task,
            attempt=self.attempt,
            left=question.left,
            kept=lambda request, digest: asking.kept(self.task, digest) or corrected.take(request, digest),
            tape=self.tape if question.parts is None else None,
            since=asking.since,
            listener=question.listener,
            hedge_s=question.hedge_s,
            question=question.id,
            parts=question.parts,
        )

    @property
    def tape(self) -> Tape | None:
        """The cassette of the run, as this attempt uses it."""
        cassette = self.asking.cassette
        return None if cassette is None else Tape(cassette, self.node, self.item, self.attempt)

    @property
    def spent(self) -> Spent:
        """What all that was asked did cost."""
        return spending(self.calls)

    def _tell(self, decision: Decision) -> None:
        self.asking.write(GuardDecided(self.task, self.attempt, decision, time.time()), None)

    def _unwanted(self) -> Failure | None:
        return None if self.asking.at_work() else _INTERRUPTED

    def record(self, event: Called, durable: bool) -> Awaitable[None]:
        """Log an event of a call; what it returns ends when that is on disk, or at once if nobody needs to know."""
        import asyncio  # the loop that runs this has loaded it

        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if isinstance(event, CallEnded):
            self.calls.append(event)
        if not durable:
            self.asking.write(event, None)
            future.set_result(None)
            return future

        def on_disk() -> None:
            loop.call_soon_threadsafe(_resolve, future)

        self.asking.write(event, on_disk)
        return future


def _worst(request: Request) -> Decimal | None:
    """What a request may cost at most, in US dollars; None where that is not known."""
    return Decimal(0) if client.is_local(request.model) else prices.worst_case(request)[0]


def refuse(request: Request) -> None:
    """Stand in for the check of a model where nothing may be bought; models that cost nothing are let through."""
    if not client.is_local(request.model):
        text = (
            f"the call log has no reply to this request, and nothing may be bought from {request.model} (setting buy)"
        )
        raise CallFailed(Failure(FailureKind.INVALID_REQUEST, "NotBought", text))


def _anything(_request: Request) -> None:
    return None


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
