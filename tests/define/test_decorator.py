"""`@node`: a function in an ordinary cell or module as a node."""

from __future__ import annotations

import ast
import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from wfkit.core.node import Each, Node
from wfkit.core.terms import NodeKind
from wfkit.define.body import compile_body
from wfkit.define.decorator import decorator, node_from_function
from wfkit.errors import CellError, DefinitionError, OptionError

FACTOR = 3


def helper(x: int) -> int:
    return x * FACTOR


def scaled(rows: list[int], start: int = FACTOR) -> list[int]:
    """Its docstring."""
    return [helper(row) + start for row in rows]


async def later(rows: list[int]) -> int:
    return len(rows)


class Owner:
    def method(self, rows: list[int]) -> None: ...

    @staticmethod
    def static(rows: list[int]) -> None: ...


def rows_of() -> Iterator[int]:
    yield 1


async def rows_later() -> AsyncIterator[int]:
    yield 1


def test_a_function_becomes_a_node() -> None:
    """Name, parameters, source, what the body reads, and where it stands."""
    node = node_from_function(scaled, retries=2)
    assert (node.name, node.kind, node.parameters) == ("scaled", NodeKind.PYTHON, ("rows", "start"))
    assert node.names == ("helper",)
    assert node.source.startswith("def scaled(rows")
    assert node.source.endswith("for row in rows]\n")
    assert (node.label, node.first_line) == (__file__, scaled.__code__.co_firstlineno)
    assert node.namespace is globals()
    assert node.function is scaled
    assert node.options.retry.retries == 2
    assert compile_body(node).run({"rows": [1]}) == [6]


def test_async_functions() -> None:
    """An async function is awaited."""
    body = compile_body(node_from_function(later))
    assert body.is_async
    assert asyncio.run(body.run({"rows": [1, 2]})) == 2


def test_both_forms_of_the_decorator() -> None:
    """With or without arguments the node is registered and the function stays a function."""
    nodes: list[Node] = []
    node = decorator(nodes.append)

    @node
    def plain(rows: list[int]) -> int:
        return len(rows)

    @node(name="renamed", each="row in rows", cache="off")
    def mapped(row: int, offset: int = 1) -> int:
        return row + offset

    assert (plain([1]), mapped(1)) == (1, 2)
    assert [(found.name, found.each) for found in nodes] == [("plain", None), ("renamed", Each("row", "rows"))]
    assert nodes[1].parameters == ("row", "offset")
    assert nodes[0].source.startswith("@node\ndef plain")
    assert nodes[1].names == ()


def test_what_a_function_closes_over_is_no_name_of_its_module() -> None:
    """Closures are digested with the function; its names are globals."""
    offset = 2

    def inner(rows: list[int]) -> int:
        return len(rows) + offset + FACTOR

    assert node_from_function(inner).names == ("len", "FACTOR")


def test_wrapped_functions_show_their_own_source() -> None:
    """A decorator that uses functools.wraps does not hide the function."""

    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return wrapper

    @logged
    def kept(rows: list[int]) -> int:
        return helper(len(rows))

    node = node_from_function(kept)
    assert (node.parameters, node.names) == (("rows",), ("helper", "len"))
    assert compile_body(node).run({"rows": [1]}) == 3


def test_text_in_quotes_may_stand_further_left() -> None:
    """The source of an inner function can be parsed whatever its strings hold."""

    def told(rows: list[int]) -> str:
        text = """
left {helper}
"""
        return text + str(rows)

    node = node_from_function(told)
    assert node.names == ("str",)
    assert ast.parse(node.source)
    assert "\nleft {helper}\n" in node.source


def positional(a: int, /) -> None: ...


def starred(*rows: int) -> None: ...


def keywords(**rows: int) -> None: ...


def itself(itself: int) -> None: ...


NO_SOURCE: dict[str, Any] = {}
exec("def ghost(rows):\n    return rows", NO_SOURCE)


@pytest.mark.parametrize(
    ("function", "options", "error", "message"),
    [
        (lambda rows: rows, {}, CellError, "a lambda cannot be a node"),
        (Owner.method, {}, CellError, "`Owner.method` is a method"),
        (Owner().method, {}, CellError, "`Owner.method` is a method"),
        (Owner.static, {}, CellError, "move it out of the class"),
        (Owner, {}, CellError, "not above a class"),
        (functools.partial(helper, 1), {}, CellError, "not above a partial: write a `def`"),
        (len, {}, CellError, "not above a builtin_function_or_method"),
        (rows_of, {}, CellError, "`rows_of` is a generator.*return a list"),
        (rows_later, {}, CellError, "`rows_later` is a generator"),
        (positional, {}, CellError, "`a: 'int'` cannot be one|`a: int` cannot be one"),
        (starred, {}, CellError, r"without \* or /"),
        (keywords, {}, CellError, r"without \* or /"),
        (itself, {}, CellError, "its own value"),
        (NO_SOURCE["ghost"], {}, CellError, "source of the function cannot be found"),
        (helper, {"name": "sum"}, DefinitionError, "would be hidden"),
        (helper, {"retrys": 1}, OptionError, r"node `helper`: unknown option `retrys` \(argument\)"),
        (helper, {"model": "m"}, OptionError, "a function is no prompt"),
        (helper, {"temperature": 1}, OptionError, "is for prompts"),
        (helper, {"each": "row in rows"}, OptionError, "needs a parameter `row`; there are: x"),
        (helper, {"each": "x in helper"}, OptionError, "names the node itself"),
    ],
)
def test_what_cannot_be_a_node(
    function: Any, options: dict[str, Any], error: type[DefinitionError], message: str
) -> None:
    """Each refusal says what stands in the way and what to write instead."""
    with pytest.raises(error, match=message):
        node_from_function(function, **options)
