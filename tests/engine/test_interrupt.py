"""Promises of Ctrl-C: the user is back at once, nothing that was acknowledged is lost, and the next run goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.attempts.test_attempt import quick_retries
from tests.engine.clock import FAR_S, Clock
from tests.engine.lab import PATIENCE_S, Lab, agree, did, run
from tests.interrupting import interrupt
from wfkit import Workflow
from wfkit.core import backoff
from wfkit.core.policy import RetryPolicy
from wfkit.core.report import RunReport
from wfkit.core.terms import RunState
from wfkit.engine import awaiting, execute
from wfkit.engine.preparing.wish import Wish
from wfkit.engine.running.baton import Baton
from wfkit.engine.running.seating import Seating
from wfkit.llm.cassette_file import read
from wfkit.llm.fake import Fail, Say, Script

CTRL_C = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user waits until the end of the run is told, not a second at most: a busy machine may need longer."""
    for each in (awaiting, execute):
        monkeypatch.setattr(each, "_PATIENCE_S", PATIENCE_S)


def until(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, f"waited too long for {what}"
        time.sleep(0.002)


def interrupted(workflow: Workflow, *targets: str, **options: Any) -> str:
    """Run until the body interrupts us; the run's id. Its state is interrupted, on disk, when the user is back."""
    with pytest.raises(KeyboardInterrupt):
        workflow.run(*targets, **options)
    newest = workflow.store.runs(1)[0]
    assert newest.status == RunState.INTERRUPTED
    return newest.run_id


def test_back_before_the_body_ends(any_lab: Lab) -> None:
    """Ctrl-C returns while a body still sleeps; the next run has the same id, and what was done is not done again."""
    let_go, ended = threading.Event(), threading.Event()
    firsts: list[int] = []
    cells = {
        "first --ignore firsts": "firsts.append(1)\n1",
        "slow --ignore 'let_go, ended'": (
            f"if not let_go.is_set():\n    {CTRL_C.replace(chr(10), '; ', 1).strip()}\n"
            f"let_go.wait({PATIENCE_S})\nended.set()\nfirst + 1"
        ),
        "last": "slow + 1",
    }
    workflow = any_lab.cells(cells, {"let_go": let_go, "ended": ended, "firsts": firsts})
    run_id = interrupted(workflow)
    assert not ended.is_set()
    let_go.set()
    outcome = workflow.run()
    assert outcome.run_id == run_id
    assert outcome["last"] == 3
    assert firsts == [1]
    assert outcome.status is RunState.SUCCESS
    agree(workflow, outcome)
    assert did(run(workflow)) == {"first": "hit", "slow": "hit", "last": "hit"}


def test_coroutines_are_cancelled(lab: Lab) -> None:
    """A coroutine that is under way when the user interrupts is cancelled and cleans up; it runs anew with the run."""
    seen: list[str] = []
    body = (
        "import asyncio\nseen.append('began')\n"
        f"try:\n    if len(seen) < 2:\n        {CTRL_C.replace(chr(10), '; ', 1).strip()}\n"
        "        await asyncio.Event().wait()\nfinally:\n    seen.append('ended')\n5"
    )
    workflow = lab.cells({"slow --ignore seen": body}, {"seen": seen})
    run_id = interrupted(workflow)
    until(lambda: seen == ["began", "ended"], "the clean-up")
    outcome = run(workflow)
    assert (outcome.run_id, outcome["slow"]) == (run_id, 5)


def test_items_stop_where_they_are(lab: Lab) -> None:
    """After Ctrl-C no further item of a slice begins; the others run when the run is taken up."""
    done: list[int] = []
    numbers = list(range(200))
    body = f"if n == 20 and 20 not in done:\n    done.append(20)\n    {CTRL_C.replace(chr(10), '; ', 1).strip()}\n"
    body += f"    stop.wait({PATIENCE_S})\nelif n != 20:\n    done.append(n)\nn"
    stop = threading.Event()
    workflow = lab.cells({"squares --each 'n in numbers' --ignore 'done, stop'": body},
                         {"done": done, "stop": stop, "numbers": numbers})  # fmt: skip
    workflow.config("threads", 1)
    run_id = interrupted(workflow)
    stop.set()
    assert len(done) < 200
    outcome = workflow.run()
    assert outcome.run_id == run_id
    assert outcome["squares"] == numbers
    assert sorted(set(done)) == numbers
    assert len(done) <= 200 + 21  # the items of the slice that was under way may not have been acknowledged


def test_replies_in_flight_are_kept(lab: Lab, clock: Clock) -> None:
    """A reply that comes after Ctrl-C is kept: the next run has it, and it was asked for once. What waited for a seat
    is not asked at all until then."""
    cells = {"told --model fake/script --each 'name in names'": "Hello {{ name }}"}
    names = [f"name {i}" for i in range(6)]
    workflow = lab.cells(cells, {"names": names})
    workflow.config("concurrency", 2)
    asked = threading.Event()

    def slow(request: Any) -> Say:
        if len(script.requests) == 2:
            asked.set()
        return Say(request.messages[-1].content.upper(), latency_s=FAR_S if len(script.requests) <= 2 else 0.0)

    def press(report: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt

    with Script(iter(lambda: slow, None)) as script:
        run_id = interrupted(workflow, progress=press)
        assert len(script.requests) == 2
        clock.forward()
        outcome = workflow.run()
        assert outcome.run_id == run_id
        assert outcome["told"] == [f"HELLO {name}".upper() for name in names]
        assert len(script.requests) == 6


def test_due_times_outlive_an_interrupt(lab: Lab, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that waits for its next attempt when the run is interrupted waits until the same time afterwards."""
    tries: list[float] = []
    cells = {"shaky --ignore tries": "import time\ntries.append(time.time())\n1 / (len(tries) - 1)"}
    workflow = lab.cells(cells, {"tries": tries})
    monkeypatch.setattr(backoff, "roll", lambda *_: 0.9)
    quick_retries(workflow, "shaky", RetryPolicy(1, base_s=FAR_S, max_delay_s=FAR_S))

    def waits(report: RunReport) -> bool:
        return any("retrying" in row.tasks for row in report.nodes)

    def press(report: RunReport) -> None:
        if waits(report):
            raise KeyboardInterrupt

    def pass_by(report: RunReport) -> None:
        if waits(report):
            clock.forward()

    run_id = interrupted(workflow, progress=press)
    events = [entry.event for entry in workflow.store.entries(run_id)]
    due = next(event.retry_at for event in events if type(event).__name__ == "Failed")
    outcome = run(workflow, progress=pass_by)
    assert outcome.run_id == run_id
    assert len(tries) == 2
    assert tries[1] >= due


def test_the_end_is_final(lab: Lab) -> None:
    """An interrupt that comes when the run has ended does not change how it ended."""
    workflow = lab.cells({"a": "1"})
    prepared = workflow.prepare()
    ran = execute.execute(workflow.session, prepared, Wish("lab"))
    before = ran.context.run.status
    baton = Baton(ran.context, Seating((), {}, 1), lambda delay_s, call: None)
    baton.interrupt()
    assert baton.finished.wait(PATIENCE_S)
    assert ran.context.run.status is before is RunState.SUCCESS


def test_arun_leaves_the_loop_free(lab: Lab) -> None:
    """`arun` inside a running loop: other coroutines go on meanwhile."""
    let_go = threading.Event()
    workflow = lab.cells({"a --ignore let_go": f"let_go.wait({PATIENCE_S})"}, {"let_go": let_go})

    async def both() -> Any:
        running = asyncio.ensure_future(workflow.arun())
        await asyncio.sleep(0)
        let_go.set()
        return await running

    assert asyncio.run(both())["a"] is True


def test_a_cancelled_arun(lab: Lab) -> None:
    """Cancelling `arun` interrupts the run; it is written down before the cancellation is through, and can be taken
    up."""
    let_go = threading.Event()
    body = f"began.set()\nlet_go.wait({PATIENCE_S})"
    began = threading.Event()
    workflow = lab.cells({"a --ignore 'let_go, began'": body}, {"let_go": let_go, "began": began})

    async def cancelled() -> None:
        running = asyncio.ensure_future(workflow.arun())
        await asyncio.to_thread(began.wait, PATIENCE_S)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancelled())
    newest = workflow.store.runs(1)[0]
    assert newest.status == RunState.INTERRUPTED
    let_go.set()
    assert workflow.run().run_id == newest.run_id


@pytest.mark.parametrize("recorded_before", [True, False])
@pytest.mark.parametrize("mode", ["record", "replay_or_record"])
def test_recording_after_an_interrupt(lab: Lab, tmp_path: Path, mode: str, recorded_before: bool) -> None:
    """After an interrupt another process records the whole run: it asks again what is in the call log, where nothing is
    bought, and the cassette replays elsewhere."""
    let_go, tape = threading.Event(), str(tmp_path / "tape.jsonl")
    stop = f"if not let_go.is_set():\n    {CTRL_C.replace(chr(10), '; ', 1).strip()}\nlet_go.wait({PATIENCE_S})\n1"
    cells = {
        "said --model fake/taped": "Say it",
        "pause --ignore let_go --needs said": stop,
        "told --model fake/taped": "Tell {{ said }} {{ pause }}",
    }

    def workflow() -> Workflow:
        found = lab.cells(cells, {"let_go": let_go})
        quick_retries(found, "said")
        return found

    with Script([Fail(message="too busy", status=503), Say("one"), Say("two")], name="taped") as script:
        interrupted(workflow(), **({mode: tape} if recorded_before else {}))
        lab.close()
        let_go.set()
        outcome = workflow().run(**{mode: tape})
        assert (outcome["told"], len(script.requests)) == ("two", 3)
    assert [one.place.node for one in read(Path(tape))] == ["said", "told"]
    lab.root = tmp_path / "elsewhere"
    again = workflow().run(replay=tape)
    assert (again.status, again["told"], again.unused_recordings) == ("success", "two", 0)


def test_a_display_that_fails(lab: Lab) -> None:
    """An error of whoever shows the run is a warning, and the run goes on."""
    let_go = threading.Event()

    def broken(report: Any) -> None:
        let_go.set()
        raise OSError("no screen")

    outcome = run(lab.cells({"a --ignore let_go": f"let_go.wait({PATIENCE_S})"}, {"let_go": let_go}), progress=broken)
    assert outcome["a"] is True
    assert outcome.warnings == ("the display of the run failed: OSError: no screen",)


# The signal may arrive inside a callback of the garbage collector (hypothesis has one), where nothing can catch it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_signals_in_any_line(lab: Lab) -> None:
    """Ctrl-C at any moment of a run of many nodes leaves a run that can be taken up, or one that has ended."""
    cells = {f"n{i}": str(i) for i in range(300)} | {"total": " + ".join(f"n{i}" for i in range(300))}
    for delay_ms in (0, 2, 5, 10, 20, 40, 80):
        workflow = lab.cells({**cells, "n0": str(delay_ms)})
        timer = threading.Timer(delay_ms / 1000, lambda: os.kill(os.getpid(), signal.SIGINT))
        try:
            timer.start()
            workflow.run()
            timer.join()
            time.sleep(0.01)  # the signal comes here at the latest
        except KeyboardInterrupt:
            timer.join()
        statuses = {row.status for row in workflow.store.runs()}
        assert statuses <= {RunState.INTERRUPTED, RunState.SUCCESS}
        outcome = run(workflow)
        assert outcome["total"] == sum(range(300)) + delay_ms


@pytest.mark.slow
def test_ctrl_c_at_any_step(tmp_path: Path) -> None:
    """Between any two steps of the caller, at every 37th and wherever a thread is met that begins: the user is
    back, the next run is whole, and the store closes."""
    step, place, places = 1, "", set()
    while place is not None:
        lab = Lab(tmp_path / str(step))
        workflow = lab.cells({"a": "n + 1", "b": "a * 2"}, {"n": step})
        place = interrupt(workflow.run, step)
        assert run(workflow)["b"] == (step + 1) * 2
        lab.close()
        places.add(place)
        step += 1 if str(place).startswith("threading.py") else 37
    assert len(places) > 10, places
