"""Which names a piece of source takes from outside: a walk over its syntax tree that sorts every name into its scope.

No recursion and no look at any namespace: what a name means is the business of who asks.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import field
from typing import Any

from wfkit.core.frozen import dataclass
from wfkit.keys.code.normal import FUNCTIONS, without_docstring


@dataclass(slots=True, eq=False)
class Scope:
    """A scope of names: top, function, class or comprehension."""

    kind: str
    parent: Scope | None
    bound: set[str] = field(default_factory=set)
    outer: set[str] = field(default_factory=set)
    reads: list[tuple[str, ...]] = field(default_factory=list)


# Classes of the syntax tree that have or may hold names: all but contexts and operators.
_NAMELESS = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
_PARTS = frozenset(
    kind
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST) and not issubclass(kind, _NAMELESS)
)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_DYNAMIC = frozenset({"eval", "exec", "globals"})
IMPORTERS = frozenset({"__import__", "import_module"})
# Attributes through which any name can be reached.
_BACK_DOORS = frozenset({"f_globals", "f_locals", "f_back", "__globals__"})
_QUERY = re.compile(r"\b(?:from|join|table|describe|summarize|update|into)\b", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z_]\w*")
_MARKED = re.compile(r"@[A-Za-z_]\w*")
TEXT, ORDER, SUBCLASSES = "text", "order", "subclasses"
# Names by which code asks for what is otherwise mere looks: docstrings, hints and comments; the order in which a class
# was written; who inherits from it.
ASPECTS = {
    **dict.fromkeys(("__doc__", "__annotations__", "__annotate__", "__signature__", "__code__", "help"), TEXT),
    **dict.fromkeys(("get_type_hints", "get_annotations", "signature", "getfullargspec", "Signature"), TEXT),
    **dict.fromkeys(("getsource", "getsourcelines", "getdoc", "getcomments", "render_doc", "validate_call"), TEXT),
    **dict.fromkeys(("vars", "__dict__", "getmembers", "getmembers_static"), ORDER),
    "__subclasses__": SUBCLASSES,
}


class Names:
    """One walk over a tree, without recursion, that sorts names into scopes."""

    def __init__(self) -> None:
        self.stack: list[tuple[ast.AST, Scope]] = []
        self.scopes: list[Scope] = []
        self.hints: set[str] = set()
        self.imports: set[tuple[int, str, str]] = set()
        self.dynamic: set[str] = set()
        self.aspects: set[str] = set()
        self.quoted: set[str] = set()

    def walk(self) -> None:
        """Walk everything that was put on the stack."""
        while self.stack:
            node, scope = self.stack.pop()
            handler = _HANDLERS.get(type(node))
            if handler is None:
                self.push_parts(node, scope)
            else:
                handler(self, node, scope)

    def push_parts(self, node: ast.AST, scope: Scope) -> None:
        """Put the parts of a node on the stack, all in the same scope."""
        for value in vars(node).values():
            if type(value) is list:
                self.stack += [(part, scope) for part in value if type(part) in _PARTS]
            elif type(value) in _PARTS:
                self.stack.append((value, scope))

    def free(self) -> set[tuple[str, ...]]:
        """Names that no function or comprehension around them binds. What the top level binds is free too: the caller
        knows better.
        """
        found: set[tuple[str, ...]] = set()
        for scope in self.scopes:
            found.update(read for read in scope.reads if not _is_bound(read[0], scope))
        return found

    def enter_function(self, node: ast.AST, scope: Scope) -> None:
        """Put the body of a function on the stack, its parameters bound."""
        assert isinstance(node, (*FUNCTIONS, ast.Lambda))
        inner = Scope("function", scope)
        self.scopes.append(inner)
        arguments = node.args
        rest = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *rest):
            inner.bound.add(argument.arg)
        body = [node.body] if isinstance(node, ast.Lambda) else without_docstring(node.body)
        self.stack.extend((part, inner) for part in body)

    def note(self, name: str) -> None:
        """Note a name by which code asks for looks, or goes where no analysis can follow."""
        if name in ASPECTS:
            self.aspects.add(ASPECTS[name])
        elif name in _BACK_DOORS:
            self.dynamic.add(name)

    def note_text(self, text: str) -> None:
        """Note names that a query may take from the code around it: tables in SQL, `@name` of pandas."""
        if _QUERY.search(text):
            self.quoted.update(_WORD.findall(text))
        if "@" in text:
            self.quoted.update(_MARKED.findall(text))

    def note_import(self, level: int, module: str, name: str) -> None:
        """Note an import. A notebook's own module is all its names."""
        self.imports.add((level, module, name))
        self.note(name)
        if module == "__main__" or (module, name) == ("sys", "modules"):
            self.dynamic.add(f"{module}.{name}".rstrip("."))

    def note_call(self, name: str) -> None:
        """Note a function that reads, or imports, what only running it would tell."""
        if name in IMPORTERS or name in _DYNAMIC:
            self.dynamic.add(name)

    def hint(self, node: ast.AST | None) -> None:
        """Note the names of an annotation."""
        if node is not None:
            self.hints.update(part.id for part in ast.walk(node) if isinstance(part, ast.Name))


