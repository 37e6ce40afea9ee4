"""Answers that are not to be used: null in their place, the next model, or one that the kind of failure names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from tests.engine.asking.test_paid_once import agree_on_money
from tests.engine.lab import Lab, did, run
from wfkit import prompt
from wfkit.core.terms import FailureKind, RunState
from wfkit.errors import OptionError, SchemaError
from wfkit.llm.fake import Fail, Say, Script


class Grade(BaseModel):
    """What a prompt must answer."""

    mark: int


class Sure(BaseModel):
    """An answer that says how sure it is."""

    mark: int
    confidence: float | None = None


NAMES = {"Grade": Grade, "Sure": Sure}
REFUSED = Say("no", finish_reason="content_filter")
CUT = Say("{", finish_reason="length")


@contextmanager
def models(**steps: list[Any]) -> Iterator[dict[str, Script]]:
    """Scripted models by name."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(Script(says, name=name)) for name, says in steps.items()}


def priced(text: str, usd: str) -> Say:
    return Say(text, cost_usd=Decimal(usd))


def test_null_for_an_invalid_answer(any_lab: Lab) -> None:
    """The value is None, the task succeeds with a note, the money is wasted, and nothing is kept: the next run asks
    again, because an invalid reply never serves."""
    cells = {"graded --model fake/a --schema Grade --repairs 1": "#| on_invalid: null\nGrade this"}
    with models(a=[priced("no", "0.1"), priced("idea", "0.2"), '{"mark": 3}']):
        first = run(any_lab.cells(cells, dict(NAMES)))
        assert first.status is RunState.SUCCESS
        assert first["graded"] is None
        assert first.report.run.wasted_usd == Decimal("0.3")
        agree_on_money(any_lab, first)
        assert any("None (on_invalid: null" in warning for warning in first.warnings)
        said = any_lab.made[-1].log("graded").text()
        assert "does not fit the schema" in said
        assert said.count("fake/a: answered, invalid") == 2
        second = run(any_lab.cells(cells, dict(NAMES)))
        assert second["graded"] == Grade(mark=3)
        assert did(run(any_lab.cells(cells, dict(NAMES)))) == {"graded": "hit"}


def test_null_comes_after_the_last_model(lab: Lab) -> None:
    """Another model is asked first; a map goes on beside an item that has no answer."""
    with models(a=["x", '{"mark": 1}', "x"], b=['{"mark": 2}', "x"]):
        workflow = lab.workflow(dict(NAMES))
        options: dict[str, Any] = {"schema": Grade, "repairs": 0, "on_invalid": "null", "max_parallel": 1}
        workflow.add(prompt("graded", "{{ n }}", each="n in ns", model="fake/a", fallback=["fake/b"], **options))
        outcome = run(workflow, "graded", inputs={"ns": [1, 2, 3]})
    assert outcome.status is RunState.SUCCESS
    assert [grade and grade.mark for grade in outcome["graded"]] == [2, 1, None]


def test_low_confidence_goes_to_the_next_model(lab: Lab) -> None:
    """An answer that is not sure enough is neither corrected nor asked for again: the next model answers. The log says
    what each one said."""
    cells = {
        "graded --model fake/a --schema Sure --retries 3": "#| min_confidence: 0.7\n#| fallback: fake/b,fake/c\nGo"
    }
    unsure, silent, sure = ({"mark": 1, "confidence": 0.4}, {"mark": 2}, {"mark": 3, "confidence": 0.7})
    with models(a=[unsure], b=[silent], c=[sure]) as asked:
        outcome = run(lab.cells(cells, dict(NAMES)))
        assert [len(script.requests) for script in asked.values()] == [1, 1, 1]
    assert outcome["graded"] == Sure(mark=3, confidence=0.7)
    said = lab.made[-1].log("graded").text()
    for line in ("attempt 1, fake/a: answered", "attempt 1 failed: low_confidence", "attempt 3, fake/c: answered"):
        assert line in said


def test_low_confidence_without_another_model(lab: Lab) -> None:
    """It fails the task, in words; a run that asks for less is answered from the call log."""
    cells = {"graded --model fake/a --schema Sure --min-confidence {}": "Go"}
    with models(a=[{"mark": 1, "confidence": 0.4}]):
        line, body = next(iter(cells.items()))
        outcome = run(lab.cells({line.format("0.7"): body}, dict(NAMES)))
        assert [each.failure.kind for each in outcome.failures] == [FailureKind.LOW_CONFIDENCE]
        assert "has confidence 0.4, and min_confidence is 0.7" in outcome.failures[0].failure.message
        again = run(lab.cells({line.format("0.3"): body}, dict(NAMES)))
        assert again["graded"] == Sure(mark=1, confidence=0.4)
        assert again.report.run.spent.calls == 0


def test_null_for_an_unsure_answer(any_lab: Lab) -> None:
    """What an answer cost for which null stands is wasted. A run that asks for less is served that answer: it saves the
    price, and the books of the first run stay as they are."""
    line = "graded --model fake/a --schema Sure --min-confidence {} --on-invalid null"
    with models(a=[priced('{"mark": 1, "confidence": 0.4}', "0.1")]):
        first = run(any_lab.cells({line.format("0.7"): "Go"}, dict(NAMES)))
        assert (first["graded"], first.status) == (None, RunState.SUCCESS)
        assert (first.cost_usd, first.report.run.wasted_usd) == (Decimal("0.1"), Decimal("0.1"))
        agree_on_money(any_lab, first)
        again = run(any_lab.cells({line.format("0.8"): "Go"}, dict(NAMES)))
        second = run(any_lab.cells({line.format("0.3"): "Go"}, dict(NAMES)))
    assert (again["graded"], second["graded"]) == (None, Sure(mark=1, confidence=0.4))
    for outcome in (again, second):
        row = outcome.report.run
        assert (row.spent.calls, row.wasted_usd, row.saved_usd) == (0, Decimal(0), Decimal("0.1"))
        agree_on_money(any_lab, outcome)
    agree_on_money(any_lab, first)
    bill = any_lab.made[-1].sql("select verdict, sum(billed_usd), sum(wasted_usd) from calls_latest group by 1")
    assert [[str(cell) for cell in row] for row in bill.values.tolist()] == [["valid", "0.1", "0.1"]]


