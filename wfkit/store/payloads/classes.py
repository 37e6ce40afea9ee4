"""Instances of dataclasses, pydantic models, named tuples and enums as (class name, fields), and back.

A stored name is only ever looked up among classes that code gave us (`register_class`, or a value that was stored): it
is never imported. Without its class a value comes back as a `Record` of its fields.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any
from weakref import WeakValueDictionary

from wfkit.core.record import Record
from wfkit.core.slots import slots_of

_classes: WeakValueDictionary[str, type] = WeakValueDictionary()

Fields = dict[str, Any]
_MORE = ""  # no field has this name
_PYDANTIC = ("__dict__", "__pydantic_extra__", "__pydantic_private__", "__pydantic_fields_set__")


def register_class(cls: type) -> None:
    """Let values stored under the qualified name of this class come back as its instances; the last given wins."""
    _classes[class_name(cls)] = cls


def class_name(cls: type) -> str:
    """The name under which instances are stored."""
    return f"{cls.__module__}.{cls.__qualname__}"


def kind_of(value: Any) -> str | None:
    """dataclass, pydantic, namedtuple or enum; None for every other instance (and for classes themselves)."""
    cls = type(value)
    if isinstance(value, type):
        return None
    if isinstance(value, enum.Enum):
        return "enum"
    if dataclasses.is_dataclass(cls):
        return "dataclass"
    if isinstance(getattr(cls, "__pydantic_fields__", None), Mapping):
        return "pydantic"
    return "namedtuple" if isinstance(value, tuple) and hasattr(cls, "_fields") else None


def fields_of(value: Any, kind: str) -> Fields:
    """What an instance holds, by name. Its class is registered: it is here, so code gave it to us."""
    register_class(type(value))
    if kind == "enum":
        return {"value": value.value}
    if kind == "dataclass":
        return _fields_of_dataclass(value)
    if kind == "namedtuple":
        return dict(zip(value._fields, value, strict=True))
    return {name: getattr(value, name) for name in _PYDANTIC}


def _fields_of_dataclass(value: Any) -> Fields:
    """Its fields, and under the empty name what else it has: attributes set later, slots of its bases."""
    names = [item.name for item in dataclasses.fields(value)]
    beside = [name for name in (*getattr(value, "__dict__", ()), *slots_of(type(value))) if name not in names]
    more = {name: getattr(value, name) for name in beside if hasattr(value, name)}
    fields = {name: getattr(value, name) for name in names if hasattr(value, name)}
    return {**fields, _MORE: more} if more else fields


def instance(name: str, kind: str, fields: Fields) -> Any:
    """The instance; without a class of that name, kind and fields: a Record (of an enum: its value)."""
    cls = _classes.get(name)
    if kind not in _MAKERS:
        return Record(tuple(fields), fields.values())
    made = _MAKERS[kind](cls, fields) if cls is not None else None
    return _without_class(kind, fields) if made is None else made


def _without_class(kind: str, fields: Fields) -> Any:
    if kind == "enum":
        return fields.get("value")
    if kind == "dataclass":
        fields = {**fields, **fields.get(_MORE, {})}
        fields.pop(_MORE, None)
    if kind == "pydantic":
        fields = {**(fields.get("__dict__") or {}), **(fields.get("__pydantic_extra__") or {})}
    return Record(tuple(fields), fields.values())


def _make_dataclass(cls: type, fields: Fields) -> Any:
    fields = dict(fields)
    more = fields.pop(_MORE, {})
    if not dataclasses.is_dataclass(cls) or {item.name for item in dataclasses.fields(cls)} < fields.keys():
        return None
    if {item.name for item in dataclasses.fields(cls) if item.init} - fields.keys():
        return None
    made = object.__new__(cls)
    for name, value in {**fields, **more}.items():
        object.__setattr__(made, name, value)
    return made


def _make_pydantic(cls: Any, fields: Fields) -> Any:
    known = getattr(cls, "__pydantic_fields__", None)
    if known is None or set(fields) != set(_PYDANTIC):
        return None
    beside = set(fields["__dict__"] or {}) ^ set(known)
    if not all(isinstance(getattr(cls, name, None), cached_property) for name in beside):
        return None
    made = cls.__new__(cls)
    made.__setstate__(fields)
    return made


def _make_namedtuple(cls: Any, fields: Fields) -> Any:
    return cls._make(fields.values()) if getattr(cls, "_fields", None) == tuple(fields) else None


def _make_enum(cls: Any, fields: Fields) -> Any:
    try:
        return cls(fields["value"]) if issubclass(cls, enum.Enum) else None
    except (ValueError, KeyError):
        return None


_MAKERS: dict[str, Callable[[Any, Fields], Any]] = {
    "dataclass": _make_dataclass,
    "pydantic": _make_pydantic,
    "namedtuple": _make_namedtuple,
    "enum": _make_enum,
}
