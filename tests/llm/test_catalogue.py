"""Known models: found by name, chosen by what they can do, sorted, and no value of a key in sight."""

from __future__ import annotations

import pytest

from tests.fresh import printed
from wfkit.errors import UsageFault
from wfkit.llm.catalogue import Choice, find

ENV = {"OPENAI_API_KEY": "canary-value"}


def names(choice: Choice, env: dict[str, str] | None = None) -> list[str]:
    return [known.model for known in find(choice, ENV if env is None else env)]


def test_what_can_be_asked_stands_first_then_the_cheapest() -> None:
    """`offline` needs no key; then those whose key is set, by price; then the others, by price."""
    found = find(Choice(), ENV)
    assert found[0].model == "offline"
    present = [known.key.present is True for known in found]
    assert present == sorted(present, reverse=True)
    chat = [known.can for known in found if known.key.present and known.can.kind == "chat"]
    sums = [can.input_usd + can.output_usd for can in chat if can.input_usd is not None and can.output_usd is not None]
    assert sums == sorted(sums)


def test_choosing() -> None:
    """By part of a name, a pattern, a key, a schema, tools."""
    assert "openai/gpt-5-mini" in names(Choice("GPT-5-mini"))
    assert all(name.startswith("anthropic/") for name in names(Choice("anthropic/*")))
    assert all(name.startswith(("openai/", "offline")) for name in names(Choice(usable=True)))
    assert names(Choice(usable=True), {}) == ["offline"]
    with_tools = find(Choice("openai", tools=True, schema=True), ENV)
    assert all(known.can.tools and known.can.schema for known in with_tools)


@pytest.mark.parametrize(
    ("wrong", "near"),
    [("gtp-5-mni", "openai/gpt-5-mini"), ("anthropic/claude-sonet-4-5", "anthropic/claude-sonnet-4-5"), ("zzzz", "")],
)
def test_a_wrong_name(wrong: str, near: str) -> None:
    """The message has the nearest names, the maker's own first."""
    with pytest.raises(UsageFault) as caught:
        find(Choice(wrong), ENV)
    assert wrong in str(caught.value)
    assert near in str(caught.value)


def test_keys_are_told_by_name_only() -> None:
    """The variable is named; its value is nowhere."""
    found = find(Choice("openai/gpt-5*"), ENV)
    assert {known.key.variables for known in found} == {("OPENAI_API_KEY",)}
    assert "canary-value" not in repr(found)


def test_without_litellm() -> None:
    """Listing all models imports no litellm."""
    code = (
        "from wfkit.llm.catalogue import find, Choice; print(len(find(Choice(), {})) > 3000);"
        "import sys; print('litellm' in sys.modules)"
    )
    assert printed(code) == ["True", "False"]
