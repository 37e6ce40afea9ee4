"""Bad input about models, as a user of a notebook meets it: a clear error before any request is sent or money spent.

Judged by the provider's own books: its log of effects holds no request.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.engine.lab import Lab
from wfkit import Workflow
from wfkit.errors import (
    BudgetRefused,
    DefinitionError,
    KeyMissing,
    ModelUnavailable,
    OptionError,
    TemplateError,
    WfkitError,
)
from wfkit.llm.provider import Behaviour, Effect, Provider

LONG = "many words of a long text that does not end " * 20_000
ITEMS = [f"item {number}" for number in range(1000)]


@contextmanager
def world(monkeypatch: pytest.MonkeyPatch, key: str | None = "none") -> Iterator[Provider]:
    """A provider on this machine that OpenAI's models go to."""
    with Provider(Behaviour()) as provider:
        monkeypatch.setenv("OPENAI_API_BASE", provider.url)
        if key is not None:
            monkeypatch.setenv("OPENAI_API_KEY", key)
        yield provider


def refused(lab: Lab, line: str, body: str, names: dict[str, Any] | None = None, **config: Any) -> WfkitError:
    """What a run of one cell is refused with. No run was begun; the plan says the same, and raises nothing."""
    workflow = lab.cells({line: body}, names or {})
    for name, value in config.items():
        workflow.config(name, value)
    with pytest.raises(WfkitError) as caught:
        workflow.run()
    assert workflow.store.runs() == []
    assert str(caught.value).startswith("node 'm': ")
    told = " ".join(workflow.plan().text().split())
    assert " ".join(str(caught.value).removeprefix("node 'm': ").split())[:60] in told
    return caught.value


