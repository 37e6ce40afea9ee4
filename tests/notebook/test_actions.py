"""Promises of what a failed run says in its cell: each cause once, the user's own lines, what to do next."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.engine.clock import FAR_S, Clock, clock
from tests.engine.lab import Lab, lab, run
from wfkit.core.report import RunReport
from wfkit.core.terms import FailureKind
from wfkit.errors import KeyMissing
from wfkit.llm.fake import Fail, Script
from wfkit.notebook.actions import told
from wfkit.notebook.errors import in_lines

__all__ = ["clock", "lab"]


def test_equal_failures_are_told_once(lab: Lab) -> None:
    """Forty items that fail alike are one line with a count; another cause has its own."""
    body = "#| each: x in xs\nif x == 3:\n    raise KeyError('odd one')\nraise ValueError('bad')"
    text = told(run(lab.cells({"bad": body}, {"xs": list(range(40))})))
    lines = text.splitlines()
    assert lines[0] == "bad[0] and 38 other items failed"
    assert text.count("ValueError: bad") == 1
    assert "bad[3]: KeyError: 'odd one'" in lines
    assert lines[-1].endswith("`%wf log bad --item 0` shows what it printed.")


def test_a_missing_key_is_one_sentence(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only the run itself can tell (its items come from a node), it is said once for all items, with the
    variable's name and without lines of wfkit; no call was made."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    cells = {"xs": "XS", "m --model openai/gpt-5-mini": "#| each: x in xs\n#| on_error: keep\nSay {{ x }}"}
    with pytest.raises(KeyMissing, match="node 'm'"):  # it never had a result, so that it must ask is known
        run(lab.cells(cells, {"XS": [1, 2, 3]}))
    run(lab.cells({"xs": "XS", "m --model offline": "#| each: x in xs\nSay {{ x }}"}, {"XS": [1]}))
    outcome = run(lab.cells(cells, {"XS": [1, 2, 3]}))
    lines = told(outcome).splitlines()
    assert lines[0].startswith("m[0] and 2 other items: KeyMissing: model 'openai/gpt-5-mini'")
    assert "OPENAI_API_KEY" in lines[0]
    assert len(lines) == 2
    assert outcome.report.run.spent.calls == 0


def test_a_traceback_begins_in_the_cell(lab: Lab) -> None:
    """The user's own lines, with the numbers of the cell; who was skipped is named."""
    text = told(run(lab.cells({"a": "x = 1\nx / 0", "b": "a + 1"})))
    assert text.startswith('a failed\nTraceback (most recent call last):\n  File "<wf_node a>", line 3')
    assert "skipped: b (needs a)" in text


def test_a_prompt_that_cannot_be_rendered(lab: Lab) -> None:
    """The line of the prompt with a caret, and no line of wfkit."""
    text = told(run(lab.cells({"m --model offline": "one\n{{ xs.nope.x }}"}, {"xs": [1]})))
    assert "line 3" in text
    assert "^" in text
    assert "Traceback" not in text


def test_advice_is_given_once(lab: Lab, tmp_path: Path) -> None:
    """A request that is not on the cassette: its place and what to do stand there once, the diff ends with the diff."""
    tape = str(tmp_path / "replies.jsonl")
    run(lab.cells({"m --model offline": "Say one"}), record=tape)
    text = told(run(lab.cells({"m --model offline": "Say two"}), replay=tape))
    assert text.count("record again") == 1
    assert text.startswith("m: NeverSent: this request is not on the cassette")
    assert "+Say two\n" in text


def test_a_deadline_while_all_waits(lab: Lab, clock: Clock) -> None:
    """A run that went on from one that waited to try again, and ended at its deadline, says so: no task has failed."""
    stop = threading.Event()

    def give_up(report: RunReport) -> None:
        if "retrying" in report.nodes[0].tasks:
            stop.set()

    def pass_by(report: RunReport) -> None:
        if "retrying" in report.nodes[0].tasks and not clock.ahead_s:
            clock.forward()

    with Script([Fail(FailureKind.RATE_LIMITED, "busy", retry_after_s=3600.0)]):
        workflow = lab.cells({"m --model fake/script": "Say one"})
        with pytest.raises(KeyboardInterrupt):
            workflow.run(stop=stop, progress=give_up)
        outcome = run(workflow, deadline=FAR_S, progress=pass_by)
    assert told(outcome) == f"the run ended at its deadline of {FAR_S:g} s: run again, it goes on from there"


def test_prose_is_wrapped_and_code_is_not() -> None:
    """Lines break between words, never inside a command; what is indented stays as it is."""
    prose, code = "word " * 30 + "`%wf run a_node --limit 20`", "    " + "x" * 100
    lines = in_lines(f"{prose}\n{code}\n")
    assert max(map(len, lines[:-2])) <= 80
    assert " ".join(lines[:-2]) == prose
    assert any("`%wf run a_node --limit 20`" in line for line in lines)
    assert lines[-2:] == [code, ""]
