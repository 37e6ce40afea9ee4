"""Which variables of the environment a module of the project looks up while it is loaded, by its source alone.

What stands outside of functions counts, and functions whose names it mentions, in whatever module; a lookup by a name
that is made up counts as a look at all. What is looked up later, by a running body, is seen by `doors`.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import field
from functools import lru_cache

from wfkit.core.frozen import dataclass
from wfkit.keys.code.normal import FUNCTIONS
from wfkit.keys.environment import WHOLE

_WORDS = ("environ", "getenv", "wfkit")
_BY_NAME = frozenset({"get", "pop", "setdefault", "__getitem__", "__contains__"})
_WRITES = frozenset({"update", "__setitem__", "__delitem__"})
_GETTERS = {("os", "getenv"), ("os", "getenvb"), ("wfkit", "env")}
_ENVIRONS = {("os", "environ"), ("os", "environb")}
Owners = tuple[str, ...]


@dataclass(slots=True)
class Lookups:
    """What one stretch of code looks up, and the names that it mentions."""

    variables: set[str] = field(default_factory=set)
    mentions: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Source:
    """A module: by the name of a function or of the class of a method what it looks up, "" for what runs when it is
    loaded. `direct` are (name of the module, variable, default) of names that are just set to a variable.
    """

    owners: dict[str, Lookups]
    direct: tuple[tuple[str, str, object], ...] = ()


def looked_up(text: str, texts: Iterable[str]) -> set[str]:
    """The variables that a module looks up while it is loaded; `texts` are the modules whose functions it may call."""
    sources = [_source(other) for other in texts]
    if not any(lookups.variables for source in sources for lookups in source.owners.values()):
        return set()
    found: set[str] = set()
    known: set[str] = set()
    queue = [_source(text).owners.get("", Lookups())]
    while queue:
        lookups = queue.pop()
        found |= lookups.variables
        new = lookups.mentions - known
        known |= new
        queue += [source.owners[name] for source in sources for name in new & source.owners.keys()]
    return found


def direct(text: str) -> tuple[tuple[str, str, object], ...]:
    """Names of a module that are just what a variable is: (name, variable, default)."""
    return _source(text).direct


@lru_cache(maxsize=512)
def _source(text: str) -> Source:
    scan = _Scan()
    tree = ast.parse(text)
    if any(word in text for word in _WORDS):
        scan.bind(tree)
    scan.walk(tree)
    return Source(dict(scan.owners), tuple(scan.direct(tree)))


class _Scan:
    """One walk over a module, without recursion."""

    def __init__(self) -> None:
        self.owners: defaultdict[str, Lookups] = defaultdict(Lookups)
        self._names: dict[str, tuple[str, str]] = {}  # a name of this module: the module and the thing it stands for
        self._stack: list[tuple[ast.AST, Owners]] = []

    def bind(self, tree: ast.Module) -> None:
        """Learn under which names the environment is known here."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self._names |= {alias.asname or alias.name: (alias.name, "") for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                self._names |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}

    def walk(self, tree: ast.Module) -> None:
        """Walk a module."""
        self._stack = [(tree, ("",))]
        while self._stack:
            node, owners = self._stack.pop()
            if isinstance(node, FUNCTIONS):
                self._enter(node, owners)
            elif isinstance(node, ast.ClassDef):
                self._push(node, (*owners, f"class {node.name}"))
            else:
                self._look(node, owners)

    def _enter(self, node: ast.FunctionDef | ast.AsyncFunctionDef, owners: Owners) -> None:
        """The body of a function runs when it, or the class that it is a method of, is mentioned."""
        classes = [owner.removeprefix("class ") for owner in owners if owner.startswith("class ")]
        for part in ast.iter_child_nodes(node):
            is_body = isinstance(part, ast.stmt) and part in node.body
            self._stack.append((part, (node.name, *classes) if is_body else owners))

    def _look(self, node: ast.AST, owners: Owners) -> None:
        found, rest = self._lookup(node)
        for owner in owners:
            if not owner.startswith("class "):
                self.owners[owner].variables |= found
                if isinstance(node, ast.Name | ast.Attribute):
                    self.owners[owner].mentions.add(node.id if isinstance(node, ast.Name) else node.attr)
        self._stack += [(part, owners) for part in rest]

    def _push(self, node: ast.AST, owners: Owners) -> None:
        self._stack += [(part, owners) for part in ast.iter_child_nodes(node)]

    def _lookup(self, node: ast.AST) -> tuple[set[str], Iterable[ast.AST]]:
        """The variables that one expression looks up, and the parts that are still to be walked."""
        if isinstance(node, ast.Subscript) and self._is(node.value, _ENVIRONS):
            return ({_literal(node.slice)} if isinstance(node.ctx, ast.Load) else set()), [node.slice]
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and self._is(node.comparators[0], _ENVIRONS):
            return {_literal(node.left)}, [node.left]
        if isinstance(node, ast.Call):
            parts = [*node.args, *(keyword.value for keyword in node.keywords)]
            first = _literal(parts[0] if parts else None)
            method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if self._is(node.func, _GETTERS):
                return {first}, parts
            if isinstance(node.func, ast.Attribute) and self._is(node.func.value, _ENVIRONS):
                unnamed = set() if method in _WRITES else {WHOLE}
                return ({first} if method in _BY_NAME else unnamed), parts
        if isinstance(node, ast.expr) and self._is(node, _ENVIRONS | _GETTERS):
            return {WHOLE}, ()
        return set(), ast.iter_child_nodes(node)

    def _is(self, node: ast.expr, things: set[tuple[str, str]]) -> bool:
        if isinstance(node, ast.Name):
            return self._names.get(node.id) in things
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return (self._names.get(node.value.id, ("", ""))[0], node.attr) in things
        return False

    def direct(self, tree: ast.Module) -> Iterable[tuple[str, str, object]]:
        """Names that are set at the top to nothing but a variable, or to a literal if it is not set."""
        for statement in tree.body if self._names else ():
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                value = statement.value
                found, rest = self._lookup(value)
                parts = [part for part in rest if isinstance(part, ast.Constant)]
                is_plain = isinstance(value, ast.Call | ast.Subscript) and len(found) == 1 and WHOLE not in found
                if is_plain and len(parts) == len(list(rest)) <= 2:
                    default = parts[1].value if len(parts) == 2 else None
                    yield statement.targets[0].id, next(iter(found)), default


def _literal(node: ast.expr | None) -> str:
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return str(node.value) if is_text and isinstance(node, ast.Constant) else WHOLE
