"""A question that was corrected is paid once, whole: judged by the provider's own books."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import wfkit
from tests.engine.lab import Lab, run
from wfkit import Workflow, prompt
from wfkit.core.terms import FailureKind
from wfkit.llm.provider import Faults, Provider

MODEL = "openai/gpt-4o-mini"
SCHEMA = {"type": "object", "properties": {"label": {"enum": ["good", "bad"]}}, "required": ["label"]}
KINDS = ("prompt", "question")
CORRECTED = ("not_json", "wrong_schema", "ok")
Serve = Callable[..., Provider]


def faults(*script: str) -> Faults:
    """These, one after the other, then good answers."""
    return Faults(script=script)


def asking(lab: Lab, kind: str, repairs: int = 2) -> Workflow:
    """A workflow that asks one question, in a prompt or in Python code, as a new kernel would have it."""
    namespace = {"wfkit": wfkit, "SCHEMA": SCHEMA}
    if kind == "question":
        ask = f"await wfkit.ask('How is it?', model={MODEL!r}, schema=SCHEMA, retries=1, repairs={repairs})"
        return lab.cells({"said": ask}, namespace)
    workflow = lab.workflow(namespace)
    workflow.add(prompt("said", "How is it?", model=MODEL, schema=SCHEMA, retries=1, repairs=repairs))
    return workflow


@pytest.mark.parametrize("kind", KINDS)
def test_force_asks_nothing_that_was_corrected(
    lab: Lab, openai: Serve, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`force` serves the invalid replies and the correction that ended well: no request, no key, the same value, and
    what was saved is all that it had cost; also from the database, in another kernel."""
    provider = openai(faults=faults(*CORRECTED))
    workflow = asking(lab, kind)
    first = run(workflow)
    value = first["said"]
    assert len(provider.effects()) == 3
    workflow.sql("SELECT 1")  # what was appended is in the database now
    workflow.close()
    monkeypatch.delenv("OPENAI_API_KEY")
    for from_database in (False, True):
        if from_database:
            (lab.store / "catalog.json").unlink(missing_ok=True)
        again = asking(lab, kind)
        outcome = run(again, force=True)
        assert (outcome["said"], len(provider.effects())) == (value, 3)
        row = next(row for row in outcome.report.nodes if row.name == "said")
        assert (row.served, row.spent.calls, row.saved_usd) == (3, 0, first.cost_usd)
        assert first.cost_usd is not None
        again.close()


@pytest.mark.parametrize("kind", KINDS)
def test_fresh_replies_buy_the_whole_again(lab: Lab, openai: Serve, kind: str) -> None:
    """With `fresh_replies` neither the invalid replies nor their correction serve."""
    provider = openai(faults=faults(*CORRECTED, *CORRECTED))
    workflow = asking(lab, kind)
    first = run(workflow)
    outcome = run(workflow, force=True, fresh_replies=True)
    assert (outcome["said"], len(provider.effects())) == (first["said"], 6)
    assert run(workflow, force=True)["said"] == first["said"]
    assert len(provider.effects()) == 6


@pytest.mark.parametrize("kind", KINDS)
def test_what_ended_invalid_is_bought_again(lab: Lab, openai: Serve, kind: str) -> None:
    """An invalid reply whose correction was invalid too serves no new attempt: all of it is asked again, and at most as
    often as ever."""
    provider = openai(faults=faults(*["not_json"] * 3, *["not_json"] * 3, "ok"))
    workflow = asking(lab, kind)
    for requests in (3, 6):
        outcome = run(workflow)
        assert outcome.failures[0].failure.kind is FailureKind.INVALID_OUTPUT
        assert len(provider.effects()) == requests
    assert run(workflow).status == "success"
    assert len(provider.effects()) == 7
    assert len({effect.prompt for effect in provider.effects()[::3]}) == 1  # each began with the question itself


@pytest.mark.parametrize("kind", KINDS)
def test_fewer_repairs_than_it_took(lab: Lab, openai: Serve, kind: str) -> None:
    """A correction beyond the repairs that are allowed now does not serve."""
    provider = openai(faults=faults(*CORRECTED))
    run(asking(lab, kind))
    outcome = run(asking(lab, kind, repairs=1), force=True)
    assert (outcome.status, len(provider.effects())) == ("success", 4)


def test_a_plan_knows_what_is_free(lab: Lab, openai: Serve) -> None:
    """A question that was corrected costs nothing in the plan of a forced run."""
    openai(faults=faults(*CORRECTED))
    workflow = asking(lab, "prompt")
    run(workflow)
    estimate = workflow.plan(force=True).estimate
    assert (estimate.usd.low, estimate.usd.high) == (0, 0)
