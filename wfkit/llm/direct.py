"""OpenAI's chat protocol spoken directly: one shared HTTP session a loop, no litellm, a fifth of its time a call.

It takes only requests that tests prove to be the same on the wire as litellm's; whatever is out of the ordinary (other
providers, odd parameters, a litellm that the user has set up) goes through litellm. Nothing is retried here.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import os
import re
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass
from weakref import WeakKeyDictionary

import certifi
import orjson

from wfkit.core.call import Failure, Listener, Reply, Request
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed
from wfkit.llm import price_file
from wfkit.llm.failures import broken, cut, told_in_stream, unsendable, unusable
from wfkit.llm.failures import refused as failure_of_status
from wfkit.llm.messages import wire_messages, wire_tools, with_instructions
from wfkit.llm.native_schema import response_format, sends_natively
from wfkit.llm.patience import rest_until
from wfkit.llm.replies import View, reply_of, streamed_reply
from wfkit.llm.stream import DONE, LARGEST, STREAMED, ErrorEvent, Events, Growing, chunk_of

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

_HOME = "https://api.openai.com/v1"
_REASONS = re.compile(r"^gpt-(?:[5-9]|\d\d)(?!-chat)")  # these think: no sampling, max_completion_tokens
_OTHER = re.compile(r"^o\d|^codex|^computer-use|^chatgpt|^ft:|/|audio|realtime|search|instruct|davinci|babbage")
_SAMPLING = frozenset({"max_tokens", "temperature", "top_p", "seed"})
_CHOICE = frozenset({"tool_choice"})
_OF_LITELLM = ("SSL_VERIFY", "SSL_CERTIFICATE", "OPENAI_CUSTOM_HEADERS", "OPENAI_API_TYPE")
_SET_UP = ("api_base", "api_key", "openai_key", "organization", "headers", "client_session", "aclient_session")
_WATCHED = ("callbacks", "success_callback", "failure_callback", "input_callback", "_async_success_callback")
_PROXIES = [name for each in ("http", "https", "all", "no") for name in (f"{each}_proxy", f"{each.upper()}_PROXY")]
_EXIT_S = 2.0
_LAST_S = 0.05
_REDIRECTS = 3  # such as to https and to a host of the region; more is an address that leads in a circle

_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, ClientSession] = WeakKeyDictionary()


def speaks(model: str) -> bool:
    """Whether requests to this model are usually sent from here."""
    prefix, slash, name = model.partition("/")
    if prefix != "openai" or not slash or _OTHER.search(name):
        return False
    entry = price_file.entries().get(name) or price_file.entries().get(model)
    return (entry is None or entry.get("mode") == "chat") and not is_off()


def takes(request: Request) -> bool:
    """Whether this request can be sent from here, the same as litellm would send it."""
    if not speaks(request.model):
        return False
    name = request.model.partition("/")[2]
    allowed = _SAMPLING | _CHOICE
    if _REASONS.search(name):
        chooses = (price_file.entries().get(name) or {}).get("supports_tool_choice") is True
        allowed = frozenset({"max_tokens"}) | (_CHOICE if chooses else frozenset())
    return all(param in allowed for param, _ in request.params)


async def send(request: Request, heard: Callable[[Mapping[str, str]], None], listener: Listener | None = None) -> Reply:
    """One HTTP request; `heard` is told the headers of its answer. With a listener the answer is streamed to it.

    Raises CallFailed; cancelling closes the connection.
    """
    name = request.model.partition("/")[2]
    asked = request if sends_natively(request) else with_instructions(request)
    body = orjson.dumps(_body(asked, name) | ({} if listener is None else STREAMED))
    async with _answered("chat/completions", body, request.model) as response:
        heard(response.headers)
        if listener is not None and response.status < 400 and _is_stream(response):
            return await _grown(response, asked, listener)
        content = await _content(response)
        status, headers = response.status, response.headers
    if status >= 400:
        raise CallFailed(failure_of_status(status, headers, content, request.model))
    reply = _reply(content, asked)
    if listener is not None and reply.text:
        listener.says(reply.text)
    return reply


async def post(path: str, body: bytes, model: str, heard: Callable[[Mapping[str, str]], None]) -> bytes:
    """The body of the answer to one HTTP request below the base URL. Raises CallFailed."""
    async with _answered(path, body, model) as response:
        heard(response.headers)
        content, status = await _content(response), response.status
    if status >= 400:
        raise CallFailed(failure_of_status(status, response.headers, content, model))
    return content


@asynccontextmanager
async def _answered(path: str, body: bytes, model: str) -> AsyncIterator[ClientResponse]:
    """The answer to one HTTP request, its body unread. Raises CallFailed where it cannot be sent, or breaks."""
    import aiohttp  # 60 ms: the first call loads it

    came = False
    try:
        session, proxy = await _session(), _proxy(_base())
        options: dict[str, Any] = {"headers": _headers(), "proxy": proxy, "max_redirects": _REDIRECTS}
        async with session.post(f"{_base()}/{path}", data=body, **options) as response:
            came = True
            yield response
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientError):
            raise
        if isinstance(error, (ValueError, aiohttp.NonHttpUrlClientError, aiohttp.TooManyRedirects)) and not came:
            raise CallFailed(unsendable(error, model)) from None
        if not isinstance(error, (aiohttp.ClientError, OSError)):
            raise
        raise CallFailed(broken(error, model, isinstance(error, aiohttp.ClientConnectorError))) from None


async def close() -> None:
    """Close the session of the running loop, if there is one. The next request opens another."""
    session = _sessions.pop(asyncio.get_running_loop(), None)
    if session is not None:
        await session.close()
        await asyncio.sleep(0)  # closed transports end in the next turn of the loop


@atexit.register
def _close_at_exit() -> None:
    """Close what nobody closed, on loops that still run in threads of their own."""
    for loop in [loop for loop in list(_sessions) if loop.is_running()]:
        try:
            asyncio.run_coroutine_threadsafe(close(), loop).result(_EXIT_S)
        except (TimeoutError, RuntimeError, CancelledError) as error:
            logging.getLogger(__name__).debug("connections were not closed at exit: %r", error)


def is_off() -> bool:
    """Whether the user has changed how litellm reaches providers, or watches it: then it must be the one to send."""
    if any(os.environ.get(name) for name in _OF_LITELLM):
        return True
    litellm = sys.modules.get("litellm")
    if litellm is None:
        return False
    return any(getattr(litellm, name, None) for name in _SET_UP) or any(_watched(litellm, name) for name in _WATCHED)


def _watched(litellm: Any, name: str) -> bool:
    """Whether somebody listens. litellm's own code for Gemini enters `cache` there, as if a user had set up a cache."""
    return any(each != "cache" or litellm.cache is not None for each in getattr(litellm, name, None) or ())


