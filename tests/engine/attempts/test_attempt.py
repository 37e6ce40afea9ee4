"""Promises of attempts: retries, deadlines, seats, coroutines; what is given up, and what its late value may do."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from typing import Any

from tests.engine.clock import FAR_S, Clock
from tests.engine.lab import PATIENCE_S, Lab, did, run
from wfkit.core.events import Dispatched, Failed
from wfkit.core.policy import RetryPolicy
from wfkit.core.report import RunReport
from wfkit.core.terms import FailureKind, RunState
from wfkit.llm.fake import Fail, Say, Script

SOON = RetryPolicy(retries=2, base_s=0.001)


def quick_retries(workflow: Any, name: str, policy: RetryPolicy = SOON) -> None:
    """Give a node retries that wait a millisecond."""
    node = workflow.nodes[name]
    workflow.add(replace(node, options=replace(node.options, retry=policy)))


def test_retries_until_it_works(any_lab: Lab) -> None:
    """A body that fails twice and then works is a success; each failure is an event with the time of the next try."""
    tries: list[int] = []
    workflow = any_lab.cells({"shaky --ignore tries": "tries.append(1)\n10 // (len(tries) // 3)"}, {"tries": tries})
    quick_retries(workflow, "shaky")
    outcome = run(workflow)
    assert outcome["shaky"] == 10
    events = [entry.event for entry in workflow.store.entries(outcome.run_id)]
    failures = [event for event in events if isinstance(event, Failed)]
    assert [event.attempt for event in failures] == [1, 2]
    assert all(event.retry_at is not None and event.at <= event.retry_at <= event.at + 0.1 for event in failures)
    begun = [event.at for event in events if isinstance(event, Dispatched)]
    assert all(at >= event.retry_at for at, event in zip(begun[1:], failures, strict=True))


def test_the_last_failure_is_final(any_lab: Lab) -> None:
    """After the last retry the node has failed, with the last error."""
    tries: list[int] = []
    workflow = any_lab.cells({"bad --ignore tries": "tries.append(1)\nraise ValueError(len(tries))"}, {"tries": tries})
    quick_retries(workflow, "bad")
    outcome = run(workflow)
    assert outcome.failures[0].failure.message == "3"
    assert len(tries) == 3


def test_a_retry_gets_an_input_that_nobody_changed(lab: Lab) -> None:
    """A body that used up its input before it failed finds it whole at the next attempt."""
    tries: list[int] = []
    cells = {
        "rows": "[1, 2, 3]",
        "total --ignore tries": "tries.append(1)\ntwo = rows.pop() + rows.pop()\n1 / (len(tries) - 1)\ntwo + rows[0]",
        "lists": "[[1, 2], [3, 4]]",
        "totals --each 'pair in lists' --ignore 'tries_2'": (
            "tries_2.append(1)\npopped = pair.pop()\n1 / max(0, len(tries_2) - 2)\npopped + sum(pair)"
        ),
    }
    workflow = lab.cells(cells, {"tries": tries, "tries_2": []})
    workflow.config("threads", 1)
    quick_retries(workflow, "total")
    quick_retries(workflow, "totals")
    outcome = run(workflow)
    assert outcome["total"] == 6
    assert outcome["totals"] == [3, 7]


def test_a_deadline_gives_the_seat_back(lab: Lab) -> None:
    """A body past its deadline is given up: the next node gets the only seat while the body still hangs. Its late
    value enters the cache, the state of its task does not change."""
    let_go, ended = threading.Event(), threading.Event()
    cells = {
        "slow --timeout 0.05s --priority 1 --ignore 'let_go, ended'": f"let_go.wait({PATIENCE_S})\nended.set()\n7",
        "next_one": "1",
    }
    workflow = lab.cells(cells, {"let_go": let_go, "ended": ended})
    workflow.config("threads", 1)
    outcome = workflow.run()
    assert did(outcome) == {"slow": "failed", "next_one": "run"}
    assert outcome.failures[0].failure.kind is FailureKind.TIMEOUT
    assert not ended.is_set()
    let_go.set()
    again = _until_hit(workflow, "slow")
    assert again["slow"] == 7
    assert workflow.store.report(outcome.run_id).run.status == RunState.FAILED


def _until_hit(workflow: Any, name: str) -> Any:
    """Run until a late value has found its way into the cache."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        outcome = workflow.run(name)
        if did(outcome)[name] == "hit":
            return outcome
    raise AssertionError("the late value never came")


def test_many_given_up_bodies_take_no_seats(lab: Lab) -> None:
    """Given-up bodies, more than there are threads, keep nobody from running."""
    let_go = threading.Event()
    cells = {
        "numbers": "list(range(6))",
        "slow --each 'n in numbers' --timeout 0.02s --on_error keep --ignore let_go": f"let_go.wait({PATIENCE_S})",
        "after": "len(slow.failures)",
    }
    workflow = lab.cells(cells, {"let_go": let_go})
    workflow.config("threads", 2)
    try:
        assert workflow.run()["after"] == 6
    finally:
        let_go.set()


def test_an_async_body(any_lab: Lab) -> None:
    """Top-level await and async functions work, many at once."""
    workflow = any_lab.cells({"a": "import asyncio\nawait asyncio.sleep(0)\n1"})

    @workflow.node
    async def b(a: int) -> int:
        await asyncio.sleep(0)
        return a + 1

    assert run(workflow)["b"] == 2