OURS = "m --model openai/gpt-4o-mini"
BAD: dict[str, tuple[str, type[WfkitError], str]] = {
    "missing key": ("m --model anthropic/claude-sonnet-4-5", KeyMissing, "variable ANTHROPIC_API_KEY"),
    "unknown model": ("m --model anthropic/claude-sonet-4-5", ModelUnavailable, "to it: anthropic/claude-sonnet-4-5"),
    "unknown provider": ("m --model opnai/gpt-4o-mini", ModelUnavailable, "near to it: openai/gpt-4o-mini"),
    "unknown fallback": (f"{OURS} --fallback gemni/x", ModelUnavailable, "unknown provider 'gemni'"),
    "too many tokens": (f"{OURS} --max-tokens 20000", OptionError, "at most 16,384 tokens"),
    "temperature": ("m --model openai/gpt-5-mini --temperature 0.2", OptionError, "takes no temperature but 1"),
    "top_p": ("m --model openai/o3 --top-p 0.5", OptionError, "takes no top_p but 1"),
    "embedding": ("m --model openai/text-embedding-3-small", OptionError, "makes embeddings and answers no prompts"),
    "budget of zero": (f"{OURS} --max-tokens 9 --max-usd 0", BudgetRefused, "allows 0 US dollars"),
    "budget below a call": (
        f"{OURS} --max-tokens 900 --max-usd 0.0001",
        BudgetRefused,
        "one call may cost up to 0.0005",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_map_of_a_thousand_does_not_begin(case: str, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong name, key, parameter or budget: the error names the node, what is wrong and what to do."""
    line, kind, told = BAD[case]
    with world(monkeypatch) as provider:
        error = refused(lab, line, "#| each: item in items\nAbout {{ item }}", {"items": ITEMS})
        assert isinstance(error, kind)
        assert told in str(error)
        assert provider.effects() == []


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("max_usd", 0.0000001, "the budget of the run"),
        ("max_usd_per_call", 0.0000001, "the budget of one call"),
        ("max_usd_per_day", 0.0000001, "the budget of today"),
        ("max_tokens_per_run", 9, "the budget of the run does not allow this call: it allows 9 tokens"),
    ],
)
def test_a_budget_below_one_call(
    setting: str, value: float, told: str, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever's budget it is: what one call may cost stands beside what it allows; exit code 4."""
    with world(monkeypatch) as provider:
        error = refused(lab, "m --model openai/gpt-4o-mini", "Say it", **{setting: value})
        assert isinstance(error, BudgetRefused)
        assert told in str(error)
        assert "one call may" in str(error)
        assert error.exit_code == 4
        assert provider.effects() == []


def test_a_budget_below_one_call_of_a_later_node(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told before the nodes above are paid for; a map that may have no items is let begin."""
    drafted = {"drafts --model openai/gpt-4o-mini": "#| each: item in items\nDraft {{ item }}"}
    later = "m --model openai/gpt-4o-mini --max-tokens 900 --max-usd 0.0001"
    with world(monkeypatch) as provider:
        workflow = lab.cells({**drafted, later: "#| each: draft in drafts\nMend {{ draft }}"}, {"items": ITEMS[:2]})
        with pytest.raises(BudgetRefused, match=r"node 'm': the budget .* one call may cost up to 0\.0005"):
            workflow.run()
        assert provider.effects() == []
        outcome = lab.cells({"none": "[]", later: "#| each: it in none\nMend {{ it }}"}).run()
        assert (outcome.status, provider.effects()) == ("success", [])


def test_a_budget_of_zero_is_told_where_it_is_set(lab: Lab) -> None:
    """Zero is no budget but a mistake: the message says how to have none."""
    with pytest.raises(WfkitError, match=r"'max_usd' in config must be a number above 0 \(none: no limit\), not 0"):
        lab.cells({"a": "1"}).config("max_usd", 0)


def test_a_missing_key_of_openai(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a server of one's own any text is a key, and the message says so."""
    with world(monkeypatch, key=None) as provider:
        error = refused(lab, "m --model openai/gpt-4o-mini", "Say it")
        assert "OPENAI_API_KEY (any text will do for a server of your own)" in str(error)
        assert provider.effects() == []


@pytest.mark.parametrize("fallback", ["openai/gpt-4o-mini", "openai/o3, openai/o3"])
def test_a_chain_names_each_model_once(fallback: str, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that falls back to itself, or stands twice in the chain, is told when the graph is made."""
    with world(monkeypatch) as provider:
        with pytest.raises(DefinitionError, match=r"(?i)once|twice|itself"):
            lab.cells({"m --model openai/gpt-4o-mini": f"#| fallback: {fallback}\nSay it"}).run()
        assert provider.effects() == []


def test_tools_on_a_model_without_tools(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which models call tools, and how to say that this one does."""

    def find(word: str) -> str:
        """Find a word."""
        return word

    with world(monkeypatch) as provider:
        error = refused(lab, "m --model openai/gpt-5-chat", "#| tools: [find]\nFind x", {"find": find})
        assert isinstance(error, OptionError)
        assert "not known to call tools" in str(error)
        assert "`%wf models --tools`" in str(error)
        assert provider.effects() == []


def test_a_prompt_over_the_context_window(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known when the run begins where its inputs are; the message has both numbers."""
    with world(monkeypatch) as provider:
        error = refused(lab, "m --model openai/gpt-4o-mini", "Sum up: {{ text }}", {"text": LONG})
        assert isinstance(error, TemplateError)
        assert "the prompt has at least 200,00" in str(error)
        assert "openai/gpt-4o-mini reads 128,000" in str(error)
        assert provider.effects() == []


def test_a_long_prompt_that_only_the_run_can_see(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text comes from a node: the task fails before its request is sent, and is not tried again."""
    with world(monkeypatch) as provider:
        cells = {"text": "'many words ' * 200_000", "m --model openai/gpt-4o-mini": "Sum up: {{ text }}"}
        outcome = lab.cells(cells).run()
        assert outcome.status in {"failed", "partial"}
        assert "at least 400,00" in outcome.failures[0].failure.message
        assert outcome.report.run.spent.calls == 0
        assert provider.effects() == []


def test_one_long_item_of_a_map_that_keeps(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `on_error: keep` the long item is a hole, and the others are answered; the plan says it before."""
    with world(monkeypatch) as provider:
        body = "#| each: text in texts\n#| on_error: keep\nSum up: {{ text }}"
        workflow = lab.cells({"m --model openai/gpt-4o-mini": body}, {"texts": ["short", LONG, "brief"]})
        assert "1 of 3 prompts: the prompt has at least" in " ".join(workflow.plan().text().split())
        outcome = workflow.run()
        assert len(outcome["m"].failures) == 1
        assert len(provider.effects()) == 2


def test_below_a_node_that_must_run(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prompt that waits for another, and can never be asked, stops the run before the first one is paid."""
    with world(monkeypatch) as provider:
        cells = {
            "first --model openai/gpt-4o-mini": "Say it",
            "m --model anthropic/claude-sonnet-4-5": "On: {{ first }}",
        }
        with pytest.raises(ModelUnavailable, match=r"node 'm': .*ANTHROPIC_API_KEY"):
            lab.cells(cells).run()
        assert provider.effects() == []


def answered(provider: Provider) -> list[Effect]:
    return [effect for effect in provider.effects() if effect.status == 200]


def test_what_is_answered_needs_no_key(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results and replies that are there are used without a key, also by a node of another name."""
    with world(monkeypatch) as provider:
        assert lab.cells({"m --model openai/gpt-4o-mini": "Say it"}).run().status == "success"
        monkeypatch.delenv("OPENAI_API_KEY")
        assert lab.cells({"m --model openai/gpt-4o-mini": "Say it"}).run().status == "success"
        assert lab.cells({"other --model openai/gpt-4o-mini": "Say it"}).run().status == "success"
        assert len(answered(provider)) == 1


def test_a_fallback_without_a_key_is_a_warning(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run goes on with the first model and says that it cannot fall back."""
    with world(monkeypatch) as provider:
        line = "m --model openai/gpt-4o-mini --fallback anthropic/claude-sonnet-4-5"
        outcome = lab.cells({line: "Say it"}).run()
        assert outcome.status == "success"
        assert any("ANTHROPIC_API_KEY" in warning for warning in outcome.warnings)
        assert len(answered(provider)) == 1


def test_the_user_knows_better(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the user says of a model in the settings goes before the price file, as the message tells; a mended input
    is looked at anew, also after a plan."""
    with world(monkeypatch) as provider:
        workflow = lab.cells({"m --model openai/gpt-4o-mini --max-tokens 20000": "Say it"})
        with pytest.raises(OptionError, match=r"max_output_tokens = 20000` under \[tool.wfkit.models"):
            workflow.run()
        workflow.config("models", {"openai/gpt-4o-mini": {"max_output_tokens": 20_000}})
        assert workflow.run().status == "success"
        workflow = mended(lab)
        assert workflow.run(inputs={"text": "short"}).status == "success"
        assert len(answered(provider)) == 2


def mended(lab: Lab) -> Workflow:
    """A workflow whose text was too long in a plan, and in a run."""
    workflow = lab.cells({"m --model openai/gpt-4o-mini": "Sum up: {{ text }}"}, {"text": LONG})
    assert "at least" in workflow.plan().text()
    with pytest.raises(TemplateError):
        workflow.run()
    return workflow
