"""A provider that listens: in a thread of its own, with a loop of its own, until it is stopped.

What it answers is the matter of `server`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

from aiohttp import web

from wfkit.errors import UsageFault
from wfkit.llm.provider.behaviour import Behaviour
from wfkit.llm.provider.effects import Effect, Effects
from wfkit.llm.provider.server import Handler
from wfkit.llm.provider.wires import environment

_HOST = "127.0.0.1"


class Provider:
    """A provider in a thread of its own. `url` is what OPENAI_API_BASE wants, `environment` has all of them; any key
    will do. `idle` is set while no request is being answered.

    >>> with Provider(Behaviour(latency_s=0.05, faults=Faults({"500": 0.1}))) as p:
    ...     print(p.url, p.effects())
    """

    def __init__(self, behaviour: Behaviour | None = None, port: int = 0, effects: Path | None = None) -> None:
        self._effects = Effects(effects)
        self._handler = Handler(behaviour or Behaviour(), self._effects)
        self.idle = self._handler.idle
        self._port = port
        self._ready = Event()
        self._problem: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = Thread(target=self._run, name="wfkit-provider", daemon=True)

    @property
    def url(self) -> str:
        """The base URL, with `/v1`."""
        return f"http://{_HOST}:{self._port}/v1"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead litellm here, for OpenAI's, Anthropic's and Google's models."""
        return environment(f"http://{_HOST}:{self._port}")

    @property
    def most_in_flight(self) -> int:
        """How many requests were being answered at once, at most."""
        return self._handler.most_in_flight

    def effects(self) -> list[Effect]:
        """What has happened here so far, in order."""
        return self._effects.read()

    def wait(self, count: int, timeout_s: float = 30.0) -> bool:
        """Block until so many requests were taken up; False when the time ran out."""
        return self._effects.wait(count, timeout_s)

    def start(self) -> Self:
        """Listen. Raises UsageFault when the port is taken."""
        self._thread.start()
        self._ready.wait()
        if self._problem is not None:
            raise UsageFault(f"the provider cannot listen on port {self._port}: {self._problem}") from self._problem
        return self

    def stop(self) -> None:
        """Break off what is in flight and close. Stopping twice is harmless."""
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._effects.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._problem = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = web.Server(self._handler, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, _HOST, self._port, backlog=1024)
            await site.start()
            self._port = runner.addresses[0][1]
            self._ready.set()
            await self._stop.wait()
        finally:
            await runner.cleanup()
