"""The walk over a syntax tree in the order of running: statements, expressions, and functions when all else is done.

Statements recurse (Python allows 100 levels of indentation), expressions use a stack and functions a queue, so that
no code that Python compiles is too deep. What each kind of node does is in `grammar`.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from wfkit.define.scopes import Body, Kind, Scope

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Inner = list[tuple[Any, Scope]]
DoStatement = Callable[["Walk", Any, Scope], None]
DoExpression = Callable[["Walk", Any, Scope], Inner]

# Fields that hold no code.
IDLE = frozenset({"ctx", "op", "ops", "attr", "id", "kind", "arg", "conversion", "type_comment", "level", "simple"})
FIELDS: dict[type, tuple[str, ...]] = {}


class Walk:
    """`names` is what was found. `future`: annotations are not run (`from __future__ import annotations`)."""

    def __init__(
        self, statements: Mapping[type, DoStatement], expressions: Mapping[type, DoExpression], future: bool
    ) -> None:
        self.names = Body()
        self.future = future
        self.has_await = False
        self.star: int | None = None
        self._statements = statements
        self._expressions = expressions
        self._queue: deque[tuple[Scope, list[Any]]] = deque()

    def block(self, statements: Iterable[ast.stmt], scope: Scope) -> None:
        """Statements, in order."""
        for statement in statements:
            special = self._statements.get(type(statement))
            if special:
                special(self, statement, scope)
            else:
                self.expression(statement, scope)

    def expression(self, root: ast.AST | None, scope: Scope) -> None:
        """An expression, a pattern or a simple statement."""
        stack: Inner = [(root, scope)] if root else []
        while stack:
            node, at = stack.pop()
            kind = type(node)
            if kind is ast.Constant:
                continue
            special = self._expressions.get(kind)
            inner = special(self, node, at) if special else [(child, at) for child in children(node)]
            inner.reverse()
            stack.extend(inner)

    def branches(self, ways: Iterable[Iterable[ast.AST | list[ast.stmt]]], scope: Scope) -> None:
        """Ways of which one is gone: each starts from what is bound before; what any of them binds counts after."""
        before, after = scope.bound, set(scope.bound)
        for way in ways:
            scope.bound = set(before)
            for part in way:
                if isinstance(part, list):
                    self.block(part, scope)
                else:
                    self.expression(part, scope)
            after |= scope.bound
        scope.bound = after

    def body_later(self, function: Function, scope: Scope) -> None:
        """Queue a function's body; `scope` is its own."""
        given = function.args
        rest = [argument for argument in (given.vararg, given.kwarg) if argument]
        for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs, *rest):
            scope.bound.add(scope.mangled(argument.arg))
        if scope.owner:
            scope.bound.add("__class__")
        self.later(function.body if isinstance(function.body, list) else [function.body], scope)

    def later(self, parts: list[Any], scope: Scope) -> None:
        """Queue statements or expressions that run in a function's scope."""
        self._queue.append((scope, parts))

    def functions(self) -> None:
        """Walk what was queued; functions inside join the queue, so those around them are known to the end before."""
        while self._queue:
            scope, parts = self._queue.popleft()
            for part in parts:
                if isinstance(part, ast.stmt):
                    self.block((part,), scope)
                else:
                    self.expression(part, scope)
            self.names.close(scope)

    def awaits(self, scope: Scope) -> None:
        """An await makes the body a coroutine if no function stands between; a generator expression is none here."""
        while scope.kind is Kind.COMPREHENSION and scope.parent:
            scope = scope.parent
        self.has_await = self.has_await or scope.kind is Kind.MODULE


def children(node: ast.AST) -> list[Any]:
    """The nodes directly inside, in the order of the source."""
    kind = type(node)
    fields = FIELDS.get(kind)
    if fields is None:
        fields = FIELDS[kind] = tuple(field for field in kind._fields if field not in IDLE)
    found: list[Any] = []
    for field in fields:
        value = getattr(node, field, None)
        if isinstance(value, list):
            found.extend(part for part in value if isinstance(part, ast.AST))
        elif isinstance(value, ast.AST):
            found.append(value)
    return found
