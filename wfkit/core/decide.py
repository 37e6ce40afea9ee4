"""What to do next. `decide` only reads the run and answers with effects; its cost is that of the effects it gives.

The loop must apply what it did (`Dispatched`, `Resolved`, `Skipped`) before it asks again: `decide` would give the same
answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from itertools import islice, takewhile

from wfkit.core.effects import Effect, Expire, Finish, Resolve, Skip, Start, Wait
from wfkit.core.frozen import dataclass
from wfkit.core.run import Run
from wfkit.core.terms import FailureKind, NodeKind, OnError, RunState, TaskState

_SLICE = 256
_NO_MONEY = frozenset({FailureKind.BUDGET, FailureKind.QUOTA})
_IDLE = (-(2**31), 0, 0)


@dataclass(slots=True)
class Seats:
    """The places of a pool: how many are free now, and how many there are.

    `lanes` are those of its nodes that bound how many of their tasks are under way, and of its models
    (`NodeSpec.lane`): an attempt of such a node takes a place of the pool and one of its lane. Retries of a lane that
    is `alone` begin one at a time, and `retrying` are under way: more would only wait, on places that first attempts
    can use.
    """

    free: int
    size: int
    lanes: dict[str, Seats] = field(default_factory=dict)
    alone: bool = False
    retrying: int = 0

    def resize(self, size: int) -> None:
        """Have so many places from now on; those that are taken stay taken."""
        self.free += size - self.size
        self.size = size

    def take(self, lane: str, attempt: int = 1, places: int = 1) -> None:
        """An attempt of this lane begins (-1: it has ended)."""
        self.free -= places
        if lane in self.lanes:
            self.lanes[lane].free -= places
            self.lanes[lane].retrying += places if attempt > 1 else 0


def decide(run: Run, now: float, slots: Mapping[str, Seats]) -> list[Effect]:
    """The next effects. At most one `Start` a pool; nothing for pools that `slots` does not name.

    Within a pool the highest priority starts first; at equal priority a due retry goes before what never ran. A lane
    without a free place is passed over.
    """
    if run.status is not RunState.RUNNING:
        return []
    if run.deadline_at is not None and now >= run.deadline_at and run.nodes_left:
        return [Expire()]
    effects: list[Effect] = [Resolve(node) for node in run.to_resolve] if run.to_resolve else []
    if run.to_skip:
        effects.extend(Skip(node, because) for node, because in run.to_skip)
    due, wake = _retries(run, now) if run.retry else ({}, None)
    for pool, seats in slots.items():
        if seats.free <= 0:
            continue
        for name, places in seats.lanes.items():
            if places.alone and places.retrying:
                due.pop(name, None)
        lane = _lane(run, pool, seats, due) if seats.lanes else pool
        if run.ready.get(lane) or lane in due:
            start = _next(run, run.ready.get(lane), due.get(lane), seats)
            if start is not None:
                effects.append(start)
    if effects:
        return effects
    if run.nodes_left == 0:
        return [Finish(final_state(run))]
    times = [at for at in (wake, run.deadline_at) if at is not None]
    return [Wait(min(times))] if times else []


def _retries(run: Run, now: float) -> tuple[dict[str, tuple[int, int]], float | None]:
    """The most urgent due retry of each lane as (priority, task), and the earliest later due time or None."""
    due: dict[str, tuple[int, int]] = {}
    wake: float | None = None
    for (lane, priority), heap in run.retry.items():
        if not heap:
            continue
        at, task = heap[0]
        if at > now:
            wake = at if wake is None else min(wake, at)
        elif lane not in due or due[lane][0] < priority:
            due[lane] = (priority, task)
    return due, wake


def _lane(run: Run, pool: str, seats: Seats, due: Mapping[str, tuple[int, int]]) -> str:
    """The lane of a pool, among those with a free place, that has the most urgent task."""

    def urgency(lane: str) -> tuple[int, int, int]:
        ready, again = run.ready.get(lane), due.get(lane)
        first = (-ready[0][0], 0, -ready[0][1]) if ready else _IDLE
        return max(first, (again[0], 1, -run.node_of[again[1]])) if again is not None else first

    return max((pool, *(lane for lane, places in seats.lanes.items() if places.free > 0)), key=urgency)


def _next(run: Run, ready: list[tuple[int, int]] | None, due: tuple[int, int] | None, seats: Seats) -> Start | None:
    """What a free seat of a pool is given: the due retry or the first node of the ready heap."""
    if due is not None and (not ready or due[0] >= -ready[0][0]):
        return Start((due[1],), run.attempt[due[1]] + 1)
    return _slice(run, ready[0][1], seats) if ready else None


def _slice(run: Run, node: int, seats: Seats) -> Start:
    queue = run.queues[node]
    task = queue[0]
    attempt = run.attempt[task] + 1
    spec = run.specs[node]
    if spec.over is None or spec.kind is not NodeKind.PYTHON or spec.is_timed or spec.pool != "python":
        return Start((task,), attempt)
    # Guided self-scheduling: large slices first, ever smaller ones, so that slow items still spread over all seats.
    at_work = min(seats.size, spec.max_parallel or seats.size)
    size = spec.batch_size or max(1, min(_SLICE, len(queue) // (2 * at_work)))
    same = takewhile(lambda other: run.attempt[other] + 1 == attempt, islice(queue, size))
    return Start(tuple(same), attempt)


def final_state(run: Run) -> RunState:
    """The outcome of a run whose nodes have all ended.

    Stopped by its budget if a call was refused for want of money, ours or the provider's; failed if a node failed;
    partial if failures were tolerated; else success.
    """
    if any(found[-1].kind in _NO_MONEY and run.state[task] is TaskState.FAILED for task, found in run.failures.items()):
        return RunState.BUDGET_STOPPED
    if TaskState.CANCELLED in run.node_state:
        return RunState.CANCELLED
    if TaskState.FAILED in run.node_state:
        return RunState.FAILED
    lenient = any(spec.on_error is not OnError.FAIL for spec in run.specs)
    if lenient and TaskState.FAILED in run.state:
        return RunState.PARTIAL
    return RunState.SUCCESS
