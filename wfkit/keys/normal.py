"""The normal form of a syntax tree: what is left when comments, layout, docstrings and type hints without effect are
gone.

The form is the same in every Python version that parses the text alike: fields that are empty are not written. No
names are resolved here.
"""

from __future__ import annotations

import ast
from typing import Any

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DOCUMENTED = (*FUNCTIONS, ast.ClassDef)
_LEFT_OUT = frozenset({"ctx", "type_comment", "kind", "type_ignores", "simple"})
_FIELDS: dict[type, tuple[str, ...]] = {}

# What a part inherits: hints count in a class body (they make fields) and on decorated functions (the decorator may
# read them).
_PLAIN, _IN_CLASS, _HINTED = 0, 1, 2
_Stack = list[tuple[Any, int]]


def normal_form(tree: ast.AST) -> bytes:
    """The tree as bytes that differ whenever the code differs in more than its looks."""
    out: list[str] = []
    stack: _Stack = [(tree, _PLAIN)]
    while stack:
        item, where = stack.pop()
        if type(item) is str:
            out.append(item)
            continue
        out.append(f"({_name(item, where)}")
        stack.append((")", _PLAIN))
        _push_fields(item, where, stack)
    return "\x1f".join(out).encode("utf-8", "surrogatepass")


def _name(node: ast.AST, where: int) -> str:
    hinted = type(node) is ast.AnnAssign and where != _IN_CLASS and node.value is not None
    return "Assign" if hinted else type(node).__name__


def _push_fields(node: ast.AST, where: int, stack: _Stack) -> None:
    kind = type(node)
    names = _FIELDS.get(kind)
    if names is None:
        names = _FIELDS[kind] = tuple(reversed([name for name in kind._fields if name not in _LEFT_OUT]))
    inner = where
    if kind in _DOCUMENTED:
        inner = _IN_CLASS if kind is ast.ClassDef else _PLAIN
    for name in names:
        value = getattr(node, name, None)
        if (value is None and kind is not ast.Constant) or _is_hint(node, name, where):
            continue
        if type(value) is list:
            _push_list(node, name, value, inner, stack)
        elif isinstance(value, ast.AST):
            hinted = name == "args" and kind in FUNCTIONS and node.decorator_list  # type: ignore[attr-defined]
            stack.append((value, _HINTED if hinted else inner))
        else:
            stack.append((_scalar(value), inner))
        stack.append((f"{name}:" if name != "target" else "targets:", inner))


def _scalar(value: Any) -> str:
    """An identifier, a flag, or the value of a constant, with its type. Huge numbers are written in hexadecimal:
    decimal has a limit.
    """
    return f"int={value:x}" if type(value) is int else f"{type(value).__name__}={value!r}"


def _push_list(node: ast.AST, name: str, values: list[Any], where: int, stack: _Stack) -> None:
    if name == "body" and isinstance(node, _DOCUMENTED):
        values = without_docstring(values)
    if name == "targets" and len(values) == 1:  # as the target of an assignment with a hint
        stack.append((values[0], where))
        return
    stack.append(("]", where))
    stack.extend((value if isinstance(value, ast.AST) else repr(value), where) for value in reversed(values))
    stack.append(("[", where))


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a body without a leading text."""
    first = body[0] if body else None
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and type(first.value.value) is str
    return body[1:] if is_text else body


def _is_hint(node: ast.AST, name: str, where: int) -> bool:
    kind = type(node)
    if kind in FUNCTIONS:
        return name == "returns" and not node.decorator_list  # type: ignore[attr-defined]
    if kind is ast.arg:
        return name == "annotation" and where != _HINTED
    return kind is ast.AnnAssign and name == "annotation" and where != _IN_CLASS
