"""Deadlines of tasks and runs, with real threads and calls: what is under way ends, and what was paid is kept."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

import wfkit
from tests.engine.clock import FAR_S, Clock
from tests.engine.lab import PATIENCE_S, Lab, did, run
from wfkit.core.call import Request
from wfkit.core.events import CallEnded
from wfkit.core.report import RunReport
from wfkit.core.terms import FailureKind, RunState
from wfkit.errors import UsageFault
from wfkit.llm.adapters import Litellm
from wfkit.llm.fake import Fail, Hang, Script

KINDS = [FailureKind.TIMEOUT]


def kinds(outcome: Any) -> list[FailureKind]:
    return [each.failure.kind for each in outcome.failures]


def test_a_task_has_one_deadline_for_all_its_attempts(any_lab: Lab) -> None:
    """A provider that asks for more patience than the deadline leaves is not asked again, and the failure says why."""
    busy = Fail(FailureKind.RATE_LIMITED, "busy", retry_after_s=3600.0)
    with Script([busy, "late"]) as script:
        outcome = run(any_lab.cells({"said --model fake/script --retries 3 --deadline 5m": "Go"}))
        assert len(script.requests) == 1
    assert kinds(outcome) == [FailureKind.RATE_LIMITED]
    message = outcome.failures[0].failure.message
    assert message.startswith(
        "busy; not tried again: the next attempt would begin in 3600 s, and option deadline leaves"
    )


@pytest.mark.parametrize("retries", [0, 5])
def test_a_hanging_call_ends_at_the_deadline(any_lab: Lab, clock: Clock, retries: int) -> None:
    """The attempt is cut, the request is booked as one that may be billed, and no retry begins after it."""
    with Script([clock.hang, Hang()]) as script:
        outcome = run(any_lab.cells({f"said --model fake/script --retries {retries} --deadline {FAR_S}s": "Go"}))
        assert len(script.requests) == 1
    assert kinds(outcome) == KINDS
    assert f"no result within {FAR_S:g} s (option deadline)" in outcome.failures[0].failure.message
    store = any_lab.made[-1].store
    ended = [entry.event for entry in store.entries(outcome.run_id) if isinstance(entry.event, CallEnded)]
    assert [event.call.failure.may_be_billed() for event in ended if event.call.failure] == [True]
    assert outcome.cost_usd is None


def test_python_bodies_have_it_too(lab: Lab) -> None:
    """A body that hangs is given up at its task's deadline; a coroutine is cancelled."""
    let_go = threading.Event()
    cells = {
        "slow --deadline 0.1s --retries 3 --ignore let_go": f"let_go.wait({PATIENCE_S})",
        "late --deadline 0.1s": f"import asyncio\nawait asyncio.sleep({PATIENCE_S})\n1",
    }
    try:
        outcome = run(lab.cells(cells, {"let_go": let_go}))
    finally:
        let_go.set()
    assert kinds(outcome) == KINDS * 2
    assert {each.failure.message for each in outcome.failures} == {"no result within 0.1 s (option deadline)"}


def test_a_run_ends_at_its_deadline(lab: Lab, clock: Clock) -> None:
    """Calls, coroutines and bodies under way fail, the rest does not begin; the next run goes on with all that was done
    and paid, and threads that hang are nobody's loss."""
    let_go = threading.Event()
    cells = {
        "done": "1",
        "numbers": "list(range(40))",
        "said --model fake/script --each 'n in numbers' --max_parallel 2": "{{ n }}",
        "slow --ignore let_go": f"let_go.wait({PATIENCE_S})\n2",
        "late": f"import asyncio\nawait asyncio.sleep(0 if said else {PATIENCE_S})\n3",
        "after": "slow",
    }

    def pass_by(report: RunReport) -> None:
        tasks = {row.name: row.tasks for row in report.nodes}
        if not clock.ahead_s and "success" in tasks["said"] and "running" in tasks["slow"]:
            clock.forward()

    try:
        with Script(rules={str(n): "yes" if n == 0 else Hang() for n in range(39, -1, -1)}):
            workflow = lab.cells(cells, {"let_go": let_go})
            workflow.config("threads", 1)
            outcome = run(workflow, deadline=FAR_S, progress=pass_by)
        assert outcome.status is RunState.FAILED
        assert set(kinds(outcome)) == {FailureKind.TIMEOUT}
        assert any(f"ended at its deadline of {FAR_S:g} s" in warning for warning in outcome.warnings)
        assert did(outcome)["said"].startswith("1 run")
        stored = workflow.store.report(outcome.run_id)
        live = {row.name: dict(row.tasks) for row in outcome.report.nodes}
        assert {row.name: dict(row.tasks) for row in stored.nodes} == live
        let_go.set()
        with Script(rules={str(n): "yes" for n in range(39, -1, -1)}) as script:
            again = run(workflow)
            assert again.status is RunState.SUCCESS
            assert len(script.requests) == 39
        assert did(again)["done"] == "hit"
    finally:
        let_go.set()


@pytest.mark.parametrize(
    "body", ["wfkit.ask('Go', model='fake/script').result()", "await wfkit.ask('Go', model='fake/script')"]
)
@pytest.mark.parametrize("whose", ["task", "run"])
def test_questions_of_bodies_end_too(lab: Lab, clock: Clock, body: str, whose: str) -> None:
    """What a body asks when its deadline or the run's passes is given up, and booked as a call that may be billed."""
    with Script([clock.hang]) as script:
        cells = {f"asked --deadline {FAR_S}s" if whose == "task" else "asked": body}
        workflow = lab.cells(cells, {"wfkit": wfkit})
        outcome = workflow.run(deadline=FAR_S if whose == "run" else 2 * FAR_S)
        assert len(script.requests) == 1
    assert kinds(outcome) == KINDS
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and not ends(workflow, outcome):
        workflow.history()
    assert [event.call.failure.may_be_billed() for event in ends(workflow, outcome) if event.call.failure] == [True]


def ends(workflow: Any, outcome: Any) -> list[CallEnded]:
    events = [entry.event for entry in workflow.store.entries(outcome.run_id)]
    return [event for event in events if isinstance(event, CallEnded)]


def test_the_setting_holds_for_every_run(lab: Lab, clock: Clock) -> None:
    """`deadline_s` is the deadline of runs that name none; one that is none is refused."""

    def late(_: Request) -> str:
        clock.forward()
        return "yes"

    with Script([clock.hang, late]):
        workflow = lab.cells({"said --model fake/script --retries 0": "Go"})
        workflow.config("deadline_s", FAR_S)
        assert run(workflow).status is RunState.FAILED
        assert run(workflow, deadline=3 * FAR_S)["said"] == "yes"
    with pytest.raises(UsageFault, match="deadline must be a time span"):
        workflow.run(deadline="soon")


def test_a_deadline_while_a_library_loads(any_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What passes its deadline before litellm is loaded has sent nothing: no call is logged, nothing may be billed."""

    async def forever(adapter: Litellm) -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr(Litellm, "loaded", forever)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "none")
    workflow = any_lab.cells({"said --model anthropic/claude-haiku-4-5 --retries 0 --deadline 300ms": "Go"})
    outcome = run(workflow)
    assert kinds(outcome) == KINDS
    assert workflow.sql("SELECT * FROM calls").empty
    assert workflow.sql("SELECT * FROM possibly_billed").empty
    assert outcome.report.run.spent.calls == 0
