"""Taking up an interrupted run: which one, whether what it has still holds, and that only one process does it.

What was acknowledged is kept unless something it has read is no longer the same. Nothing is run here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from wfkit.core.apply import replay
from wfkit.core.call import CallRecord
from wfkit.core.events import Adopted, CallEnded, Entry, RunEnded, RunStarted, ToolEnded, ToolStarted, results_of
from wfkit.core.frozen import dataclass
from wfkit.core.plan import Asked, Index, look_up
from wfkit.core.promises import Store
from wfkit.core.run import Run
from wfkit.core.terms import RunState, TaskState
from wfkit.engine.preparing.prepare import Prepared
from wfkit.engine.running.context import ToolMemory
from wfkit.errors import StoreFault, ValueFault
from wfkit.keys.reads import ReadChecker


@dataclass(frozen=True, slots=True)
class Resumable:
    """Where interrupted runs are looked for, and what they must agree with."""

    store: Store
    project: Path
    prepared: Prepared
    settings: Mapping[str, str]


def take_up(where: Resumable, started: RunStarted, now: float) -> Run | None:
    """The newest interrupted run that is the same as this one, adopted under the next epoch; None if there is none.

    A run with a task that failed for good is not taken up: whoever runs again wants it tried again, and all that ended
    well is a hit. Raises StoreFault when the adoption cannot be written.
    """
    for old, epoch in where.store.interrupted():
        if _same(old, started):
            run = _adopt(where, old, epoch, now, started)
            if run is not None:
                return run
    return None


def _same(old: RunStarted, new: RunStarted) -> bool:
    return (old.workflow, old.targets, old.graph, old.params) == (new.workflow, new.targets, new.graph, new.params)


def _adopt(where: Resumable, old: RunStarted, epoch: int, now: float, new: RunStarted) -> Run | None:
    """Adopt a run unless another process is at it: the flight is held until the adoption is on disk."""
    store = where.store
    flight = store.try_flight(f"adopt {old.run_id}")
    if flight is None:
        return None
    try:
        if (old.run_id, epoch) not in [(found.run_id, last) for found, last in store.interrupted()]:
            return None
        entries = store.entries(old.run_id)
        try:
            run = replay(entries)
        except StoreFault:  # a line of its log is damaged: it stays as it is, and what it has ended is a hit
            return None
        if not _holds(where, run, entries, now):
            return None
        idle_s = max(0.0, now - max(entry.event.at for entry in entries))
        adopted = Adopted(epoch + 1, now, new.run_id, idle_s, new.deadline_s)
        store.append([Entry(old.run_id, epoch + 1, 0, adopted)], durable=True).wait()
        try:
            # read again: a body that the interrupt left behind may have ended just before the adoption
            return replay(store.entries(old.run_id))
        except BaseException:  # another Ctrl-C: the run must not look as if we were at it
            store.append([Entry(old.run_id, epoch + 1, 1, RunEnded(RunState.INTERRUPTED, now))], durable=True)
            raise
    finally:
        flight.release()


def close_orphans(store: Store, now: float) -> None:
    """Write the end of runs whose process is gone and that nobody has taken up: they were interrupted. So their books
    are closed: what they had sent may be billed. They can be taken up all the same."""
    for run_id, epoch, heard_at in store.orphans():
        flight = store.try_flight(f"adopt {run_id}")
        if flight is None:
            continue
        try:
            if (run_id, epoch) in [(gone, last) for gone, last, _ in store.orphans()]:
                adopted = Adopted(epoch + 1, now, "", max(0.0, now - heard_at))
                ended = RunEnded(RunState.INTERRUPTED, now)
                entries = [Entry(run_id, epoch + 1, 0, adopted), Entry(run_id, epoch + 1, 1, ended)]
                store.append(entries, durable=True).wait()
        finally:
            flight.release()


def kept_replies(entries: Sequence[Entry], run: Run) -> dict[tuple[int, str], CallRecord]:
    """What the attempts that were broken off had been answered, by task and request: paid for, so served again to the
    attempt that continues them, even where only a correction followed."""
    going_on = {task: attempt for task, attempt in enumerate(run.attempt) if run.state[task] is TaskState.QUEUED}
    kept = {}
    for entry in entries:
        event = entry.event
        if isinstance(event, CallEnded) and event.call.reply and going_on.get(event.task) == event.attempt:
            kept[event.task, event.call.request_digest] = event.call
    return kept


def kept_tools(entries: Sequence[Entry], run: Run) -> ToolMemory:
    """The calls of tools of the tasks that go on, by task, turn and place: begun, or ended with a result."""
    kept: ToolMemory = {}
    for entry in entries:
        event = entry.event
        if isinstance(event, ToolStarted | ToolEnded) and run.state[event.task] is TaskState.QUEUED:
            kept.setdefault(event.task, {})[event.turn, event.place] = event
    return kept


def _holds(where: Resumable, run: Run, entries: Sequence[Entry], now: float) -> bool:
    """Whether nothing has failed, and every value is there and would be served to a new run too."""
    if run.node_failures or TaskState.FAILED in run.state:
        return False
    unchanged = ReadChecker(where.project, where.settings).unchanged
    index = Index(where.store.known([spec.name for spec in run.specs]))
    uncached = {
        result.value.digest: result
        for entry in entries
        for result in results_of(entry.event)
        if not result.cacheable or not result.key
    }
    wanted: list[str] = []
    for task, value in enumerate(run.value):
        if value is None:
            continue
        node = where.prepared.ready[run.node_of[task]].node
        asked = Asked(node.name, node.kind, run.specs[run.node_of[task]].definition, node.options.cache)
        known = look_up(run.key[task], asked, index, unchanged, now)[0]
        if known is not None and known.digest == value:
            continue
        if value not in uncached or not all(map(unchanged, uncached[value].reads)):
            return False
        wanted.append(value)
    return _loadable(where.store, wanted)


def _loadable(store: Store, digests: list[str]) -> bool:
    """Whether values that are in no cache can be had from the store."""
    try:
        store.get_many(digests)
    except ValueFault:
        return False
    return True
