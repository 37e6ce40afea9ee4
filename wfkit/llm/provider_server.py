"""The HTTP side of the fault-injecting provider: OpenAI's chat completions, played straight or with one fault.

Which fault is chosen by `provider_faults`. What is answered is written to the effects before it is sent.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import field
from typing import Any

import orjson
from aiohttp import web
from blake3 import blake3

from wfkit.core.call import Message, Request
from wfkit.core.frozen import dataclass
from wfkit.errors import CallFailed
from wfkit.llm import offline, tokens
from wfkit.llm.messages import schema_told
from wfkit.llm.provider_effects import Effect, Effects
from wfkit.llm.provider_faults import CONNECTION_FAULTS, QUOTA, Faults, roll

Answer = Callable[[Request], str]

_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
_PARAMS = ("temperature", "top_p", "max_tokens", "max_completion_tokens", "seed")
_CHAT = frozenset({"/v1/chat/completions", "/chat/completions"})
_FOREVER_S = 3600.0


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the provider answers: after `latency_s` plus up to `jitter_s` seconds, what `answer` says, with `faults`."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    answer: Answer | None = None
    faults: Faults = field(default_factory=Faults)
    drip_s: float = 0.5


@dataclass(frozen=True, slots=True)
class _Asked:
    request: Request
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
        if request.path.endswith("/models"):
            return _json({"object": "list", "data": [{"id": "offline", "object": "model", "owned_by": "wfkit"}]})
        if request.path not in _CHAT or request.method != "POST":
            return _error(404, f"there is no {request.method} {request.path} here: POST /v1/chat/completions")
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._chat(request, await request.read())
        finally:
            self.in_flight -= 1

    async def _chat(self, http: web.BaseRequest, body: bytes) -> web.StreamResponse:
        try:
            asked = self._understand(body)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            digest = blake3(body).hexdigest(16)
            self._effects.write(Effect(time.time(), self._number, digest, "", "", 0, 400, "bad_request", ""))
            return _error(400, f"the body is no chat completion request: {error!r}")
        fault = self._behaviour.faults.pick(asked.number, asked.digest, asked.occurrence)
        if self._behaviour.latency_s or self._behaviour.jitter_s:
            share = roll(self._behaviour.faults.seed, asked.digest, asked.occurrence, "latency")
            await asyncio.sleep(self._behaviour.latency_s + self._behaviour.jitter_s * share)
        if fault.isdigit() or fault == QUOTA:
            return self._refuse(asked, fault)
        if fault in CONNECTION_FAULTS:
            return await self._break(http, asked, fault)
        return self._answer(asked, fault)

    def _understand(self, body: bytes) -> _Asked:
        data = orjson.loads(body)
        if data.get("stream"):
            raise ValueError("streams are not served")
        digest = blake3(body).hexdigest(16)
        number, occurrence = self._number, self._seen[digest]
        self._number += 1
        self._seen[digest] += 1
        return _Asked(_request(data), digest, blake3(orjson.dumps(data["messages"])).hexdigest(16), number, occurrence)

    def _refuse(self, asked: _Asked, fault: str) -> web.Response:
        status = 429 if fault == QUOTA else int(fault)
        self._note(asked, status, fault)
        wait = self._behaviour.faults.retry_after_s if status in {429, 503, 529} and fault != QUOTA else None
        response = _error(status, f"injected {fault}", "insufficient_quota" if fault == QUOTA else None)
        if wait is not None:
            response.headers["Retry-After"] = f"{wait:g}"
        return response

    async def _break(self, http: web.BaseRequest, asked: _Asked, fault: str) -> web.StreamResponse:
        self._note(asked, 0, fault)
        if fault == "drip":
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            await response.prepare(http)
            while http.transport is not None and not http.transport.is_closing():
                await response.write(b" ")
                await asyncio.sleep(self._behaviour.drip_s)
        elif fault == "hang":
            await asyncio.sleep(_FOREVER_S)
        if http.transport is not None:
            http.transport.abort()
        return web.Response(status=500)

    def _answer(self, asked: _Asked, fault: str) -> web.Response:
        try:
            text, finish = self._say(asked.request)
        except CallFailed as error:
            self._note(asked, 400, "invalid_request")
            return _error(400, str(error))
        body = _completion(asked, _spoilt(text, asked.request, fault), finish)
        usage = body["usage"]
        self._note(asked, 200, fault, usage["prompt_tokens"], usage["completion_tokens"])
        _twist(body, fault)
        if fault == "html":
            return web.Response(body=_PAGE, content_type="text/html")
        raw = orjson.dumps(body)
        return web.Response(body=raw[: len(raw) // 2] if fault == "bad_json" else raw, content_type="application/json")

    def _say(self, request: Request) -> tuple[str, str]:
        if self._behaviour.answer is None:
            reply = offline.reply(request)
            return reply.text, reply.finish_reason or "stop"
        return self._behaviour.answer(request), "stop"

    def _note(self, asked: _Asked, status: int, outcome: str, input_tokens: int = 0, output_tokens: int = 0) -> None:
        request = asked.request
        prompt = request.messages[-1].content[:80] if request.messages else ""
        names = (asked.digest, asked.messages_digest, request.model, asked.occurrence)
        self._effects.write(
            Effect(time.time(), asked.number, *names, status, outcome, prompt, input_tokens, output_tokens)
        )


def _request(data: dict[str, Any]) -> Request:
    messages = tuple(Message(item["role"], _content(item["content"])) for item in data["messages"])
    params = {name: data[name] for name in _PARAMS if data.get(name) is not None}
    if "max_completion_tokens" in params:
        params["max_tokens"] = params.pop("max_completion_tokens")
    wanted = (data.get("response_format") or {}).get("json_schema")
    schema = orjson.dumps(wanted["schema"]).decode() if wanted else schema_told(messages)
    return Request(data["model"], messages, tuple(sorted(params.items())), schema)


def _content(content: Any) -> str:
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content or ())


def _completion(asked: _Asked, text: str | None, finish: str) -> dict[str, Any]:
    sent, said = tokens.count_messages(asked.request.messages), tokens.count(text or "")
    message = {"role": "assistant", "content": text}
    return {
        "id": f"chatcmpl-{asked.digest[:12]}-{asked.occurrence}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": asked.request.model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": sent, "completion_tokens": said, "total_tokens": sent + said},
    }


def _spoilt(text: str, request: Request, fault: str) -> str | None:
    if fault == "wrong_schema":
        return '{"unexpected": true}' if request.schema else text
    if fault == "not_json":
        return f"Sure! Here it is: {text[:40]}"
    if fault == "truncated":
        return text[: len(text) // 2]
    return None if fault in {"null_content", "refused"} else text


def _twist(body: dict[str, Any], fault: str) -> None:
    if fault == "empty_choices":
        body["choices"] = []
    elif fault == "no_usage":
        del body["usage"]
    elif fault == "renamed":
        body["model"] = "another-model"
    elif fault in {"truncated", "refused"}:
        body["choices"][0]["finish_reason"] = "length" if fault == "truncated" else "content_filter"


def _json(body: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


def _error(status: int, message: str, code: str | None = None) -> web.Response:
    kind = code or _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return _json({"error": {"message": message, "type": kind, "param": None, "code": code}}, status)
