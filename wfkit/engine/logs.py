"""What bodies printed and displayed, and how they failed: a node's newest run, per task, after a cache hit too.

Read from the log of the run and from stored results; nothing is captured here.
"""

from __future__ import annotations

from typing import Final

from wfkit.core.events import Entry, Failed
from wfkit.core.frozen import dataclass
from wfkit.core.graph import near
from wfkit.core.promises import Store
from wfkit.core.result import Output
from wfkit.core.run import Run, replay
from wfkit.core.terms import TaskState
from wfkit.errors import UsageFault

_SEARCHED: Final = 20  # runs


@dataclass(frozen=True, slots=True)
class TaskLog:
    """The output of one task; `error` is its traceback or message if it failed. `item` is None for a node that is
    not mapped."""

    node: str
    item: int | None
    state: str
    outputs: tuple[Output, ...]
    error: str | None = None


def _run_with(store: Store, node: str, run_id: str | None) -> tuple[list[Entry], Run, int]:
    """The newest run with this node (another notebook on the store, or `run OTHER`, may have run since), and its
    position there."""
    ids = [run_id] if run_id is not None else [row.run_id for row in store.runs(_SEARCHED)]
    if not ids:
        raise UsageFault("this store holds no run yet")
    names: list[str] = []
    for each in ids:
        entries = store.entries(each)
        run = replay(entries)
        found = [spec.name for spec in run.specs]
        if node in found:
            return entries, run, found.index(node)
        names += found
    where = "that run" if run_id is not None else "the newest runs"
    raise UsageFault(f"no node of {where} is named {node!r}{near(node, names)}")


def task_logs(store: Store, node: str, item: int | None = None, run_id: str | None = None) -> list[TaskLog]:
    """Logs of the tasks of a node in the newest run that had it, or the run named. Raises UsageFault for an unknown
    node, item or run."""
    entries, run, n = _run_with(store, node, run_id)
    failed = {entry.event.task: entry.event for entry in entries if isinstance(entry.event, Failed)}
    mapped = run.specs[n].over is not None
    tasks = run.tasks(n)
    if item is not None:
        if not 0 <= item < len(tasks):
            raise UsageFault(f"node {node!r} has items 0 to {len(tasks) - 1}, not {item}")
        tasks = tasks[item : item + 1]
    logs = []
    for task in tasks:
        number = task - run.first[n] if mapped else None
        if run.state[task] is TaskState.FAILED and task in failed:
            event = failed[task]
            text = event.failure.traceback or f"{event.failure.error}: {event.failure.message}"
            logs.append(TaskLog(node, number, run.state[task], event.outputs, text))
            continue
        result = store.result(run.key[task] or "")
        logs.append(TaskLog(node, number, run.state[task], result.outputs if result else ()))
    return logs
