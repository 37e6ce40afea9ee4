"""What the tests of collecting share: a store with runs of three versions of a workflow, and what is in it.

Real runs, so that the journals are those of the engine. No tests here.
"""

from __future__ import annotations

import os
from pathlib import Path

from wfkit import Workflow
from wfkit.core.events import CallEnded, Entry, RunEnded, RunStarted
from wfkit.core.report import RunReport
from wfkit.core.terms import RunState
from wfkit.define.cell import parse_cell
from wfkit.engine.outcome import Outcome
from wfkit.store.conformance import call
from wfkit.store.disk import open_store
from wfkit.store.journals import journal
from wfkit.store.payloads import objects

CELLS = {
    "numbers": "[1, 2, 3]",
    "doubled --each 'number in numbers'": "(number * 2, VERSION)",
    "large": "[f'{VERSION} {numbers}'] * 20_000",
    "told --model offline": "Say {{ VERSION }} and {{ doubled }}",
}


def run(root: Path, version: int, *targets: str) -> Outcome:
    """A run as a new process would make it; only `numbers` is the same in every version."""
    names = {"VERSION": version}
    workflow = Workflow("w", store=root, namespace=names)
    for line, body in CELLS.items():
        workflow.add(parse_cell(line, body.replace("{{ VERSION }}", str(version)), names))
    outcome = workflow.run(*targets)
    workflow.close()
    return outcome


def three_versions(root: Path) -> tuple[list[str], float]:
    """Versions 1, 2, 2 again and 3 were run; the ids of the runs, and when the first two had ended."""
    first = [run(root, version) for version in (1, 2)]
    ended = [outcome.report.run.ended_at for outcome in first]
    rest = [run(root, version) for version in (2, 3)]
    make_old(root)
    return [outcome.run_id for outcome in (*first, *rest)], max(at for at in ended if at is not None)


def make_old(root: Path) -> None:
    """No object is young any more."""
    for path in (root / objects.FOLDER).rglob("*"):
        os.utime(path, (1, 1))


def hits(root: Path, version: int) -> dict[str, int]:
    """How many tasks of a version are hits."""
    return {row.name: row.tasks.get("cached", 0) for row in run(root, version).report.nodes}


def story_of(run_id: str, status: RunState | None, reply: str = "reply") -> list[Entry]:
    """A run that asked a model and ended so (None: its process died)."""
    started = RunStarted(run_id, "w", ("n",), (), f"graph {run_id}", 1.0)
    asked = CallEnded(0, 1, call(f"{run_id} asked", reply), 2.0)
    ends = [] if status is None else [Entry(run_id, 0, 2, RunEnded(status, 3.0))]
    return [Entry(run_id, 0, 0, started), Entry(run_id, 0, 1, asked), *ends]


def reports(root: Path) -> dict[str, RunReport]:
    """The report of every run."""
    store = open_store(root)
    found = {row.run_id: store.report(row.run_id) for row in store.runs()}
    store.close()
    return {run_id: report for run_id, report in found.items() if report is not None}


def object_count(root: Path) -> int:
    return sum(path.is_file() for path in (root / objects.FOLDER).rglob("*"))


def entries_of(root: Path) -> list[Entry]:
    """Everything that the journals say."""
    return [entry for log in journal.list_journals(root) for _, _, entry in journal.read_entries(log.path)]
