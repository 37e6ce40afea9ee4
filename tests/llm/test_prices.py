"""Money: the right rate for each kind of token, and None where something is not known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.fresh import printed
from wfkit.core.call import Message, Request, Tool, Usage
from wfkit.core.terms import CostSource, UsageSource
from wfkit.llm import price_file, prices

SENT = UsageSource.PROVIDER


@pytest.fixture(autouse=True)
def _no_own_prices() -> Iterator[None]:
    yield
    prices.use({})


def usd(model: str, usage: Usage, asked: str | None = None) -> Decimal | None:
    return prices.cost(model, usage, asked).usd


def test_list_price() -> None:
    """Input and output at their own rates, exact to a billionth of a dollar."""
    cost = prices.cost("gpt-4o-mini", Usage(1000, 500, source=SENT), "openai/gpt-4o-mini")
    assert (cost.input_usd, cost.output_usd) == (Decimal("0.00015"), Decimal("0.0003"))
    assert (cost.usd, cost.source) == (Decimal("0.00045"), CostSource.LOCAL)


def test_cached_and_written_tokens() -> None:
    """Tokens read from or written to a prompt cache have their own rates and are part of the input."""
    assert usd("gpt-4o-mini", Usage(1000, 500, 800, source=SENT), "openai/gpt-4o-mini") == Decimal("0.00039")
    assert usd("claude-sonnet-4-5", Usage(1000, 0, 300, 500, source=SENT), "anthropic/claude-sonnet-4-5") == Decimal(
        "0.002565"
    )


def test_reasoning_tokens() -> None:
    """Reasoning has its own rate where the provider has one, else that of output; it is part of the output."""
    prices.use({"a": {"input_cost_per_token": 1, "output_cost_per_token": 2, "output_cost_per_reasoning_token": 5}})
    assert usd("a", Usage(1, 10, reasoning_output_tokens=4, source=SENT)) == 1 + 6 * 2 + 4 * 5
    prices.use({"a": {"input_cost_per_token": 1, "output_cost_per_token": 2}})
    assert usd("a", Usage(1, 10, reasoning_output_tokens=4, source=SENT)) == 1 + 10 * 2


def test_tiers() -> None:
    """Above a threshold of input the higher price holds for the whole call, in both spellings of the file."""
    low, high = Usage(200_000, 1, source=SENT), Usage(200_001, 1, source=SENT)
    assert prices.cost("gemini-2.5-pro", low, "gemini/gemini-2.5-pro").input_usd == Decimal("0.25")
    assert prices.cost("gemini-2.5-pro", high, "gemini/gemini-2.5-pro").input_usd == Decimal("0.5000025")
    tiers = [
        {"range": [0, 1000], "input_cost_per_token": 1, "output_cost_per_token": 1},
        {"range": [1000, 9000], "input_cost_per_token": 2, "output_cost_per_token": 3},
    ]
    prices.use({"a": {"tiered_pricing": tiers}})
    assert usd("a", Usage(1000, 1, source=SENT)) == 1001
    assert usd("a", Usage(2000, 1, source=SENT)) == 4003


@pytest.mark.parametrize(
    ("answered", "asked", "known"),
    [
        ("gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini", True),
        ("gpt-4o-mini", "gpt-4o-mini", True),
        ("gpt-4o-mini-2031-01-01", "openai/gpt-4o-mini", True),
        ("openai/gpt-4o-mini", "openai/gpt-4o-mini", True),
        ("claude-sonnet-4-5-20310101", "anthropic/claude-sonnet-4-5", True),
        ("gpt-4o-mega", "openai/gpt-4o", False),
        ("another-model", "openai/gpt-4o", False),
        ("gpt-4o", "hosted_vllm/my-model", False),
        ("my-model", "hosted_vllm/my-model", False),
    ],
)
def test_who_is_priced(answered: str, asked: str, known: bool) -> None:
    """The model that answered is priced; the one asked only lends its price to a dated variant of itself."""
    assert (usd(answered, Usage(10, 10, source=SENT), asked) is not None) is known


def test_answering_model_decides() -> None:
    """A cheaper model that answers in place of the one asked is charged at its own price."""
    usage = Usage(1000, 500, source=SENT)
    assert usd("gpt-4o-mini", usage, "openai/gpt-4o") == usd("gpt-4o-mini", usage, "openai/gpt-4o-mini")


def test_unknown_is_none() -> None:
    """No tokens, no price, no output price: None, never 0."""
    assert usd("gpt-4o-mini", Usage()) is None
    assert usd("gpt-4o-mini", Usage(10, None, source=SENT)) is None
    prices.use({"a": {"input_cost_per_token": 1}})
    assert prices.cost("a", Usage(10, 10, source=SENT)).source is CostSource.UNKNOWN


def test_a_region_has_its_own_price() -> None:
    """A model that is asked in a region is priced there, although it answers under its plain name."""
    usage = Usage(1000, 500, source=SENT)
    assert usd("gpt-4o-2024-08-06", usage, "azure/eu/gpt-4o-2024-08-06") == Decimal("0.00825")
    assert usd("gpt-4o-2024-08-06", usage, "azure/gpt-4o-2024-08-06") == Decimal("0.0075")


def test_cheaper_at_night() -> None:
    """A price that depends on the hour is an estimate: the one by day, which is the higher."""
    night = {"input_cost_per_token": "0.5"}
    prices.use({"a": {"input_cost_per_token": 1, "output_cost_per_token": 1, "off_peak_pricing": night}})
    cost = prices.cost("a", Usage(10, 10, source=SENT))
    assert (cost.usd, cost.source) == (20, CostSource.ESTIMATED)


@pytest.mark.slow
@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "xai", "mistral"])
def test_as_litellm(provider: str) -> None:
    """For every chat model of these providers, cached, written and reasoning tokens and long prompts included, the
    price is the one that litellm's own calculator gives."""
    import litellm
    from litellm.types.utils import CompletionTokensDetailsWrapper, PromptTokensDetailsWrapper
    from litellm.types.utils import Usage as Theirs

    names = [
        name
        for name, entry in price_file.entries().items()
        if entry.get("litellm_provider") == provider
        and entry.get("mode") == "chat"
        and entry.get("input_cost_per_token")
    ]
    assert len(names) > 5
    for name in names:
        model = name if "/" in name else f"{provider}/{name}"
        for sent, read, written, thought in ((5000, 0, 0, 0), (5000, 300, 200, 7), (250_000, 300, 200, 0)):
            theirs = Theirs(
                prompt_tokens=sent, completion_tokens=90, total_tokens=sent + 90, cache_read_input_tokens=read,
                cache_creation_input_tokens=written,
                prompt_tokens_details=PromptTokensDetailsWrapper(cached_tokens=read, cache_creation_tokens=written),
                completion_tokens_details=CompletionTokensDetailsWrapper(reasoning_tokens=thought),
            )  # fmt: skip
            expected = Decimal(str(sum(litellm.cost_per_token(model=model, usage_object=theirs))))
            ours = usd(name.rpartition("/")[2], Usage(sent, 90, read, written, thought, SENT), model)
            assert ours is not None, model
            assert abs(ours - expected) <= Decimal("3e-9") + expected * Decimal("1e-9"), (model, sent)


