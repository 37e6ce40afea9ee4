"""The provider's desk: takes requests, counts them, lets one fault befall each, has the answer sent.

Which fault is chosen by `faults`, what is said by `answers`, how it is spelt by a wire, how it goes out by `sending`.
What is answered is written to the effects before it is sent.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from dataclasses import replace
from threading import Event

import orjson
from aiohttp import web
from blake3 import blake3

from wfkit.core.frozen import dataclass
from wfkit.core.secrets import beginning
from wfkit.errors import CallFailed
from wfkit.llm.provider import answers, openai_wire
from wfkit.llm.provider.behaviour import Behaviour, Phase
from wfkit.llm.provider.effects import Effect, Effects
from wfkit.llm.provider.exchange import Question, Refusal, Spent
from wfkit.llm.provider.faults import CONNECTION_FAULTS, MID_ERROR, MID_FAULTS, NO_END, QUOTA, roll
from wfkit.llm.provider.metering import Meter
from wfkit.llm.provider.sending import Sending
from wfkit.llm.provider.text import encoded
from wfkit.llm.provider.wires import SERVED, Wire, wire_of

_WAITS = frozenset({429, 503, 529})  # these carry Retry-After
_NOTHING = Spent(0, 0)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that was understood. `occurrence` counts equal ones that were not turned away."""

    wire: Wire
    question: Question
    digest: str
    messages_digest: str
    number: int
    occurrence: int
    arrived: float
    phase: Phase | None

    def effect(self, status: int, outcome: str, spent: Spent) -> Effect:
        """The line of the log for how it was answered."""
        return Effect(
            at=time.time(),
            number=self.number,
            request=self.digest,
            messages=self.messages_digest,
            model=self.question.model,
            occurrence=self.occurrence,
            status=status,
            outcome=outcome,
            prompt=beginning(self.question.prompt, 80, os.environ),
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            wire=self.wire.NAME,
            stream=self.question.stream,
            took_s=round(time.monotonic() - self.arrived, 6),
        )


