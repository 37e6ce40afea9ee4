"""A fault-injecting, OpenAI-compatible model provider on this machine: for tests, benchmarks and drills of failure.

`with Provider(...) as p:` in a program, `python -m wfkit.llm.provider --error 500=0.1` in a shell.
Faults and HTTP are elsewhere.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

from aiohttp import web

from wfkit.errors import UsageFault, WfkitError
from wfkit.llm.provider_effects import Effect, Effects
from wfkit.llm.provider_faults import Faults, parse_rates, parse_script
from wfkit.llm.provider_server import Answer, Behaviour, Handler

__all__ = ["Behaviour", "Effect", "Faults", "Provider", "main"]

_HOST = "127.0.0.1"


class Provider:
    """A provider in a thread of its own. `url` is what OPENAI_API_BASE wants; any key will do.

    >>> with Provider(Behaviour(latency_s=0.05, faults=Faults({"500": 0.1}))) as p:
    ...     print(p.url, p.effects())
    """

    def __init__(self, behaviour: Behaviour | None = None, port: int = 0, effects: Path | None = None) -> None:
        self._effects = Effects(effects)
        self._handler = Handler(behaviour or Behaviour(), self._effects)
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C; the first line of stdout is the base URL. Returns an exit code."""
    options = _parser().parse_args(arguments)
    told = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    try:
        provider = Provider(_behaviour(options), options.port, options.effects).start()
    except (WfkitError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{provider.url}\n")
    sys.stdout.flush()
    told.wait()
    provider.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m wfkit.llm.provider", description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency", type=float, default=0.0, metavar="S", help="seconds before each answer")
    parser.add_argument("--jitter", type=float, default=0.0, metavar="S", help="up to this many seconds more")
    parser.add_argument("--error", action="append", default=[], metavar="STATUS=RATE", help="such as 500=0.1")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=RATE", help="such as hang=0.01")
    parser.add_argument("--bad-json", type=float, default=0.0, metavar="RATE", help="answers that are prose, no JSON")
    parser.add_argument("--wrong-schema", type=float, default=0.0, metavar="RATE", help="JSON of another shape")
    parser.add_argument("--script", nargs="*", default=[], metavar="FAULT", help="the first requests: 500 ok*2 429")
    parser.add_argument("--retry-after", type=float, metavar="S", help="sent with 429, 503 and 529")
    parser.add_argument("--answer", metavar="TEXT", help="answer this; without it the offline model answers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--effects", type=Path, metavar="FILE", help="append a JSON line for each request")
    return parser


def _behaviour(options: argparse.Namespace) -> Behaviour:
    rates = parse_rates([*options.error, *options.fault])
    rates |= {"not_json": options.bad_json} if options.bad_json else {}
    rates |= {"wrong_schema": options.wrong_schema} if options.wrong_schema else {}
    faults = Faults(rates, parse_script(options.script), options.retry_after, options.seed)
    return Behaviour(options.latency, options.jitter, _fixed(options.answer), faults)


def _fixed(text: str | None) -> Answer | None:
    return None if text is None else lambda _request: text


if __name__ == "__main__":
    sys.exit(main())
