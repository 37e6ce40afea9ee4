"""A request that its model is known to refuse is told before it is sent; what is not known passes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from wfkit.core.call import NEVER_SENT, Message, Request, Tool
from wfkit.core.capabilities import Capabilities
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed, KeyMissing
from wfkit.llm import prices
from wfkit.llm.checks import check_request, too_long, unfit

TOOLS = (Tool("find", "", "{}"),)


@pytest.fixture(autouse=True)
def _no_own_entries() -> Iterator[None]:
    yield
    prices.use({})


def asked(text: str, model: str = "openai/gpt-4o-mini", **more: Any) -> Request:
    return Request(model, (Message("user", text),), **more)


@pytest.mark.parametrize(
    ("model", "params", "told"),
    [
        ("openai/gpt-5-mini", {"temperature": 0.5}, "temperature is 0.5: leave it out"),
        ("openai/o3", {"top_p": 0.5}, "takes no top_p but 1"),
        ("anthropic/claude-opus-4-8", {"temperature": 0.5}, "takes no temperature"),
        ("openai/gpt-4o-mini", {"max_tokens": 16_385}, "at most 16,384 tokens, and max_tokens is 16,385"),
        ("openai/gpt-5-mini", {"temperature": 1, "top_p": 1.0, "max_tokens": 9}, ""),
        ("openai/gpt-5.1", {"temperature": 0.5}, ""),
        ("openai/gpt-5-chat-latest", {"temperature": 0.5}, ""),
        ("openai/gpt-4o-mini", {"temperature": 0.5, "max_tokens": 16_384}, ""),
        ("nobody/knows", {"temperature": 0.5, "max_tokens": 10**9}, ""),
        ("offline", {"temperature": 0.5}, ""),
    ],
)
def test_parameters(model: str, params: dict[str, Any], told: str) -> None:
    """Sampling of models that reason, and answers that are longer than the model's; with what to do."""
    found = unfit(model, params)
    assert told in found
    assert bool(found) is bool(told)


def test_tools() -> None:
    """A model that is not known to call tools is told, and how to say that it does; the user's word goes first."""
    found = unfit("openai/gpt-4", {}, tools=True)
    assert found == ""
    found = unfit("openai/gpt-5-chat", {}, tools=True)
    assert "not known to call tools" in found
    assert 'say `tools = true` under [tool.wfkit.models."openai/gpt-5-chat"]' in found
    prices.declare((), (("openai/gpt-5-chat", Capabilities(tools=True)),))
    assert unfit("openai/gpt-5-chat", {}, tools=True) == ""


def test_length() -> None:
    """Only a prompt that is too long by any count is refused; the schema counts."""
    assert too_long(asked("word " * 120_000)) == ""
    assert "at least 130,000 tokens, and openai/gpt-4o-mini reads 128,000" in too_long(asked("word " * 130_000))
    assert too_long(asked("-" * 1_000_000)) == ""  # long rows of marks are few tokens
    assert too_long(asked("word " * 100_000, schema="name " * 50_000)) != ""
    assert too_long(asked("word " * 10**6, "nobody/knows")) == ""


def test_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call is looked at last: its key, its parameters, its length; the failure says that nothing was sent."""
    with pytest.raises(KeyMissing):
        check_request(asked("x"))
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    check_request(asked("x"))
    bad = [
        asked("word " * 130_000),
        asked("x", params=(("max_tokens", 10**6),)),
        asked("x", "openai/gpt-5-chat", tools=TOOLS),
    ]
    for request in bad:
        with pytest.raises(CallFailed) as caught:
            check_request(request)
        assert caught.value.failure.kind is FailureKind.INVALID_REQUEST
        assert caught.value.failure.error == NEVER_SENT
