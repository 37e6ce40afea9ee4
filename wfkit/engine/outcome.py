"""What a run hands back: status, failures, and the values, each a new copy that the user may change.

Reads the ended run. How values are kept and copied is in `values`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from wfkit.core.call import Failure
from wfkit.core.frozen import dataclass
from wfkit.core.graph import near
from wfkit.core.report import RunReport
from wfkit.core.run import Run
from wfkit.core.terms import DONE_WELL, NodeKind, RunState, TaskState
from wfkit.engine.execute import Ran
from wfkit.engine.running.context import Context
from wfkit.engine.running.map_value import MapValue
from wfkit.errors import UsageFault, ValueFault


@dataclass(frozen=True, slots=True)
class TaskFailure:
    """A task that failed for good. `item` is None for a node that is not mapped; `key` is the item's name, if a key
    column gives it one."""

    node: str
    item: int | None
    failure: Failure
    key: str | None = None

    @property
    def place(self) -> str:
        """`label`, `label[599]` or `label[599] (r-600)`."""
        place = self.node if self.item is None else f"{self.node}[{self.item}]"
        return place if self.key is None else f"{place} ({self.key})"

    def __str__(self) -> str:
        return f"{self.place}: {self.failure.error}: {self.failure.message}"


class Outcome:
    """A finished run. `outcome["node"]` is a value; `failures` and `skipped` say what has none, and why."""

    def __init__(self, ran: Ran) -> None:
        self._ran = ran
        self._context: Context = ran.context
        self.run_id: str = ran.context.run.started.run_id
        self.status: RunState = ran.context.run.status
        self.warnings: tuple[str, ...] = tuple(ran.context.warnings)

    @property
    def report(self) -> RunReport:
        """The run and its nodes as rows."""
        return self._ran.report

    @property
    def cost_usd(self) -> Decimal | None:
        """Dollars billed in this run; None when no call has a known price."""
        return self.report.run.spent.cost_usd

    @property
    def unused_recordings(self) -> int | None:
        """How many recordings of the cassette nothing has asked for so far; None without one that is played."""
        cassette = self._ran.cassette
        return None if cassette is None else cassette.left()

    @property
    def failures(self) -> list[TaskFailure]:
        """Every task that failed, in order."""
        run = self._context.run
        found = [TaskFailure(run.specs[n].name, None, failure) for n, failure in run.node_failures.items()]
        for task, failures in sorted(run.failures.items()):
            if run.state[task] is TaskState.FAILED:
                n = run.node_of[task]
                item = task - run.first[n] if run.specs[n].over is not None else None
                found.append(TaskFailure(run.specs[n].name, item, failures[-1], run.label(task)))
        return found

    @property
    def skipped(self) -> dict[str, str]:
        """Nodes that were skipped, each with the node that it was skipped for."""
        run = self._context.run
        return {
            run.specs[n].name: run.specs[because].name
            for n, because in run.skipped_for.items()
            if run.node_state[n] is TaskState.SKIPPED
        }

    def __getitem__(self, name: str) -> Any:
        """The value of a node, a new copy. Raises UsageFault if the node is unknown or has no value."""
        position = self._context.prepared.graph.position
        if name not in position:
            raise UsageFault(f"run {self.run_id[:8]} has no node {name!r}{near(name, position)}")
        n = position[name]
        if self._context.run.node_state[n] not in DONE_WELL:
            raise UsageFault(f"node {name!r} has no value: it is {self._context.run.node_state[n]}")
        made, values = self._context.done(n), self._context.values
        try:
            if made.items is None:
                return values.copy(made.digest)
            return MapValue(values.copies(made.items), made.sample)
        except ValueFault as fault:
            self._context.forget_lost(n)
            raise ValueFault(f"node {name!r}: {fault}") from fault

    def values(self) -> dict[str, Any]:
        """The values of the targets that have one, by name."""
        run, position = self._context.run, self._context.prepared.graph.position
        targets = self._context.prepared.graph.targets
        return {name: self[name] for name in targets if run.node_state[position[name]] in DONE_WELL}

    @property
    def tasks(self) -> Any:
        """A DataFrame with a row a task: node, item, key, state, reason, attempts, code, error. `code` is the
        definition that made its value: where a result of older code stood in, an older one."""
        import pandas as pd  # heavy: only when a frame is wanted

        rows = [row for n in range(len(self._context.run.specs)) for row in task_rows(self._context.run, n)]
        return pd.DataFrame(rows, columns=list(TASK_COLUMNS))

    def frame(self) -> Any:
        """A DataFrame with one row a node: state, counts, seconds, money."""
        import pandas as pd  # heavy: only when a frame is wanted

        rows = [
            {
                "node": row.name,
                "kind": str(row.kind),
                **{state.value: row.tasks.get(state, 0) for state in (TaskState.SUCCESS, TaskState.CACHED)},
                "failed": row.tasks.get(TaskState.FAILED, 0),
                "run_s": row.run_s,
                "work_s": row.work_s,
                "cost_usd": row.spent.cost_usd,
                "saved_usd": row.saved_usd,
                "error": row.error,
            }
            for row in self.report.nodes
        ]
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        tasks = ", ".join(f"{count} {state}" for state, count in self.report.run.tasks.items())
        return f"<Outcome {self.run_id[:8]} {self.status}: {tasks or 'no tasks'}>"


TASK_COLUMNS = ("node", "item", "key", "state", "reason", "attempts", "code", "error")


def task_rows(run: Run, node: int) -> Iterator[tuple[Any, ...]]:
    """A row for each task of a node but an input: TASK_COLUMNS."""
    spec = run.specs[node]
    if spec.kind is NodeKind.INPUT:
        return
    for place, task in enumerate(run.tasks(node)):
        item = place if spec.over is not None else None
        failed = run.failures[task][-1] if run.state[task] is TaskState.FAILED else None
        code = run.made_by.get(task, spec.definition) if run.state[task] in DONE_WELL else None
        error = f"{failed.error}: {failed.message}" if failed is not None else None
        yield (
            spec.name, item, run.label(task), str(run.state[task]), run.reason[task], run.attempt[task],
            code and code[:12], error,
        )  # fmt: skip
