"""The HTTP side of the fault-injecting provider: takes requests, lets one fault befall each, sends what is said.

Which fault is chosen by `faults`, what is said by `answers`, how it is spelt by a wire. What is answered is written to
the effects before it is sent.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import Counter
from dataclasses import field, replace
from typing import Any, Protocol

import orjson
from aiohttp import web
from blake3 import blake3

from wfkit.core.frozen import dataclass
from wfkit.errors import CallFailed
from wfkit.llm.provider import answers, openai_wire
from wfkit.llm.provider.effects import Effect, Effects
from wfkit.llm.provider.exchange import Answer, Question, Said
from wfkit.llm.provider.faults import CONNECTION_FAULTS, MID_ERROR, MID_FAULTS, QUOTA, Faults, roll
from wfkit.llm.provider.text import encoded

_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_FOREVER_S = 3600.0
_LOOK_S = 0.05  # how soon it is seen that nobody waits any more
_LINGER = struct.pack("ii", 1, 0)


class Wire(Protocol):
    """A protocol of a provider, as the modules `..._wire` are."""

    NAME: str

    def understand(self, path: str, data: Any) -> Question: ...
    def conversation(self, data: Any) -> Any: ...
    def whole(self, said: Said) -> dict[str, Any]: ...
    def events(self, said: Said, question: Question) -> list[bytes]: ...
    def problem(self, status: int, message: str, code: str | None = None) -> dict[str, Any]: ...
    def problem_event(self, message: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the provider answers: after `latency_s` plus up to `jitter_s` seconds, what `answer` says, with `faults`.

    `chunk_s` are the seconds between two chunks of a stream, `drip_s` those between two bytes of a drip.
    `cached_share` of the input is told as cached, `reasoning_tokens` are spent before each answer.
    """

    latency_s: float = 0.0
    jitter_s: float = 0.0
    answer: Answer | None = None
    faults: Faults = field(default_factory=Faults)
    drip_s: float = 0.5
    chunk_s: float = 0.0
    cached_share: float = 0.0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class _Asked:
    http: web.BaseRequest
    wire: Wire
    question: Question
    digest: str
    messages_digest: str
    number: int
    occurrence: int