def _body(asked: Request, name: str) -> dict[str, Any]:
    body: dict[str, Any] = {"messages": wire_messages(asked.messages), "model": name, **dict(asked.params)}
    if _REASONS.search(name) and "max_tokens" in body:
        body["max_completion_tokens"] = body.pop("max_tokens")
    if asked.schema is not None:
        body["response_format"] = response_format(json.loads(asked.schema))
    if asked.tools:
        body["tools"] = wire_tools(asked.tools)
    return body


def _base() -> str:
    base = os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE") or _HOME
    return base.rstrip("/")


def _headers() -> dict[str, str]:
    headers = {"Authorization": f"Bearer {os.environ.get('OPENAI_API_KEY', '')}"}
    organization = os.environ.get("OPENAI_ORGANIZATION") or os.environ.get("OPENAI_ORG_ID")
    if organization:
        headers["OpenAI-Organization"] = organization
    if os.environ.get("OPENAI_PROJECT_ID"):
        headers["OpenAI-Project"] = os.environ["OPENAI_PROJECT_ID"]
    return headers


def _proxy(base: str) -> str | None:
    """The proxy of the environment for this base URL, as litellm finds it.

    aiohttp would look into ~/.netrc at every request, on a thread, and refuse our key where that has a password.
    """
    return _proxy_of(base, tuple(map(os.environ.get, _PROXIES)))


