"""What to do next. `decide` only reads the run and answers with effects; its cost is that of the effects it gives.

The loop must apply what it did (`Dispatched`, `Resolved`, `Skipped`) before it asks again: `decide` would give the same
answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from wfkit.core.effects import Effect, Finish, Resolve, Skip, Start, Wait
from wfkit.core.run import Run
from wfkit.core.terms import NodeKind, OnError, RunState, TaskState

_SLICE = 256


@dataclass(slots=True)
class Seats:
    """The places of a pool: how many are free now, and how many there are."""

    free: int
    size: int


def decide(run: Run, now: float, slots: Mapping[str, Seats]) -> list[Effect]:
    """The next effects. At most one `Start` a pool; nothing for pools that `slots` does not name."""
    if run.status is not RunState.RUNNING:
        return []
    effects: list[Effect] = [Resolve(node) for node in run.to_resolve]
    effects.extend(Skip(node, because) for node, because in run.to_skip)
    for pool, heap in run.ready.items():
        seats = slots.get(pool)
        if heap and seats is not None and seats.free > 0:
            effects.append(_start(run, heap[0][1], seats))
    wake = _retries(run, now, slots, effects)
    if effects:
        return effects
    if run.nodes_left == 0:
        return [Finish(final_state(run))]
    return [Wait(wake)] if wake is not None else []


def _start(run: Run, node: int, seats: Seats) -> Start:
    queue = run.queues[node]
    task = queue[0]
    attempt = run.attempt[task] + 1
    spec = run.specs[node]
    if spec.over is None or spec.kind is not NodeKind.PYTHON or spec.timeout_s is not None or spec.pool != "python":
        return Start((task,), attempt)
    # Guided self-scheduling: large slices first, ever smaller ones, so that slow items still spread over all seats.
    size = max(1, min(_SLICE, len(queue) // (2 * seats.size)))
    tasks = tuple(task for task in islice(queue, size) if run.attempt[task] + 1 == attempt)
    return Start(tasks, attempt)


def _retries(run: Run, now: float, slots: Mapping[str, Seats], effects: list[Effect]) -> float | None:
    """Starts of due retries in pools with a seat left; the earliest later time, or None."""
    wake: float | None = None
    for pool, heap in run.retry.items():
        if not heap:
            continue
        due, task = heap[0]
        if due > now:
            wake = due if wake is None else min(wake, due)
            continue
        seats = slots.get(pool)
        taken = any(
            isinstance(effect, Start) and run.specs[run.node_of[effect.tasks[0]]].pool == pool for effect in effects
        )
        if seats is not None and seats.free > taken:
            effects.append(Start((task,), run.attempt[task] + 1))
    return wake


def final_state(run: Run) -> RunState:
    """The outcome of a run whose nodes have all ended.

    Failed if a node failed, partial if failures were tolerated, else success.
    """
    if TaskState.CANCELLED in run.node_state:
        return RunState.CANCELLED
    if TaskState.FAILED in run.node_state:
        return RunState.FAILED
    lenient = any(spec.on_error is not OnError.FAIL for spec in run.specs)
    if lenient and TaskState.FAILED in run.state:
        return RunState.PARTIAL
    return RunState.SUCCESS