class Handler:
    """Answers requests one by one; all state is counters, the meter and the effects."""

    def __init__(self, behaviour: Behaviour, effects: Effects) -> None:
        self._behaviour = behaviour
        self._effects = effects
        self._meter = Meter(behaviour.limits)
        self._landmarks = behaviour.landmarks()
        self._seen: Counter[str] = Counter()
        self._number = 0
        self._began: dict[int, float] = {}  # when the request arrived after which phases are counted
        self.in_flight = 0
        self.idle = Event()
        self.idle.set()
        self.most_in_flight = 0

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """The entry of aiohttp's server."""
        if request.path.endswith("/models") and request.method == "GET":
            listed = {"object": "list", "data": [{"id": "offline", "object": "model", "owned_by": "wfkit"}]}
            return web.Response(body=encoded(listed), content_type="application/json")
        wire = wire_of(request.path) if request.method == "POST" else None
        self.in_flight += 1
        self.idle.clear()
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._serve(request, wire, await request.read())
        except ConnectionResetError:  # the caller has left
            return web.Response(status=499)
        finally:
            self.in_flight -= 1
            if not self.in_flight:
                self.idle.set()

    async def _serve(self, http: web.BaseRequest, wire: Wire | None, body: bytes) -> web.StreamResponse:
        if wire is None:
            refusal = Refusal(404, f"there is no {http.method} {http.path} here: {SERVED}")
            return self._not_understood(http, openai_wire, body, refusal)
        try:
            asked = self._understand(http.path, wire, body)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            refusal = Refusal(400, f"the body is no request of this wire: {error!r}")
            return self._not_understood(http, wire, body, refusal)
        fault = asked.phase.outage if asked.phase else None
        if fault is None:
            refused = self._turned_away(asked)
            if refused is not None:
                return self._sending(http, asked).refused(refused, wire.problem(refused))
            self._seen[asked.digest] += 1
            fault = await self._fault(asked)
        if fault.isdigit() or fault == QUOTA or (fault == MID_ERROR and not asked.question.stream):
            refusal = self._refusal(asked, fault)
            return self._sending(http, asked).refused(refusal, wire.problem(refusal))
        if fault in CONNECTION_FAULTS:
            self._note(asked, 0, fault)
            return await self._sending(http, asked).broken(fault)
        return await self._answer(http, asked, fault if answers.befalls(fault, asked.question) else "ok")

    async def _fault(self, asked: _Asked) -> str:
        """What befalls a request that was taken, known when its time has passed."""
        faults, names = self._behaviour.faults, (asked.digest, asked.occurrence)
        delay_s = self._behaviour.delay_s(asked.phase, roll(faults.seed, *names, "latency"))
        if delay_s:
            await asyncio.sleep(delay_s)
        rates = asked.phase.rates if asked.phase else None
        if rates is None:
            rates = faults.rates_of(asked.wire.NAME, asked.question.model)
        return faults.pick(asked.number, *names, rates)

    def _understand(self, path: str, wire: Wire, body: bytes) -> _Asked:
        data = orjson.loads(body)
        question = wire.understand(path, data)
        arrived = time.monotonic()
        digest = blake3(body).hexdigest(16)
        number, occurrence = self._number, self._seen[digest]
        self._number += 1
        said = blake3(orjson.dumps(wire.conversation(data))).hexdigest(16)
        if number in self._landmarks:
            self._began[number] = arrived
        phase = self._behaviour.phase({mark: arrived - began for mark, began in self._began.items()})
        return _Asked(wire, question, digest, said, number, occurrence, arrived, phase)

    def _not_understood(self, http: web.BaseRequest, wire: Wire, body: bytes, refusal: Refusal) -> web.Response:
        outcome = "not_found" if refusal.status == 404 else "bad_request"
        names = (self._number, blake3(body).hexdigest(16), "", "", 0)
        self._effects.write(Effect(time.time(), *names, refusal.status, outcome, "", 0, 0, wire.NAME))
        return Sending(http, {}, False, 0.0, 0.0).refused(refusal, wire.problem(refusal))

    def _turned_away(self, asked: _Asked) -> Refusal | None:
        """What a request hears that is not even looked at: a limit is reached, or the quota is used up."""
        sent = answers.input_tokens(asked.question)
        refused = self._meter.refuses(asked.arrived, sent, self.in_flight)
        if refused is None:
            return None
        why, wait_s = refused
        if why == QUOTA:
            return self._refusal(asked, QUOTA)
        self._note(asked, 429, why)
        told = "too many requests at once" if why == "busy" else "the limit of requests or tokens a minute is reached"
        return Refusal(429, told, "rate_limit_exceeded", wait_s)

    def _refusal(self, asked: _Asked, fault: str) -> Refusal:
        """An error status that was injected, or the quota."""
        if fault == QUOTA:
            self._note(asked, asked.wire.NO_QUOTA.status, fault)
            return asked.wire.NO_QUOTA
        status = int(fault) if fault.isdigit() else 500
        self._note(asked, status, fault)
        wait_s = self._behaviour.faults.retry_after_s if status in _WAITS else None
        return Refusal(status, f"injected {fault}", None, wait_s)

    async def _answer(self, http: web.BaseRequest, asked: _Asked, fault: str) -> web.StreamResponse:
        question, wire, behaviour = asked.question, asked.wire, self._behaviour
        try:
            said = answers.say(question, behaviour.answer)
        except CallFailed as error:
            self._note(asked, 400, "invalid_request")
            refusal = Refusal(400, str(error))
            return self._sending(http, asked).refused(refusal, wire.problem(refusal))
        name, model = f"{asked.digest[:12]}-{asked.occurrence}", said.model or behaviour.model or question.model
        said = answers.spoilt(replace(said, name=name, at=int(time.time()), model=model), question, fault)
        spent = answers.spent(question, said, behaviour.cached_share, behaviour.reasoning_tokens)
        per_token_s = behaviour.per_token_s(roll(behaviour.faults.seed, asked.digest, asked.occurrence, "per token"))
        if not question.stream and per_token_s:
            await asyncio.sleep(per_token_s * spent.output_tokens)
        output = spent.output_tokens // 2 if fault in MID_FAULTS else spent.output_tokens
        self._meter.answered(output)
        self._note(asked, 200, fault, replace(spent, output_tokens=output))
        said = replace(said, spent=None if fault in {"no_usage", NO_END} else spent)
        if not question.stream:
            return await self._sending(http, asked).whole(encoded(wire.whole(said, question)), fault)
        events = wire.events(said, question)
        events = events[: len(events) - wire.ENDS] if fault == NO_END else events
        chunk_s = behaviour.chunk_s + per_token_s * spent.output_tokens / max(len(events), 1)
        problem = wire.problem_event(Refusal(500, f"injected {fault}"))
        return await self._sending(http, asked, chunk_s).events(events, fault, problem)

    def _sending(self, http: web.BaseRequest, asked: _Asked, chunk_s: float = 0.0) -> Sending:
        headers = {
            name: value
            for of, limit in self._meter.told(time.monotonic())
            for name, value in asked.wire.limit_headers(of, limit)
        }
        return Sending(http, headers, asked.question.stream, chunk_s, self._behaviour.drip_s)

    def _note(self, asked: _Asked, status: int, outcome: str, spent: Spent = _NOTHING) -> None:
        self._effects.write(asked.effect(status, outcome, spent))
