"""`dataclass`, the decorator of the standard library, but methods are written when they are first called.

The standard library compiles up to six methods a class while it is imported: 0.4 ms, with a hundred classes almost half
of the time that wfkit takes to load, and most are never called. Nothing else differs; to a type checker it is that
decorator. Options are `frozen`, `slots` and `eq`; keyword-only fields are not known here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from copy import copy
from dataclasses import MISSING
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]
_set = object.__setattr__

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls=None, /, **options):
        """`dataclasses.dataclass`, for the options named above."""
        return _define(cls, **options) if cls is not None else lambda cls: _define(cls, **options)


def _define(cls: type, *, frozen: bool = False, slots: bool = False, eq: bool = True) -> Any:
    given = set(vars(cls))
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots)(cls)
    wanted = ("__init__", "__repr__", *(["__eq__"] if eq else []), *(["__hash__"] if eq and frozen else []))
    for name in wanted:
        if name not in given:
            setattr(made, name, _first_call(made, name, frozen))
    if eq and not frozen and "__hash__" not in given:
        made.__hash__ = None  # as always: what can change has no hash
    if frozen:
        made.__setattr__ = _refuse_change
        made.__delattr__ = _refuse_removal
        made.__setstate__ = _set_state
    return made


def _first_call(owner: type, name: str, frozen: bool) -> Callable[..., Any]:
    """A method that puts the real one in its place and calls it."""

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        written = _init(owner, frozen) if name == "__init__" else _written(owner, name, frozen)
        setattr(owner, name, written)
        return written(self, *args, **kwargs)

    call.__name__, call.__qualname__ = name, f"{owner.__qualname__}.{name}"
    return call


def _written(owner: type, name: str, frozen: bool) -> Any:
    """A method as the standard library writes it for a class of the same fields."""
    fields = [(field.name, field.type, copy(field)) for field in dataclasses.fields(owner)]
    equal = name in {"__eq__", "__hash__"}
    twin = dataclasses.make_dataclass(owner.__name__, fields, init=False, repr=not equal, eq=equal, frozen=frozen)
    return vars(twin)[name]


def _init(owner: type, frozen: bool) -> Any:
    """`__init__`, alone: the standard library writes that of a frozen class only together with three more."""
    scope: dict[str, Any] = {"__name__": owner.__module__, "_set": _set, "_missing": MISSING}
    parameters, lines = ["self"], []
    for field in dataclasses.fields(owner):
        name, value = field.name, field.name
        scope[f"_default_{name}"], scope[f"_make_{name}"] = field.default, field.default_factory
        if not field.init:
            value = f"_make_{name}()" if field.default_factory is not MISSING else f"_default_{name}"
        elif field.default_factory is not MISSING:
            parameters.append(f"{name}=_missing")
            value = f"_make_{name}() if {name} is _missing else {name}"
        else:
            parameters.append(name if field.default is MISSING else f"{name}=_default_{name}")
        slot = getattr(owner, name, None)
        if frozen and isinstance(slot, MemberDescriptorType):
            scope[f"_set_{name}"] = slot.__set__  # a third faster than object.__setattr__
            lines.append(f" _set_{name}(self, {value})")
        else:
            lines.append(f" _set(self, {name!r}, {value})" if frozen else f" self.{name} = {value}")
    lines += [" self.__post_init__()"] if hasattr(owner, "__post_init__") else []
    exec(f"def __init__({', '.join(parameters)}):\n" + "\n".join(lines or [" pass"]), scope)  # noqa: S102 - our own text
    scope["__init__"].__qualname__ = f"{owner.__qualname__}.__init__"
    return scope["__init__"]


def _refuse_change(_self: object, name: str, _value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_removal(_self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _set_state(self: object, state: Any) -> None:
    """What copy and pickle do, past the refusal of changes. `state` is a dict, with slots a pair of dict and slots."""
    for part in state if isinstance(state, tuple) else (state,):
        for name, value in (part or {}).items():
            _set(self, name, value)
