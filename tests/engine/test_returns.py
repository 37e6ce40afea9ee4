"""`returns`: what a Python node hands on is what it says, or the task fails and nothing is kept."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from tests.engine.lab import Lab, did, run
from tests.ids import stable
from wfkit.core.terms import FailureKind, RunState
from wfkit.errors import OptionError, SchemaError


class Grade(BaseModel):
    """A shape."""

    mark: int


@dataclasses.dataclass
class Point:
    """Another."""

    x: int


NAMES: dict[str, Any] = {"Grade": Grade, "Point": Point, "pd": pd, "np": np, "MARKS": {"type": "array", "maxItems": 2}}
FRAME = "{columns: {id: int, text: str, score: float64, at: datetime, ok: bool, more: any, n: number}}"
GOOD_FRAME = (
    "pd.DataFrame({'id': [1], 'text': ['a'], 'score': [0.5], 'at': pd.to_datetime(['2026-01-01']), 'ok': [True], "
    "'more': [None], 'n': [1], 'extra': [0]})"
)


@pytest.mark.parametrize(
    ("returns", "body"),
    [
        ("Grade", "Grade(mark=1)"),
        ("list[Grade]", "[Grade(mark=1)]"),
        ("Grade | None", "None"),
        ("Point", "Point(1)"),
        ("dict[str, int]", "{'a': 1}"),
        ("int", "5"),
        ("float", "5"),
        ("Literal['a', 'b']", "'b'"),
        ("MARKS", "[1, 2]"),
        ("{type: object, required: [a]}", "{'a': 1}"),
        ("np.ndarray", "np.zeros(3)"),
        ("pd.DataFrame", "pd.DataFrame({'a': [1]})"),
        ("DataFrame", "pd.DataFrame({'a': [1]})"),
        (FRAME, GOOD_FRAME),
    ],
    ids=stable,
)
def test_what_fits(lab: Lab, returns: str, body: str) -> None:
    """Classes, types, JSON Schemas and frames with their columns: what fits goes on as it is, and is cached."""
    cells = {"made": f"#| returns: {returns}\n{body}"}
    outcome = run(lab.cells(cells, dict(NAMES)))
    assert outcome.status is RunState.SUCCESS, outcome.failures
    assert did(run(lab.cells(cells, dict(NAMES)))) == {"made": "hit"}


@pytest.mark.parametrize(
    ("returns", "body", "message"),
    [
        ("list[Grade]", "[Grade(mark=1), {'mark': 1}]", r"- \$\[1\]: Input should be an instance of Grade \(got dict"),
        ("Grade", "{'mark': 1}", "instance of Grade"),
        ("int", "'5'", r"\$: Input should be a valid integer \(got \"5\"\)"),
        ("int", "np.int64(5)", "valid integer"),
        ("dict[str, int]", "{'a': 'b'}", r"\$\.a: Input should be a valid integer"),
        ("MARKS", "[1, 2, 3]", r"\$: \[1, 2, 3\] is too long"),
        ("{type: object, required: [a]}", "{}", "'a' is a required property"),
        ("{type: array, uniqueItems: true}", "[{1: 2, 'a': {3}}, {1: 2, 'a': {3}}]", "non-unique"),
        ("np.ndarray", "[1]", "expected ndarray, got list"),
        ("DataFrame", "[1]", "expected a pandas DataFrame, got list"),
        ("{columns: {id: int, text: str}}", "pd.DataFrame({'id': ['x']})", r"\['id'\]: expected int, got .*str"),
        (
            "{columns: {id: int, text: str}}",
            "pd.DataFrame({'id': [1]})",
            r"\['text'\]: expected a column of str, got none",
        ),
        ("{columns: {n: number}}", "pd.DataFrame({'n': [True]})", "expected number, got bool"),
    ],
    ids=stable,
)
def test_what_does_not_fit(lab: Lab, returns: str, body: str, message: str) -> None:
    """The task fails with path, what was expected and what came; it is not tried again and not kept."""
    workflow = lab.cells({"made --retries 2": f"#| returns: {returns}\n{body}", "used": "made"}, dict(NAMES))
    outcome = run(workflow)
    assert outcome.status is RunState.FAILED
    failure = outcome.failures[0].failure
    assert failure.kind is FailureKind.INVALID_OUTPUT
    assert "node 'made' returned a value that does not fit `returns`" in failure.message
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(failure.message)
    assert outcome.tasks["attempts"].tolist()[0] == 1
    assert outcome.skipped == {"used": "made"}


def test_each_item_is_held_against_it(any_lab: Lab) -> None:
    """Of a map it is the value of each item, also where many are run in one go; the others are kept."""
    cells = {
        "numbers": "list(range(600))",
        "halves": "#| each: n in numbers\n#| on_error: keep\n#| returns: int\nn / 2 if n == 7 else n",
    }
    outcome = run(any_lab.cells(cells))
    assert [each.item for each in outcome.failures] == [7]
    assert outcome["halves"][8] == 8


def test_coroutines_and_functions(lab: Lab) -> None:
    """A body that awaits and a decorated function are held against it too; an annotation alone is not enforced."""
    workflow = lab.cells({"late": "#| returns: int\nimport asyncio\nawait asyncio.sleep(0)\n'no'"})

    @workflow.node(returns=list[Grade])
    def grades() -> list[Grade]:
        return [Grade(mark=1), Grade.model_construct(mark=2), 3]  # type-checkers know, but nobody asks them

    @workflow.node
    def free() -> int:
        return str(1)

    outcome = run(workflow, "late", "grades", "free")
    assert {each.node for each in outcome.failures} == {"late", "grades"}
    assert outcome["free"] == "1"


def test_a_change_of_it_is_a_change_of_the_node(lab: Lab) -> None:
    """A value kept under another `returns`, or under the class as it was, does not serve."""
    assert did(run(lab.cells({"made": "5"}))) == {"made": "run"}
    assert did(run(lab.cells({"made": "#| returns: int\n5"}))) == {"made": "run"}
    assert did(run(lab.cells({"made": "#| returns: int\n5"}))) == {"made": "hit"}
    assert run(lab.cells({"made": "#| returns: str\n5"})).status is RunState.FAILED

    class Wide(BaseModel):
        mark: int

    assert did(run(lab.cells({"made": "#| returns: G\n[]"}, {"G": list[Grade]}))) == {"made": "run"}
    assert did(run(lab.cells({"made": "#| returns: G\n[]"}, {"G": list[Wide]}))) == {"made": "run"}


@pytest.mark.parametrize(
    ("line", "lines", "error", "message"),
    [
        ("made", "#| returns: {columns: [a]}", OptionError, "must be like .columns"),
        ("made", "#| returns: {type: strin}", OptionError, "not a JSON Schema"),
        ("made", "#| returns: Grad", SchemaError, "node 'made': returns: schema 'Grad' is not defined .*'Grade'"),
        ("made --model offline", "#| returns: Grade", OptionError, "a prompt has `schema`"),
        ("made", "#| returns: MARK", SchemaError, "'MARK' is not defined"),
    ],
    ids=stable,
)
def test_what_is_no_shape(lab: Lab, line: str, lines: str, error: type[Exception], message: str) -> None:
    """It is refused before anything runs."""
    with pytest.raises(error, match=message):
        run(lab.cells({line: f"{lines}\n5"}, dict(NAMES)))
