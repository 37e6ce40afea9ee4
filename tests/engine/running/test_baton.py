"""Promises of the baton: whatever breaks, the one who waits for the run is told, and nobody waits for ever."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import Any

import pytest

from tests.engine.lab import Lab, did, run
from wfkit.core.events import Entry, Succeeded
from wfkit.core.terms import RunState
from wfkit.engine.execute import execute
from wfkit.engine.preparing.wish import Wish
from wfkit.errors import StoreFault
from wfkit.executors.threads import Threads
from wfkit.store.journals import commit
from wfkit.store.memory import MemoryStore


class Breaking(MemoryStore):
    """A store that refuses the results of one node."""

    def __init__(self, node: str) -> None:
        super().__init__()
        self.node = node

    def append(self, entries: Sequence[Entry], durable: bool = False) -> Any:
        for entry in entries:
            if isinstance(entry.event, Succeeded) and entry.event.result.node == self.node:
                raise StoreFault("the disk is gone")
        return super().append(entries, durable)


def test_a_store_that_breaks(lab: Lab) -> None:
    """If the log cannot be written the run is broken off: the error is raised, the log says that it was interrupted,
    and when the store works again the next run goes on from what the log has."""
    lab.memory = Breaking("b")
    workflow = lab.cells({"a": "1", "b": "a + 1", "c": "b + 1"})
    with pytest.raises(StoreFault, match="the disk is gone"):
        workflow.run()
    assert workflow.store.runs(1)[0].status == RunState.INTERRUPTED
    lab.memory.node = "nobody"
    outcome = run(workflow)
    assert outcome["c"] == 3


def test_no_thread_to_be_had(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """If no thread can be started the task fails with that; the run ends."""

    def refuse(self: Threads, job: Any) -> None:
        raise RuntimeError("can't start new thread")

    workflow = lab.cells({"a": "1", "b": "a"})
    monkeypatch.setattr(Threads, "submit", refuse)
    outcome = workflow.run()
    assert did(outcome) == {"a": "failed", "b": "skipped"}
    assert "can't start new thread" in outcome.failures[0].failure.message


def test_a_full_disk(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full for a while: the run ends well with its values and says that they are in memory only; when
    there is room again everything is written."""
    workflow = lab.cells({"a": "1", "b": "a + 1"})
    full = True

    def sync(fd: int) -> None:
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(commit, "_sync", sync)
    outcome = workflow.run()
    assert outcome["b"] == 2
    assert any("No space left" in warning for warning in outcome.warnings)
    full = False
    while outcome.warnings:
        outcome = workflow.run()
    workflow.close()
    assert did(run(lab.cells({"a": "1", "b": "a + 1"}))) == {"a": "hit", "b": "hit"}


def test_readers_and_carriers(lab: Lab) -> None:
    """A display that looks at the run all the time neither stops it nor sees half an event."""
    cells = {"numbers": "list(range(3000))", "squares --each 'n in numbers'": "n * n", "total": "sum(squares)"}
    workflow = lab.cells(cells)
    prepared = workflow.prepare()
    problems: list[str] = []

    def look(report: Any) -> None:
        counts = [sum(row.tasks.values()) for row in report.nodes if row.name == "squares"]
        problems.extend(str(count) for count in counts if count not in (1, 3000))

    ran = execute(workflow.session, prepared, Wish("lab"), look)
    assert ran.report.run.status == RunState.SUCCESS
    assert not problems
