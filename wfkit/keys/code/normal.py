"""The normal form of a syntax tree: what is left without comments, layout, docstrings and type hints without effect.

Every node is written once, parents first, with the names of its fields and the number of its children, so no two trees
have one form. Fields that are empty are not written: Python versions that add one agree. No names are resolved here.
"""

from __future__ import annotations

import ast
from typing import Any

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DOCUMENTED = (*FUNCTIONS, ast.ClassDef)
_LEFT_OUT = frozenset({"ctx", "type_comment", "kind", "type_ignores", "simple"})
_ATOMS = frozenset({str, int, bool})
_FIELDS: dict[type, tuple[str, ...]] = {}

# What a part inherits: hints count in a class body (they make fields) and on decorated functions (the decorator may
# read them).
_PLAIN, _IN_CLASS, _HINTED = 0, 1, 2


def normal_form(tree: ast.AST) -> bytes:
    """The tree as bytes that differ whenever the code differs in more than its looks."""
    out: list[str] = []
    stack: list[tuple[Any, int]] = [(tree, _PLAIN)]
    while stack:
        node, where = stack.pop()
        kind = type(node)
        if kind is ast.Constant:
            out.append(f"={_constant(node.value)}")
            continue
        out.append(kind.__name__)
        fields = vars(node)
        if kind in _SPECIAL:
            fields = _SPECIAL[kind](node, where, out)
            where = _inner(kind, where)
        for name in _FIELDS.get(kind) or _fields(kind):
            value = fields.get(name)
            if value is None or value == []:
                continue
            if type(value) in _ATOMS:
                out.append(f"{name}={value!r}")
            elif type(value) is list:
                out.append(f"{name}[{len(value)}")
                _push(value, where, stack, out)
            else:
                out.append(name)
                stack.append((value, _HINTED if name == "args" and fields.get("hinted") else where))
    return "\x1f".join(out).encode("utf-8", "surrogatepass")


def _fields(kind: type) -> tuple[str, ...]:
    names = tuple(name for name in kind._fields if name not in _LEFT_OUT)  # type: ignore[attr-defined]
    _FIELDS[kind] = names
    return names


def _push(values: list[Any], where: int, stack: list[tuple[Any, int]], out: list[str]) -> None:
    for value in values:
        if isinstance(value, ast.AST):
            stack.append((value, where))
        else:  # a name, or the gap of `{**x}` and of a keyword without default
            out.append(repr(value))
    if any(value is None for value in values):
        out.append(str([value is None for value in values]))


def _constant(value: Any) -> str:
    """A constant with its type. Huge numbers are written in hexadecimal: decimal has a limit."""
    return f"int {value:x}" if type(value) is int else f"{type(value).__name__} {value!r}"


def _inner(kind: type, where: int) -> int:
    if kind in _DOCUMENTED:
        return _IN_CLASS if kind is ast.ClassDef else _PLAIN
    return where


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a body without a leading text."""
    first = body[0] if body else None
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and type(first.value.value) is str
    return body[1:] if is_text else body


def _function(node: Any, _where: int, _out: list[str]) -> dict[str, Any]:
    decorated = bool(node.decorator_list)
    fields: dict[str, Any] = vars(node) | {"body": without_docstring(node.body), "hinted": decorated}
    return fields if decorated else fields | {"returns": None}


def _class(node: Any, _where: int, _out: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = vars(node) | {"body": without_docstring(node.body)}
    return fields


def _argument(node: Any, where: int, _out: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = vars(node)
    return fields if where == _HINTED else fields | {"annotation": None}


def _annotated(node: Any, where: int, out: list[str]) -> dict[str, Any]:
    """Outside a class `x: int = 1` is `x = 1`."""
    fields: dict[str, Any] = vars(node)
    if where == _IN_CLASS:
        return fields
    if node.value is not None:
        out[-1] = "Assign"
        out.append("targets[1")
    return {"target": node.target, "value": node.value}


def _assigned(node: Any, _where: int, out: list[str]) -> dict[str, Any]:
    """An assignment to one target is written as one with a hint is."""
    fields: dict[str, Any] = vars(node)
    if len(node.targets) > 1:
        return fields
    out.append("targets[1")
    return {"target": node.targets[0], "value": node.value}


_SPECIAL = {
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.arg: _argument,
    ast.AnnAssign: _annotated,
    ast.Assign: _assigned,
}
_FIELDS[ast.Assign] = ("target", "targets", "value")
