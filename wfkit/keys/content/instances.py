"""How instances are taken apart: enums, named tuples, dataclasses, pydantic models, records, and objects of classes
written in the project.

Their class counts with its code, because a body may call its methods. Any other instance is refused: what it hides
cannot be known.
"""

from __future__ import annotations

import dataclasses
import enum
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import Any

from wfkit.core.record import Record
from wfkit.core.slots import slots_of
from wfkit.keys.content.plain import leaf, plain
from wfkit.keys.content.shape import Branch, Refused, Shape, named, text_leaf

_cached_count: ContextVar[bool] = ContextVar("wfkit_cached_count", default=True)
_BUILTINS = (dict, list, tuple, set, frozenset, str, bytes, bytearray, int, float, complex)
_UNSET = "<not set>"
_ABSENT = object()
_URLS = {"_BaseUrl", "_BaseMultiHostUrl", "Url", "MultiHostUrl"}


def instance_shape(value: Any) -> Shape | None:
    """The shape of an instance; None if it is of no kind that is known. Raises Refused for a subclass of a builtin."""
    kind = type(value)
    if kind is Record:
        return Branch(b"record", [value._fields, value._values], lambda _: "")
    if isinstance(value, enum.Enum):
        return Branch(b"enum", [kind, value.name, value.value], lambda _: "")
    if getattr(kind, "__wfkit_map__", False):  # a mapped node's value: a list that can do more
        return Branch(b"list", list(value))
    if isinstance(value, tuple) and isinstance(getattr(kind, "_fields", None), tuple):
        return named("namedtuple", list(zip(kind._fields, value, strict=True)), whole=kind)
    if isinstance(value, _BUILTINS):
        base = next(base.__name__ for base in _BUILTINS if isinstance(value, base))
        raise Refused(f"a subclass of {base} may hold more than the {base}; hand on {base}(...) of it")
    if dataclasses.is_dataclass(kind):
        return _dataclass(value, kind)
    return _model(value, kind)


def record_token(value: Record) -> bytes | None:
    """The token of a record of plain values, in one pass; None for any other."""
    token = plain((value._fields, value._values))
    return None if token is None else leaf(b"record", token)


def _dataclass(value: Any, kind: type) -> Branch:
    """Fields, then what else the instance has: attributes set later, slots of a base that is no dataclass."""
    names = [field.name for field in dataclasses.fields(kind)]
    more = {name for name in (*getattr(value, "__dict__", ()), *slots_of(kind)) if name not in names}
    more = {name for name in more if hasattr(value, name) and not _left_out(kind, name)}
    return named("dataclass", [(name, getattr(value, name, _UNSET)) for name in [*names, *sorted(more)]], whole=kind)


def object_shape(value: Any) -> Branch:
    """An object that is its attributes and nothing else. Whether it is one, the scope of the digest knows."""
    names = [*getattr(value, "__dict__", ()), *slots_of(type(value))]
    names = [name for name in names if not _left_out(type(value), name)]
    held = [(name, found) for name in names if (found := _held(value, name)) is not _ABSENT]
    return named("object", held, whole=type(value))


@contextmanager
def without_cached() -> Iterator[None]:
    """Digest instances without the values that a `cached_property` has kept in them: reading one is no change."""
    token = _cached_count.set(False)
    try:
        yield
    finally:
        _cached_count.reset(token)


def _left_out(kind: type, name: str) -> bool:
    return not _cached_count.get() and isinstance(getattr(kind, name, None), cached_property)


def _held(value: Any, name: str) -> Any:
    """An attribute as it is kept, whatever the class does to reading it."""
    inside = getattr(value, "__dict__", {})
    if name in inside:
        return inside[name]
    try:
        return object.__getattribute__(value, name)
    except AttributeError:  # an empty slot
        return _ABSENT


def _model(value: Any, kind: type) -> Shape | None:
    """A pydantic model: its fields, which of them were set (`exclude_unset` shows it), extra and private values."""
    pydantic = sys.modules.get("pydantic")
    if pydantic is None or not isinstance(value, pydantic.BaseModel):
        return _metadata(value, kind)
    fields = {name: part for name, part in value.__dict__.items() if not _left_out(kind, name)}
    groups = [fields, value.__pydantic_extra__ or {}, value.__pydantic_private__ or {}]
    parts = [part for group in groups for part in group.items()]
    counts = ("", [*map(len, groups), sorted(value.__pydantic_fields_set__)])
    return named("model", [*parts, counts], whole=kind)


def _metadata(value: Any, kind: type) -> Shape | None:
    """What pydantic puts on fields, and its values that are no models: told by the names of their classes."""
    names = {cls.__name__ for cls in kind.__mro__ if cls.__module__.partition(".")[0] in ("pydantic", "pydantic_core")}
    if not names:
        return None
    if names & _URLS:
        return text_leaf(kind.__name__, str(value))
    if "FieldInfo" in names:
        facts = [name for name in kind.__slots__ if not name.startswith("_")]  # type: ignore[attr-defined]
        return named("FieldInfo", [(name, _fact(getattr(value, name, None))) for name in facts], whole=kind)
    if "PydanticMetadata" in names:  # a constraint: it holds what it was given
        return named("constraint", sorted(getattr(value, "__dict__", {}).items()), whole=kind)
    if "TypeAdapter" in names:  # all it does follows from its type and configuration
        return named("TypeAdapter", [("type", value._type), ("config", value._config)], whole=kind)
    if "ValidateCallWrapper" in names:  # the same, for a function; its hints count because it is decorated
        parts = [("function", value.function), ("validate_return", value.validate_return)]
        return named("validate_call", [*parts, ("config", value.config_wrapper.config_dict)], whole=kind)
    return None


def _fact(value: Any) -> Any:
    """A fact of a field; the mark of an absent default has no content but its name."""
    return f"<{type(value).__name__}>" if type(value).__name__ == "PydanticUndefinedType" else value
