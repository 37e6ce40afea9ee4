"""Sending what was decided: whole bodies, streams, refusals, and everything that breaks off.

aiohttp's objects stay in here and in `server`; what is sent, and which fault befalls it, is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import math
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from wfkit.core.frozen import dataclass
from wfkit.llm.provider.exchange import Refusal
from wfkit.llm.provider.faults import NO_END
from wfkit.llm.provider.text import encoded

_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_FOREVER_S = 3600.0
_LOOK_S = 0.05  # how soon it is seen that nobody waits any more
_LINGER = struct.pack("ii", 1, 0)
_JSON, _STREAM = "application/json", "text/event-stream"


@dataclass(frozen=True, slots=True)
class Sending:
    """One answer on its way: to whom, with which headers, as a stream or not, how slowly."""

    http: web.BaseRequest
    headers: Mapping[str, str]
    stream: bool
    chunk_s: float
    drip_s: float

    async def whole(self, raw: bytes, fault: str) -> web.StreamResponse:
        """A body in one piece, or what the fault makes of it."""
        if fault in {"html", "empty_body"}:
            body, kind = (_PAGE, "text/html") if fault == "html" else (b"", _JSON)
            return web.Response(body=body, content_type=kind, headers=self.headers)
        if fault in {"mid_reset", "mid_hang", "mid_drip"}:
            response = await self._begin(len(raw))
            await response.write(raw[: len(raw) // 2])
            return await self._stop(response, fault)
        cut = fault in {"bad_json", "mid_eof"}
        return web.Response(body=raw[: len(raw) // 2] if cut else raw, content_type=_JSON, headers=self.headers)

    async def events(self, events: Sequence[bytes], fault: str, problem: bytes) -> web.StreamResponse:
        """A stream, or what the fault leaves of it; `problem` is the event of an error in its midst."""
        parts = list(events)
        if fault in {"html", "empty_body"}:
            return await self.whole(b"", fault)
        half = max(len(parts) // 2, 1)
        if fault == "bad_json":
            parts[half] = parts[half][: parts[half].index(b"data: ") + 20] + b"\n\n"
        response = await self._begin()
        breaks = fault.startswith("mid_")
        for number, part in enumerate(parts[:half] if breaks else parts):
            if number and self.chunk_s:
                await asyncio.sleep(self.chunk_s)
            await response.write(part)
        if fault == "mid_error":
            await response.write(problem)
        return await self._stop(response, fault) if breaks or fault == NO_END else response

    async def broken(self, fault: str) -> web.StreamResponse:
        """Nothing comes, a byte now and then, or the connection breaks."""
        if fault == "hang":
            await self._wait_for_end()
        elif fault == "drip":
            await self._drip(await self._begin())
        return self._reset()

    def refused(self, refusal: Refusal, body: Mapping[str, Any]) -> web.Response:
        """An error status with its body; how long to wait is told in whole seconds (RFC 9110) and in milliseconds."""
        headers = dict(self.headers)
        if refusal.wait_s is not None:
            headers |= {"Retry-After": f"{math.ceil(refusal.wait_s)}", "Retry-After-Ms": f"{refusal.wait_s * 1000:.0f}"}
        return web.Response(body=encoded(body), status=refusal.status, content_type=_JSON, headers=headers)

    async def _begin(self, length: int | None = None) -> web.StreamResponse:
        kind = _STREAM if self.stream else _JSON
        response = web.StreamResponse(headers={**self.headers, "Content-Type": kind})
        response.content_length = length
        await response.prepare(self.http)
        return response

    async def _stop(self, response: web.StreamResponse, fault: str) -> web.StreamResponse:
        """End half-way, as the fault says."""
        match fault:
            case "mid_hang" | "no_end":
                await self._wait_for_end()
            case "mid_drip":
                await self._drip(response)
            case "mid_reset":
                await asyncio.sleep(_LOOK_S)  # what was sent is read before the connection breaks
            case _:
                return response
        return self._reset()

    async def _drip(self, response: web.StreamResponse) -> None:
        """A byte now and then that says nothing, until nobody listens."""
        while self._listened():
            await response.write(b":\n" if self.stream else b" ")
            await asyncio.sleep(self.drip_s)

    async def _wait_for_end(self) -> None:
        end = time.monotonic() + _FOREVER_S
        while self._listened() and time.monotonic() < end:  # noqa: ASYNC110 - who left is only known by looking
            await asyncio.sleep(_LOOK_S)

    def _listened(self) -> bool:
        return self.http.transport is not None and not self.http.transport.is_closing()

    def _reset(self) -> web.Response:
        """Break the connection with a TCP reset."""
        if self.http.transport is not None:
            there = self.http.transport.get_extra_info("socket")
            if there is not None:
                there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
            self.http.transport.abort()
        return web.Response(status=500)
