"""Money: a run spends no more than it is allowed, judged by the provider's own books, and says what stopped it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from wfkit import Workflow, prompt
from wfkit.core.terms import FailureKind
from wfkit.errors import BudgetRefused
from wfkit.llm import prices
from wfkit.llm.provider import Behaviour, Effect, Faults, Provider

pytestmark = pytest.mark.usefixtures("noon")
MODEL = "openai/gpt-4o-mini"
ITEMS = [f"Item {number} is here." for number in range(60)]


@contextmanager
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour) -> Iterator[tuple[Workflow, Provider]]:
    """A workflow whose model is a provider on this machine."""
    with Provider(behaviour) as provider:
        monkeypatch.setenv("OPENAI_API_BASE", provider.url)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        workflow = Workflow("money", store=tmp_path / ".wfkit", namespace={})
        try:
            yield workflow, provider
        finally:
            workflow.close()


def label(**options: Any) -> Any:
    options = {"model": MODEL, "max_tokens": 20, "retries": 0, "on_error": "keep", **options}
    return prompt("label", "Say it again: {{ item }}", each="item in items", **options)


def billed(effects: list[Effect]) -> Decimal:
    """What the provider would bill, by its own count and the list price."""
    entry = prices.price(MODEL)
    assert entry is not None
    rates = [Decimal(str(entry[f"{side}_cost_per_token"])) for side in ("input", "output")]
    return sum((each.input_tokens * rates[0] + each.output_tokens * rates[1] for each in effects), Decimal(0))


@pytest.mark.parametrize("concurrency", [1, 8, 50])
@pytest.mark.parametrize("whose", ["run", "node", "day"])
def test_no_run_spends_more_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, concurrency: int, whose: str
) -> None:
    """With calls at once, repairs and failures: the bill stays within the budget; what was paid is kept, the rest is
    refused in clear words, and a run with more money buys only the rest."""
    limit = Decimal("0.00015")
    faults = Faults({"500": 0.1, "renamed": 0.1}, seed=concurrency)
    with world(tmp_path, monkeypatch, Behaviour(latency_s=0.005, faults=faults)) as (workflow, provider):
        workflow.config("concurrency", concurrency)
        setting = {"run": "max_usd", "day": "max_usd_per_day"}.get(whose)
        if setting is not None:
            workflow.config(setting, float(limit))
        workflow.add(label(max_usd=float(limit)) if whose == "node" else label())
        outcome = workflow.run("label", inputs={"items": ITEMS})
        first = provider.effects()
        assert 0 < billed(first) <= limit
        assert outcome.status == "budget_stopped"
        refused = [each.failure for each in outcome.failures if each.failure.kind is FailureKind.BUDGET]
        assert refused
        assert all("budget" in failure.message and "max_tokens" in failure.message for failure in refused)
        assert outcome.cost_usd is None or Decimal(str(outcome.cost_usd)) <= limit
        if setting is not None:
            workflow.config(setting, 1.0)
        workflow.add(label(max_usd=1.0) if whose == "node" else label())
        again = workflow.run("label", inputs={"items": ITEMS})
        assert again.status in {"success", "partial"}
        paid = {effect.messages for effect in first if effect.status == 200}
        assert not paid & {effect.messages for effect in provider.effects()[len(first) :]}


def test_two_at_once_share_the_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workflows that run at the same time spend what the day allows together, not each."""
    limit = Decimal("0.0002")
    with world(tmp_path, monkeypatch, Behaviour(latency_s=0.01)) as (workflow, provider):
        other = Workflow("other", store=tmp_path / ".wfkit", namespace={})
        try:
            for each in (workflow, other):
                each.config("max_usd_per_day", float(limit))
                each.add(label())
            with ThreadPoolExecutor(2) as threads:
                runs = [
                    threads.submit(each.run, "label", inputs={"items": [f"{item} {number}" for item in ITEMS]})
                    for number, each in enumerate((workflow, other))
                ]
            assert {run.result().status for run in runs} == {"budget_stopped"}
            assert limit * Decimal("0.8") < billed(provider.effects()) <= limit
        finally:
            other.close()


@pytest.mark.parametrize("setting", ["max_tokens_per_run", "max_tokens_per_day"])
def test_no_run_uses_more_tokens_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    """A budget of tokens holds as one of money does, by the provider's count; the next run of a day goes on with what
    is left, and models that cost nothing are not counted."""
    with world(tmp_path, monkeypatch, Behaviour(latency_s=0.005)) as (workflow, provider):
        workflow.config("concurrency", 50)
        workflow.config(setting, 900)
        workflow.add(label())
        for _ in range(2 if setting == "max_tokens_per_day" else 1):
            outcome = workflow.run("label", inputs={"items": ITEMS})
            assert outcome.status == "budget_stopped"
            assert "it allows 900 tokens" in outcome.failures[0].failure.message
            assert 0 < sum(each.input_tokens + each.output_tokens for each in provider.effects()) <= 900
        workflow.add(label(model="offline"))
        assert workflow.run("label", inputs={"items": ITEMS}).status == "success"


def test_one_call_may_be_bounded_in_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that may use more tokens than one call is allowed is refused before it is sent."""
    with world(tmp_path, monkeypatch, Behaviour()) as (workflow, provider):
        workflow.config("max_tokens_per_call", 30)
        workflow.add(label())
        with pytest.raises(BudgetRefused, match="the budget of one call does not allow this call: it allows 30 tokens"):
            workflow.run("label", inputs={"items": ITEMS})
        assert provider.effects() == []


def test_a_model_without_a_price(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a budget a model whose price is not known is refused before a request, unless it is allowed."""
    with world(tmp_path, monkeypatch, Behaviour()) as (workflow, provider):
        workflow.config("max_usd", 1.0)
        workflow.add(label(model="openai/a-model-nobody-knows"))
        outcome = workflow.run("label", inputs={"items": ITEMS})
        assert outcome.status == "budget_stopped"
        assert "allow_unpriced" in outcome.failures[0].failure.message
        assert provider.effects() == []
        workflow.add(label(model="openai/a-model-nobody-knows", allow_unpriced=True))
        assert workflow.run("label", inputs={"items": ITEMS}).status == "success"


def test_an_empty_quota_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the provider's quota is used up, what was paid is kept, nothing more is sent, and the run says why."""
    faults = Faults(script=(*["ok"] * 10, "quota"), rates={"quota": 1.0})
    with world(tmp_path, monkeypatch, Behaviour(latency_s=0.005, faults=faults)) as (workflow, provider):
        workflow.config("concurrency", 4)
        workflow.add(label(retries=2))
        outcome = workflow.run("label", inputs={"items": ITEMS})
        assert outcome.status == "budget_stopped"
        assert {failure.failure.kind for failure in outcome.failures} == {FailureKind.QUOTA}
        assert len(outcome.failures) == 50
        assert len(provider.effects()) <= 10 + 4
