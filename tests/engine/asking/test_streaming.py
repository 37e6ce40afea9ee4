"""An answer heard while it grows: its words, its whole, and what happens when it breaks off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from wfkit.core.call import Failure, Listener
from wfkit.core.terms import FailureKind
from wfkit.engine.asking.streaming import Stream
from wfkit.errors import CallFailed, UsageFault

PIECES = ("The s", "ky ", "", "is up", ".")


def asking(*replies: Sequence[str], broken: int = 0) -> Callable[[Listener], Awaitable[str]]:
    """A question with these replies, each in pieces; the first `broken` of them break off."""

    async def ask(listener: Listener) -> str:
        for number, pieces in enumerate(replies):
            listener.begins()
            for piece in filter(None, pieces):
                await asyncio.sleep(0)
                listener.says(piece)
            if number >= broken:
                return "".join(pieces)
        raise CallFailed(Failure(FailureKind.TRANSIENT, "StreamCut", "cut"))

    return ask


async def words(stream: Stream[str]) -> list[str]:
    return [word async for word in stream]


def test_words_and_whole() -> None:
    """The words are the text; awaiting gives the whole, after the loop or instead of it."""

    async def hear() -> None:
        stream = Stream(asking(PIECES))
        assert await words(stream) == ["The", " sky", " is", " up."]
        assert await stream == await stream == "The sky is up."
        assert await Stream(asking(PIECES)) == "The sky is up."
        with pytest.raises(UsageFault, match="once"):
            await words(stream)

    asyncio.run(hear())


def test_same_words_from_a_log() -> None:
    """However a reply was cut on its way, and also when it comes in one piece, the words are the same."""

    async def hear() -> None:
        assert await words(Stream(asking(("The sky is up.",)))) == await words(Stream(asking(PIECES)))

    asyncio.run(hear())


def test_broken_before_the_first_word() -> None:
    """A reply that breaks off before a word is complete may be asked for again, unheard."""

    async def hear() -> None:
        assert await words(Stream(asking(("Th",), PIECES, broken=1))) == ["The", " sky", " is", " up."]

    asyncio.run(hear())


def test_broken_after_a_word() -> None:
    """Words that were handed out are not taken back: no second reply is asked for, and the loop raises."""

    async def hear() -> None:
        taken = asyncio.Event()

        async def ask(listener: Listener) -> str:
            listener.begins()
            listener.says("The sky is")
            await taken.wait()
            listener.begins()
            return "never"

        heard = aiter(Stream(ask))
        assert await anext(heard) == "The"
        taken.set()
        with pytest.raises(CallFailed, match="not asked again") as caught:
            [word async for word in heard]
        assert not caught.value.failure.may_be_billed()

    asyncio.run(hear())


def test_asked_on_another_loop() -> None:
    """The question may be asked on the loop of another thread; the words are handed out here."""

    async def hear() -> None:
        def ask(listener: Listener) -> Awaitable[str]:
            async def there() -> str:
                return await asking(("Th",), PIECES, broken=1)(listener)

            return asyncio.to_thread(lambda: asyncio.run(there()))

        assert await words(Stream(ask)) == ["The", " sky", " is", " up."]

    asyncio.run(hear())


def test_left_early() -> None:
    """Leaving the loop breaks the question off, and there is no whole answer."""

    async def hear() -> None:
        ended = asyncio.Event()

        async def ask(listener: Listener) -> str:
            listener.begins()
            try:
                while True:
                    listener.says("on and ")
                    await asyncio.sleep(0)
            finally:
                ended.set()

        stream = Stream(ask)
        async for word in stream:
            assert word == "on"
            break
        await ended.wait()
        with pytest.raises(UsageFault, match="before its end"):
            await stream

    asyncio.run(hear())
