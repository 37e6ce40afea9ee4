"""The names of items: what the column of the option `key` says of each, as text.

Names align items between runs; they are no part of any key. What items are is in `each`.
"""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import os
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from wfkit.core.record import Record
from wfkit.core.secrets import beginning
from wfkit.errors import ValueFault

_PLAIN = (str, int, dt.date, dt.datetime, dt.time, decimal.Decimal, uuid.UUID, enum.Enum)
_MISSING = object()
_LISTED = 8


def labels_of(items: Sequence[Any], column: str) -> tuple[str, ...]:
    """The name of each item. Raises ValueFault for a missing or a repeated one, saying where."""
    first: dict[str, int] = {}
    names = []
    for place, item in enumerate(items):
        name = _label(item, column, place)
        earlier = first.setdefault(name, place)
        if earlier != place:
            named = beginning(name, 80, os.environ)
            raise ValueFault(
                f"items {earlier} and {place} both have {column} {named!r}, and a key names one item only: "
                "remove the duplicate, or choose another column (option key)"
            )
        names.append(name)
    return tuple(names)


def _label(item: Any, column: str, place: int) -> str:
    value = _field(item, column)
    if value is _MISSING:
        raise ValueFault(f"item {place} has no {column!r} to be named by (option key){_fields(item)}")
    if value is None or value == "" or _is_unequal(value):
        raise ValueFault(f"item {place} has no value in {column!r}, and a key names every item: fill it in")
    value = value.item() if hasattr(value, "item") and not isinstance(value, _PLAIN) else value
    if not isinstance(value, _PLAIN):
        raise ValueFault(
            f"item {place} has a {type(value).__name__} in {column!r}: a key is text, a whole number, a date or an id"
        )
    return str(value.value if isinstance(value, enum.Enum) else value)


def _field(item: Any, column: str) -> Any:
    if isinstance(item, (Mapping, Record)):
        return item[column] if column in item.keys() else _MISSING  # noqa: SIM118 (a Record is no Mapping)
    return getattr(item, column, _MISSING)


def _is_unequal(value: Any) -> bool:
    """NaN, NaT and NA: not equal to themselves, or not even that."""
    try:
        return not bool(value == value)  # noqa: PLR0124 (that is the question)
    except (TypeError, ValueError):
        return True


def _fields(item: Any) -> str:
    if isinstance(item, (Mapping, Record)):
        names = [str(name) for name in item.keys()]  # noqa: SIM118 (a Record is no Mapping)
        more = ", ..." if len(names) > _LISTED else ""
        return f"; it has: {', '.join(names[:_LISTED])}{more}"
    return f": it is a value of type {type(item).__name__}"
