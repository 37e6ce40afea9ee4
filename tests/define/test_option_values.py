"""Values of options: what is accepted, in text, from YAML and from Python, and what is told otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wfkit.core.node import Each
from wfkit.core.policy import CachePolicy
from wfkit.define import option_values as read

GOOD: list[tuple[Callable[[Any], Any], Any, Any]] = [
    (read.whole(0, 9), "3", 3),
    (read.whole(0, 9), 3, 3),
    (read.whole(-9, 9), " -3 ", -3),
    (read.number(0, 2), "0.5", 0.5),
    (read.number(0, 2), 2, 2.0),
    (read.choice("a", "b"), "b ", "b"),
    (read.seconds, "30", 30.0),
    (read.seconds, 0.5, 0.5),
    (read.seconds, "500ms", 0.5),
    (read.seconds, "30s", 30.0),
    (read.seconds, "1.5 m", 90.0),
    (read.seconds, "2h", 7200.0),
    (read.cache, True, CachePolicy()),
    (read.cache, "off", CachePolicy(enabled=False)),
    (read.cache, False, CachePolicy(enabled=False)),
    (read.cache, "7d", CachePolicy(ttl_s=604800.0)),
    (read.cache, CachePolicy(ttl_s=1.0), CachePolicy(ttl_s=1.0)),
    (read.names, "a", ("a",)),
    (read.names, "a, b,c d", ("a", "b", "c", "d")),
    (read.names, ["a", "b", "a"], ("a", "b")),
    (read.names, [], ()),
    (read.each, "review in reviews", Each("review", "reviews")),
    (read.each, Each("a", "b"), Each("a", "b")),
    (read.model, "openai/gpt-5-mini", "openai/gpt-5-mini"),
    (read.model, "ollama/llama3:8b", "ollama/llama3:8b"),
    (read.schema, "Label", "Label"),
    (read.schema, "models.Label", "models.Label"),
    (read.schema, {"b": 1, "a": [2]}, '{"a":[2],"b":1}'),
    (read.schema, '{"type": "object"}', '{"type": "object"}'),
]
BAD: list[tuple[Callable[[Any], Any], Any, str]] = [
    (read.whole(0, 9), "x", "whole number from 0 to 9"),
    (read.whole(0, 9), 10, "from 0 to 9"),
    (read.whole(0, 9), 1.0, "whole number"),
    (read.whole(0, 9), True, "whole number"),
    (read.whole(0, 9), "1_0", "whole number"),
    (read.number(0, 2), "2.5", "from 0 to 2"),
    (read.number(0, 2), "nan", "a number"),
    (read.number(0, 2), True, "a number"),
    (read.number(0, 2), [1], "a number"),
    (read.number(0, 2), 10**400, "a number"),
    (read.choice("a", "b"), "c", "one of: a, b"),
    (read.choice("a", "b"), 1, "one of: a, b"),
    (read.seconds, "0", "above zero"),
    (read.seconds, -1, "above zero"),
    (read.seconds, "inf", "above zero"),
    (read.seconds, "2x", "like 30, 30s, 2m or 1h"),
    (read.seconds, False, "time span"),
    (read.cache, "3600", "with a unit"),
    (read.cache, 3600, "with a unit"),
    (read.cache, "0s", "with a unit"),
    (read.cache, None, "on, off"),
    (read.names, "a-b", "'a-b' is no name"),
    (read.names, ["a", 1], "with commas"),
    (read.names, {"a": 1}, "with commas"),
    (read.each, "reviews", "review in reviews"),
    (read.each, "a in b in c", "review in reviews"),
    (read.each, "class in b", "review in reviews"),
    (read.each, "a in a", "two different names"),
    (read.each, ["a"], "review in reviews"),
    (read.model, "", "name of a model"),
    (read.model, "a b", "name of a model"),
    (read.model, 5, "name of a model"),
    (read.model, "openai/", "name of a model"),
    (read.model, "/gpt-5-mini", "name of a model"),
    (read.model, "openai/m\udc80", "name of a model"),
    (read.schema, "Label!", "pydantic class"),
    (read.schema, {"a": object()}, "plain JSON"),
    (read.schema, 5, "pydantic class"),
]


@pytest.mark.parametrize(("reader", "value", "expected"), GOOD)
def test_reads(reader: Callable[[Any], Any], value: Any, expected: Any) -> None:
    """Text of a magic line, YAML values and Python objects give the same value of the same type."""
    found = reader(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(("reader", "value", "message"), BAD)
def test_refuses(reader: Callable[[Any], Any], value: Any, message: str) -> None:
    """The message says what the value must be, with an example or bounds."""
    with pytest.raises(ValueError, match=message):
        reader(value)
