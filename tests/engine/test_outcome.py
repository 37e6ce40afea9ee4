"""Promises of a run's outcome: what failed and why, what was skipped for it, what came out of the rest."""

from __future__ import annotations

import pytest

from tests.engine.lab import Lab, did, run
from wfkit.core.terms import FailureKind, RunState
from wfkit.errors import UsageFault
from wfkit.llm.fake import Fail, Script

FAILS = {
    "bad": "raise ValueError('no data')",
    "below": "bad + 1",
    "far_below": "below + 1",
    "sibling": "1",
    "beside": "sibling + 1",
}
EACH = {"numbers": "[1, 0, 2, 0]", "halves --each 'n in numbers' --on_error {}": "10 / n", "summed": "halves"}


def test_everything_succeeds(any_lab: Lab) -> None:
    """A run in which nothing failed is a success and has the values of its targets."""
    outcome = run(any_lab.cells({"a": "1", "b": "a + 1"}))
    assert outcome.status is RunState.SUCCESS
    assert outcome.values() == {"b": 2}
    assert outcome["a"] == 1
    assert not outcome.failures
    assert not outcome.skipped


def test_a_failure_skips_what_needs_it_and_nothing_else(any_lab: Lab) -> None:
    """Siblings of a failed node finish; each skipped node names the node it was skipped for."""
    outcome = run(any_lab.cells(FAILS), "far_below", "beside")
    assert outcome.status is RunState.FAILED
    assert did(outcome) == {
        "bad": "failed", "below": "skipped", "far_below": "skipped", "sibling": "run", "beside": "run"
    }  # fmt: skip
    assert outcome.skipped == {"below": "bad", "far_below": "below"}
    assert [str(failure) for failure in outcome.failures] == ["bad: ValueError: no data"]
    assert outcome.values() == {"beside": 2}


def test_a_failure_shows_the_users_own_lines(lab: Lab) -> None:
    """The traceback begins in the cell, with its line, not in wfkit."""
    failure = run(lab.cells({"bad": "x = 1\nx / 0"})).failures[0].failure
    assert failure.traceback is not None
    first = failure.traceback.splitlines()[1]
    assert "wf_node bad" in first
    assert "line 3" in first  # the magic is line 1
    assert "wfkit/engine" not in failure.traceback


def test_a_question_that_failed_shows_where_it_was_asked(lab: Lab) -> None:
    """Of `wfkit.ask` in a body the user's own line is shown, and no line of wfkit."""
    body = "import wfkit\nx = 1\nawait wfkit.ask('hi', model='fake/gone')"
    with Script([Fail(FailureKind.INVALID_REQUEST, "no such thing", 400)], name="gone"):
        failure = run(lab.cells({"bad": body})).failures[0].failure
    assert failure.kind is FailureKind.INVALID_REQUEST
    assert failure.traceback is not None
    assert 'File "<wf_node bad>", line 4' in failure.traceback
    assert "wfkit/" not in failure.traceback


def test_no_value_of_what_has_none(lab: Lab) -> None:
    """Asking for the value of a failed, a skipped or an unknown node says which of these it is."""
    outcome = run(lab.cells(FAILS))
    for name, words in (("bad", "it is failed"), ("below", "it is skipped"), ("sibing", "did you mean 'sibling'")):
        with pytest.raises(UsageFault, match=words):
            outcome[name]


def test_failed_items_fail_the_map(any_lab: Lab) -> None:
    """Without on_error a map with failed items fails, its other items are done and kept."""
    workflow = any_lab.cells({line.format("fail"): body for line, body in EACH.items()})
    outcome = run(workflow)
    assert outcome.status is RunState.FAILED
    assert [(failure.node, failure.item) for failure in outcome.failures] == [("halves", 1), ("halves", 3)]
    assert outcome.skipped == {"summed": "halves"}
    assert did(run(workflow))["halves"] == "2 hit 2 failed"


def test_left_out_items(any_lab: Lab) -> None:
    """With on_error skip, failed items are left out of the value, and the run is partial."""
    outcome = run(any_lab.cells({line.format("skip"): body for line, body in EACH.items()}))
    assert outcome.status is RunState.PARTIAL
    assert outcome["summed"] == [10.0, 5.0]


def test_holes(any_lab: Lab) -> None:
    """With on_error keep, failed items leave holes that say what happened; `.frame()` has the rest."""
    outcome = run(any_lab.cells({line.format("keep"): body for line, body in EACH.items()}))
    assert outcome.status is RunState.PARTIAL
    halves = outcome["halves"]
    assert [hole.item for hole in halves.failures] == [1, 3]
    assert halves.failures[0].error == "ZeroDivisionError"
    assert list(halves.frame()["value"]) == [10.0, 5.0]
    assert not outcome.warnings


def test_holes_count_in_the_keys_below(lab: Lab) -> None:
    """A node below a map is a hit while the same items fail in the same way, and runs when a hole closes."""
    cells = {
        "numbers": "[1, 0]",
        "halves --each 'n in numbers' --on_error keep": "10 / (n + EXTRA)",
        "n_holes": "len(halves.failures)",
    }
    assert run(lab.cells(cells, {"EXTRA": 0}))["n_holes"] == 1
    assert did(run(lab.cells(cells, {"EXTRA": 0})))["n_holes"] == "hit"
    assert run(lab.cells(cells, {"EXTRA": 1}))["n_holes"] == 0


def test_a_skipped_node(any_lab: Lab) -> None:
    """on_error skip on a node that is not mapped: what needs it is skipped, the run is partial, not failed."""
    outcome = run(any_lab.cells({"bad --on_error skip": "1 / 0", "below": "bad", "sibling": "1"}))
    assert outcome.status is RunState.PARTIAL
    assert did(outcome) == {"bad": "failed", "below": "skipped", "sibling": "run"}


def test_failures_are_not_cached(lab: Lab) -> None:
    """What failed runs again, with the reason that it has no result."""
    workflow = lab.cells({"bad": "1 / 0"})
    assert did(run(workflow)) == {"bad": "failed"}
    assert did(run(workflow)) == {"bad": "failed"}
    assert run(workflow).report.run.tasks == {"failed": 1}


def test_exit_is_a_failure(lab: Lab) -> None:
    """A body that calls sys.exit has failed; the process and the other nodes go on."""
    outcome = run(lab.cells({"a": "import sys\nsys.exit(3)", "b": "import sys\nawait thing()\nsys.exit(4)", "c": "1"},
                            {"thing": _nothing}))  # fmt: skip
    assert did(outcome) == {"a": "failed", "b": "failed", "c": "run"}
    assert {failure.failure.error for failure in outcome.failures} == {"SystemExit"}


async def _nothing() -> None:
    pass


def test_frame(lab: Lab) -> None:
    """`frame()` has a row a node."""
    frame = run(lab.cells(FAILS)).frame().set_index("node")
    assert frame.loc["bad", "failed"] == 1
    assert frame.loc["sibling", "success"] == 1
    assert "no data" in frame.loc["bad", "error"]


def test_two_wrong_texts(lab: Lab) -> None:
    """Texts that are no UTF-8, printed, returned or raised, fail nobody but their own node."""
    cells = {"said": "print(chr(0xd800))\n1", "made": "chr(0xd800) + 'x'", "raised": "raise ValueError(chr(0xd800))"}
    outcome = run(lab.cells(cells))
    assert did(outcome) == {"said": "run", "made": "run", "raised": "failed"}
    assert outcome["made"] == chr(0xD800) + "x"
    assert outcome.failures[0].failure.error == "ValueError"
