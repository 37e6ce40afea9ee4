"""An answer that Python code hears while it grows: `async for word in stream`, and `await stream` for the whole.

The words are cut by rule, so a reply from the call log or a cassette is heard as it was the first time. How the
question is asked is told from outside.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from wfkit.core.call import NEVER_SENT, Failure, Listener
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed, UsageFault
from wfkit.llm.words import Words

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


class Stream(Generic[T]):
    """One question, asked when it is first iterated or awaited, from the running loop. `ask` is given who listens; what
    it hears may come from another loop's thread.

    Words that were handed out cannot be taken back: once there was one, no second reply (a retry, a correction) is
    asked for, and the failure is raised in the loop. Leaving the loop early breaks the answer off.
    """

    def __init__(self, ask: Callable[[Listener], Awaitable[T]]) -> None:
        self._ask = ask
        self._words = Words()
        self._reply = 0  # replies are numbered: of one that broke off, words may still be on their way
        self._heard: asyncio.Queue[tuple[int, str | None]] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[T] | None = None
        self._handed_out = 0
        self._lock = threading.Lock()

    def begins(self) -> None:
        """A reply begins. Raises CallFailed when words of another one were handed out."""
        with self._lock:
            if self._handed_out:
                raise CallFailed(_too_late_to_begin(self._handed_out))
            self._reply += 1
            self._words = Words()

    def takes_back(self) -> bool:
        """Whether a reply that failed may be asked for again: none of its words was handed out, and none will be."""
        with self._lock:
            self._reply += not self._handed_out
            return not self._handed_out

    def says(self, piece: str) -> None:
        """The next piece of the reply."""
        for word in self._words.feed(piece):
            self._hand_on(word)

    def _hand_on(self, word: str | None) -> None:
        assert self._heard is not None
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._heard.put_nowait, (self._reply, word))

    async def __aiter__(self) -> AsyncIterator[str]:
        """The words of the answer, white space included: together they are its text. Raises CallFailed."""
        if self._task is not None:
            raise UsageFault("a stream can be heard once: keep its words, or `await` it for the whole answer")
        task = self._begin()
        assert self._heard is not None
        try:
            while (heard := await self._heard.get())[1] is not None:
                if self._takes(heard[0]):
                    yield heard[1]
            await task
        finally:
            task.cancel()

    def _takes(self, reply: int) -> bool:
        """Whether a word of this reply is handed out; from then on no other reply may begin."""
        with self._lock:
            current = reply == self._reply
            self._handed_out += current
            return current

    def __await__(self) -> Generator[Any, Any, T]:
        """The whole answer, after the loop or instead of it. Raises CallFailed."""
        return self._whole().__await__()

    async def _whole(self) -> T:
        task = self._task or self._begin()
        if task.cancelled():
            raise UsageFault("the stream was left before its end, so there is no whole answer: ask again")
        return await task

    def _begin(self) -> asyncio.Task[T]:
        import asyncio  # the loop that runs this has loaded it

        async def asked() -> T:
            try:
                return await self._ask(self)
            finally:
                for word in self._words.end():
                    self._hand_on(word)
                self._hand_on(None)

        self._loop, self._heard = asyncio.get_running_loop(), asyncio.Queue()
        self._task = self._loop.create_task(asked())
        return self._task


def _too_late_to_begin(words: int) -> Failure:
    hint = "give the node `retries`, or await the answer instead of hearing it"
    message = f"{words} words of another reply were handed out already, so this question is not asked again; {hint}"
    return Failure(FailureKind.CANCELLED, NEVER_SENT, message, hint=hint)
