"""A notebook without a kernel, for tests of keys: cells run in one namespace, their source is where IPython puts it."""

from __future__ import annotations

import ast
import linecache
import textwrap
from collections.abc import Callable
from itertools import count
from typing import Any

from wfkit.core.node import Each, Node
from wfkit.core.policy import Options
from wfkit.core.terms import NodeKind
from wfkit.keys.code.definition import Definition, define_python

_numbers = count(1)


class Notebook:
    """One namespace and the cells that ran in it."""

    def __init__(self, *cells: str) -> None:
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        for cell in cells:
            self.cell(cell)

    def cell(self, source: str) -> Notebook:
        """Run a cell."""
        source = textwrap.dedent(source)
        label = f"<ipython-input-{next(_numbers)}-keys>"
        linecache.cache[label] = (len(source), None, source.splitlines(keepends=True), label)
        exec(compile(source, label, "exec", dont_inherit=True), self.namespace)
        return self

    def node(self, body: str, each: Each | None = None, **options: Any) -> Node:
        """A Python node named `label` whose body reads every name that it mentions and does not bind."""
        body = textwrap.dedent(body).strip("\n")
        names = [part for part in ast.walk(ast.parse(body)) if isinstance(part, ast.Name)]
        bound = {part.id for part in names if isinstance(part.ctx, ast.Store)}
        read = tuple(dict.fromkeys(part.id for part in names if part.id not in bound))
        return Node(
            "label", NodeKind.PYTHON, body, read, options=Options(**options), each=each, namespace=self.namespace
        )

    def define(self, body: str, is_node: Callable[[str], bool] = lambda _: False, **options: Any) -> Definition:
        """The definition of a node with this body."""
        return define_python(self.node(body, **options), is_node)

    def digest(self, body: str = "label = helper(1)", **options: Any) -> str:
        """Its digest, which must be there."""
        found = self.define(body, **options)
        assert found.digest is not None, found.problem
        return found.digest


def digest_of(cells: str, body: str = "label = helper(1)") -> str:
    """The definition digest of a node in a new notebook with this cell."""
    return Notebook(cells).digest(body)
