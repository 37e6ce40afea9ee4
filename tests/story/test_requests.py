"""How often a question is asked: retries, corrections and other models together, judged by the provider's own books."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from wfkit import Workflow, prompt
from wfkit.core.terms import FailureKind
from wfkit.errors import DefinitionError
from wfkit.llm.provider import Behaviour, Effect, Faults, Provider

SCHEMA = {"type": "object", "properties": {"label": {"enum": ["good", "bad"]}}, "required": ["label"]}
FIRST, SECOND = "openai/gpt-4o-mini", "openai/gpt-4o"


def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faults: Faults, **options: Any) -> tuple[Any, list[Effect]]:
    """A prompt over ten items against these faults: the outcome, and what the provider saw."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with Provider(Behaviour(faults=faults)) as provider:
        monkeypatch.setenv("OPENAI_API_BASE", provider.url)
        workflow = Workflow("requests", store=tmp_path / ".wfkit", namespace={})
        given: dict[str, Any] = {"model": FIRST, "schema": SCHEMA, "on_error": "keep", **options}
        workflow.add(prompt("label", "Label: {{ item }}", each="item in items", **given))
        outcome = workflow.run("label", inputs={"items": [f"number {n} is good" for n in range(10)]})
        outcome.values()
        workflow.close()
        return outcome, provider.effects()


@pytest.mark.parametrize("retries", [0, 1, 2])
@pytest.mark.parametrize("repairs", [0, 2])
@pytest.mark.parametrize("fallback", [(), (SECOND,)])
@pytest.mark.parametrize("seed", [1, 2])
def test_never_more_than_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, retries: int, repairs: int, fallback: tuple[str, ...], seed: int
) -> None:
    """However retries, corrections and fallbacks nest: at most one request and one for each of them, a question."""
    faults = Faults({"500": 0.3, "not_json": 0.4, "429": 0.2}, retry_after_s=0.0, seed=seed)
    options: dict[str, Any] = {"retries": retries, "repairs": repairs}
    options |= {"fallback": list(fallback)} if fallback else {}
    _, effects = asked(tmp_path, monkeypatch, faults, **options)
    assert len(effects) <= 10 * (1 + retries + repairs + len(fallback))
    assert len(effects) >= 10


@pytest.mark.parametrize("retries", [1, 2])
def test_hedges_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, retries: int) -> None:
    """A request that is sent a second time because it is late takes the place of a retry."""
    faults = Faults({"500": 0.3, "not_json": 0.3, "429": 0.2}, retry_after_s=0.0, seed=3)
    options: dict[str, Any] = {"retries": retries, "repairs": 1, "fallback": {"default": [SECOND]}, "hedge": "0.001s"}
    _, effects = asked(tmp_path, monkeypatch, faults, **options)
    assert 10 < len(effects) <= 10 * (1 + retries + 1 + 1)


@pytest.mark.parametrize("status", ["400", "422"])
def test_wrong_requests_are_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    """What is wrong with a request stays wrong: it is sent once, and to no other model."""
    outcome, effects = asked(tmp_path, monkeypatch, Faults({status: 1.0}), retries=3, repairs=2, fallback=[SECOND])
    assert len(effects) == 10
    assert {failure.failure.kind for failure in outcome.failures} == {FailureKind.INVALID_REQUEST}


def test_the_next_model_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is not there is asked once a question, then the next one answers; the result says which."""
    faults = Faults(models={"gpt-4o-mini": {"404": 1.0}})
    outcome, effects = asked(tmp_path, monkeypatch, faults, fallback=[SECOND], retries=2)
    assert outcome.status == "success", outcome.failures
    assert Counter(effect.model for effect in effects) == {"gpt-4o-mini": 10, "gpt-4o": 10}


def test_a_model_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain that comes back to a model is refused before anything runs."""
    with pytest.raises(DefinitionError, match="falls back to itself"):
        asked(tmp_path, monkeypatch, Faults(), fallback=[FIRST])