class Handler:
    """Answers requests one by one; all state is two counters and the effects."""

    def __init__(self, behaviour: Behaviour, effects: Effects) -> None:
        self._behaviour = behaviour
        self._effects = effects
        self._seen: Counter[str] = Counter()
        self._number = 0
        self.in_flight = 0
        self.most_in_flight = 0

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """The entry of aiohttp's server."""
        if request.path.endswith("/models") and request.method == "GET":
            return _json({"object": "list", "data": [{"id": "offline", "object": "model", "owned_by": "wfkit"}]})
        if request.method != "POST" or not openai_wire.PATHS.match(request.path):
            told = f"there is no {request.method} {request.path} here: POST /v1/chat/completions"
            return _json(openai_wire.problem(404, told), 404)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._serve(request, openai_wire, await request.read())
        finally:
            self.in_flight -= 1

    async def _serve(self, http: web.BaseRequest, wire: Wire, body: bytes) -> web.StreamResponse:
        try:
            asked = self._understand(http, wire, body)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            digest = blake3(body).hexdigest(16)
            self._effects.write(Effect(time.time(), self._number, digest, "", "", 0, 400, "bad_request", ""))
            return _json(wire.problem(400, f"the body is no request of this wire: {error!r}"), 400)
        fault = self._behaviour.faults.pick(asked.number, asked.digest, asked.occurrence)
        if self._behaviour.latency_s or self._behaviour.jitter_s:
            share = roll(self._behaviour.faults.seed, asked.digest, asked.occurrence, "latency")
            await asyncio.sleep(self._behaviour.latency_s + self._behaviour.jitter_s * share)
        if fault.isdigit() or fault == QUOTA or (fault == MID_ERROR and not asked.question.stream):
            return self._refuse(asked, fault)
        if fault in CONNECTION_FAULTS:
            return await self._break(asked, fault)
        return await self._answer(asked, fault)

    def _understand(self, http: web.BaseRequest, wire: Wire, body: bytes) -> _Asked:
        data = orjson.loads(body)
        question = wire.understand(http.path, data)
        digest = blake3(body).hexdigest(16)
        number, occurrence = self._number, self._seen[digest]
        self._number += 1
        self._seen[digest] += 1
        said = blake3(orjson.dumps(wire.conversation(data))).hexdigest(16)
        return _Asked(http, wire, question, digest, said, number, occurrence)

    def _refuse(self, asked: _Asked, fault: str) -> web.Response:
        status = 429 if fault == QUOTA else int(fault) if fault.isdigit() else 500
        self._note(asked, status, fault)
        wait = self._behaviour.faults.retry_after_s if status in {429, 503, 529} and fault != QUOTA else None
        code = "insufficient_quota" if fault == QUOTA else None
        response = _json(asked.wire.problem(status, f"injected {fault}", code), status)
        if wait is not None:
            response.headers["Retry-After"] = f"{wait:g}"
        return response

    async def _break(self, asked: _Asked, fault: str) -> web.StreamResponse:
        """Nothing comes, a byte now and then, or the connection breaks."""
        self._note(asked, 0, fault)
        if fault == "drip":
            await _drip(await _begin(asked), asked, self._behaviour.drip_s)
        elif fault == "hang":
            await _wait_for_end(asked.http)
        return _reset(asked.http)

    async def _answer(self, asked: _Asked, fault: str) -> web.StreamResponse:
        try:
            said = answers.say(asked.question, self._behaviour.answer)
        except CallFailed as error:
            self._note(asked, 400, "invalid_request")
            return _json(asked.wire.problem(400, str(error)), 400)
        name, model = f"{asked.digest[:12]}-{asked.occurrence}", said.model or asked.question.model
        said = answers.spoilt(replace(said, name=name, at=int(time.time()), model=model), asked.question, fault)
        spent = answers.spent(asked.question, said, self._behaviour.cached_share, self._behaviour.reasoning_tokens)
        output = spent.output_tokens // 2 if fault in MID_FAULTS else spent.output_tokens
        self._note(asked, 200, fault, spent.input_tokens, output)
        said = replace(said, spent=None if fault == "no_usage" else spent)
        if fault in {"html", "empty_body"}:
            kind = "text/html" if fault == "html" else "application/json"
            return web.Response(body=_PAGE if fault == "html" else b"", content_type=kind)
        if asked.question.stream:
            return await self._stream(asked, said, fault)
        raw = encoded(asked.wire.whole(said))
        if fault in MID_FAULTS - {"mid_eof"}:
            return await self._cut(asked, await _begin(asked, len(raw)), [raw[: len(raw) // 2]], fault)
        cut = fault in {"bad_json", "mid_eof"}
        return web.Response(body=raw[: len(raw) // 2] if cut else raw, content_type="application/json")

    async def _stream(self, asked: _Asked, said: Said, fault: str) -> web.StreamResponse:
        events = asked.wire.events(said, asked.question)
        if fault == "bad_json":
            events[len(events) // 2] = events[len(events) // 2][:20] + b"\n\n"
        response = await _begin(asked)
        if fault in MID_FAULTS:
            return await self._cut(asked, response, events[: max(len(events) // 2, 1)], fault)
        await self._send(response, events)
        return response

    async def _send(self, response: web.StreamResponse, parts: list[bytes]) -> None:
        for number, part in enumerate(parts):
            if number and self._behaviour.chunk_s:
                await asyncio.sleep(self._behaviour.chunk_s)
            await response.write(part)

    async def _cut(
        self, asked: _Asked, response: web.StreamResponse, parts: list[bytes], fault: str
    ) -> web.StreamResponse:
        """Send these parts, then stop as the fault says."""
        await self._send(response, parts)
        match fault:
            case "mid_eof":
                return response
            case "mid_error":
                await response.write(asked.wire.problem_event("injected mid_error"))
                return response
            case "mid_hang":
                await _wait_for_end(asked.http)
            case "mid_drip":
                await _drip(response, asked, self._behaviour.drip_s)
            case "mid_reset":
                await asyncio.sleep(_LOOK_S)  # what was sent is read before the connection breaks
        return _reset(asked.http)

    def _note(self, asked: _Asked, status: int, outcome: str, input_tokens: int = 0, output_tokens: int = 0) -> None:
        question = asked.question
        names = (asked.digest, asked.messages_digest, question.model, asked.occurrence)
        at, prompt, spent = time.time(), question.prompt[:80], (input_tokens, output_tokens)
        form = (asked.wire.NAME, question.stream)
        self._effects.write(Effect(at, asked.number, *names, status, outcome, prompt, *spent, *form))


async def _begin(asked: _Asked, length: int | None = None) -> web.StreamResponse:
    kind = "text/event-stream" if asked.question.stream else "application/json"
    response = web.StreamResponse(headers={"Content-Type": kind})
    response.content_length = length
    await response.prepare(asked.http)
    return response


async def _drip(response: web.StreamResponse, asked: _Asked, drip_s: float) -> None:
    """A byte now and then that says nothing, until nobody listens."""
    part = b":\n" if asked.question.stream else b" "
    while _listens(asked.http):
        await response.write(part)
        await asyncio.sleep(drip_s)


async def _wait_for_end(http: web.BaseRequest) -> None:
    end = time.monotonic() + _FOREVER_S
    while _listens(http) and time.monotonic() < end:  # noqa: ASYNC110 - who left is only known by looking
        await asyncio.sleep(_LOOK_S)


def _listens(http: web.BaseRequest) -> bool:
    return http.transport is not None and not http.transport.is_closing()


def _reset(http: web.BaseRequest) -> web.Response:
    """Break the connection with a TCP reset."""
    if http.transport is not None:
        there = http.transport.get_extra_info("socket")
        if there is not None:
            there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        http.transport.abort()
    return web.Response(status=500)


def _json(body: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=encoded(body), status=status, content_type="application/json")
