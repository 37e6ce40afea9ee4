"""What bodies printed and displayed, and how they failed: for the newest run, per task, after a cache hit too.

Read from the log of the run and from stored results; nothing is captured here.
"""

from __future__ import annotations

from wfkit.core.events import Failed
from wfkit.core.frozen import dataclass
from wfkit.core.graph import near
from wfkit.core.promises import Store
from wfkit.core.result import Output
from wfkit.core.run import replay
from wfkit.core.terms import TaskState
from wfkit.errors import UsageFault


@dataclass(frozen=True, slots=True)
class TaskLog:
    """The output of one task; `error` is its traceback or message if it failed. `item` is None for a node that is
    not mapped."""

    node: str
    item: int | None
    state: str
    outputs: tuple[Output, ...]
    error: str | None = None


def task_logs(store: Store, node: str, item: int | None = None, run_id: str | None = None) -> list[TaskLog]:
    """Logs of the tasks of a node in the newest run, or the one named. Raises UsageFault for an unknown node, item
    or run."""
    runs = store.runs(1)
    if run_id is None and not runs:
        raise UsageFault("this store holds no run yet")
    entries = store.entries(run_id or runs[0].run_id)
    run = replay(entries)
    names = [spec.name for spec in run.specs]
    if node not in names:
        raise UsageFault(f"no node of the newest run is named {node!r}{near(node, names)}")
    n = names.index(node)
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
