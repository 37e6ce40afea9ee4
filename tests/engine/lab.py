"""What tests of whole runs share: a workflow on a store of its own, and a check that its log tells the live run.

No tests here. `lab` is a fixture; import it into a conftest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from wfkit import Workflow
from wfkit.core.apply import replay
from wfkit.core.terms import TaskState
from wfkit.define.cell import parse_cell
from wfkit.engine.outcome import Outcome
from wfkit.store.memory import MemoryStore

PATIENCE_S = 120.0  # no test waits for so long, also on a machine that is ten times slower
RAN = {TaskState.SUCCESS, TaskState.FAILED, TaskState.RETRYING}


@dataclass
class Lab:
    """Makes workflows on one store and runs them."""

    root: Path
    memory: MemoryStore | None = None
    made: list[Workflow] = field(default_factory=list)

    @property
    def store(self) -> Path:
        return self.root / ".wfkit"

    def workflow(self, namespace: Mapping[str, Any] | None = None, name: str = "lab") -> Workflow:
        """A workflow as a new notebook would have it."""
        workflow = Workflow(name, store=self.store, namespace={} if namespace is None else namespace)
        if self.memory is not None:
            workflow.__dict__["store"] = self.memory
        self.made.append(workflow)
        return workflow

    def cells(self, cells: Mapping[str, str], namespace: dict[str, Any] | None = None) -> Workflow:
        """A workflow of cells: the magic line after `%%wf_node`, and the body."""
        namespace = {} if namespace is None else namespace
        workflow = self.workflow(namespace)
        for line, body in cells.items():
            workflow.add(parse_cell(line, body, namespace))
        return workflow

    def close(self) -> None:
        for workflow in self.made:
            if self.memory is None:
                workflow.close()


def run(workflow: Workflow, *targets: str, **options: Any) -> Outcome:
    """Run, and hold the log against the live run: a replay is equal."""
    outcome = workflow.run(*targets, **options)
    agree(workflow, outcome)
    return outcome


def agree(workflow: Workflow, outcome: Outcome) -> None:
    """The log of a run, replayed, is the run that was live.

    What was given up at the end of a run tells its own end a moment later, on the engine's thread: first to the live
    run, then to the log. Between the two they differ.
    """
    until = time.perf_counter() + PATIENCE_S  # a clock that no test sets forward
    while time.perf_counter() < until:
        if replay(workflow.store.entries(outcome.run_id)) == outcome._context.run:
            return
        time.sleep(0.02)
    assert replay(workflow.store.entries(outcome.run_id)) == outcome._context.run


def did(outcome: Outcome) -> dict[str, str]:
    """What each node did: `run`, `hit`, or the state that it is in; `2 run 1 hit` for a mixed map."""
    return {row.name: _word(row.tasks) for row in outcome.report.nodes if str(row.kind) != "input"}


def _word(tasks: Mapping[str, int]) -> str:
    names = {TaskState.SUCCESS: "run", TaskState.CACHED: "hit"}
    words = [names.get(TaskState(state), str(TaskState(state))) for state in tasks]
    if len(words) == 1:
        return words[0]
    return " ".join(f"{count} {word}" for word, count in zip(words, tasks.values(), strict=True))


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab on a disk."""
    found = Lab(tmp_path)
    yield found
    found.close()


@pytest.fixture(params=["disk", "memory"])
def any_lab(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A lab on each kind of store."""
    found = Lab(tmp_path, MemoryStore() if request.param == "memory" else None)
    yield found
    found.close()
    if found.memory is not None:
        found.memory.close()
