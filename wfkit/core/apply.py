"""`apply`, the only thing that changes a run: what each event means for its state. `replay` makes a run of a log.

What is to be done next is not known here, `decide` reads it from the run. No clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappush
from typing import Any

from wfkit.core import events as e
from wfkit.core.columns import cut
from wfkit.core.queues import enqueue, trim, unqueue_retry
from wfkit.core.run import Run, begin, set_deadline
from wfkit.core.terms import OnError, RunState, TaskState
from wfkit.errors import StoreFault


def replay(entries: list[e.Entry]) -> Run:
    """The run that these entries tell of; the first must be its RunStarted.

    Raises StoreFault if they tell no whole story: a line of the log was damaged and left out.
    """
    started = entries[0].event if entries else None
    if not isinstance(started, e.RunStarted):
        raise StoreFault("a run has no beginning in its log: run `wfkit doctor`, which names damaged lines")
    run = begin(started)
    for number, entry in enumerate(entries[1:], 2):
        try:
            apply(run, entry.event)
        except (LookupError, ValueError) as error:
            place = f"event {number} ({type(entry.event).__name__}) of run {started.run_id[:8]}"
            raise StoreFault(
                f"{place} does not follow from those before it, some are lost: run `wfkit doctor`, which names"
                " damaged lines; the results that are there still serve the next run"
            ) from error
    return run


def apply(run: Run, event: e.Event) -> None:
    """Change the run by one event. Events that say nothing new about its state are fine."""
    handler = _HANDLERS.get(type(event))
    if handler is not None:
        handler(run, event)


def _resolved(run: Run, event: e.Resolved) -> None:
    node, size = event.node, len(event.keys)
    if run.to_resolve and run.to_resolve[0] == node:
        run.to_resolve.popleft()
    else:
        run.to_resolve.remove(node)
    first = len(run.node_of)
    run.first[node], run.count[node] = first, size
    if size == 1 and event.sample is None and not event.labels and not event.made_by:
        _resolved_one(run, event, first)
        return
    run.node_of += (node,) * size
    run.attempt += (0,) * size
    run.key += event.keys
    run.reason += event.reasons
    run.value += event.values
    if event.labels:
        run.labels[node] = event.labels
    if event.sample is not None:
        run.samples[node] = event.sample
    run.made_by.update((first + i, older) for i, older in enumerate(event.made_by) if older is not None)
    todo = [first + i for i, value in enumerate(event.values) if value is None]
    if len(todo) == size:
        run.state += (TaskState.QUEUED,) * size
    else:
        run.state += [TaskState.QUEUED if value is None else TaskState.CACHED for value in event.values]
        run.ledger.hits(node, event, size - len(todo))
    run.unfinished[node] = len(todo)
    if todo:
        run.node_state[node] = TaskState.QUEUED
        enqueue(run.queues, run.ready, run.started.nodes[node], node, todo)
    else:
        _node_done(run, node)


def _resolved_one(run: Run, event: e.Resolved, task: int) -> None:
    """The same for a node with one task of which there is nothing more to tell, as most are."""
    node, value = event.node, event.values[0]
    run.node_of.append(node)
    run.attempt.append(0)
    run.key.append(event.keys[0])
    run.reason.append(event.reasons[0])
    run.value.append(value)
    if value is None:
        run.state.append(TaskState.QUEUED)
        run.unfinished[node] = 1
        run.node_state[node] = TaskState.QUEUED
        enqueue(run.queues, run.ready, run.started.nodes[node], node, [task])
        return
    run.state.append(TaskState.CACHED)
    run.ledger.hits(node, event, 1)
    _node_done(run, node)


def _unresolvable(run: Run, event: e.Unresolvable) -> None:
    run.to_resolve.remove(event.node)
    run.node_failures[event.node] = event.failure
    run.node_state[event.node] = TaskState.FAILED
    run.nodes_left -= 1
    _block_users(run, event.node)


def _dispatched(run: Run, event: e.Dispatched) -> None:
    node = run.node_of[event.tasks[0]]
    lane = run.specs[node].lane
    for task in event.tasks:
        if run.state[task] is TaskState.RETRYING:
            unqueue_retry(run.retry[lane, run.specs[node].priority], task)
        else:
            run.queues[node].popleft()
        run.state[task] = TaskState.RUNNING
        run.attempt[task] = event.attempt
        run.running[task] = event.attempt
    if len(event.tasks) == 1:
        run.began.setdefault(event.tasks[0], event.at)
    run.node_state[node] = TaskState.RUNNING
    run.worked.setdefault(node, (event.at, None))
    trim(run.ready.get(lane, []), run.queues)


def _ended_at(run: Run, node: int, at: float) -> None:
    began = run.worked.get(node)
    if began is not None:
        run.worked[node] = (began[0], max(at, began[1] or at))


def _succeeded(run: Run, event: e.Succeeded) -> None:
    if run.running.get(event.task) == event.attempt:
        run.value[event.task] = event.result.value.digest
        _ended_at(run, run.node_of[event.task], event.at)
        _end(run, event.task, TaskState.SUCCESS)
    node, run_s = run.node_of[event.task], event.result.run_s
    if run_s is not None and (run.deadline_at or run.specs[node].deadline_s) is not None:
        run.quickest[node] = min(run_s, run.quickest.get(node, run_s))
    if event.failure is not None:
        run.ledger.failed(node, event.task, event.attempt)
    run.ledger.worked(node, event.task, event.attempt, run_s)


def _items_succeeded(run: Run, event: e.ItemsSucceeded) -> None:
    digests = [result.value.digest for result in event.results]
    _end_well(run, event, digests, [result.run_s for result in event.results])


def _slice_succeeded(run: Run, event: e.SliceSucceeded) -> None:
    _end_well(run, event, cut(event.items.digests), event.items.run_s)


def _end_well(
    run: Run, event: e.ItemsSucceeded | e.SliceSucceeded, digests: Sequence[str], seconds: Sequence[float | None]
) -> None:
    node, attempt = run.node_of[event.tasks[0]], event.attempt
    running, value, state = run.running, run.value, run.state
    for task, digest in zip(event.tasks, digests, strict=True):
        if running.get(task) == attempt:
            del running[task]
            value[task] = digest
            state[task] = TaskState.SUCCESS
            run.unfinished[node] -= 1
    run.ledger.worked_all(node, event.tasks, attempt, seconds)
    _ended_at(run, node, event.at)
    if not run.unfinished[node] and run.node_state[node] is TaskState.RUNNING:
        _node_done(run, node)


def _failed(run: Run, event: e.Failed) -> None:
    task = event.task
    if run.running.get(task) != event.attempt:
        return
    run.failures.setdefault(task, []).append(event.failure)
    run.ledger.failed(run.node_of[task], task, event.attempt)
    _ended_at(run, run.node_of[task], event.at)
    if event.retry_at is None:
        if run.specs[run.node_of[task]].stops:
            _stop(run, run.node_of[task])
        _end(run, task, TaskState.FAILED)
        return
    del run.running[task]
    run.state[task] = TaskState.RETRYING
    spec = run.specs[run.node_of[task]]
    heappush(run.retry.setdefault((spec.lane, spec.priority), []), (event.retry_at, task))


def _stop(run: Run, node: int) -> None:
    """An item has failed for good: of its node nothing more begins."""
    for task in run.queues.get(node, ()):
        run.state[task] = TaskState.CANCELLED
        run.unfinished[node] -= 1
    if run.queues.get(node):
        run.queues[node].clear()
        trim(run.ready[run.specs[node].lane], run.queues)


def _end(run: Run, task: int, state: TaskState) -> None:
    del run.running[task]
    run.state[task] = state
    node = run.node_of[task]
    run.unfinished[node] -= 1
    if not run.unfinished[node]:
        _node_done(run, node)


def _node_done(run: Run, node: int) -> None:
    state = run.state[run.first[node]] if run.count[node] == 1 else None
    if state is not TaskState.SUCCESS and state is not TaskState.CACHED:
        state = outcome(run, node)
    run.node_state[node] = state
    run.nodes_left -= 1
    if state is TaskState.SUCCESS or state is TaskState.CACHED:
        for user in run.users[node]:
            run.missing[user] -= 1
            if not run.missing[user]:
                run.to_resolve.append(user)
    else:
        _block_users(run, node)


def _block_users(run: Run, node: int) -> None:
    for user in run.users[node]:
        if user not in run.skipped_for:
            run.skipped_for[user] = node
            run.to_skip.append((user, node))


def outcome(run: Run, node: int) -> TaskState:
    """What the ended tasks of a node amount to. A map that keeps or leaves out failed items succeeds all the same."""
    spec = run.specs[node]
    first, count = run.first[node], run.count[node]
    states = set(run.state[first : first + count])
    if TaskState.FAILED in states and (spec.over is None or spec.on_error is OnError.FAIL):
        return TaskState.SKIPPED if spec.on_error is OnError.SKIP else TaskState.FAILED
    if TaskState.CANCELLED in states:
        return TaskState.CANCELLED
    return TaskState.CACHED if states == {TaskState.CACHED} else TaskState.SUCCESS


def _skipped(run: Run, event: e.Skipped) -> None:
    if run.to_skip and run.to_skip[0][0] == event.node:
        run.to_skip.popleft()
    else:
        run.to_skip.remove((event.node, event.because))
    run.node_state[event.node] = TaskState.SKIPPED
    run.nodes_left -= 1
    _block_users(run, event.node)


def _call_started(run: Run, event: e.CallStarted) -> None:
    asked = event.task, event.question
    run.requests[asked] = run.requests.get(asked, 0) + 1
    run.ledger.started(run.node_of[event.task], event)


def _call_ended(run: Run, event: e.CallEnded) -> None:
    run.ledger.call(run.node_of[event.task], event)
    if event.call.reply is not None and event.call.reply.tool_calls and event.call.request.tools and not event.served:
        run.turns[event.task] = run.turns.get(event.task, 0) + 1


def _run_ended(run: Run, event: e.RunEnded) -> None:
    run.status = event.status
    run.ended_at = event.at
    run.ledger.broken_off()
    if event.status is RunState.FAILED and run.nodes_left:  # by its deadline: what has not begun does not begin
        for node in [node for node in run.queues if run.specs[node].over is not None]:
            _stop(run, node)


def _adopted(run: Run, event: e.Adopted) -> None:
    """A new owner: what was running starts again as its next attempt; what was paid or acknowledged stays."""
    run.epoch, run.status, run.ended_at = event.epoch, RunState.RUNNING, None
    run.paused_s += event.idle_s
    run.pauses.append((event.at, event.idle_s))
    run.ledger.broken_off()
    set_deadline(run, event.at, event.deadline_s)
    run.began = {task: at + event.idle_s for task, at in run.began.items()}
    for task in sorted(run.running):
        run.state[task] = TaskState.QUEUED
        node = run.node_of[task]
        enqueue(run.queues, run.ready, run.specs[node], node, [task])
    run.running.clear()


_HANDLERS: dict[type, Callable[[Run, Any], None]] = {
    e.Resolved: _resolved,
    e.Unresolvable: _unresolvable,
    e.Dispatched: _dispatched,
    e.Succeeded: _succeeded,
    e.SliceSucceeded: _slice_succeeded,
    e.ItemsSucceeded: _items_succeeded,
    e.Failed: _failed,
    e.Skipped: _skipped,
    e.CallStarted: _call_started,
    e.CallEnded: _call_ended,
    e.RunEnded: _run_ended,
    e.Adopted: _adopted,
}
