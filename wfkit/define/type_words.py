"""Types as they stand in an option: `Label`, `models.Label`, `list[Label]`, `Label | None`, `Literal["a", "b"]`.

Names are looked up, nothing is evaluated. What a type means as a schema is in `schema`.
"""

from __future__ import annotations

import ast
import builtins
import typing
from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any

from wfkit.core.graph import near
from wfkit.errors import SchemaError

_BUILT_IN = frozenset({"bool", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"})
_TYPING = frozenset({"Any", "Literal", "Optional", "Union"})
_FORM = "a class, or types like list[Label], dict[str, int] or Label | None"
_LONGEST = 500


def parse(text: str) -> ast.expr:
    """The expression of a type. Raises ValueError for anything that is more than names, brackets and `|`."""
    if len(text) > _LONGEST:
        raise ValueError(f"must be {_FORM}")
    try:
        found = ast.parse(text, mode="eval").body
        _check(found)
    except (SyntaxError, ValueError, RecursionError):
        raise ValueError(f"must be {_FORM}") from None
    return found


def type_of(text: str, namespace: Mapping[str, Any], likely: Mapping[str, Any]) -> Any:
    """What the expression stands for. Raises SchemaError for a name that is unknown, with near ones among `likely`."""
    try:
        return _value(parse(text), namespace, likely)
    except (TypeError, ValueError) as error:
        raise SchemaError(f"schema {text!r} is no type: {error}") from None


def _check(part: ast.expr) -> None:
    match part:
        case ast.Name() | ast.Constant(value=None | str() | int() | bool()):
            return
        case ast.Attribute(value=inner):
            _check(inner)
        case ast.Subscript(value=inner, slice=index):
            _check(inner)
            _check(index)
        case ast.Tuple(elts=parts) if parts:
            for each in parts:
                if not (isinstance(each, ast.Constant) and each.value is ...):
                    _check(each)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            _check(left)
            _check(right)
        case _:
            raise ValueError(ast.unparse(part))


def _value(part: ast.expr, namespace: Mapping[str, Any], likely: Mapping[str, Any]) -> Any:
    match part:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return _named(name, namespace, likely)
        case ast.Attribute(value=inner, attr=name):
            owner = _value(inner, namespace, likely)
            if not hasattr(owner, name):
                where = ast.unparse(inner)
                raise SchemaError(
                    f"schema {ast.unparse(part)!r} is not defined: {where} has no {name!r}{near(name, dir(owner))}"
                )
            return getattr(owner, name)
        case ast.Subscript(value=inner, slice=index):
            return _value(inner, namespace, likely)[_value(index, namespace, likely)]
        case ast.Tuple(elts=parts):
            return tuple(_value(each, namespace, likely) for each in parts)
        case ast.BinOp(left=left, right=right):
            return reduce(or_, (_value(left, namespace, likely), _value(right, namespace, likely)))
    raise TypeError(ast.unparse(part))


def _named(name: str, namespace: Mapping[str, Any], likely: Mapping[str, Any]) -> Any:
    if name in namespace:
        return namespace[name]
    if name in _BUILT_IN:
        return getattr(builtins, name)
    if name in _TYPING:
        return getattr(typing, name)
    close = near(name, likely) or (f" (there are: {', '.join(sorted(likely)[:8])})" if likely else "")
    raise SchemaError(f"schema {name!r} is not defined{close}: define the class in a cell that runs before")
