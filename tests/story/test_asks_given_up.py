"""Questions that nobody waits for any more: what was not sent is not, what was paid is kept."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import threading
import time
from typing import Any

import pytest

import wfkit
from tests.engine.clock import FAR_S, Clock
from tests.engine.lab import PATIENCE_S, Lab, run
from wfkit import Workflow
from wfkit.llm.fake import Fail, Say, Script

MODEL = "fake/asked"
ENDED = "SELECT * FROM calls_latest WHERE state = 'ended'"


def settled(workflow: Workflow) -> None:
    """Come back when nothing is under way."""
    guards = workflow.session.guards
    while guards.away.get(MODEL) or guards.pools.statistics()["fake"].in_use:
        workflow.history()


def test_a_plain_cell_that_is_interrupted(lab: Lab, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many questions those that were not sent yet are not sent any more; the reply to one under way is kept, and a
    later cell asks the others."""
    heard = threading.Event()

    def late(request: Any) -> Any:
        heard.set()
        return Say(f"late: {request.messages[0].content}", latency_s=0.0 if clock.ahead_s else FAR_S)

    workflow = lab.workflow({})
    workflow.config("concurrency", 1)
    monkeypatch.setattr("wfkit.public._current", [workflow])

    async def cell() -> None:
        asked = asyncio.gather(*(wfkit.ask(f"number {n}", model=MODEL) for n in range(5)))
        await asyncio.to_thread(heard.wait, PATIENCE_S)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    with Script([late] * 9, name="asked") as script:
        asyncio.run(cell())
        clock.forward()
        settled(workflow)
        assert len(script.requests) == 1
        first = script.requests[0].messages[0].content
        assert wfkit.ask(first, model=MODEL).result() == f"late: {first}"
        assert len(script.requests) == 1
        assert wfkit.ask("number 9", model=MODEL).result() == "late: number 9"


def test_a_failure_that_nobody_waits_for(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that fails just as its cell gives it up leaves no traceback on stderr."""
    workflow = lab.workflow({})
    monkeypatch.setattr("wfkit.public._current", [workflow])
    told: list[str] = []
    begun = asyncio.Event()
    sent: list[concurrent.futures.Future[Any]] = []
    wrapped = asyncio.wrap_future

    def watched(future: concurrent.futures.Future[Any]) -> asyncio.Future[Any]:
        sent.append(future)
        begun.set()
        return wrapped(future)

    monkeypatch.setattr("asyncio.wrap_future", watched)

    async def asked() -> None:
        await wfkit.ask("number 1", model=MODEL, retries=0)

    async def cell() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))
        task = asyncio.create_task(asked())
        await begun.wait()
        assert sent[0].exception(PATIENCE_S) is not None  # this loop has not heard of it yet
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        del task
        sent.clear()
        gc.collect()

    with Script([Fail()], name="asked"):
        asyncio.run(cell())
    assert told == []


def test_an_interrupt_keeps_what_is_paid(lab: Lab, clock: Clock) -> None:
    """Ctrl-C comes back while questions are under way; their replies are kept when they come, and the next run asks
    only the others."""
    stop = threading.Event()

    def late(request: Any) -> Any:
        stop.set()
        return Say("late", latency_s=FAR_S)

    with Script([late, *["yes"] * 9], name="asked") as script:
        body = "import asyncio\nstr(await asyncio.gather(*(wfkit.ask(f'number {n}', model=M) for n in range(3))))"
        workflow = lab.cells({"told": body}, {"wfkit": wfkit, "M": MODEL})
        workflow.config("concurrency", 1)
        with pytest.raises(KeyboardInterrupt):
            workflow.run(stop=stop)
        clock.forward()
        outcome = run(workflow)
        assert outcome["told"] == "['late', 'yes', 'yes']"
        assert len(script.requests) == 3


def test_a_body_that_gives_up(lab: Lab, clock: Clock) -> None:
    """On a loop of its own, too, what a body gives up is given up: it holds no seat, and may have been billed."""
    lines = [
        "import asyncio",
        "async def ask():",
        "    try:",
        f"        await asyncio.wait_for(wfkit.ask('Hm?', model=M), {FAR_S})",
        "    except TimeoutError:",
        "        return 'too late'",
        "asyncio.run(ask())",
    ]
    with Script([clock.hang], name="asked") as script:
        workflow = lab.cells({"told": "\n".join(lines)}, {"wfkit": wfkit, "M": MODEL})
        outcome = run(workflow)
        assert (outcome["told"], len(script.requests)) == ("too late", 1)
        settled(workflow)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and workflow.sql(ENDED).empty:  # its seat is free a moment before it is booked
        workflow.history()
    assert len(workflow.sql(ENDED)) == 1
