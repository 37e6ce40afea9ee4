"""The one place that touches litellm: import it off the loop, send one request, keep and close its connections.

Retries, fallbacks, caches and callbacks of litellm stay off. No policy here; errors leave as CallFailed only.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from contextvars import ContextVar
from functools import partial, wraps
from importlib import import_module
from threading import Lock
from typing import Any
from weakref import WeakSet

from wfkit.core.call import Failure, Listener, Reply, Request
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed
from wfkit.interrupts import held_back
from wfkit.llm import price_file
from wfkit.llm.door_stream import grown
from wfkit.llm.failures import failure_of
from wfkit.llm.messages import wire_messages, wire_tools, with_instructions
from wfkit.llm.native_schema import response_format, sends_natively
from wfkit.llm.patience import standing_still
from wfkit.llm.replies import reply_of
from wfkit.llm.stream import STREAMED
from wfkit.own_threads import begin

_BEFORE_IMPORT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else the import fetches a price list from the network
    "LITELLM_MODE": "PRODUCTION",  # else the import reads a .env file into this process
}
NEVER_S = 6000.0  # part of the key under which litellm keeps a client, so it must not vary; our deadline is another
_EXIT_S = 2.0
_SETTLE_S = 0.02

_asking: ContextVar[bool] = ContextVar("_asking", default=False)
_lock = Lock()
_loading: Future[Any] | None = None
_loops: WeakSet[asyncio.AbstractEventLoop] = WeakSet()  # where calls were made


def warm() -> None:
    """Begin to import litellm in a background thread (2 to 40 s of work); returns at once, and does it once."""
    _load()


def loaded() -> Any | None:
    """litellm if it is there already, else None."""
    return _loading.result() if _loading is not None and _loading.done() and not _loading.exception() else None


async def litellm_loaded() -> Any:
    """litellm, imported without blocking this loop. Raises CallFailed if it cannot be imported."""
    _loops.add(asyncio.get_running_loop())
    try:
        if (found := loaded()) is not None:
            return found
        with standing_still():
            return await asyncio.wrap_future(_load())
    except ImportError as error:
        message = f"litellm cannot be imported ({error}): install wfkit again, or use the model `offline`"
        raise CallFailed(Failure(FailureKind.EXCEPTION, "ImportError", message)) from None


async def send(
    litellm: Any,
    request: Request,
    heard: Callable[[Mapping[str, str]], None],
    listener: Listener | None = None,
) -> Reply:
    """One HTTP request through litellm; `heard` is told the headers of its answer. With a listener the answer is
    streamed to it. Raises CallFailed; cancelling closes the connection."""
    asked = as_sent(request)
    arguments: dict[str, Any] = dict(asked.params)
    if asked.schema is not None:
        arguments["response_format"] = response_format(json.loads(asked.schema))
    if "tool_choice" in arguments and "tool_choice" not in litellm.get_supported_openai_params(asked.model):
        del arguments["tool_choice"]  # it is only a wish: who calls a tool all the same is not answered (`turns`)
    if asked.tools:
        # Without the second, litellm imports its proxy server to look whether a tool is one of MCP's.
        arguments |= {"tools": wire_tools(asked.tools), "_skip_mcp_handler": True}
    if listener is not None:
        arguments |= STREAMED
    _asking.set(True)
    try:
        response = await litellm.acompletion(
            model=asked.model, messages=wire_messages(asked.messages), max_retries=0, timeout=NEVER_S, **arguments
        )
        heard(getattr(response, "_response_headers", None) or {})
        return reply_of(response, asked) if listener is None else await grown(response, asked, listener)
    except CallFailed:
        raise
    except Exception as error:  # noqa: BLE001 litellm raises what it likes; none of it may leave this room
        failure = failure_of(error, request.model)
    finally:
        _asking.set(False)
    raise CallFailed(failure)


def as_sent(request: Request) -> Request:
    """The request as it goes out: its schema stays one where the model takes it natively, else it is told in words."""
    return request if sends_natively(request) else with_instructions(request)


async def close() -> None:
    """Close every connection that was opened on the running loop. Later calls open new ones."""
    litellm = loaded()
    if litellm is None:
        return
    await litellm.close_litellm_async_clients()
    transport = getattr(litellm.module_level_aclient.client, "_transport", None)  # streams of some go through this one
    if transport is not None and hasattr(transport, "aclose"):
        await transport.aclose()
    litellm.in_memory_llm_clients_cache.flush_cache()
    await asyncio.sleep(_SETTLE_S)  # closed transports end in later turns of the loop


def _close_at_exit() -> None:
    """Close what nobody closed, on loops that still run in threads of their own."""
    for loop in [loop for loop in _loops if loop.is_running()]:
        try:
            asyncio.run_coroutine_threadsafe(close(), loop).result(_EXIT_S)
        except (TimeoutError, RuntimeError, CancelledError) as error:
            logging.getLogger(__name__).debug("connections were not closed at exit: %r", error)


def _load() -> Future[Any]:
    global _loading  # noqa: PLW0603 one import for the process
    with _lock, held_back():
        if _loading is None or (_loading.done() and _loading.exception() is not None):
            _loading = Future()
            _loading.set_running_or_notify_cancel()  # all wait for it: one that gives up must not cancel it
            begin(partial(_import, _loading), "wfkit-litellm")
        return _loading


def _import(done: Future[Any]) -> None:
    for name, value in _BEFORE_IMPORT.items():
        os.environ.setdefault(name, value)
    try:
        import litellm  # seconds: it loads on the first call only, in this thread
    except BaseException as error:  # noqa: BLE001 whoever waits must hear of it, whatever it is
        done.set_exception(error if isinstance(error, ImportError) else ImportError(repr(error)))
        return
    import_module("openai.resources.chat.completions")  # 0.6 s that would fall on the first call, and so on the loop
    price_file.entries()  # 20 ms, likewise
    _send_once(import_module("litellm.llms.custom_httpx.http_handler").AsyncHTTPHandler)
    _tell_cut(import_module("litellm.litellm_core_utils.core_helpers"))
    if "LITELLM_LOG" not in os.environ:
        logging.getLogger("LiteLLM").setLevel(logging.ERROR)  # what failed is told by our failures, not on stderr
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.drop_params = False
    atexit.register(_close_at_exit)
    done.set_result(litellm)


def _tell_cut(helpers: Any) -> None:
    """Of a stop reason that litellm does not know it says "stop": an answer that Anthropic cut would count as whole."""
    known = getattr(helpers, "_FINISH_REASON_MAP", None)
    if isinstance(known, dict):
        known.setdefault("model_context_window_exceeded", "length")


def _send_once(handler: Any) -> None:
    """Where a connection breaks, litellm's HTTP client sends the request again, unasked and uncounted. Not ours."""
    again = handler.single_connection_post_request

    @wraps(again)
    async def once(*args: Any, **kwargs: Any) -> Any:
        broken = sys.exception()
        if broken is not None and _asking.get():
            raise broken
        return await again(*args, **kwargs)

    handler.single_connection_post_request = once
