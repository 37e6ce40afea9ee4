"""How an adapter of the user's is asked: never on the loop of the runs, so what blocks there costs its own calls only.

Whatever it raises becomes a failure with its own lines, and an answer that is none is told. Deadlines are the caller's.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from decimal import Decimal
from typing import Any

from wfkit.core.call import MOST_TOKENS, MOST_USD, Cost, Failure, Reply, Request, Usage
from wfkit.core.secrets import redact
from wfkit.core.terms import CostSource, FailureKind, UsageSource
from wfkit.errors import CallFailed
from wfkit.llm import prices, tokens
from wfkit.llm.failures import failure_of
from wfkit.llm.messages import with_instructions
from wfkit.llm.native_schema import sends_natively
from wfkit.llm.registry import Registered
from wfkit.traces import users_lines

_Outcome = tuple[Any, BaseException | None]  # what it answered, or what it raised instead
_loops: dict[tuple[str, str], asyncio.AbstractEventLoop] = {}
_lock = threading.Lock()


async def ask(found: Registered, request: Request) -> Reply:
    """What an adapter answers to a request; its schema is told in words unless the model takes one. Raises
    CallFailed."""
    asked = request if sends_natively(request) else with_instructions(request)
    try:
        said, error = await asyncio.wrap_future(_started(found, asked))
    except asyncio.CancelledError:
        this = asyncio.current_task()
        if this is None or this.cancelling():
            raise
        said, error = None, RuntimeError("something that it awaited was cancelled")
    if error is not None:
        raise CallFailed(_failed(error, found, request))
    return _reply(said, found, request)


def _started(found: Registered, request: Request) -> Future[_Outcome]:
    """The answer to come, with what was raised instead: an async `ask` on a loop for adapters, another on a thread."""
    if inspect.iscoroutinefunction(found.ask):
        return asyncio.run_coroutine_threadsafe(_awaited(found.ask, request), _loop(found))
    future: Future[_Outcome] = Future()
    future.set_running_or_notify_cancel()  # a thread cannot be cancelled: its answer comes when it may

    def work() -> None:
        try:
            answer = found.ask(request)
        except BaseException as error:  # noqa: BLE001 code of the user's, on its own thread
            future.set_result((None, error))
        else:
            future.set_result((answer, None))

    threading.Thread(target=work, name=f"wfkit-{found.prefix}", daemon=True).start()
    return future


async def _awaited(ask: Callable[[Request], Any], request: Request) -> _Outcome:
    try:
        return await ask(request), None
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 code of the user's: SystemExit would end the loop
        return None, error


def _loop(found: Registered) -> asyncio.AbstractEventLoop:
    """The loop of one adapter. An async `ask` that blocks holds up its own calls, and each meets its deadline."""
    with _lock:
        loop = _loops.get(found.origin)
        if loop is None:
            loop = _loops[found.origin] = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name=f"wfkit-{found.prefix}", daemon=True).start()
        return loop


def _failed(error: BaseException, found: Registered, request: Request) -> Failure:
    """What the adapter raised, with its own lines. An error with an HTTP status counts as that."""
    if isinstance(error, CallFailed):
        return error.failure
    failure = failure_of(error, request.model)
    lines = users_lines(error)
    where = f"the adapter {found.prefix!r} ({'.'.join(found.origin)}) failed"
    return replace(failure, message=f"{where}: {failure.message}", traceback=lines and redact(lines, os.environ))


_FIELDS = {"text": str, "model": str, "finish_reason": str, "input_tokens": int, "output_tokens": int}
_AMOUNTS = (int, float, Decimal)


def _reply(said: Any, found: Registered, request: Request) -> Reply:
    """The answer of an adapter as a reply: a text, a dict, or a reply already. Raises CallFailed for all else."""
    if isinstance(said, Reply) and isinstance(said.text, str):
        return _counted(said, request)
    answer: Any = {"text": said} if isinstance(said, str) else said
    wrong = _wrong(answer)
    if wrong:
        hint = "it returns a text, or a dict with `text`, and if known `model`, `finish_reason`, `input_tokens`, "
        message = f"the adapter {found.prefix!r} ({'.'.join(found.origin)}) returned {wrong}; {hint}`output_tokens`, "
        raise CallFailed(Failure(FailureKind.EXCEPTION, "BadAdapter", f"{message}`cost_usd`"))
    sent, got = answer.get("input_tokens"), answer.get("output_tokens")
    usage = Usage() if sent is None or got is None else Usage(sent, got, source=UsageSource.PROVIDER)
    usd = answer.get("cost_usd")
    cost = Cost() if usd is None else Cost(round(Decimal(str(usd)), 9), source=CostSource.PROVIDER)
    reply = Reply(answer["text"], answer.get("model") or request.model, answer.get("finish_reason") or "stop")
    return _counted(replace(reply, usage=usage, cost=cost), request)


def _wrong(answer: Any) -> str:
    """What is wrong with an answer, or nothing."""
    if not isinstance(answer, dict):
        return f"a value of type {type(answer).__name__}"
    if "text" not in answer:
        return "a dict without `text`"
    for name, value in answer.items():
        fits = isinstance(value, _FIELDS.get(name, _AMOUNTS)) and not isinstance(value, bool)
        if name not in _FIELDS and name != "cost_usd":
            return f"a dict with {name!r}"
        if value is not None and not fits:
            return f"a dict whose {name!r} is of type {type(value).__name__}"
        if fits and isinstance(value, _AMOUNTS) and not 0 <= value <= (MOST_USD if name == "cost_usd" else MOST_TOKENS):
            return f"a dict whose {name!r} is {value}"
    return "a dict whose 'text' is None" if answer["text"] is None else ""


def _counted(reply: Reply, request: Request) -> Reply:
    """The reply with what it did not say: tokens by the plain tokenizer, money by the prices of the model."""
    usage = reply.usage
    if usage.source is UsageSource.UNKNOWN:
        sent = tokens.count_messages(request.messages)
        usage = Usage(sent, tokens.count(reply.text), source=UsageSource.ESTIMATED)
    priced = reply.cost.source is not CostSource.UNKNOWN
    return replace(reply, usage=usage, cost=reply.cost if priced else prices.cost(reply.model, usage, request.model))
