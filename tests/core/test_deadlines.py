"""Deadlines: which limit is the nearest, which retries are worth to begin, and that a run ends at its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wfkit.core import events as e
from wfkit.core.apply import apply
from wfkit.core.call import Failure
from wfkit.core.deadlines import in_time, limit_of, overdue
from wfkit.core.decide import Seats, decide
from wfkit.core.effects import Expire, Start, Wait
from wfkit.core.result import Result, Stored
from wfkit.core.run import Run, begin
from wfkit.core.terms import FailureKind, NodeKind, RunState, TaskState

SEATS = {"python": Seats(1, 1)}
DOWN = Failure(FailureKind.TRANSIENT, "E", "down")


def run_of(spec: e.NodeSpec, deadline_s: float | None = None, tasks: int = 1) -> Run:
    """A run that began at 100 s, its first task at 101 s."""
    run = begin(e.RunStarted("r", "w", ("a",), (spec,), "g", 100.0, deadline_s=deadline_s))
    apply(run, e.Resolved(0, ("k",) * tasks, ("never_run",) * tasks, (None,) * tasks, 100.0))
    apply(run, e.Dispatched((0,), 1, 101.0))
    return run


def spec(**more: float) -> e.NodeSpec:
    return replace(e.NodeSpec("a", NodeKind.PYTHON), **more)


def failed(retry_at: float | None, at: float = 102.0) -> e.Failed:
    return e.Failed(0, 1, DOWN, at, retry_at)


@pytest.mark.parametrize(
    ("node", "run_s", "at", "name"),
    [
        ({}, None, None, ""),
        ({"timeout_s": 5.0}, None, 109.0, "option timeout"),
        ({"timeout_s": 5.0, "deadline_s": 6.0}, None, 107.0, "option deadline"),
        ({"timeout_s": 5.0, "deadline_s": 6.0}, 5.0, 105.0, "deadline of the run"),
        ({"deadline_s": 60.0}, 50.0, 150.0, "deadline of the run"),
    ],
)
def test_the_nearest_limit(node: dict[str, float], run_s: float | None, at: float | None, name: str) -> None:
    """A timeout counts from the attempt, a task's deadline from its first attempt, the run's from its beginning."""
    limit = limit_of(run_of(spec(**node), run_s), 0, 104.0)
    assert (limit and limit.at) == at
    assert limit is None or name in limit.failure().message


@pytest.mark.parametrize(("retry_at", "begun"), [(110.0, True), (110.9, True), (111.0, False), (130.0, False)])
def test_retries_that_cannot_end(retry_at: float, begun: bool) -> None:
    """A retry that would begin after the deadline is not begun, and the failure says so."""
    found = in_time(run_of(spec(deadline_s=10.0)), failed(retry_at))
    assert (found.retry_at is not None) == begun
    assert ("not tried again" in found.failure.message) != begun
    assert found.failure.kind is FailureKind.TRANSIENT


def test_what_the_quickest_took_counts() -> None:
    """If no task of the node was done in less than 5 s, a retry with 4 s left is not begun."""
    run = run_of(spec(), 20.0, tasks=2)
    assert in_time(run, failed(116.0)).retry_at == 116.0
    apply(run, e.Succeeded(0, 1, Result("k", "a", "d", Stored("v", "json", "p", 1, "1"), run_s=5.0), 106.0))
    apply(run, e.Dispatched((1,), 1, 107.0))
    found = in_time(run, e.Failed(1, 1, DOWN, 108.0, 116.0))
    assert found.retry_at is None
    assert "take 5 s or more, and deadline of the run leaves 12 s" in found.failure.message
    assert in_time(run, failed(None)) == failed(None)


def test_a_run_ends_at_its_deadline() -> None:
    """Until then it is waited for, with nothing else to do; then it expires, whatever could begin."""
    run = run_of(spec(), 20.0, tasks=2)
    full = {"python": Seats(0, 1)}
    assert decide(run, 110.0, full) == [Wait(120.0)]
    assert decide(run, 110.0, SEATS) == [Start((1,), 1)]
    assert decide(run, 120.0, SEATS) == [Expire()]
    assert "within 20 s (deadline of the run)" in overdue(run).message


def test_what_waits_in_a_map_is_cancelled() -> None:
    """When a run is ended early, the items of a map that have not begun are cancelled, as a store tells them."""
    run = begin(e.RunStarted("r", "w", ("a",), (spec(over=0),), "g", 100.0, deadline_s=20.0))
    apply(run, e.Resolved(0, ("k",) * 3, ("never_run",) * 3, (None,) * 3, 100.0))
    apply(run, e.Dispatched((0,), 1, 101.0))
    apply(run, e.Failed(0, 1, overdue(run), 120.0))
    apply(run, e.RunEnded(RunState.FAILED, 120.0))
    assert run.state == [TaskState.FAILED, TaskState.CANCELLED, TaskState.CANCELLED]


def test_a_new_owner_has_time_anew() -> None:
    """Time that nobody worked counts for no deadline; the deadline of the run is that of whoever takes it up."""
    run = run_of(spec(deadline_s=10.0), 20.0)
    apply(run, e.RunEnded(RunState.INTERRUPTED, 105.0))
    apply(run, e.Adopted(2, 1005.0, "x", 900.0, deadline_s=50.0))
    apply(run, e.Dispatched((0,), 2, 1006.0))
    limit = limit_of(run, 0, 1006.0)
    assert limit is not None
    assert limit.at == 1011.0
    assert run.deadline_at == 1055.0
