"""What a piece of source depends on by its text alone: its normal form, the names it takes from outside, what it imports.

Pure analysis, remembered by the hash of the text: a memo that outlives the process can be put behind `AnalysisMemo`. Nothing is looked
up in any namespace here.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Protocol

from wfkit.keys.normal import FUNCTIONS, normal_form, without_docstring
from wfkit.keys.plain import digest_of
from wfkit.keys.task import SCHEME


@dataclass(frozen=True, slots=True)
class Analysis:
    """`digest` of the normal form (hex). `uses` are outside names with the attributes read from them: ("math", "pi"). `hints` are
    names that only annotations need. `imports` are (level, module, name or ""). `dynamic` are calls whose reads cannot be known.
    `binds` are the names that the top level binds; they stand in `uses` too when they are read."""

    digest: str
    uses: tuple[tuple[str, ...], ...] = ()
    hints: tuple[str, ...] = ()
    imports: tuple[tuple[int, str, str], ...] = ()
    dynamic: tuple[str, ...] = ()
    binds: tuple[str, ...] = ()


class AnalysisMemo(Protocol):
    """Analyses by the digest of the source text."""

    def get(self, text_digest: str) -> Analysis | None:
        """The analysis of this text, if it is known."""
        ...

    def put(self, text_digest: str, analysis: Analysis) -> None:
        """Remember an analysis. It depends on the text alone, so it is good for ever."""
        ...


class ProcessMemo:
    """A memo that lives as long as the process."""

    def __init__(self) -> None:
        self._known: dict[str, Analysis] = {}

    def get(self, text_digest: str) -> Analysis | None:
        """The analysis of this text, if it is known."""
        return self._known.get(text_digest)

    def put(self, text_digest: str, analysis: Analysis) -> None:
        """Remember an analysis."""
        self._known[text_digest] = analysis


MEMO: AnalysisMemo = ProcessMemo()


def analyse_body(source: str, memo: AnalysisMemo | None = None) -> Analysis:
    """The analysis of the body of a cell. Raises SyntaxError."""
    memo = memo or MEMO
    text_digest = digest_of(f"{SCHEME} body {source}".encode("utf-8", "surrogatepass")).hex()
    known = memo.get(text_digest)
    if known is None:
        tree = ast.parse(source)
        if len(tree.body) > 1:  # a lone text is the value of the cell
            tree.body = without_docstring(tree.body)
        known = analyse(tree, [("", node) for node in tree.body])
        memo.put(text_digest, known)
    return known


def analyse_function(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Analysis:
    """The analysis of a function that exists: its defaults, decorators and annotations were evaluated before, so their names are left out."""
    return analyse(node, [("function", node)])


def analyse(tree: ast.AST, roots: list[tuple[str, ast.AST]]) -> Analysis:
    """The analysis of a tree whose parts `roots` run."""
    names = _Names()
    top = _Scope("top", None)
    names.scopes.append(top)
    for role, node in roots:
        if role == "function":
            names.enter_function(node, top)
        else:
            names.stack.append((node, top))
        names.walk()
    return Analysis(
        digest_of(normal_form(tree)).hex(),
        tuple(sorted(names.free())),
        tuple(sorted(names.hints)),
        tuple(sorted(names.imports)),
        tuple(sorted(names.dynamic)),
        tuple(sorted(top.bound)),
    )


@dataclass(slots=True, eq=False)
class _Scope:
    """A scope of names: top, function, class or comprehension."""

    kind: str
    parent: _Scope | None
    bound: set[str] = field(default_factory=set)
    outer: set[str] = field(default_factory=set)
    reads: list[tuple[str, ...]] = field(default_factory=list)


_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_DYNAMIC = frozenset({"eval", "exec", "globals"})
_IMPORTERS = frozenset({"__import__", "import_module"})


class _Names:
    """One walk over a tree, without recursion, that sorts names into scopes."""

    def __init__(self) -> None:
        self.stack: list[tuple[ast.AST, _Scope]] = []
        self.scopes: list[_Scope] = []
        self.hints: set[str] = set()
        self.imports: set[tuple[int, str, str]] = set()
        self.dynamic: set[str] = set()

    def walk(self) -> None:
        while self.stack:
            node, scope = self.stack.pop()
            handler = _HANDLERS.get(type(node))
            if handler is None:
                self.stack.extend((child, scope) for child in ast.iter_child_nodes(node))
            else:
                handler(self, node, scope)

    def free(self) -> set[tuple[str, ...]]:
        """Names that no function or comprehension around them binds. What the top level binds is free too: the caller knows better."""
        found = set()
        for scope in self.scopes:
            found.update(read for read in scope.reads if not _is_bound(read[0], scope))
        return found

    def enter_function(self, node: ast.AST, scope: _Scope) -> None:
        assert isinstance(node, (*FUNCTIONS, ast.Lambda))
        inner = _Scope("function", scope)
        self.scopes.append(inner)
        arguments = node.args
        rest = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *rest):
            inner.bound.add(argument.arg)
        body = [node.body] if isinstance(node, ast.Lambda) else without_docstring(node.body)
        self.stack.extend((part, inner) for part in body)

    def hint(self, node: ast.AST | None) -> None:
        if node is not None:
            self.hints.update(part.id for part in ast.walk(node) if isinstance(part, ast.Name))


def _is_bound(name: str, scope: _Scope) -> bool:
    at: _Scope | None = scope
    while at is not None:
        if name in at.outer or at.kind == "top":
            return False
        if name in at.bound and at.kind != "class":
            return True
        at = at.parent
    return False


def _name(names: _Names, node: ast.Name, scope: _Scope) -> None:
    if type(node.ctx) is ast.Load:
        scope.reads.append((node.id,))
    else:
        scope.bound.add(node.id)


def _attribute(names: _Names, node: ast.Attribute, scope: _Scope) -> None:
    chain = [node.attr]
    value = node.value
    while type(value) is ast.Attribute:
        chain.append(value.attr)
        value = value.value
    if type(value) is ast.Name:
        scope.reads.append((value.id, *reversed(chain)))
    else:
        names.stack.append((value, scope))


def _function(names: _Names, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope) -> None:
    scope.bound.add(node.name)
    arguments = node.args
    outside = [*node.decorator_list, *arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)]
    names.stack.extend((part, scope) for part in outside)
    rest = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *rest):
        names.hint(argument.annotation)
    names.hint(node.returns)
    names.enter_function(node, scope)


def _lambda(names: _Names, node: ast.Lambda, scope: _Scope) -> None:
    names.stack.extend((part, scope) for part in (*node.args.defaults, *node.args.kw_defaults) if part is not None)
    names.enter_function(node, scope)


def _class(names: _Names, node: ast.ClassDef, scope: _Scope) -> None:
    scope.bound.add(node.name)
    names.stack.extend((part, scope) for part in (*node.decorator_list, *node.bases, *node.keywords))
    inner = _Scope("class", scope)
    names.scopes.append(inner)
    names.stack.extend((part, inner) for part in without_docstring(node.body))


def _annotated(names: _Names, node: ast.AnnAssign, scope: _Scope) -> None:
    names.stack.append((node.target, scope))
    if node.value is not None:
        names.stack.append((node.value, scope))
    if scope.kind == "class":
        names.stack.append((node.annotation, scope))
    elif scope.kind == "top":
        names.hint(node.annotation)


def _comprehension(names: _Names, node: ast.AST, scope: _Scope) -> None:
    assert isinstance(node, _COMPREHENSIONS)
    inner = _Scope("comprehension", scope)
    names.scopes.append(inner)
    names.stack.append((node.generators[0].iter, scope))
    for position, generator in enumerate(node.generators):
        parts = [generator.target, *generator.ifs, *([generator.iter] if position else [])]
        names.stack.extend((part, inner) for part in parts)
    values = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
    names.stack.extend((part, inner) for part in values)


def _walrus(names: _Names, node: ast.NamedExpr, scope: _Scope) -> None:
    at = scope
    while at.kind == "comprehension" and at.parent is not None:
        at = at.parent
    at.bound.add(node.target.id)
    names.stack.append((node.value, scope))


def _import(names: _Names, node: ast.Import, scope: _Scope) -> None:
    for alias in node.names:
        scope.bound.add(alias.asname or alias.name.partition(".")[0])
        names.imports.add((0, alias.name, ""))


def _import_from(names: _Names, node: ast.ImportFrom, scope: _Scope) -> None:
    for alias in node.names:
        scope.bound.add(alias.asname or alias.name)
        names.imports.add((node.level, node.module or "", alias.name))


def _outer(names: _Names, node: ast.Global | ast.Nonlocal, scope: _Scope) -> None:
    if isinstance(node, ast.Global):
        scope.outer.update(node.names)


def _handler(names: _Names, node: ast.ExceptHandler, scope: _Scope) -> None:
    if node.name:
        scope.bound.add(node.name)
    names.stack.extend((child, scope) for child in ast.iter_child_nodes(node))


def _captured(names: _Names, node: ast.AST, scope: _Scope) -> None:
    name = getattr(node, "name", None) or getattr(node, "rest", None)
    if name:
        scope.bound.add(name)
    names.stack.extend((child, scope) for child in ast.iter_child_nodes(node))


def _call(names: _Names, node: ast.Call, scope: _Scope) -> None:
    called = node.func
    name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
    if name in _IMPORTERS:
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and not first.value.startswith("."):
            names.imports.add((0, first.value, ""))
        else:
            names.dynamic.add(name)
    elif name in _DYNAMIC and isinstance(called, ast.Name):
        names.dynamic.add(name)
    names.stack.extend((child, scope) for child in ast.iter_child_nodes(node))


_HANDLERS = {
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.Lambda: _lambda,
    ast.ClassDef: _class,
    ast.AnnAssign: _annotated,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.DictComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.NamedExpr: _walrus,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Global: _outer,
    ast.Nonlocal: _outer,
    ast.ExceptHandler: _handler,
    ast.MatchAs: _captured,
    ast.MatchStar: _captured,
    ast.MatchMapping: _captured,
    ast.Call: _call,
}
