"""Pay once: a request that was answered before is answered from the log, and a reply is durable before anyone uses it.

Equal requests under way in this process share one call; across processes the store's flights do. It lies outside the
guards, so a hit takes no seat.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from wfkit.core.call import NEVER_SENT, CallRecord, Failure, Listener, Reply, Request
from wfkit.core.events import CallEnded, CallStarted
from wfkit.core.frozen import dataclass
from wfkit.core.promises import Flight, Store
from wfkit.core.terms import FailureKind, Verdict
from wfkit.engine.asking.hedging import Hedge, hedged
from wfkit.errors import CallFailed
from wfkit.guards.chain import provider_of
from wfkit.llm.cassette import Tape
from wfkit.llm.messages import request_digest

if TYPE_CHECKING:
    import asyncio

Send = Callable[[Request], Awaitable[Reply]]
Sender = Callable[[Request, Listener | None], Awaitable[Reply]]  # with a listener, the reply is streamed to it
_POLL_S = 0.02


class Record(Protocol):
    """Writes an event to the log; awaiting it waits until the event is durable."""

    def __call__(self, event: CallStarted | CallEnded, durable: bool) -> Awaitable[None]:
        """Write; with `durable` the awaitable ends when the event is on disk."""
        ...


@dataclass(slots=True)
class UnderWay:
    """Requests that this process is asking right now, by digest. One for the whole process."""

    futures: dict[str, asyncio.Future[None]] = field(default_factory=dict)


def _unheeded() -> None:
    """Nobody waits for a request to leave."""


def _nothing(_request: Request, _digest: str) -> None:
    return None


@dataclass(slots=True)
class Payer:
    """Asks for one attempt of one task. `guard` puts the guards before a way to send.

    `judge` tells what a reply is worth before it is stored, `worst` what a request may cost; `kept` gives, once,
    what this attempt was answered before a crash, valid or not, and invalid replies whose correction serves; replies
    from before `since` (Unix seconds) do not. A `listener` hears what is bought while it grows, and all else at once.
    Where nobody listens, `hedge_s` seconds without a reply send a request once more; `answered` is for that second one,
    which may still wait for a guard.
    """

    store: Store
    send: Sender
    guard: Callable[[Send], Send]
    record: Record
    under_way: UnderWay
    judge: Callable[[Reply], Verdict]
    check: Callable[[Request], Awaitable[None]]
    worst: Callable[[Request], Decimal | None]
    task: int
    attempt: int
    kept: Callable[[Request, str], CallRecord | None] = _nothing
    tape: Tape | None = None
    left: int = 1
    since: float = 0.0
    round: int = 0
    listener: Listener | None = None
    hedge_s: float | None = None
    answered: bool = False
    question: str | None = None
    parts: Callable[[CallRecord], Sequence[CallRecord]] | None = None

    async def ask(self, request: Request) -> Reply:
        """The reply to a request, bought at most once."""
        import asyncio  # the loop that runs this has loaded it

        digest = request_digest(request)
        while True:
            found = self._found(digest) or self.kept(request, digest)
            if found is not None and found.reply is not None:
                return await self._served(found)
            waiting = self.under_way.futures.get(digest)
            if waiting is None:
                break
            await asyncio.wait([waiting])  # not `await waiting`: giving up would cancel it for everybody
        return await self._alone(request, digest)

    def _found(self, digest: str) -> CallRecord | None:
        found = self.store.find_call(digest)
        return None if found is None or found.started_at < self.since else found

    async def _served(self, call: CallRecord) -> Reply:
        await self.record(CallEnded(self.task, self.attempt, call, time.time(), served=True), False)
        assert call.reply is not None
        if self.tape is not None:
            self.tape.serve(self.round, call.request_digest, call.request, call.reply)
        self.round += 1
        return _heard(call.reply, self.listener)

    async def _alone(self, request: Request, digest: str) -> Reply:
        import asyncio  # the loop that runs this has loaded it

        future = asyncio.get_running_loop().create_future()
        self.under_way.futures[digest], flight = future, None
        try:
            flight = await _flight(self.store, digest)
            # Look again, even without a wait: another process may have been answered since we looked.
            found = self._found(digest) or self.kept(request, digest)
            return await (self._play_or_buy(request, digest) if found is None else self._served(found))
        finally:
            if flight is not None:
                flight.release()
            del self.under_way.futures[digest]
            future.set_result(None)

    async def _play_or_buy(self, request: Request, digest: str) -> Reply:
        played = None if self.tape is None else self.tape.play(self.round, digest, request)
        if played is None:
            return await self._buy(request, digest)
        outcome: dict[str, Any] = {"reply": played.reply, "failure": played.failure}
        started = _started(self, digest, request)
        if played.reply is not None:
            outcome["verdict"] = _worth(self.judge, played.reply)
        await _book(self, started, request, served=True, **outcome)
        self.round += 1
        if played.failure is not None:
            raise CallFailed(played.failure)
        assert played.reply is not None
        return _heard(played.reply, self.listener)

    async def _buy(self, request: Request, digest: str) -> Reply:
        await self.check(request)
        if self.left <= 0:
            raise CallFailed(_exhausted())
        before, self.answered = self.left, False
        try:
            if self.hedge_s is None or self.listener is not None:
                reply = await self._one(request, digest)
            else:
                may = Hedge(
                    self.hedge_s, lambda: self.left > 0, lambda reply: _worth(self.judge, reply) is Verdict.VALID
                )
                reply = await hedged(lambda leaves: self._one(request, digest, leaves), may)
        except CallFailed as error:
            if self.left < before:
                self._keep(digest, request, error.failure)
            raise
        self.left += bool(reply.tool_calls)  # a turn of a conversation with tools is no try at its answer
        self._keep(digest, request, reply)
        return reply

    async def _one(self, request: Request, digest: str, leaves: Callable[[], None] = _unheeded) -> Reply:
        """One request through the guards, in the log from before it is sent; `leaves` is called then."""
        sent: list[CallStarted] = []
        is_away = False

        async def send(request: Request) -> Reply:
            """What the guards let pass: from here on it may be billed."""
            nonlocal is_away
            if self.answered:
                raise CallFailed(_not_needed())
            if self.listener is not None:
                self.listener.begins()
            self.left -= 1
            started = _started(self, digest, request)
            sent.append(started)
            await self.record(started, started.worst_usd != 0)  # what costs nothing need not be known after a crash
            is_away = True
            leaves()
            return await self.send(request, self.listener)

        try:
            reply = await self.guard(send)(request)
        except CallFailed as error:
            if sent:
                await _book(self, sent[-1], request, failure=error.failure)
            raise
        except BaseException as error:  # given up on the way: it may have been billed all the same
            if sent:
                await _book(self, sent[-1], request, failure=_given_up(error, is_away))
            raise
        verdict = _worth(self.judge, reply)
        self.answered = verdict is Verdict.VALID  # before anything is awaited: the guards have let the next one in
        await _book(self, sent[-1], request, reply=reply, verdict=verdict)
        return reply

    def _keep(self, digest: str, request: Request, outcome: Reply | Failure) -> None:
        """The end of a request that was sent, on the cassette: of two at a time the one that counts."""
        if self.tape is not None:
            self.tape.keep(self.round, digest, request, outcome)
        self.round += 1


def _started(payer: Payer, digest: str, request: Request) -> CallStarted:
    told = (uuid.uuid4().hex, digest, request.model, time.time(), payer.worst(request), payer.question)
    return CallStarted(payer.task, payer.attempt, *told)


async def _book(payer: Payer, started: CallStarted, request: Request, served: bool = False, **outcome: Any) -> None:
    """The end of a call, in the log."""
    failure: Failure | None = outcome.get("failure")
    if failure is not None and failure.may_be_billed():
        outcome["worst_usd"] = started.worst_usd
    call = CallRecord(
        call_id=started.call_id,
        request_digest=started.request_digest,
        request=request,
        started_at=started.at,
        ended_at=time.time(),
        round=payer.round,
        provider=provider_of(request.model),
        **outcome,
    )
    if call.reply is None or served:
        await payer.record(CallEnded(payer.task, payer.attempt, call, call.ended_at, served), False)
        return
    *others, last = (call,) if payer.parts is None else payer.parts(call)
    for part in others:
        await payer.record(CallEnded(payer.task, payer.attempt, part, call.ended_at), False)
    await payer.record(CallEnded(payer.task, payer.attempt, last, call.ended_at), True)


async def _flight(store: Store, digest: str) -> Flight:
    """The right to ask, once no other process has it."""
    import asyncio  # the loop that runs this has loaded it

    while True:
        flight = store.try_flight(digest)
        if flight is not None:
            return flight
        await asyncio.sleep(_POLL_S)


def _heard(reply: Reply, listener: Listener | None) -> Reply:
    """A reply that was there already; a listener hears it at once."""
    if listener is not None:
        listener.begins()
        if reply.text:
            listener.says(reply.text)
    return reply


def _worth(judge: Callable[[Reply], Verdict], reply: Reply) -> Verdict:
    try:
        return judge(reply)
    except Exception:  # the user's own validator broke; that says nothing of the reply, and it was paid for
        return Verdict.VALID


def _given_up(error: BaseException, is_away: bool) -> Failure:
    if is_away:
        why = str(error) or "a deadline, an interrupt, or another reply came first"
        return Failure(FailureKind.TIMEOUT, type(error).__name__, f"given up before the reply came: {why}")
    return Failure(FailureKind.TIMEOUT, NEVER_SENT, "given up before it was sent")


def _exhausted() -> Failure:
    hint = "look at why its answers cannot be used, or raise `repairs`; with a long `fallback` lower `retries`"
    message = f"all requests that this question may send (1 + retries + repairs + fallbacks) were sent; {hint}"
    return Failure(FailureKind.EXHAUSTED, NEVER_SENT, message, hint=hint)


def _not_needed() -> Failure:
    return Failure(FailureKind.CANCELLED, NEVER_SENT, "the same request was answered before this one was sent")
