"""Vectors of texts: one HTTP request for many texts, spoken directly to OpenAI's protocol, else through litellm.

A request for embeddings has the texts as messages of the role `embed`; its reply has a line of base64 for each, little
endian float32. Which texts are asked together, and what is known already, is not decided here.
"""

from __future__ import annotations

import base64
import json
import math
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson
from blake3 import blake3

from wfkit.core.call import MOST_TOKENS, Cost, Failure, Reply, Request, Usage
from wfkit.core.terms import CostSource, FailureKind, UsageSource
from wfkit.errors import CallFailed
from wfkit.llm import direct, door, prices, tokens
from wfkit.llm.failures import failure_of, told_in_body, unusable
from wfkit.llm.messages import wire

Heard = Callable[[Mapping[str, str]], None]
LOCAL_DIMENSIONS = 256  # of the embedded model, if nobody says
_FREE = Cost(Decimal(0), Decimal(0), Decimal(0), CostSource.LOCAL)
_WORD = re.compile(r"\w+")


async def reply(request: Request, heard: Heard, direct: bool) -> Reply:
    """The vectors of the texts of a request, in their order. `direct`: OpenAI's protocol need not go through litellm.

    Raises CallFailed, also for an answer with too few vectors, of other dimensions, or with numbers that are none.
    """
    provider, _, name = request.model.partition("/")
    if provider == "offline":
        return _offline(request)
    asked: dict[str, Any] = {"input": [wire(message.content) for message in request.messages], **dict(request.params)}
    if direct and provider == "openai":
        body = await _directly({**asked, "model": name, "encoding_format": "base64"}, request, heard)
    else:
        body = await _through_litellm(asked, request, heard)
    try:
        rows = sorted(body["data"], key=lambda row: row["index"])
        lines = [_line(row["embedding"]) for row in rows]
        places = [row["index"] for row in rows]
    except (KeyError, TypeError, ValueError, struct.error) as error:
        raise CallFailed(unusable(error, request.model)) from None
    _demand_vectors(lines, places, request)
    usage = _usage(body.get("usage"), request)
    model = str(body.get("model") or request.model)
    return Reply("\n".join(lines), model, "stop", None, usage, prices.cost(model, usage, request.model))


async def _directly(asked: dict[str, Any], request: Request, heard: Heard) -> dict[str, Any]:
    content = await direct.post("embeddings", orjson.dumps(asked), request.model, heard)
    try:
        found = json.loads(content)
    except ValueError as error:
        raise CallFailed(unusable(error, request.model)) from None
    if not isinstance(found, dict):
        raise CallFailed(unusable(TypeError("it is no object"), request.model))
    if found.get("error") and not found.get("data"):
        raise CallFailed(told_in_body(found["error"], request.model))
    return found


async def _through_litellm(asked: dict[str, Any], request: Request, heard: Heard) -> dict[str, Any]:
    litellm = await door.litellm_loaded()
    try:
        response = await litellm.aembedding(model=request.model, max_retries=0, timeout=door.NEVER_S, **asked)
    except Exception as error:  # noqa: BLE001 litellm raises what it likes; none of it may leave this room
        failure = failure_of(error, request.model)
    else:
        heard(getattr(response, "_response_headers", None) or {})
        return dict(response.model_dump())
    raise CallFailed(failure)


def _line(vector: Any) -> str:
    """A vector as one line: base64 as it came, or made of numbers."""
    if isinstance(vector, str):
        base64.b64decode(vector, validate=True)
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _demand_vectors(lines: Sequence[str], places: Sequence[Any], request: Request) -> None:
    """Raises CallFailed (invalid_output) for anything but one whole vector a text, in order."""
    wanted = len(request.messages)
    if list(places) != list(range(wanted)):
        raise CallFailed(_wrong(request, f"{len(lines)} vectors for {wanted} texts, numbered {str(places)[:60]}"))
    dimensions = dict(request.params).get("dimensions")
    sizes = {len(base64.b64decode(line)) / 4 for line in lines}
    if len(sizes) > 1 or sizes == {0.0} or (dimensions is not None and sizes != {float(dimensions)}):
        found = ", ".join(f"{size:g}" for size in sorted(sizes))
        raise CallFailed(_wrong(request, f"vectors of {found} dimensions, not {dimensions or 'one number for all'}"))
    for place, line in enumerate(lines):
        data = base64.b64decode(line)
        if not all(map(math.isfinite, struct.unpack(f"<{len(data) // 4}f", data))):
            raise CallFailed(_wrong(request, f"a vector for text {place} that holds NaN or infinity"))


def _wrong(request: Request, what: str) -> Failure:
    hint = "look at the server behind the model, or choose another model"
    message = f"{request.model} answered with {what}; {hint}"
    return Failure(FailureKind.INVALID_OUTPUT, "InvalidVectors", message, 200, hint=hint)


def _usage(sent: Any, request: Request) -> Usage:
    counted = sent.get("prompt_tokens") if isinstance(sent, dict) else None
    if isinstance(counted, int) and not isinstance(counted, bool) and 0 < counted <= MOST_TOKENS:
        return Usage(counted, 0, source=UsageSource.PROVIDER)
    guessed = sum(tokens.count(message.content) for message in request.messages)
    return Usage(guessed, 0, source=UsageSource.ESTIMATED)


def _offline(request: Request) -> Reply:
    size = dict(request.params).get("dimensions", LOCAL_DIMENSIONS)
    lines = [_line(_hashed(message.content, size)) for message in request.messages]
    counted = sum(tokens.count(message.content) for message in request.messages)
    usage = Usage(counted, 0, source=UsageSource.PROVIDER)
    return Reply("\n".join(lines), request.model, "stop", None, usage, _FREE)


def _hashed(text: str, dimensions: int) -> list[float]:
    """A vector of length 1 by feature hashing (Weinberger et al., ICML 2009): texts that share words are near, no
    meaning is in it."""
    numbers = [0.0] * dimensions
    for word in _WORD.findall(text.lower()) or [f"\0{text}"]:
        drawn = blake3(word.encode("utf-8", "surrogatepass")).digest(5)
        place, sign = struct.unpack("<IB", drawn)
        numbers[place % dimensions] += 1.0 if sign & 1 else -1.0
    size = math.sqrt(sum(number * number for number in numbers))
    if not size:  # words that cancel each other
        numbers[0] = size = 1.0
    return [number / size for number in numbers]
