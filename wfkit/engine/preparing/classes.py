"""Classes that the code of a graph reaches: stored instances come back as these, and of no other class.

A stored value only names its class. It is looked up among those found here, never imported.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterable, Iterator
from types import FunctionType
from typing import Any, get_args

_MOST = 2000


def reached(values: Iterable[Any]) -> list[type]:
    """The classes among these values, and those that their functions, fields and bases name, in order found."""
    found: dict[type, None] = {}
    seen: set[int] = set()
    stack = list(values)
    while stack and len(seen) < _MOST:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, type):
            if _is_data(value):
                found[value] = None
            stack.extend(_of_class(value))
        elif isinstance(value, FunctionType):
            stack.extend(_of_function(value))
        else:
            stack.extend(get_args(value))
    return list(found)


def _is_data(cls: type) -> bool:
    names = ("__dataclass_fields__", "__pydantic_fields__", "_fields")
    return issubclass(cls, enum.Enum) or any(hasattr(cls, name) for name in names)


def _of_class(cls: type) -> Iterator[Any]:
    """Types of the fields of a class of the user's own."""
    if cls.__module__.partition(".")[0] in sys.stdlib_module_names - {"__main__"}:
        return
    for item in getattr(cls, "__pydantic_fields__", {}).values():
        yield item.annotation
    module = vars(sys.modules.get(cls.__module__, sys))
    for hint in getattr(cls, "__annotations__", {}).values():
        yield _named(hint, module)


def _of_function(function: FunctionType) -> Iterator[Any]:
    """What a function names in its module: classes and further functions."""
    inner = function.__globals__
    for name in function.__code__.co_names:
        value = inner.get(name)
        if isinstance(value, type | FunctionType):
            yield value
    for hint in function.__annotations__.values():
        yield _named(hint, inner)


def _named(hint: Any, names: dict[str, Any]) -> Any:
    return names.get(hint) if isinstance(hint, str) else hint