@pytest.mark.parametrize(
    ("step", "asked"),
    [
        (REFUSED, "b"),
        (CUT, "c"),
        (Say(" "), "d"),
        (Fail(FailureKind.INVALID_REQUEST, status=400), None),
        (Fail(FailureKind.INVALID_REQUEST, status=404), "d"),
        (Fail(FailureKind.BUDGET), None),
    ],
)
def test_a_chain_for_each_kind(lab: Lab, step: Any, asked: str | None) -> None:
    """The kind of the failure says which model is next, `default` for the others that another model may mend."""
    lines = "#| fallback: {refused: [fake/b], truncated: [fake/c], default: [fake/d]}\nGrade this"
    answers: dict[str, list[Any]] = {name: [Say("{}")] for name in "bcd"}
    with models(a=[step], **answers) as scripts:
        outcome = run(lab.cells({"graded --model fake/a --retries 0": lines}))
        found = [name for name in "bcd" if scripts[name].requests]
    assert found == ([asked] if asked else [])
    assert (outcome.status is RunState.SUCCESS) == (asked is not None)


def test_chains_end(lab: Lab) -> None:
    """Each model is asked once a question, however the chains lead to each other."""
    lines = "#| fallback: {refused: [fake/b, fake/c], truncated: [fake/b, fake/c]}\nGrade this"
    with models(a=[REFUSED], b=[CUT], c=[REFUSED]) as scripts:
        outcome = run(lab.cells({"graded --model fake/a": lines}))
        assert [len(script.requests) for script in scripts.values()] == [1, 1, 1]
    assert outcome.failures[0].failure.kind is FailureKind.REFUSED


def test_chains_are_part_of_the_key(lab: Lab) -> None:
    """Another chain is another definition; the call log still answers for free."""
    with models(a=["yes"], b=[], c=[]):
        run(lab.cells({"said --model fake/a": "#| fallback: {refused: [fake/b]}\nGo"}))
        same = run(lab.cells({"said --model fake/a": "#| fallback: {refused: [fake/b]}\nGo"}))
        other = run(lab.cells({"said --model fake/a": "#| fallback: {refused: [fake/c]}\nGo"}))
    assert did(same) == {"said": "hit"}
    assert did(other) == {"said": "run"}
    assert other.report.run.spent.calls == 0


def test_corrections_count_and_never_grow(lab: Lab) -> None:
    """Each correction is the question, the last answer and the error; what all of them cost is in the books."""
    with models(a=[f"wrong {n}" for n in range(4)] + ['{"mark": 1}']) as scripts:
        outcome = run(lab.cells({"graded --model fake/a --schema Grade --repairs 4": "Grade this"}, dict(NAMES)))
        requests = scripts["a"].requests
    assert [len(request.messages) for request in requests] == [1, 3, 3, 3, 3]
    for n, request in enumerate(requests[1:]):
        assert request.messages[1].content == f"wrong {n}"
    spent = outcome.report.run.spent
    assert spent.calls == 5
    said = lab.made[-1].show("cost").data()
    assert int(said["input_tokens"].sum()) == spent.input_tokens
    assert spent.input_tokens > 5 * 3


def test_one_bad_template_value_fails_one_item(lab: Lab) -> None:
    """A prompt that cannot be rendered for one item fails that item, and asks nothing for it."""
    with Script(rules={"hello": "yes"}) as script:
        workflow = lab.workflow()
        text = "hello {{ 1 // person.age }} {{ person.name.first }}"
        workflow.add(prompt("greeted", text, each="person in people", model="fake/script", on_error="keep"))
        people = [{"age": 1, "name": {"first": "Ada"}}, {"age": 1}, {"age": 0, "name": {"first": "Bo"}}]
        outcome = run(workflow, "greeted", inputs={"people": people})
        assert len(script.requests) == 1
    assert [each.item for each in outcome.failures] == [1, 2]
    assert outcome["greeted"][0] == "yes"


@pytest.mark.parametrize(
    ("lines", "error", "message"),
    [
        ("#| on_invalid: gate\n#| schema: Grade", OptionError, "fail or null .gate comes with review gates."),
        ("#| on_invalid: null", OptionError, "judges answers by a schema"),
        ("#| min_confidence: 0.5", OptionError, "judges answers by a schema"),
        ("#| min_confidence: 5\n#| schema: Sure", OptionError, "a number from 0 to 1"),
        ("#| min_confidence: 0.5\n#| schema: Grade", SchemaError, "the field `confidence`"),
        ("#| fallback: {refusal: [fake/b]}", OptionError, "kinds of failures .*default.*refused"),
        ("#| fallback: {refused: []}", OptionError, "names of models"),
    ],
)
def test_what_makes_no_sense(lab: Lab, lines: str, error: type[Exception], message: str) -> None:
    """It is refused before anything is asked."""
    with pytest.raises(error, match=message):
        run(lab.cells({"graded --model fake/a": f"{lines}\nGo"}, dict(NAMES)))
