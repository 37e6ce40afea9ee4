"""What a run does when its store is not as it should be: one clear error or a stated recovery, no data is lost."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.engine.lab import PATIENCE_S, Lab, did, run
from wfkit import Workflow
from wfkit.errors import StoreFault, ValueFault
from wfkit.llm.fake import Say, Script

PRINTING = {"a": "print()\n1", "b": "print()\na + 1", "c": "print()\nb + 1"}  # so each result has a line of its own
CELLS = {"big": "list(range(50_000))", "told --model fake/script": "Hello", "total": "sum(big)"}


def filled(lab: Lab) -> Workflow:
    """A store with a run in it, closed; a workflow of the same cells for the next process."""
    workflow = lab.cells(CELLS)
    with Script([Say("hi")]):
        run(workflow)
    workflow.show("cost")  # folds
    workflow.close()
    return lab.cells(CELLS)


def test_not_writable(tmp_path: Path) -> None:
    """A folder that nobody can write to is told before anything runs, with what to do. (A file stands for it: for root
    every folder is writable.)"""
    (tmp_path / "place").write_text("")
    workflow = Workflow("w", store=tmp_path / "place" / ".wfkit", namespace={})
    workflow.node(_one)
    with pytest.raises(StoreFault, match="WFKIT_STORE"):
        workflow.run()


def _one() -> int:
    return 1


def test_a_newer_store(lab: Lab) -> None:
    """A store of a newer wfkit is refused with both formats, and left as it is."""
    workflow = filled(lab)
    (lab.store / "format").write_text("99\n")
    with pytest.raises(StoreFault, match=r"newer wfkit .*99"):
        workflow.run()
    assert (lab.store / "format").read_text() == "99\n"


def test_the_database_is_held(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    """While a stranger holds the database file runs go on, from the journals, and the user can be told who holds it."""
    workflow = filled(lab)
    holder = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.readline()"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(lab.store / "wfkit.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as stranger:
        assert stranger.stdout is not None
        assert stranger.stdout.readline() == "held\n"
        outcome = run(workflow)
        assert did(outcome) == {"big": "hit", "told": "hit", "total": "hit"}
        assert int(workflow.sql("select count(*) n from runs_latest").n[0]) == 2
        assert workflow.store.notice is not None
        assert str(stranger.pid) in workflow.store.notice
        stranger.communicate("\n")


def _forget_catalog(lab: Lab) -> None:
    """Remove what was derived from the journals for a quick start; it would answer in place of what is damaged."""
    for path in lab.store.glob("catalog*"):
        path.unlink()


def test_a_corrupt_database(lab: Lab) -> None:
    """A database file that is damaged is set aside with a warning and made anew; nothing runs again."""
    workflow = filled(lab)
    (lab.store / "wfkit.duckdb").write_bytes(b"no database " * 1000)
    _forget_catalog(lab)
    with pytest.warns(RuntimeWarning, match="made anew from the journals"):
        outcome = workflow.run()
    assert did(outcome) == {"big": "hit", "told": "hit", "total": "hit"}
    assert len(workflow.store.runs()) == 2
    assert list(lab.store.glob("wfkit.duckdb.broken-*"))


def test_a_corrupt_line(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged line of a journal is left out and reported; what it told runs again, the rest is a hit."""
    workflow = lab.cells(PRINTING)
    run(workflow)
    (journal,) = (lab.store / "journal").glob("*.jsonl")
    content = journal.read_bytes()
    workflow.close()
    (lab.store / "wfkit.duckdb").unlink(missing_ok=True)
    _forget_catalog(lab)
    for leftover in [*(lab.store / "segments").glob("*"), *(lab.store / "journal").glob("*")]:
        leftover.unlink()
    lines = content.splitlines(keepends=True)
    place = next(i for i, line in enumerate(lines) if b'"Succeeded"' in line and b'"node":"b"' in line)
    lines[place] = lines[place].replace(b'"b"', b'"x"')
    journal.write_bytes(b"".join(lines))
    with caplog.at_level(logging.WARNING):
        outcome = lab.cells(PRINTING).run()
    assert did(outcome) == {"a": "hit", "b": "run", "c": "hit"}
    assert "damaged line is left out" in caplog.text


def test_a_corrupt_line_of_an_interrupted_run(lab: Lab) -> None:
    """A run whose log has a damaged line is not taken up: the next one is a new run, which has what was done."""
    stop, go_on = threading.Event(), threading.Event()
    cells = {"done": "print()\n1", "slow --ignore 'stop, go_on'": f"stop.set()\ngo_on.wait({PATIENCE_S})\ndone + 1"}
    workflow = lab.cells(cells, {"stop": stop, "go_on": go_on})
    with pytest.raises(KeyboardInterrupt):
        workflow.run(stop=stop)
    go_on.set()
    broken = workflow.store.runs(1)[0].run_id
    workflow.close()
    path = next((lab.store / "journal").glob("*.jsonl"))
    lines = path.read_bytes().split(b"\n")
    resolved = next(place for place, line in enumerate(lines) if b'"never_run"' in line)
    lines[resolved] = lines[resolved].replace(b"never_run", b"never_ran")
    path.write_bytes(b"\n".join(lines))
    for database in lab.store.glob("wfkit.duckdb*"):
        database.unlink()
    workflow = lab.cells(cells, {"stop": stop, "go_on": go_on})
    outcome = run(workflow)
    assert outcome.run_id != broken
    assert did(outcome)["done"] == "hit"
    assert outcome["slow"] == 2


def test_a_corrupt_object(lab: Lab) -> None:
    """A large value whose file is damaged is never used: who needs it fails with a clear error, and the next run makes
    it again."""
    filled(lab)
    for path in (lab.store / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            path.write_bytes(b"x" * path.stat().st_size)
    workflow = lab.cells({**CELLS, "last": "big[-1]"})
    with Script([]):
        assert "missing or damaged" in workflow.run("last").failures[0].failure.message
        outcome = workflow.run("last")
    assert did(outcome)["big"] == "run"
    assert outcome["last"] == 49_999


def test_a_lost_value_that_is_asked_for(lab: Lab) -> None:
    """The value of a cached node whose file is gone: a clear error, and the next run makes it again."""
    filled(lab)
    for path in (lab.store / "objects").rglob("*"):
        if path.is_file():
            path.unlink()
    workflow = lab.cells(CELLS)
    outcome = workflow.run("big")
    assert did(outcome) == {"big": "hit"}
    with pytest.raises(ValueFault, match=r"node 'big': .*run its node again"):
        outcome["big"]
    outcome = workflow.run("big")
    assert did(outcome) == {"big": "run"}
    assert outcome["big"][-1] == 49_999
