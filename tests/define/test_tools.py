"""What a model is told of a function, what it may write for its arguments, and which functions cannot be tools."""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from tests.ids import stable
from wfkit.define.prompt import prompt_node
from wfkit.define.tools import InvalidArguments, resolve_tools, tool_function
from wfkit.errors import OptionError


class Size(BaseModel):
    """How large."""

    width: int
    title: str = "no title"


def search(
    query: str,
    size: Size | None = None,
    *,
    limit: Annotated[int, Field(ge=1)] = 5,
    since: dt.date = dt.date(2020, 1, 1),
    model_config: Literal["new", "old"] = "new",
    idempotency_key: str = "",
) -> list[str]:
    """Find products.

    Args:
        query: what to look for
    """
    return [query, str(size), str(limit), str(since), model_config, idempotency_key]


def test_what_a_model_is_told() -> None:
    """Name, description and the types of the arguments; not the key, and none of the titles that pydantic makes up."""
    found = tool_function(search, "search")
    schema = json.loads(found.tool.parameters)
    assert (found.name, found.tool.description, found.wants_key) == ("search", "Find products.", True)
    assert schema["required"] == ["query"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["query"] == {"type": "string", "description": "what to look for"}
    assert schema["properties"]["limit"] == {"type": "integer", "minimum": 1, "default": 5}
    assert schema["properties"]["model_config"] == {"type": "string", "enum": ["new", "old"], "default": "new"}
    assert schema["properties"]["since"] == {"type": "string", "format": "date"}
    assert schema["$defs"]["Size"]["properties"].keys() == {"width", "title"}
    assert "idempotency_key" not in schema["properties"]


def test_arguments_become_values() -> None:
    """JSON becomes what the types say; what is left out is left to the function."""
    given = tool_function(search, "search").check('{"query": "kettle", "size": {"width": 3}, "since": "2024-02-01"}')
    assert given == {"query": "kettle", "size": Size(width=3), "since": dt.date(2024, 2, 1)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "$.query: Field required"),
        ('{"query": 1}', "$.query: Input should be a valid string (got 1)"),
        ('{"query": "a", "limit": 0}', "$.limit: Input should be greater than or equal to 1 (got 0)"),
        ('{"query": "a", "idempotency_key": "mine"}', "$.idempotency_key: Extra inputs are not permitted"),
        ('{"query": "a"', "Invalid JSON"),
        ('["a"]', "should be an object"),
    ],
    ids=stable,
)
def test_arguments_that_are_none(text: str, told: str) -> None:
    """A model that writes what the tool does not take is told what and where."""
    with pytest.raises(InvalidArguments, match="the arguments of search are not valid") as caught:
        tool_function(search, "search").check(text)
    assert told in str(caught.value)


def test_no_arguments() -> None:
    """Some models write nothing at all where there is nothing to say."""

    def now() -> str:
        return "noon"

    assert tool_function(now, "now").check("") == {}


def untyped(query) -> str:
    return str(query)


def many(*queries: str) -> str:
    return str(queries)


def named(**queries: str) -> str:
    return str(queries)


def first(query: str, /) -> str:
    return query


def series(query: str) -> Iterator[str]:
    yield query


def keyed(query: str, idempotency_key: int) -> str:
    return query * idempotency_key


def strange(query: Iterator[Any], lock: functools.partial[str]) -> str:
    return f"{query}{lock}"


def long_name(query: str) -> str:
    return query


long_name.__name__ = "very_" * 20 + "long"


class Shop:
    """Has a method."""

    def find(self, query: str) -> str:
        return query


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (untyped, "has no type for its argument 'query': write one, such as `query: str`"),
        (many, r"takes `\*queries: "),
        (named, r"takes `\*\*queries: "),
        (first, "takes `query: "),
        (series, "is a generator"),
        (keyed, "takes 'idempotency_key', which is a text"),
        (strange, "has an argument whose type no JSON Schema can tell"),
        (long_name, "has a name that models do not take"),
        (lambda query: query, "is a lambda"),
        (Shop().find, "is a method"),
        (Shop, "is a class"),
        (functools.partial(search, "a"), "is a partial"),
        ("search", "is a str"),
    ],
    ids=lambda value: getattr(value, "__name__", stable(value)),
)
def test_what_cannot_be_a_tool(function: Any, problem: str) -> None:
    """Each is refused with the reason, before anything is asked."""
    with pytest.raises(OptionError, match=problem):
        tool_function(function, getattr(function, "__name__", "tool"))


def test_names() -> None:
    """Tools are found by name, with dots into modules; two of one name cannot be told apart."""
    space = {"search": search, "other": search, "Shop": Shop, "json": json, "number": 5}
    assert [found.name for found in resolve_tools(["search", "other"], space)] == ["search", "other"]
    with pytest.raises(OptionError, match="two functions 'search'"):
        resolve_tools(["search", "Shop.search", "search"], {**space, "Shop": type("Shop", (), {"search": search})})
    with pytest.raises(OptionError, match=r"tool 'serch' is not defined.*search"):
        resolve_tools(["serch"], space)
    with pytest.raises(OptionError, match="json has no 'dmups'"):
        resolve_tools(["json.dmups"], space)
    with pytest.raises(OptionError, match="tool 'number' is a int"):
        resolve_tools(["number"], space)


def test_in_python() -> None:
    """Functions stand for themselves, names for what the notebook has; what is none is refused where it is written."""
    node = prompt_node("told", "Hello", tools=[search, "other"], namespace={"other": search}, max_turns=3)
    assert node.options.model is not None
    assert (node.options.model.tools, node.options.model.max_turns) == (("search", "other"), 3)
    assert node.namespace["search"] is search
    for tools, problem in [
        ([untyped], "prompt `told`: tool 'untyped' has no type"),
        ([search, search], "prompt `told`: option `tools` names two functions 'search'"),
        ([lambda: 1], "is a lambda"),
        ([5], "tool 'int' is a int"),
        (5, "must be names of functions"),
        ([], "must be names of functions"),
    ]:
        with pytest.raises(OptionError, match=problem):
            prompt_node("told", "Hello", tools=tools)
