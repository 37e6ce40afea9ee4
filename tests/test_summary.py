"""Promises of the summary: one JSON line a run for whoever started the notebook, unknown amounts as null."""

from __future__ import annotations

import json
import threading
from decimal import Decimal
from pathlib import Path

import pytest

import wfkit
import wfkit.public
from tests.engine.lab import PATIENCE_S, Lab, lab, run
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed
from wfkit.llm.fake import Fail, Say, Script
from wfkit.summary import summary, write_summary

__all__ = ["lab"]
CELLS = {"a": "1", "bad": "1 / 0", "below": "bad", "told --model fake/script": "Hello"}


def test_a_run_in_a_line(lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each run appends its line to the file that the environment names."""
    path = tmp_path / "summary.jsonl"
    monkeypatch.setenv("WFKIT_SUMMARY", str(path))
    workflow = lab.cells(CELLS)
    with Script([Say("hi")]):
        ids = [run(workflow).run_id, run(workflow).run_id]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["run_id"] for line in lines] == ids
    assert lines[0]["tasks"] == {"run": 2, "cached": 0, "failed": 1, "skipped": 1}
    assert lines[1]["tasks"] == {"run": 0, "cached": 2, "failed": 1, "skipped": 1}
    assert [line["model_calls"] for line in lines] == [1, 0]
    assert all(line["exit_code"] == 1 and line["status"] == "failed" and line["seconds"] >= 0 for line in lines)


def test_nothing_unless_asked(lab: Lab, tmp_path: Path) -> None:
    """Without the variable nothing is written."""
    outcome = run(lab.cells({"a": "1"}))
    write_summary(outcome, {})
    assert summary(outcome)["exit_code"] == 0
    assert not list(tmp_path.glob("*.jsonl"))


def test_an_interrupted_run_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A run that the user stops has its line too: what was done, and exit code 130."""
    path = tmp_path / "summary.jsonl"
    monkeypatch.setenv("WFKIT_SUMMARY", str(path))
    workflow = lab.workflow()
    entered, free = threading.Event(), threading.Event()

    @workflow.node
    def first() -> int:
        return 1

    @workflow.node(ignore=["entered", "free"])
    def waits(first: int) -> int:
        entered.set()
        free.wait(PATIENCE_S)
        return first

    with pytest.raises(KeyboardInterrupt):
        workflow.run("waits", stop=entered)
    free.set()
    (line,) = map(json.loads, path.read_text().splitlines())
    assert (line["status"], line["exit_code"], line["tasks"]["run"]) == ("interrupted", 130, 1)


def test_unknown_is_null(lab: Lab) -> None:
    """A call without a price: the cost is null, in valid JSON."""
    with Script([Say("hi", cost_usd=None)]):
        told = summary(run(lab.cells({"told --model fake/script": "Hello"})))
    assert json.loads(json.dumps(told))["cost_usd"] is None


def test_partial_is_no_failure(lab: Lab) -> None:
    """A run with tolerated failures ends with exit code 0 and says partial."""
    told = summary(run(lab.cells({"bad --on_error skip": "1 / 0"})))
    assert (told["status"], told["exit_code"]) == ("partial", 0)


def test_a_question_of_a_plain_cell(lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It has a line without a run: what it cost, or what the call log saved; a failure has one as well."""
    path = tmp_path / "summary.jsonl"
    monkeypatch.setenv("WFKIT_SUMMARY", str(path))
    workflow = lab.workflow()
    monkeypatch.setattr(wfkit.public, "_current", [workflow])
    with Script([Say("hi", cost_usd=Decimal("0.000000004")), Fail(FailureKind.INVALID_REQUEST, status=400)], name="m"):
        for text in ("Hello", "Hello"):
            assert wfkit.ask(text, model="fake/m").result() == "hi"
        with pytest.raises(CallFailed):
            wfkit.ask("What?", model="fake/m").result()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    told = [(line["run_id"], line["model_calls"], line["cost_usd"], line["saved_usd"]) for line in lines]
    assert told == [(None, 1, 4e-09, 0.0), (None, 0, 0.0, 4e-09), (None, 1, 0.0, 0.0)]
