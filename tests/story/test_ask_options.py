"""Options of `wfkit.ask` and `wfkit.embed`: those of a prompt node, with the same meaning and the same refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

import wfkit
from tests.engine.clock import FAR_S, Clock
from tests.engine.lab import Lab, run
from wfkit import Workflow, prompt
from wfkit.core.terms import FailureKind
from wfkit.define.options import TABLE
from wfkit.engine.asking.questions import Said
from wfkit.errors import DefinitionError, WfkitError
from wfkit.llm.fake import Fail, Hang, Say, Script
from wfkit.llm.provider import Faults, Provider

MODEL, SECOND, THIRD = "openai/gpt-4o-mini", "openai/gpt-4o", "openai/gpt-4.1-mini"
FIELDS = "{'type': 'object', 'properties': {'confidence': {'type': 'number'}, 'label': {'type': 'string'}}}"


class Label(BaseModel):
    """An answer that does not say how sure it is."""

    label: str


def cells(lab: Lab, **bodies: str) -> Workflow:
    return lab.cells(bodies, {"wfkit": wfkit, "M": "fake/asked", "Label": Label})


def failure(outcome: Any) -> Any:
    return outcome.failures[0].failure


NOT_OF_ASKS = {"on_invalid", "tools", "max_turns", "on_max_turns"}  # Python code has `except`, and calls by itself


def test_a_question_takes_what_a_prompt_takes() -> None:
    """Every option of prompts alone is one of `wfkit.ask` too; what is not is said here with its reason."""
    of_prompts = {option.name for option in TABLE if option.prompt_only}
    of_all = {"model", "retries", "timeout", "deadline", "max_usd", "allow_unpriced"}
    assert {*Said.__annotations__} == (of_prompts - NOT_OF_ASKS) | of_all | {"full"}


@pytest.mark.parametrize(
    "said",
    [
        {"retries": 101},
        {"hedge": "soon"},
        {"hedge": 1, "retries": 0},
        {"hedge": 1, "stream": True},
        {"min_confidence": 0.5},
        {"min_confidence": 2, "schema": {"type": "object"}},
        {"timeout": -1},
        {"deadline": "never"},
        {"deadline": True},
        {"fallback": {"nonsense": "offline"}},
        {"fallback": ["offline", "offline"]},
        {"repairs": 99},
        {"temperature": "hot"},
        {"max_usd": -1},
        {"model": "two words"},
        {"stream": "loud"},
    ],
    ids=str,
)
def test_wrong_values_are_refused_in_the_same_words(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]
) -> None:
    """What a prompt refuses, a question refuses too, with the same sentence."""
    monkeypatch.setattr("wfkit.public._current", [cells(lab)])
    with pytest.raises(DefinitionError) as of_prompt:
        prompt("said", "Hm?", **said)
    with pytest.raises(DefinitionError) as of_question:
        wfkit.ask("Hm?", **said)
    assert str(of_prompt.value) == f"prompt `said`: {of_question.value}"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"fallback": "offline", "model": "offline"}, "offline falls back to itself: name each model once"),
        ({"min_confidence": 0.5, "schema": Label}, "which schema 'Label' does not have: give it one"),
    ],
    ids=["itself", "sure"],
)
def test_wrong_together(lab: Lab, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any], told: str) -> None:
    """What a prompt node is refused for when it is prepared, a question is refused for at once."""
    workflow = cells(lab)
    monkeypatch.setattr("wfkit.public._current", [workflow])
    with pytest.raises(WfkitError, match=told):
        wfkit.ask("Hm?", **said)
    workflow.add(prompt("said", "Hm?", **said))
    with pytest.raises(WfkitError, match=told):
        workflow.run()


def test_the_kind_of_a_failure_says_who_is_next(lab: Lab, openai: Callable[..., Provider]) -> None:
    """`fallback` by the kind of failure leads a refusal to one model and all else to another."""
    provider = openai(faults=Faults(script=("refused", "ok", "500", "ok")))
    routes = f"{{'refused': {SECOND!r}, 'default': {THIRD!r}}}"
    ask = f"await wfkit.ask(text, model={MODEL!r}, retries=0, fallback={routes})"
    run(cells(lab, told=f"[{ask} for text in ('a', 'b')]"))
    asked = [effect.model for effect in provider.effects()]
    assert asked == [name.partition("/")[2] for name in (MODEL, SECOND, MODEL, THIRD)]


def test_an_unsure_answer_is_not_taken(lab: Lab) -> None:
    """Below `min_confidence` the next model is asked, and without one the question fails as unsure."""
    unsure, sure = '{"confidence": 0.2, "label": "a"}', '{"confidence": 0.9, "label": "b"}'
    ask = f"await wfkit.ask('Hm?', model=M, schema={FIELDS}, min_confidence=0.5"
    with Script([unsure] * 2, name="asked"), Script([sure], name="strong"):
        outcome = run(cells(lab, told=f"({ask}, fallback='fake/strong'))['label']", alone=f"{ask})"), "told")
        assert outcome["told"] == "b"
        assert failure(run(lab.made[-1], "alone")).kind is FailureKind.LOW_CONFIDENCE


def test_a_late_question_is_asked_twice(lab: Lab) -> None:
    """With `hedge` a question without a reply is sent once more; the first answer counts, and both are booked."""
    with Script([Hang(), "yes"], name="asked") as script:
        outcome = run(cells(lab, told="await wfkit.ask('Hm?', model=M, hedge=0.05)"))
        assert (outcome["told"], len(script.requests)) == ("yes", 2)
    assert outcome.report.run.spent.calls == 2


def test_a_timeout_is_of_one_attempt(lab: Lab, clock: Clock) -> None:
    """An attempt that hangs ends at `timeout` and is tried again, as in a prompt; the last one tells which limit it
    was."""
    with Script([clock.hang, "yes", clock.hang, clock.hang], name="asked") as script:
        workflow = cells(
            lab,
            told=f"await wfkit.ask('Hm?', model=M, timeout={FAR_S})",
            late=f"await wfkit.ask('Ho?', model=M, timeout={FAR_S}, retries=1)",
        )
        assert run(workflow, "told")["told"] == "yes"
        outcome = run(workflow, "late")
        assert len(script.requests) == 4
    assert failure(outcome).kind is FailureKind.TIMEOUT
    assert failure(outcome).message == "no result within 60 s (option timeout)"


@pytest.mark.parametrize("ask", ["ask('Hm?', model=M, retries=9, deadline='1m')", "embed('Hm?', deadline=60)"])
def test_a_deadline_is_of_the_whole_question(lab: Lab, openai: Callable[..., Provider], clock: Clock, ask: str) -> None:
    """All attempts end at `deadline`; what was sent by then may be billed."""
    provider = openai(faults=Faults({"hang": 1.0}))
    clock.forward_when(provider.effects)
    outcome = run(cells(lab, told=f"await wfkit.{ask}".replace("M,", f"{MODEL!r},")))
    assert len(provider.effects()) == 1
    assert failure(outcome).message == "no result within 60 s (option deadline)"
    assert outcome.cost_usd is None


def test_a_retry_that_could_not_end_in_time(lab: Lab) -> None:
    """A provider that asks for more patience than the deadline leaves is not asked again, and the failure says why."""
    with Script([Fail(FailureKind.RATE_LIMITED, "busy", retry_after_s=600.0), Say("late")], name="asked") as script:
        outcome = run(cells(lab, told="await wfkit.ask('Hm?', model=M, deadline='5m')"))
        assert len(script.requests) == 1
    told = "busy; not tried again: the next attempt would begin in 600 s, and option deadline leaves"
    assert failure(outcome).message.startswith(told)