def _is_bound(name: str, scope: Scope) -> bool:
    at: Scope | None = scope
    while at is not None:
        if name in at.outer or at.kind == "top":
            return False
        if name in at.bound and at.kind != "class":
            return True
        at = at.parent
    return False


def _constant(names: Names, node: ast.Constant, scope: Scope) -> None:  # noqa: ARG001 - one signature for all
    if type(node.value) is str:
        names.note_text(node.value)


def _name(names: Names, node: ast.Name, scope: Scope) -> None:
    if type(node.ctx) is ast.Load:
        scope.reads.append((node.id,))
        names.note(node.id)
    else:
        scope.bound.add(node.id)


def _attribute(names: Names, node: ast.Attribute, scope: Scope) -> None:
    chain = [node.attr]
    value = node.value
    while type(value) is ast.Attribute:
        chain.append(value.attr)
        value = value.value
    for name in chain:
        names.note(name)
    if type(value) is ast.Name:
        scope.reads.append((value.id, *reversed(chain)))
        if value.id == "sys" and chain[-1] == "modules":
            names.dynamic.add("sys.modules")
    else:
        names.stack.append((value, scope))


def _function(names: Names, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
    scope.bound.add(node.name)
    arguments = node.args
    outside = [*node.decorator_list, *arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)]
    names.stack.extend((part, scope) for part in outside)
    rest = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *rest):
        names.hint(argument.annotation)
    names.hint(node.returns)
    names.enter_function(node, scope)


def _lambda(names: Names, node: ast.Lambda, scope: Scope) -> None:
    names.stack.extend((part, scope) for part in (*node.args.defaults, *node.args.kw_defaults) if part is not None)
    names.enter_function(node, scope)


def _class(names: Names, node: ast.ClassDef, scope: Scope) -> None:
    scope.bound.add(node.name)
    names.stack.extend((part, scope) for part in (*node.decorator_list, *node.bases, *node.keywords))
    inner = Scope("class", scope)
    names.scopes.append(inner)
    names.stack.extend((part, inner) for part in without_docstring(node.body))


def _annotated(names: Names, node: ast.AnnAssign, scope: Scope) -> None:
    names.stack.append((node.target, scope))
    if node.value is not None:
        names.stack.append((node.value, scope))
    if scope.kind == "class":
        names.stack.append((node.annotation, scope))
    elif scope.kind == "top":
        names.hint(node.annotation)


def _comprehension(names: Names, node: ast.AST, scope: Scope) -> None:
    assert isinstance(node, _COMPREHENSIONS)
    inner = Scope("comprehension", scope)
    names.scopes.append(inner)
    names.stack.append((node.generators[0].iter, scope))
    for position, generator in enumerate(node.generators):
        parts = [generator.target, *generator.ifs, *([generator.iter] if position else [])]
        names.stack.extend((part, inner) for part in parts)
    values = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
    names.stack.extend((part, inner) for part in values)


def _walrus(names: Names, node: ast.NamedExpr, scope: Scope) -> None:
    at = scope
    while at.kind == "comprehension" and at.parent is not None:
        at = at.parent
    at.bound.add(node.target.id)
    names.stack.append((node.value, scope))


def _import(names: Names, node: ast.Import, scope: Scope) -> None:
    for alias in node.names:
        scope.bound.add(alias.asname or alias.name.partition(".")[0])
        names.note_import(0, alias.name, "")


def _import_from(names: Names, node: ast.ImportFrom, scope: Scope) -> None:
    for alias in node.names:
        scope.bound.add(alias.asname or alias.name)
        names.note_import(node.level, node.module or "", alias.name)


def _outer(_: Names, node: ast.Global | ast.Nonlocal, scope: Scope) -> None:
    if isinstance(node, ast.Global):
        scope.outer.update(node.names)


def _handler(names: Names, node: ast.ExceptHandler, scope: Scope) -> None:
    if node.name:
        scope.bound.add(node.name)
    names.push_parts(node, scope)


def _captured(names: Names, node: ast.AST, scope: Scope) -> None:
    name = getattr(node, "name", None) or getattr(node, "rest", None)
    if name:
        scope.bound.add(name)
    names.push_parts(node, scope)


def _call(names: Names, node: ast.Call, scope: Scope) -> None:
    called = node.func
    name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
    if name in IMPORTERS:
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and not first.value.startswith("."):
            names.note_import(0, first.value, "")
        else:
            names.note_call(name)
    elif isinstance(called, ast.Name):
        names.note_call(name)
    if name == "getattr" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
        names.note(str(node.args[1].value))
    names.push_parts(node, scope)


_HANDLERS: dict[type, Callable[[Names, Any, Scope], None]] = {
    ast.Constant: _constant,
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
