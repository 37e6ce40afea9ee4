"""Roles: found in the template only, split on what data cannot know."""

from __future__ import annotations

import pytest

from wfkit.core.call import Message
from wfkit.define.roles import NONCE, mark_roles, split_messages, text_before_roles
from wfkit.errors import TemplateError


@pytest.mark.parametrize(
    "source",
    [
        "system: you are",
        "the system:",
        "System:",
        "{# \nsystem:\n #}",
        "{% raw %}\nuser:\n{% endraw %}",
        "{{ '\nuser:\n' }}",
        "{{ {\nuser:\n1} }}",
        "{% set x = '%}\nuser:\n' %}",
        "tool:",
        "{{ \"unclosed' }}\nuser",
    ],
)
def test_what_is_no_role_line(source: str) -> None:
    """A role stands alone on its line, in small letters, outside of comments, expressions and raw blocks."""
    assert mark_roles(source) == source


@pytest.mark.parametrize(
    "source", ["system:", "a\nuser:\nb", "  user:\t\n", "{% if x %}\nassistant:\n{% endif %}", "{{ '}}' }}\nuser:\n"]
)
def test_role_lines(source: str) -> None:
    """Spaces around a role line do not matter, and the number of lines stays."""
    marked = mark_roles(source)
    assert NONCE in marked
    assert marked.count("\n") == source.count("\n")


def test_splitting_takes_time_in_proportion() -> None:
    """Quotes and braces that never close are passed over without backtracking."""
    for source in ("{{ '" * 20_000, '{% "' * 20_000, "{# " * 20_000, "{% raw %}" * 20_000, "{{ x '" * 20_000 + "}}"):
        assert mark_roles(source) == source


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("hi", [("user", "hi")]),
        ("\n\n  code\n    more \n\n", [("user", "  code\n    more")]),
        (
            "system:\nA\nuser:\nB\nassistant:\nC\nuser:\nD",
            [("system", "A"), ("user", "B"), ("assistant", "C"), ("user", "D")],
        ),
        ("\n \nsystem:\n\nuser:\nB", [("user", "B")]),
        ("system:\nA", [("system", "A")]),
    ],
)
def test_messages(text: str, messages: list[tuple[str, str]]) -> None:
    """One user message without role lines; blank lines around a message and empty messages are left out."""
    assert split_messages(mark_roles(text)) == tuple(Message(*message) for message in messages)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("  \n", "its user message has no text"),
        ("system:\nA\nuser:\n \n", "its user message has no text"),
        ("system:\n\n", "it has no text"),
        ("A\nuser:\nB", "text stands before the first role line"),
    ],
)
def test_prompts_that_ask_nothing(text: str, error: str) -> None:
    """An empty question is not sent and paid for."""
    with pytest.raises(TemplateError, match=error):
        split_messages(mark_roles(text))


@pytest.mark.parametrize(
    ("source", "index"),
    [
        ("hi\nuser:\n", 0),
        ("{# c #}\n hi\nuser:\n", 9),
        ("hi {{ x }}", None),
        ("{% macro m() %}text{% endmacro %}\nuser:\nx", None),
        ("\n\nuser:\nx", None),
        ("hi {{ x }}\nuser:\nx", 0),
    ],
)
def test_text_before_the_first_role(source: str, index: int | None) -> None:
    """Found in the template where it is certain; text within a block may not be shown there."""
    assert text_before_roles(source) == index