def test_async_bodies_wait_for_each_other(lab: Lab) -> None:
    """Coroutines run side by side: two that wait for one another both end."""
    cells = {
        "numbers": "[0, 1]",
        "met --each 'n in numbers' --timeout 60s --ignore events": (
            "events[n].set()\nimport asyncio\nwhile not events[1 - n].is_set():\n    await asyncio.sleep(0.001)\nn"
        ),
    }
    events = [threading.Event(), threading.Event()]
    assert run(lab.cells(cells, {"events": events}))["met"] == [0, 1]


def test_the_deadline_of_a_coroutine(lab: Lab, clock: Clock) -> None:
    """A coroutine past its deadline is cancelled, and what it cleans up is cleaned up."""
    cleaned: list[str] = []
    body = (
        "import asyncio\ntry:\n    clock.forward()\n    await asyncio.Event().wait()\n"
        "finally:\n    cleaned.append('up')\n1"
    )
    cells = {f"slow --timeout {FAR_S}s --ignore 'cleaned, clock'": body}
    outcome = run(lab.cells(cells, {"cleaned": cleaned, "clock": clock}))
    assert outcome.failures[0].failure.kind is FailureKind.TIMEOUT
    assert cleaned == ["up"]


def test_a_body_that_was_not_cancelled_by_us(lab: Lab) -> None:
    """A CancelledError of the body's own making is a failure like any other; the run does not hang on it."""
    outcome = run(lab.cells({"a": "import asyncio\nawait asyncio.sleep(0)\nraise asyncio.CancelledError('own')"}))
    assert outcome.failures[0].failure.error == "CancelledError"


def test_the_deadline_of_a_prompt(lab: Lab, clock: Clock) -> None:
    """A prompt past its deadline fails; its request may have been billed, so its price is unknown."""
    with Script([clock.hang]):
        outcome = run(lab.cells({f"told --model fake/script --timeout {FAR_S}s --retries 0": "Hello"}))
    assert outcome.failures[0].failure.kind is FailureKind.TIMEOUT
    assert outcome.report.run.spent.calls == 1
    assert outcome.cost_usd is None


def test_giving_up_does_not_take_others_along(lab: Lab, clock: Clock) -> None:
    """Of two prompts that wait for one request, one gives up at its deadline; the other gets the reply, paid once."""
    cells = {
        "patient --model fake/script --retries 0 --priority 9": "Hello",
        f"hasty --model fake/script --timeout {FAR_S}s --retries 0": "Hello",
    }

    def pass_by(report: RunReport) -> None:
        tasks = {row.name: row.tasks for row in report.nodes}
        if "running" in tasks["patient"]:
            clock.forward(1000 * FAR_S if "failed" in tasks["hasty"] else FAR_S)

    with Script([Say("yes", latency_s=1000 * FAR_S)]) as script:
        workflow = lab.cells(cells)
        workflow.config("timeout_s", 10_000 * FAR_S)
        outcome = run(workflow, progress=pass_by)
    assert did(outcome) == {"patient": "run", "hasty": "failed"}
    assert outcome["patient"] == "yes"
    assert len(script.requests) == 1


def test_transient_failures_of_a_model_are_retried(lab: Lab) -> None:
    """A prompt retries what may pass, in as many requests as it took, and books the failed ones as free."""
    with Script([Fail(FailureKind.TRANSIENT), Fail(FailureKind.TRANSIENT), "yes"]) as script:
        workflow = lab.cells({"told --model fake/script": "Hello"})
        quick_retries(workflow, "told")
        outcome = run(workflow)
    assert outcome["told"] == "yes"
    assert len(script.requests) == 3
    assert outcome.report.run.spent.calls == 3


def test_an_invalid_request_is_not_retried(lab: Lab) -> None:
    """What cannot pass fails at once."""
    with Script([Fail(FailureKind.INVALID_REQUEST), "yes"]) as script:
        outcome = run(lab.cells({"told --model fake/script --retries 5": "Hello"}))
    assert outcome.status is RunState.FAILED
    assert len(script.requests) == 1


def test_priorities(lab: Lab) -> None:
    """With one seat, what is more urgent starts first."""
    order: list[str] = []
    cells = {
        f"{name} --priority {priority} --ignore order": f"order.append({name!r})\n1"
        for name, priority in (("low", 0), ("high", 9), ("middle", 5))
    }
    workflow = lab.cells(cells, {"order": order})
    workflow.config("threads", 1)
    run(workflow)
    assert order == ["high", "middle", "low"]


def test_no_level_waits_for_another(lab: Lab) -> None:
    """A node starts when its own inputs are there, though a neighbour of them still runs."""
    done = threading.Event()
    cells = {
        "slow --ignore done": f"done.wait({PATIENCE_S})",
        "quick": "1",
        "below --ignore done": "done.set()\nquick + 1",
    }
    outcome = run(lab.cells(cells, {"done": done}), "slow", "below")
    assert outcome["slow"] is True


def test_a_slice_is_shared_out(lab: Lab) -> None:
    """Items of a map run on several threads at once."""
    barrier = threading.Barrier(2, timeout=PATIENCE_S)
    cells = {"numbers": "[1, 2]", "met --each 'n in numbers' --ignore barrier": "barrier.wait()\nn"}
    assert run(lab.cells(cells, {"barrier": barrier}))["met"] == [1, 2]
