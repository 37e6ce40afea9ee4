"""Values made plain for a prompt: mappings, lists, text, numbers, dates. Nothing with behaviour reaches a template.

Libraries are looked at only if the value's owner has imported them. How a template reads plain data is in `sandbox`.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any

from wfkit.core.record import Record
from wfkit.define.each import frame_records, is_frame, is_series
from wfkit.errors import TemplateError, ValueFault

DEEPEST = 100
MOST_ROWS = 100_000
ATOMS = frozenset({str, int, float, bool, type(None), datetime, date, time, timedelta, Decimal})


class PlainDict(dict[Any, Any]):
    """A mapping that is plain all through; `x.name` in a template means its key."""


class PlainList(list[Any]):
    """A list that is plain all through."""


def plain(value: Any, path: str) -> Any:
    """The value as plain data; what is plain already comes back itself, so a shared value is converted once.

    Records, dataclasses, pydantic models and named tuples become mappings of their fields, a DataFrame a list of
    mappings, sets sorted lists, paths text. Raises TemplateError for anything else, naming `path`, the part and what to
    do.
    """
    return _plain(value, path, 0)


def _plain(value: Any, path: str, depth: int) -> Any:
    kind = type(value)
    if kind in ATOMS or kind is PlainDict or kind is PlainList:
        return value
    if depth > DEEPEST:
        raise TemplateError(f"`{path[:80]}...` is nested deeper than {DEEPEST} levels, or contains itself")
    if isinstance(value, Enum):
        return _plain(value.value, path, depth + 1)
    if isinstance(value, Mapping):
        return _mapping(value.items(), path, depth)
    if isinstance(value, Record):
        return _mapping(((name, value[name]) for name in value), path, depth)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _mapping(((field.name, getattr(value, field.name)) for field in dataclasses.fields(value)), path, depth)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return _mapping(zip(value._fields, value, strict=True), path, depth)
    if isinstance(value, AbstractSet):
        return PlainList(sorted(_listed(value, path, depth), key=repr))
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview)):
        return _listed(value, path, depth)
    return _scalar(value, path, depth)


def _mapping(items: Iterable[tuple[Any, Any]], path: str, depth: int) -> PlainDict:
    return PlainDict((_key(key, path), _plain(part, f"{path}.{key}", depth + 1)) for key, part in items)


def _key(key: Any, path: str) -> Any:
    key = key.value if isinstance(key, Enum) else key
    if type(key) in ATOMS or isinstance(key, (str, int, float, tuple)):
        return key
    raise TemplateError(
        f"`{path}` has a key of type {type(key).__name__}: use text or numbers as keys in a prompt's data"
    )


def _listed(items: Iterable[Any], path: str, depth: int) -> PlainList:
    return PlainList(_plain(part, f"{path}[{index}]", depth + 1) for index, part in enumerate(items))


def _scalar(value: Any, path: str, depth: int) -> Any:
    if _is_from("pandas", value, "NAType", "NaTType"):
        return None
    if _is_from("numpy", value, "generic", "ndarray"):
        return _numpy(value, path, depth)
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, (datetime, date, time, timedelta, Decimal)):
        return value
    if isinstance(value, PurePath) or _is_from("uuid", value, "UUID") or _is_from("fractions", value, "Fraction"):
        return str(value)
    if is_frame(value):
        return _frame(value, path, depth)
    if is_series(value):
        return _listed(value.tolist(), path, depth)
    if _is_from("pydantic", value, "BaseModel"):
        fields = (*type(value).model_fields, *type(value).model_computed_fields, *(value.model_extra or ()))
        return _mapping(((name, getattr(value, name)) for name in fields), path, depth)
    raise TemplateError(f"`{path}` is {_article(type(value).__name__)}, and prompts take plain data: {_advice(value)}")


def _frame(frame: Any, path: str, depth: int) -> PlainList:
    if len(frame) > MOST_ROWS:
        raise TemplateError(
            f"`{path}` is a DataFrame of {len(frame):,} rows, too many for a prompt: choose or sum up in a Python node"
        )
    try:
        rows = frame_records(frame)
    except ValueFault as error:
        raise TemplateError(f"`{path}` is a DataFrame: {error}") from None
    return _listed(rows, path, depth)


def _numpy(value: Any, path: str, depth: int) -> Any:
    if value.dtype.kind in "mM":  # item() of nanoseconds would be a bare int
        return str(value) if value.ndim == 0 else _listed(map(str, value.ravel()), path, depth)
    return _plain(value.item() if value.ndim == 0 else value.tolist(), path, depth + 1)


def _is_from(library: str, value: Any, *names: str) -> bool:
    module = sys.modules.get(library)
    if module is None:
        return False
    if library == "pandas":
        return value is module.NaT or value is module.NA
    return any(isinstance(value, getattr(module, name)) for name in names)


def _article(name: str) -> str:
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"


def _advice(value: Any) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "decode it to text in a Python node"
    if callable(value):
        return "call it in a Python node and use the result"
    return "turn it into text, numbers, lists or dicts in a Python node"
