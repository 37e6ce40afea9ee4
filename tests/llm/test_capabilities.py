"""What a model can do is what litellm says it can, for every model of its file; what the user says goes first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from wfkit.core.call import Message, Request, Tool
from wfkit.core.capabilities import Capabilities
from wfkit.llm import capabilities, door, prices
from wfkit.llm.native_schema import takes_schema

# litellm asks a local server what these can do, and gives up where none answers
_ASKED_LIVE = ("lemonade/", "ollama/", "ollama_chat/")
# litellm takes these for another provider's, or for older ones whose names begin alike
_MISTAKEN = frozenset({"azure/mistral-large-latest", "perplexity/perplexity/sonar"}) | {
    f"fireworks_ai/accounts/fireworks/models/qwen2p5-coder-32b-instruct-{size}" for size in ("32k-rope", "64k", "128k")
}


@pytest.fixture(autouse=True)
def _no_own_entries() -> Iterator[None]:
    yield
    prices.use({})


@pytest.fixture(scope="module")
def litellm() -> Any:
    return asyncio.run(door.litellm_loaded())


@pytest.fixture(scope="module")
def models(litellm: Any) -> dict[str, Capabilities]:
    """Every chat model of the file that litellm can send to a provider."""
    return {
        model: can
        for model, can in capabilities.listed()
        if can.kind == "chat" and not model.startswith(_ASKED_LIVE) and _is_routed(litellm, model)
    }


def _is_routed(litellm: Any, model: str) -> bool:
    if model.startswith(("github_copilot/", "chatgpt/")):
        return False  # litellm would begin a log-in
    try:
        litellm.get_llm_provider(model=model)
    except litellm.BadRequestError:
        return False
    return True


@pytest.mark.parametrize("what", ["schema", "tools", "vision"])
def test_as_litellm_says(litellm: Any, models: dict[str, Capabilities], what: str) -> None:
    """Of more than three thousand chat models each does what litellm says it does, without asking litellm."""
    names = {"schema": "response_schema", "tools": "function_calling", "vision": "vision"}
    says: Callable[..., bool] = getattr(litellm, f"supports_{names[what]}")
    assert len(models) > 3000
    differ = {model for model, can in models.items() if getattr(can, what) != says(model=model)}
    assert differ <= (_MISTAKEN if what == "tools" else set())


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("parameter", ["temperature", "top_p"])
def test_sampling_as_litellm_does(litellm: Any, models: dict[str, Capabilities], provider: str, parameter: str) -> None:
    """Who refuses a temperature or top_p is who litellm would refuse to send one to."""

    def taken(model: str) -> bool:
        try:
            litellm.utils.get_optional_params(model=model, custom_llm_provider=provider, **{parameter: 0.5})
        except litellm.utils.UnsupportedParamsError:
            return False
        return True

    mine = {model: can for model, can in models.items() if model.startswith(f"{provider}/")}
    assert {model for model, can in mine.items() if can.sampling is not taken(model.partition("/")[2])} == set()
    assert {can.sampling for can in mine.values()} == {True, False}


def test_worst_case_prices_as_litellm(litellm: Any, models: dict[str, Capabilities]) -> None:
    """The most that a call may cost is at least what litellm would bill for these tokens, and equal where a model has
    one price for them."""
    request = Request("", (Message("user", "x" * 1000),), (("max_tokens", 500),))
    equal, compared = 0, 0
    for model, can in models.items():
        usd, tokens = prices.worst_case(Request(model, request.messages, request.params))
        if usd is None or can.input_usd is None or tokens is None:
            continue
        try:
            sides = litellm.cost_per_token(model=model, prompt_tokens=tokens - 500, completion_tokens=500)
        except (litellm.exceptions.BadRequestError, litellm.exceptions.ModelNotMappedError):
            continue  # litellm has no way to price some of its own models
        billed = Decimal(str(round(sum(sides), 9)))
        compared += 1
        equal += abs(billed - usd) <= Decimal("2e-9")
        assert usd >= billed - Decimal("2e-9"), model
    assert compared > 2000
    assert equal / compared > 0.98


def test_what_the_user_says_goes_first() -> None:
    """An entry of the user's is the answer; what it leaves open is the file's, but prices are not mixed."""
    assert capabilities.of("openai/not-known") is None
    assert not takes_schema("openai/not-known")
    said = Capabilities(schema=True, context_tokens=32_000, input_usd=Decimal("0.5"), output_usd=Decimal(1))
    prices.declare((), (("openai/not-known", said), ("openai/gpt-4o-mini", Capabilities(input_usd=Decimal(9)))))
    mine = capabilities.of("openai/not-known")
    assert mine is not None
    assert (mine.schema, mine.context_tokens, mine.input_usd) == (True, 32_000, Decimal("0.5"))
    assert takes_schema("openai/not-known")
    changed = capabilities.of("openai/gpt-4o-mini")
    assert changed is not None
    assert (changed.input_usd, changed.cached_usd, changed.context_tokens) == (Decimal(9), None, 128_000)


def test_a_schema_beside_tools() -> None:
    """Only OpenAI's models take both at once; to others that are given tools the schema is told in words."""
    for model in ("openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash"):
        assert takes_schema(model)
        assert takes_schema(model, beside_tools=True) is model.startswith("openai/")
    told = Request("gemini/gemini-2.5-flash", (Message("user", "hi"),), schema="{}", tools=(Tool("f", "", "{}"),))
    assert door.as_sent(told).schema is None


def test_each_model_is_listed_once() -> None:
    """By the name under which it is asked, the user's own first."""
    prices.declare((), (("mine/one", Capabilities()),))
    names = [model for model, _ in capabilities.listed()]
    assert names[0] == "mine/one"
    assert len(names) == len(set(names))
    assert {"openai/gpt-5-mini", "anthropic/claude-sonnet-4-5", "openai/text-embedding-3-small"} <= set(names)
    assert all("/" in name for name in names)
