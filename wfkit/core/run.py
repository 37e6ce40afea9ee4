"""A run as it stands: one mutable object made of lists by task and node number.

Only `apply` changes it, `decide` reads it. Nothing here does anything: no clock, no I/O.
"""

from __future__ import annotations

from collections import deque
from dataclasses import field

from wfkit.core import events as e
from wfkit.core.call import Failure
from wfkit.core.frozen import dataclass
from wfkit.core.ledger import Ledger
from wfkit.core.scope import Sample
from wfkit.core.terms import RunState, TaskState


@dataclass(slots=True)
class Run:
    """The state of a run after some events.

    Lists are indexed by node or by task; `first[n]` is the first task of node n, -1 before it is resolved. `running`
    maps tasks to their attempt number. Queues hold what `decide` has to answer next: `ready` heaps of (-priority, node)
    by lane, `retry` heaps of (due, task) by lane and priority. `labels` name the items of maps that have a key column,
    `made_by` gives the older definition whose result stands in for a task. `worked` tells when the first attempt of a
    node began and the last one ended, `pauses` when and after how long the run was adopted. `began` tells when the
    first attempt of a task began (not in slices), `quickest` what the quickest task of a node with a deadline took, in
    seconds. `requests` counts what each question of a task has sent.
    """

    started: e.RunStarted
    status: RunState = RunState.RUNNING
    epoch: int = 1
    ended_at: float | None = None
    paused_s: float = 0.0
    first: list[int] = field(default_factory=list)
    count: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    unfinished: list[int] = field(default_factory=list)
    users: list[list[int]] = field(default_factory=list)
    node_state: list[TaskState] = field(default_factory=list)
    skipped_for: dict[int, int] = field(default_factory=dict)
    node_of: list[int] = field(default_factory=list)
    state: list[TaskState] = field(default_factory=list)
    attempt: list[int] = field(default_factory=list)
    value: list[str | None] = field(default_factory=list)
    key: list[str | None] = field(default_factory=list)
    reason: list[str] = field(default_factory=list)
    failures: dict[int, list[Failure]] = field(default_factory=dict)
    node_failures: dict[int, Failure] = field(default_factory=dict)
    requests: dict[tuple[int, str | None], int] = field(default_factory=dict)
    turns: dict[int, int] = field(default_factory=dict)
    labels: dict[int, tuple[str, ...]] = field(default_factory=dict)
    samples: dict[int, Sample] = field(default_factory=dict)
    worked: dict[int, tuple[float, float | None]] = field(default_factory=dict)
    pauses: list[tuple[float, float]] = field(default_factory=list)
    made_by: dict[int, str] = field(default_factory=dict)
    deadline_s: float | None = None
    deadline_at: float | None = None
    began: dict[int, float] = field(default_factory=dict)
    quickest: dict[int, float] = field(default_factory=dict)
    running: dict[int, int] = field(default_factory=dict)
    to_resolve: deque[int] = field(default_factory=deque)
    to_skip: deque[tuple[int, int]] = field(default_factory=deque)
    queues: dict[int, deque[int]] = field(default_factory=dict)
    ready: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    retry: dict[tuple[str, int], list[tuple[float, int]]] = field(default_factory=dict)
    nodes_left: int = 0
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def specs(self) -> tuple[e.NodeSpec, ...]:
        """What the run knows of its nodes."""
        return self.started.nodes

    def tasks(self, node: int) -> range:
        """The tasks of a node; empty before it is resolved."""
        first = self.first[node]
        return range(first, first + self.count[node]) if first >= 0 else range(0)

    def label(self, task: int) -> str | None:
        """The name that the key column gives the item of a task."""
        labels = self.labels.get(self.node_of[task])
        return labels[task - self.first[self.node_of[task]]] if labels is not None else None


def begin(started: e.RunStarted) -> Run:
    """A run with all nodes pending and those without dependencies waiting to be resolved."""
    size = len(started.nodes)
    run = Run(started)
    set_deadline(run, started.at, started.deadline_s)
    run.first, run.count, run.unfinished = [-1] * size, [0] * size, [0] * size
    run.users = [[] for _ in range(size)]
    run.node_state = [TaskState.PENDING] * size
    run.missing = [len(spec.deps) for spec in started.nodes]
    run.nodes_left = size
    for n, spec in enumerate(started.nodes):
        for dep in spec.deps:
            run.users[dep].append(n)
        if not spec.deps:
            run.to_resolve.append(n)
    return run


def set_deadline(run: Run, now: float, deadline_s: float | None) -> None:
    """Let the run end so many seconds from now (None: it has no limit)."""
    run.deadline_s, run.deadline_at = deadline_s, None if deadline_s is None else now + deadline_s
