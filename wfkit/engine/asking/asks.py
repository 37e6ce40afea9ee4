"""`wfkit.ask` as code meets it: a question that is asked when it is awaited, on any loop, or by `.result()` on none.

It is asked on the engine's loop, wherever it is awaited. How it is answered is in `answering`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from wfkit.core.call import Listener
from wfkit.engine.asking.answering import answered
from wfkit.engine.asking.desk import Desk, current
from wfkit.engine.asking.embedding import array_of, embedded
from wfkit.engine.asking.questions import wanted as wanted_of
from wfkit.engine.asking.questions import wanted_texts
from wfkit.engine.asking.streaming import Stream
from wfkit.errors import UsageFault
from wfkit.keys.recorder import active, mine, read_setting, whose

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future

_TICK_S = 0.2
_UNKNOWN_THREAD = "a thread that a body has started"
_INSTEAD = "start it with `asyncio.to_thread`, or ask in the body itself; `asyncio.gather` asks many at once"


class Asked(Coroutine[Any, Any, Any]):
    """A question that nobody has asked yet: `await` it, hand it to `asyncio.gather` or a task, or call `.result()`."""

    __slots__ = ("__weakref__", "_desk", "_inner", "_work")

    def __init__(self, desk: Desk, work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self._desk, self._work = desk, work
        self._inner: Coroutine[Any, Any, Any] | None = None
        desk.unasked.add(id(self))

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._begin().__await__()

    def __aiter__(self) -> Any:
        """Raises UsageFault: only a stream is heard word by word."""
        self._desk.unasked.discard(id(self))
        raise UsageFault(
            "this question is awaited, not iterated: write `wfkit.ask(..., stream=True)` to hear an answer word by word"
        )

    def send(self, value: Any) -> Any:
        """As of a coroutine, so that `asyncio.create_task` takes it."""
        return (self._inner or self._begin()).send(value)

    def throw(self, *error: Any) -> Any:
        """As of a coroutine."""
        return (self._inner or self._begin()).throw(*error)

    def close(self) -> None:
        """As of a coroutine: it will not be asked."""
        self._desk.unasked.discard(id(self))
        if self._inner is not None:
            self._inner.close()

    def result(self) -> Any:
        """Ask, and wait for the answer without `await`: for code that runs on no loop."""
        if self._desk.house.loop.is_here():
            raise UsageFault(
                "`.result()` would wait for itself here, in code that can await: write `await wfkit.ask(...)`"
            )
        self._mark_asked()
        future = self._desk.house.loop.submit(self._desk.carry(self._work()))
        try:
            return future.result()
        except KeyboardInterrupt:
            _leave(self._desk, future)
            raise

    def _begin(self) -> Coroutine[Any, Any, Any]:
        self._mark_asked()
        self._inner = self._carried()
        return self._inner

    def _mark_asked(self) -> None:
        if id(self) not in self._desk.unasked:
            raise UsageFault("a question is asked once: keep its answer in a variable")
        self._desk.unasked.discard(id(self))
        self._desk.demand_open()

    async def _carried(self) -> Any:
        import asyncio  # the loop that runs this has loaded it

        loop = self._desk.house.loop
        if loop.is_here():
            return await self._desk.carry(self._work())
        future = loop.submit(self._desk.carry(self._work()))
        waiting = asyncio.wrap_future(future)
        try:
            while not waiting.done():  # ipykernel 7 does not wake a sleeping loop when an interrupt arrives
                await asyncio.wait([waiting], timeout=_TICK_S)
        except asyncio.CancelledError:
            waiting.add_done_callback(_heard)  # it may have failed by now, or fail later: that is nobody's any more
            _leave(self._desk, future)
            raise
        return waiting.result()

    def __repr__(self) -> str:
        return "<a question that was not asked: write `await wfkit.ask(...)`, or `wfkit.ask(...).result()`>"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"no {name!r} here: the question was not asked yet; write `(await wfkit.ask(...)).{name}`")


def _heard(waiting: asyncio.Future[Any]) -> None:
    """Take note of a failure that nobody waits for, else asyncio tells it on stderr."""
    if not waiting.cancelled():
        waiting.exception()


def _leave(desk: Desk, future: Future[Any]) -> None:
    """Nobody waits for the answer any more. A question of a plain cell that was not sent is not sent; the reply to one
    that was is kept when it comes."""
    desk.closed = desk.closed or not desk.node
    future.cancel()


def ask(desk: Desk, prompt: Any, said: Mapping[str, Any]) -> Any:
    """A question at a desk. Raises UsageFault or OptionError for what cannot be asked."""
    desk.demand_open()
    wanted = wanted_of(prompt, said, desk.house.settings)
    recorder = mine()
    if wanted.by_default and recorder is not None:
        read_setting(recorder, "model", desk.house.settings.model)

    async def work(listener: Listener | None = None) -> Any:
        found = await answered(desk, wanted, listener)
        return found if wanted.full else found.value

    return _streamed(desk, work) if wanted.stream else Asked(desk, work)


def _streamed(desk: Desk, work: Callable[[Listener], Coroutine[Any, Any, Any]]) -> Stream[Any]:
    """A question whose answer is heard while it grows; asked when its words are."""

    def asked(listener: Listener) -> Asked:
        desk.unasked.discard(id(stream))
        return Asked(desk, lambda: work(listener))

    stream: Stream[Any] = Stream(asked)
    desk.unasked.add(id(stream))
    return stream


def embed(desk: Desk, texts: Any, said: Mapping[str, Any]) -> Any:
    """A question for the vectors of texts, at a desk. Raises UsageFault or OptionError for what cannot be asked."""
    desk.demand_open()
    given = [texts] if isinstance(texts, str) else list(texts) if isinstance(texts, Iterable) else texts
    wanted = wanted_texts(given, said, desk.house.settings)

    async def work() -> Any:
        found = await embedded(desk, wanted)
        array = array_of([found[text] for text in given], wanted.dimensions)
        return array[0] if isinstance(texts, str) else array

    return Asked(desk, work)


def here() -> Desk | None:
    """The desk of the node whose code runs here; None in a cell that is no node. Raises UsageFault where nobody can
    tell."""
    desk = current.get()
    if desk is not None:
        return desk
    if mine() is not None:
        raise UsageFault(
            "whose question this is cannot be told here: Python nodes and tools of prompts ask, in code or helpers that"
            " name wfkit (not packages alone)"
        )
    if active and threading.current_thread() is not threading.main_thread():
        for recorder in whose():  # the error may end the thread alone: what its body made then is worth nothing
            recorder.refuse(f"{_UNKNOWN_THREAD} was refused its question to a model: {_INSTEAD}")
        raise UsageFault(f"whose question this is cannot be told on {_UNKNOWN_THREAD}: {_INSTEAD}")
    return None
