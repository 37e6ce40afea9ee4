"""The limit of an attempt stands still while a library loads, and no longer."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import Future

import pytest

from wfkit.llm import door, patience
from wfkit.llm.patience import bearing, standing_still, stood


async def limited(limit_s: float, latest_s: float | None, loading_s: float, then_s: float) -> bool:
    """Whether an attempt with these limits ends in time that loads for so long, and then works."""
    try:
        async with asyncio.timeout(limit_s) as timeout:
            with bearing(timeout, latest_s):
                with standing_still():
                    await asyncio.gather(*(_also(loading_s) for _ in range(2)))
                await asyncio.sleep(then_s)
    except TimeoutError:
        return False
    return True


async def _also(seconds: float) -> None:
    with standing_still():  # several wait for the same library
        await asyncio.sleep(seconds)


class Waiting(asyncio.SelectorEventLoop):
    """A loop without a clock: where it would wait, that time has passed."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self.now = max(self.now, self._scheduled[0].when())
        super()._run_once()


@pytest.mark.parametrize(
    ("limit_s", "latest_s", "loading_s", "then_s", "ends"),
    [
        (0.2, None, 0.4, 0.0, True),
        (0.2, None, 0.4, 30.0, False),
        (0.2, 0.3, 30.0, 0.0, False),
        (0.2, 60.0, 0.4, 0.0, True),
        (0.2, 0.2, 30.0, 0.0, False),
    ],
)
def test_loading_does_not_count(
    limit_s: float, latest_s: float | None, loading_s: float, then_s: float, ends: bool
) -> None:
    """Loading takes nothing of a timeout; what follows does; and no deadline moves."""
    with asyncio.Runner(loop_factory=Waiting) as runner:
        assert runner.run(limited(limit_s, latest_s, loading_s, then_s)) is ends


def test_waits_for_a_library_are_measured() -> None:
    """What waits at once counts once, one after the other adds up, and work is no wait."""

    async def wait() -> float:
        with stood() as found:
            await asyncio.gather(_also(3), _also(5))
            await asyncio.sleep(30)
            await _also(2)
        await _also(7)
        return found.seconds

    with asyncio.Runner(loop_factory=Waiting) as runner:
        assert runner.run(wait()) == pytest.approx(7)


def test_without_a_limit() -> None:
    """Who has no limit just waits."""

    async def load() -> str:
        with standing_still():
            await asyncio.sleep(0)
        return "loaded"

    assert asyncio.run(load()) == "loaded"


def test_who_gives_up_does_not_end_the_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    """litellm is loaded once for all: a deadline of the first who waits for it ends that wait only."""
    gate = threading.Event()

    def load(done: Future[str]) -> None:
        gate.wait(30)
        done.set_result("litellm")

    async def wait_twice() -> str:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(door.litellm_loaded(), 0.01)
        gate.set()
        return str(await door.litellm_loaded())

    monkeypatch.setattr(door, "_loading", None)
    monkeypatch.setattr(door, "_import", load)
    assert asyncio.run(wait_twice()) == "litellm"


@pytest.mark.parametrize(("due", "rest"), [(None, 2.0), (160.0, 2.0), (101.0, 0.8), (99.0, 0.0)])
def test_how_long_the_rest_of_a_whole_stream_is_waited_for(due: float | None, rest: float) -> None:
    """Two seconds, and never up to the deadline of the request."""

    def waits() -> float:
        patience.due_at(due)
        return patience.rest_until(100.0) - 100.0

    assert contextvars.copy_context().run(waits) == pytest.approx(rest)
