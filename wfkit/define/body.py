"""The Python body of a node as code that can be run, and how its value is found.

Bodies are compiled when they first run, by whoever owns a namespace for them; nothing is run when a node is defined.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Awaitable, Callable
from functools import cached_property, lru_cache
from types import CodeType
from typing import Any

import orjson

from wfkit.core.facts import Facts
from wfkit.core.frozen import dataclass
from wfkit.core.node import Node
from wfkit.define.names import names_of
from wfkit.define.syntax import compile_python, parse_python
from wfkit.errors import CellError

LAST = "__wf_value__"  # where the compiled body leaves the value of its last expression


@dataclass(frozen=True, slots=True)
class Outline:
    """What a body is, seen from outside: names it reads, whether it awaits, the variable that holds its value."""

    reads: tuple[str, ...]
    is_async: bool = False
    value_name: str = LAST


@dataclass
class Body:
    """What makes the value of a node. A body that nobody runs is not compiled.

    For a node made from a function `call` is that function, `parameters` its arguments, and there is no code.
    """

    node: Node
    is_async: bool
    value_name: str = LAST
    call: Callable[..., Any] | None = None
    parameters: tuple[str, ...] = ()

    @cached_property
    def code(self) -> CodeType:
        """The code that leaves the value in the variable `value_name`."""
        return read_body(self.node.name, self.node.source, self.node.label, self.node.first_line)[1]

    def run(self, namespace: dict[str, Any]) -> Any | Awaitable[Any]:
        """The node's value, or an awaitable of it if `is_async`.

        `namespace` is a fresh dict with what the body reads; it becomes the globals of the code and is changed. What
        the body raises passes through; CellError if it went a way on which the value is not assigned.
        """
        if self.call is not None:
            return self.call(**{name: namespace[name] for name in self.parameters if name in namespace})
        namespace.setdefault("__name__", "__main__")  # pickle, dataclasses and pydantic look their module up
        if self.is_async:
            return self._await(namespace)
        exec(self.code, namespace)  # noqa: S102 - running the user's body is what we are for
        return self._value(namespace)

    async def _await(self, namespace: dict[str, Any]) -> Any:
        await eval(self.code, namespace)  # noqa: S307 - the same, as a coroutine
        return self._value(namespace)

    def _value(self, namespace: dict[str, Any]) -> Any:
        try:
            return namespace[self.value_name]
        except KeyError:
            raise CellError(
                f"node `{self.node.name}`: the body ended without having assigned `{self.value_name}`: "
                "assign it on every way through the body"
            ) from None


def awaits(node: Node) -> bool:
    """Whether the body of a Python node runs on a loop. Raises CellError with the line of the cell."""
    if node.function is not None:
        return inspect.iscoroutinefunction(node.function)
    return outline_of(node.name, node.source, node.label, node.first_line).is_async


def compile_body(node: Node) -> Body:
    """The body of a Python node, compiled when it first runs. Raises CellError with the line of the cell."""
    if node.function is not None:
        return Body(node, awaits(node), call=node.function, parameters=node.parameters or ())
    outline = outline_of(node.name, node.source, node.label, node.first_line)
    return Body(node, outline.is_async, outline.value_name)


def outline_of(name: str, source: str, label: str, first_line: int, facts: Facts | None = None) -> Outline:
    """The outline of a body, remembered in this process and in `facts`: then it is neither parsed nor compiled.

    Raises CellError if it is not Python or has no value.
    """
    known = _known.get((name, source))
    if known is None:
        known = _recalled(name, source, facts)
        if known is None:
            known = read_body(name, source, label, first_line)[0]
            if facts is not None:
                fact = json.dumps((known.reads, known.is_async, known.value_name), separators=(",", ":"))
                facts.remember(_subject(name, source), fact)
        _known[name, source] = known
    return known


_known: dict[tuple[str, str], Outline] = {}


def _recalled(name: str, source: str, facts: Facts | None) -> Outline | None:
    fact = facts.recall(_subject(name, source)) if facts is not None else None
    if fact is None:
        return None
    reads, is_async, value_name = orjson.loads(fact)
    return Outline(tuple(reads), is_async, value_name)


def _subject(name: str, source: str) -> str:
    return f"outline {name}\n{source}"


@lru_cache(maxsize=4096)
def read_body(name: str, source: str, label: str, first_line: int) -> tuple[Outline, CodeType]:
    """The outline and the code of a body. Raises CellError if it is not Python or has no value."""
    tree = parse_python(source, first_line, name)
    names = names_of(tree)
    if names.star:
        raise CellError(
            f"node `{name}`, line {names.star}: `from ... import *` hides which names are used: import them by name"
        )
    never_ends = bool(tree.body) and isinstance(tree.body[-1], ast.Raise)
    by_name = name in names.assigns or never_ends
    problem = "" if by_name else _no_value(tree, name, first_line, name in names.binds)
    if problem:
        compile_python(tree, source, label, first_line, name)  # a real error is told before a missing value
        raise CellError(problem)
    if not by_name:
        _keep_last(tree)
    code = compile_python(tree, source, label or f"<wf_node {name}>", first_line, name)
    is_async = bool(code.co_flags & inspect.CO_COROUTINE)
    return Outline(names.reads, is_async, name if by_name else LAST), code


def _keep_last(tree: ast.Module) -> None:
    last = tree.body[-1]
    if isinstance(last, ast.Expr):
        target = ast.copy_location(ast.Name(LAST, ast.Store()), last)
        tree.body[-1] = ast.copy_location(ast.Assign([target], last.value), last)


def _no_value(tree: ast.Module, name: str, first_line: int, defines: bool) -> str:
    """What to do when there is neither the variable nor a last expression; empty if there is one."""
    if not tree.body:
        return f"node `{name}`, line {first_line}: the body is empty: write Python, or a prompt with --model MODEL"
    last = tree.body[-1]
    if isinstance(last, ast.Expr):
        return ""
    place = f"node `{name}`, line {last.lineno}: "
    if defines:
        return f"{place}`{name}` is a function, class or module here, not a value: end the body with the value itself"
    targets = [target.id for target in getattr(last, "targets", ()) if isinstance(target, ast.Name)]
    better = f"end it with a line `{targets[0]}`" if targets else "end it with an expression"
    return f"{place}the body has no value: {better}, or assign `{name}`"
