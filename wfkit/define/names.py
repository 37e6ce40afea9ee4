"""Which names a Python body reads from outside and which it binds: what makes dependencies.

How the tree is walked is in `walk` and `grammar`. What the names stand for (nodes, globals) is decided elsewhere.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from wfkit.core.frozen import dataclass
from wfkit.define.grammar import EXPRESSIONS, STATEMENTS
from wfkit.define.scopes import Kind
from wfkit.define.syntax import parse_python
from wfkit.define.walk import Walk

# Set by the interpreter or by whoever runs the body; nobody's dependency.
GIVEN = frozenset({"__name__", "__builtins__", "__annotations__", "__debug__", "__doc__"})


@dataclass(frozen=True, slots=True)
class Names:
    """`reads` must come from outside: read where nothing in the body can have bound them yet (builtins among them).

    A name that is bound on some path before it is read counts as the body's own; functions run when everything is
    bound. `binds` are the names bound at top level, `lines` where each name is read or bound first, `assigns` those
    of them that are bound by more than a def, class or import, `star` the line of a `from x import *`.
    """

    reads: tuple[str, ...]
    binds: tuple[str, ...]
    has_await: bool
    lines: Mapping[str, int]
    assigns: frozenset[str] = frozenset()
    star: int | None = None


def free_names(source: str) -> Names:
    """The names of a body. Raises CellError if it is not Python."""
    return names_of(parse_python(source))


def names_of(tree: ast.Module) -> Names:
    """The names of a parsed body."""
    walk = Walk(STATEMENTS, EXPRESSIONS, _has_future_annotations(tree))
    walk.block(tree.body, walk.names.top)
    walk.functions()
    free = {name: line for name, line in walk.names.free_names().items() if name not in GIVEN}
    binds = walk.names.binds
    lines = {**binds, **{name: min(line, binds.get(name, line)) for name, line in free.items()}}
    return Names(tuple(free), tuple(binds), walk.has_await, lines, frozenset(walk.names.assigns), walk.star)


def names_of_function(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, ...]:
    """The names that a function's body reads and that are not local to it.

    Defaults, annotations and decorators do not count: they were read when the function was defined.
    """
    walk = Walk(STATEMENTS, EXPRESSIONS, True)
    walk.body_later(function, walk.names.top.inner(Kind.FUNCTION))
    walk.functions()
    return tuple(name for name in walk.names.free_names() if name not in GIVEN)


def _has_future_annotations(tree: ast.Module) -> bool:
    return any(
        isinstance(statement, ast.ImportFrom)
        and statement.module == "__future__"
        and any(alias.name == "annotations" for alias in statement.names)
        for statement in tree.body
    )