@lru_cache(maxsize=16)
def _proxy_of(base: str, _environment: tuple[str | None, ...]) -> str | None:
    there = urlsplit(base)
    if there.hostname is None or proxy_bypass(there.hostname):
        return None
    proxies = getproxies()
    found = proxies.get(there.scheme) or proxies.get("all")
    return f"http://{found}" if found and "://" not in found else found


async def _session() -> ClientSession:
    import aiohttp  # 60 ms: the first call has loaded it

    loop = asyncio.get_running_loop()
    session = _sessions.get(loop)
    if session is None or session.closed:
        authorities = os.environ.get("SSL_CERT_FILE") or certifi.where()
        trusted = ssl.create_default_context(cafile=authorities)
        session = _sessions[loop] = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=trusted, keepalive_timeout=30.0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=30.0),  # the deadline is the caller's
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "wfkit"},
        )
    return session


def _is_stream(response: ClientResponse) -> bool:
    """Whether what was asked to stream does: some servers and proxies answer whole all the same."""
    return response.content_type != "application/json"


async def _grown(response: ClientResponse, asked: Request, listener: Listener) -> Reply:
    """The reply that a stream amounts to. Raises CallFailed for one that is cut, or that tells an error."""
    import aiohttp  # the caller has loaded it

    growing = Growing(listener)
    try:
        await _read(response, growing)
    except ErrorEvent as error:
        raise CallFailed(told_in_stream(error.told, asked.model, growing.text)) from None
    except TimeoutError:
        raise
    except (aiohttp.ClientError, OSError) as error:
        if growing.finish_reason is None:
            raise CallFailed(cut(asked.model, growing.text, error)) from None
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise CallFailed(unusable(error, asked.model)) from None
    if growing.finish_reason is None:
        raise CallFailed(cut(asked.model, growing.text))
    return streamed_reply(View(growing.response()), asked)


async def _read(response: ClientResponse, growing: Growing) -> None:
    """Take in a stream up to its last event. The connection can be used again if it ends there too.

    Of one that has told its finish reason, and so is whole, the rest is waited for a short time only.
    """
    patience = asyncio.timeout(None)
    try:
        async with patience:
            await _read_to_end(response, growing, patience)
    except TimeoutError:
        if not patience.expired():
            raise
        response.close()


async def _read_to_end(response: ClientResponse, growing: Growing, patience: asyncio.Timeout) -> None:
    events, size = Events(), -1
    async for part in response.content.iter_any():
        if _take(events.feed(part), growing):
            if not response.content.at_eof():
                await _last_bytes(response)
            return
        if growing.finish_reason is not None and growing.size != size:
            patience.reschedule(rest_until(asyncio.get_running_loop().time()))
            size = growing.size
    _take(events.end(), growing)


def _take(events: Sequence[str], growing: Growing) -> bool:
    """Take in events; True after the last one of the stream."""
    for event in events:
        if event == DONE:
            return True
        growing.take(chunk_of(event))
    return False


async def _last_bytes(response: ClientResponse) -> None:
    """Wait a moment for the end of a body whose last event has come."""
    try:
        async with asyncio.timeout(_LAST_S):
            await response.content.readany()
    except TimeoutError:
        response.close()


async def _content(response: Any) -> bytes:
    """The whole body, up to a limit: no server may fill the memory."""
    parts, size = [], 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > LARGEST:
            raise OSError(f"the reply is larger than {LARGEST >> 20} MB")
        parts.append(part)
    return b"".join(parts)


def _reply(content: bytes, asked: Request) -> Reply:
    try:
        try:
            data = orjson.loads(content)
        except orjson.JSONDecodeError:  # lone surrogates are JSON for Python, not for orjson
            data = json.loads(content)
        if not isinstance(data, dict):
            raise TypeError(f"it is no object but a {type(data).__name__}")
        return reply_of(View(data), asked)
    except CallFailed:
        raise
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        failure: Failure = unusable(error, asked.model)
        assert failure.kind is FailureKind.TRANSIENT
    raise CallFailed(failure)