def test_own_prices_go_first() -> None:
    """A user's price holds under the name that is asked or the one that answers."""
    prices.use({"openai/gpt-4o-mini": {"input_cost_per_token": "0.5", "output_cost_per_token": 0}})
    assert usd("gpt-4o-mini", Usage(2, 1, source=SENT), "openai/gpt-4o-mini") == 1


def test_billed_by_the_provider() -> None:
    """What the provider says it billed is not computed again."""
    cost = prices.cost("nobody", Usage(), billed_usd=Decimal("0.12"))
    assert (cost.usd, cost.source) == (Decimal("0.12"), CostSource.PROVIDER)


def test_estimates_are_marked() -> None:
    """Money from estimated tokens is estimated money."""
    usage = prices.estimate_tokens([Message("user", "some words")], "an answer", "gpt-4o-mini")
    assert (usage.input_tokens, usage.output_tokens, usage.source) == (9, 2, UsageSource.ESTIMATED)
    assert prices.cost("gpt-4o-mini", usage, "openai/gpt-4o-mini").source is CostSource.ESTIMATED


def test_prices_without_litellm() -> None:
    """A plan is priced without the seconds that litellm takes to import."""
    code = (
        "import sys; from wfkit.llm import prices; prices.price('openai/gpt-4o-mini'); print('litellm' in sys.modules)"
    )
    assert printed(code) == ["False"]
    assert len(price_file.entries()) > 1000


def test_the_worst_case_holds_all_that_is_sent() -> None:
    """Schemas count in bytes, as a token may be one; what a provider adds to tell its model of tools counts, too."""
    plain = Request("anthropic/claude-sonnet-4-5", (Message("user", "Hi"),), (("max_tokens", 1),))
    schema = json.dumps({"enum": ["\u732b" * 100]}, ensure_ascii=False)
    most = [
        prices.worst_case(each)[1] or 0
        for each in (
            plain,
            replace(plain, schema=schema),
            replace(plain, tools=(Tool("f", "", "{}"),)),
            replace(plain, model="openai/gpt-4o-mini", schema=schema),
        )
    ]
    assert most[1] - most[0] >= 300 + 530
    assert most[2] - most[0] >= 530
    assert most[3] - most[0] >= 300
