"""A stream as litellm hands it out, to one reply: only what the provider sent counts, not what litellm makes up.

litellm invents the finish reason "stop" where a stream just ends, and token counts where none came. Nothing is asked
here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Self

from wfkit.core.call import Failure, Listener, Reply, Request
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed
from wfkit.llm.failures import cut, failure_of, unusable
from wfkit.llm.patience import rest_until
from wfkit.llm.replies import View, streamed_reply
from wfkit.llm.stream import Growing

_CUT = frozenset({FailureKind.TRANSIENT, FailureKind.EXCEPTION, FailureKind.TIMEOUT})


async def grown(stream: Any, asked: Request, listener: Listener) -> Reply:
    """The reply that a `CustomStreamWrapper` amounts to. Raises CallFailed, and what it likes before the first chunk;
    closes the connection however it ends."""
    source = await stream.fetch_stream()
    finished = _finish(stream, source)
    if hasattr(source, "__aiter__"):
        stream.completion_stream = _Rested(source, finished)
    growing = Growing(listener)
    failure: Failure | None = None
    try:
        async for chunk in stream:
            growing.take(_plain(chunk))
        if getattr(source, "chunk_type", None) == "accumulated_json":  # litellm drops an event that is no JSON
            failure = unusable(ValueError("an event of the stream is no JSON"), asked.model)
        elif not finished():
            failure = cut(asked.model, growing.text)
    except Exception as error:  # noqa: BLE001 litellm raises what it likes
        failure = _failure(error, asked.model, growing.text)
    finally:
        await stream.aclose()
    if failure is not None:
        raise CallFailed(failure)
    whole = growing.response()
    whole["model"] = getattr(stream, "_provider_response_model", None) or whole["model"]  # else it is the one asked
    whole["usage"] = _sent(growing.usage, stream.chunks)
    return streamed_reply(View(whole), asked)


class _Rested:
    """The stream that litellm reads. Once it has told its finish reason, and so is whole, its rest is waited for a
    short time only: then it ends."""

    def __init__(self, source: Any, finished: Callable[[], bool]) -> None:
        self._source, self._finished = source, finished
        self._chunks: Any = None
        self._ended = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def __aiter__(self) -> Self:
        if self._chunks is None:
            self._chunks = aiter(self._source)
        return self

    async def __anext__(self) -> Any:
        if self._ended:
            raise StopAsyncIteration
        if not self._finished():
            return await anext(self._chunks)
        patience = asyncio.timeout_at(rest_until(asyncio.get_running_loop().time()))
        try:
            async with patience:
                return await anext(self._chunks)
        except TimeoutError:
            if not patience.expired():
                raise
        self._ended = True
        raise StopAsyncIteration


def _finish(stream: Any, source: Any) -> Callable[[], bool]:
    """Whether a finish reason came. Of Gemini's chunks litellm says "stop" each time, so they are looked at before."""
    if "gemini" not in type(source).__module__:
        return lambda: bool(stream.received_finish_reason)
    seen: list[bool] = []
    parse = source.chunk_parser

    def watched(chunk: dict[str, Any]) -> Any:
        blocked = (chunk.get("promptFeedback") or {}).get("blockReason")
        if blocked or any(candidate.get("finishReason") for candidate in chunk.get("candidates") or ()):
            seen.append(True)
        return parse(chunk=chunk)

    source.chunk_parser = watched
    return lambda: bool(seen)


def _sent(usage: dict[str, Any] | None, chunks: Sequence[Any]) -> dict[str, Any] | None:
    """The sum of what the provider counted. litellm adds a cost of its own, and reasoning tokens of 0: those count only
    if a chunk had them."""
    counted = [found for chunk in chunks if (found := getattr(chunk, "usage", None)) is not None]
    if not counted or usage is None:
        return None
    costs = [cost for found in counted if (cost := getattr(found, "cost", None)) is not None]
    said = [getattr(found, "completion_tokens_details", None) for found in counted]
    reasons = any(getattr(details, "reasoning_tokens", None) is not None for details in said)
    details = usage.get("completion_tokens_details") if reasons else None
    return {**usage, "cost": costs[-1] if costs else None, "completion_tokens_details": details}


def _failure(error: Exception, model: str, said: str) -> Failure:
    """What went wrong in a stream. litellm wraps the error, and gives it a status that nobody sent."""
    cause = getattr(error, "original_exception", None) or error
    failure = failure_of(cause, model)
    return cut(model, said, cause) if failure.kind in _CUT else failure


def _plain(chunk: Any) -> dict[str, Any]:
    """A chunk in the form of OpenAI's protocol."""
    usage = _fields(chunk).get("usage")
    choices = []
    for choice in map(_fields, chunk.choices):
        delta = _fields(choice["delta"])
        if calls := delta.get("tool_calls"):
            delta |= {"tool_calls": [call.model_dump() for call in calls]}
        choices.append({"index": choice.get("index"), "finish_reason": choice.get("finish_reason"), "delta": delta})
    sent = None if usage is None else usage.model_dump()
    return {"id": chunk.id, "model": chunk.model, "choices": choices, "usage": sent}


def _fields(model: Any) -> dict[str, Any]:
    """What a model of pydantic holds. Asking it for a name costs 4 µs each time, and there are many chunks."""
    return {**vars(model), **(model.__pydantic_extra__ or {})}
