"""Vectors inside Python nodes: each text is paid once, whatever stands beside it; the books count requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wfkit
from tests.engine.lab import Lab, did, run
from wfkit import Workflow
from wfkit.core.terms import FailureKind, RunState
from wfkit.errors import OptionError, UsageFault
from wfkit.llm.provider import Faults

EMBED = "await wfkit.embed(texts, batch=4)"


@pytest.fixture
def workflow(lab: Lab) -> Workflow:
    """A node that embeds `texts`."""
    namespace: dict[str, Any] = {"wfkit": wfkit, "texts": [f"text number {n}" for n in range(10)]}
    return lab.cells({"vectors": EMBED}, namespace)


def test_a_list_that_grows(workflow: Workflow, openai: Any) -> None:
    """Ten texts go in batches of four, as float32 rows in their order; of a longer list with doubles only what is new
    is bought, in one request; a hit buys nothing. Tokens and money are those of the requests."""
    provider = openai()
    outcome = run(workflow)
    first = outcome["vectors"]
    assert (first.shape, first.dtype, len(provider.effects())) == ((10, 256), np.float32, 3)
    node = next(row for row in outcome.report.nodes if row.name == "vectors")
    assert (node.spent.calls, node.spent.unpriced) == (3, 0)
    assert node.spent.input_tokens == sum(effect.input_tokens for effect in provider.effects())
    stored = workflow.store.report(outcome.run_id)
    assert next(row for row in stored.nodes if row.name == "vectors").spent == node.spent

    workflow.namespace["texts"] = ["new", *workflow.namespace["texts"], "text number 3"]
    outcome = run(workflow)
    assert len(provider.effects()) == 4
    assert provider.effects()[-1].prompt == "new"
    assert (outcome["vectors"][1:11] == first).all()
    assert (outcome["vectors"][11] == first[3]).all()
    third = run(workflow)
    assert (did(third), outcome.warnings, third.warnings) == ({"vectors": "hit"}, (), ()), workflow.why("vectors")
    assert len(provider.effects()) == 4


def test_one_text(lab: Lab) -> None:
    """A text gives a row; the offline model needs no key."""
    outcome = run(lab.cells({"one": "await wfkit.embed('the sea', model='offline', dimensions=8)"}, {"wfkit": wfkit}))
    assert (outcome["one"].shape, outcome["one"].dtype) == ((8,), np.float32)


def test_failures(workflow: Workflow, openai: Any) -> None:
    """A batch that fails is asked again by itself; one that fails for good fails the node, and what the others brought
    is kept for the next run."""
    provider = openai(faults=Faults(script=("500", "ok", "400"), retry_after_s=0.0))
    workflow.config("concurrency", 1)
    outcome = run(workflow)
    assert outcome.failures[0].failure.kind is FailureKind.INVALID_REQUEST
    sent = len(provider.effects())
    assert sent == 4
    run(workflow)
    assert len(provider.effects()) == sent + 1


def test_budget(workflow: Workflow, openai: Any) -> None:
    """A budget holds for vectors: the worst case is known before they are asked."""
    provider = openai()
    workflow.config("max_usd", 0.0000001)
    outcome = run(workflow)
    assert outcome.status == RunState.BUDGET_STOPPED
    assert provider.effects() == []


def test_recorded_and_replayed(
    workflow: Workflow, openai: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cassette has a vector a text: it replays without a key, also in other batches."""
    provider, tape = openai(), str(tmp_path / "tape.jsonl")
    first = run(workflow, record=tape)["vectors"]
    monkeypatch.delenv("OPENAI_API_KEY")
    sent = len(provider.effects())
    other = Lab(tmp_path / "other")
    again = other.cells({"vectors": "await wfkit.embed(texts[2:5] + texts)"}, dict(workflow.namespace))
    outcome = run(again, replay=tape)
    assert (outcome["vectors"][3:] == first).all()
    assert (len(provider.effects()), outcome.unused_recordings) == (sent, 0)
    other.close()


@pytest.mark.parametrize(
    ("texts", "said", "problem"),
    [
        (["a", ""], {}, "text 1 is empty"),
        (["a", None], {}, "text 1 is no text but NoneType"),
        (3, {}, "a text or a list of texts, not int"),
        ("a", {"dimensions": 0}, "`dimensions` .argument. must be a whole number from 1"),
        ("a", {"size": 3}, "unknown option `size`"),
    ],
)
def test_bad_texts(
    workflow: Workflow, monkeypatch: pytest.MonkeyPatch, texts: Any, said: dict[str, Any], problem: str
) -> None:
    """What has no vector is refused where it is said, before anything is sent."""
    monkeypatch.setattr("wfkit.public._current", [workflow])
    with pytest.raises((UsageFault, OptionError), match=problem):
        wfkit.embed(texts, **said)
