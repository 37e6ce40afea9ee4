"""A model that cannot be asked is told before any call: provider, name or key, with what to do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fresh import printed
from wfkit.errors import ModelUnavailable
from wfkit.llm import prices
from wfkit.llm.client import check_model
from wfkit.llm.fake import Script

KEYS = {"OPENAI_API_KEY": "x", "ANTHROPIC_API_KEY": "x", "GEMINI_API_KEY": "x"}


@pytest.fixture(autouse=True)
def _no_own_prices() -> Iterator[None]:
    yield
    prices.use({})


@pytest.mark.parametrize(
    ("model", "env"),
    [
        ("offline", {}),
        ("offline/anything", {}),
        ("openai/gpt-4o-mini", KEYS),
        ("gpt-4o-mini", KEYS),
        ("openai/gpt-4o-mini-2024-07-18", KEYS),
        ("anthropic/claude-sonnet-4-5", KEYS),
        ("gemini/gemini-2.5-pro", KEYS),
        ("gemini/gemini-2.5-pro", {"GOOGLE_API_KEY": "x"}),
        ("openai/my-own-model", {"OPENAI_API_KEY": "x", "OPENAI_API_BASE": "http://localhost:1"}),
        ("ollama/llama3", {}),
        ("azure/my-deployment", {"AZURE_API_KEY": "x", "AZURE_API_BASE": "http://localhost:1"}),
        ("openrouter/anthropic/claude-sonnet-4.5", {"OPENROUTER_API_KEY": "x"}),
        ("hosted_vllm/me/model", {"HOSTED_VLLM_API_BASE": "http://localhost:1"}),
    ],
)
def test_available(model: str, env: dict[str, str]) -> None:
    """What can be asked passes: with a key, without one where none is needed, under free names and own servers."""
    check_model(model, env)


@pytest.mark.parametrize(
    ("model", "env", "told"),
    [
        ("openai/gpt-4o-mini", {}, "OPENAI_API_KEY"),
        ("gpt-4o-mini", {}, "OPENAI_API_KEY"),
        ("anthropic/claude-sonnet-4-5", {"OPENAI_API_KEY": "x"}, "ANTHROPIC_API_KEY"),
        ("openai/x", {"OPENAI_API_BASE": "http://localhost:1"}, "any text will do"),
        ("azure/x", {"AZURE_API_KEY": "x"}, "AZURE_API_BASE"),
        ("bedrock/x", {}, "AWS_ACCESS_KEY_ID"),
        ("publicai/x", {}, "PUBLICAI_API_KEY"),
        ("openai/gpt-4o-minni", KEYS, "openai/gpt-4o-mini"),
        ("anthropic/claude-sonet-4-5", KEYS, "anthropic/claude-sonnet-4-5"),
        ("gpt-4o-minni", KEYS, "openai/gpt-4o-mini"),
        ("opnai/gpt-4o-mini", KEYS, "openai/gpt-4o-mini"),
        ("ofline", KEYS, "offline"),
        ("", KEYS, "unknown model"),
        ("fake/nobody", {}, "no script named 'nobody'"),
    ],
)
def test_unavailable(model: str, env: dict[str, str], told: str) -> None:
    """The message names the variable that is missing, or the names that are near."""
    with pytest.raises(ModelUnavailable) as caught:
        check_model(model, env)
    assert told in str(caught.value)


def test_declared_model() -> None:
    """A model newer than the price file is known once the user gives its price."""
    with pytest.raises(ModelUnavailable, match="give its price"):
        check_model("openai/brand-new", KEYS)
    prices.use({"openai/brand-new": {"input_cost_per_token": 1, "output_cost_per_token": 1}})
    check_model("openai/brand-new", KEYS)


def test_scripts_are_available() -> None:
    """A scripted model is there as long as its script is registered."""
    with Script(name="here"):
        check_model("fake/here", {})


def test_without_litellm() -> None:
    """The usual providers are checked without importing litellm."""
    code = (
        "from wfkit.llm.client import check_model; check_model('openai/gpt-4o-mini', {'OPENAI_API_KEY': 'x'});"
        "import sys; print('litellm' in sys.modules)"
    )
    assert printed(code) == ["False"]
