"""Single values of the standard library as tagged rows: `[tag, …]` of plain scalars, by exact type, and back.

Containers and class instances are in `tagged`, numbers and times of numpy and pandas in `scalars`.
"""

from __future__ import annotations

import base64
import pathlib
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from wfkit.errors import ValueFault
from wfkit.store.wire import escape, unescape

Row = list[Any]
_MICROSECOND = timedelta(microseconds=1)
_PATHS: tuple[type[pathlib.PurePath], ...] = (
    pathlib.PosixPath,
    pathlib.WindowsPath,
    pathlib.PurePosixPath,
    pathlib.PureWindowsPath,
)


def write(value: Any) -> Row | None:
    """The row of a single value; None when its type is not one of those here."""
    writer = _WRITERS.get(type(value))
    return writer(value) if writer else None


def reader(tag: str) -> Callable[..., Any] | None:
    """What makes the value from the members of a row."""
    return _READERS.get(tag)


def write_zone(zone: tzinfo | None) -> str | int | None:
    """None, a zone's key, or an offset in microseconds."""
    if zone is None:
        return None
    if type(zone) is timezone:
        return zone.utcoffset(None) // _MICROSECOND
    if type(zone) is ZoneInfo and zone.key:
        return zone.key
    raise ValueFault(f"a time zone {zone!r} of type {type(zone).__name__} cannot be stored: use zoneinfo.ZoneInfo")


def read_zone(zone: str | int | None) -> tzinfo | None:
    if zone is None:
        return None
    if isinstance(zone, str):
        return ZoneInfo(zone)
    return UTC if zone == 0 else timezone(zone * _MICROSECOND)


def _write_time(tag: str) -> Callable[[Any], Row]:
    return lambda value: [tag, value.replace(tzinfo=None).isoformat(), value.fold, write_zone(value.tzinfo)]


def _read_time(cls: Any) -> Callable[..., Any]:
    return lambda text, fold, zone: cls.fromisoformat(text).replace(fold=fold, tzinfo=read_zone(zone))


def _b64(data: bytes | bytearray) -> str:
    return base64.b64encode(data).decode("ascii")


_WRITERS: dict[type, Callable[[Any], Row]] = {
    int: lambda value: ["int", hex(value)],  # beyond 64 bits
    float: lambda value: ["float", repr(value)],  # nan, inf, -inf
    str: lambda value: ["str", escape(value)],  # with lone surrogates
    complex: lambda value: ["complex", repr(value.real), repr(value.imag)],
    bytes: lambda value: ["bytes", _b64(value)],
    bytearray: lambda value: ["bytearray", _b64(value)],
    Decimal: lambda value: ["decimal", str(value)],
    Fraction: lambda value: ["fraction", hex(value.numerator), hex(value.denominator)],
    date: lambda value: ["date", value.isoformat()],
    datetime: _write_time("datetime"),
    time: _write_time("time"),
    timedelta: lambda value: ["timedelta", value.days, value.seconds, value.microseconds],
    UUID: lambda value: ["uuid", value.hex],
    range: lambda value: ["range", hex(value.start), hex(value.stop), hex(value.step)],
    type(...): lambda _: ["ellipsis"],
    **dict.fromkeys(_PATHS, lambda value: ["path", type(value).__name__, escape(str(value))]),
}

_READERS: dict[str, Callable[..., Any]] = {
    "int": lambda text: int(text, 16),
    "float": float,
    "str": unescape,
    "complex": lambda real, imag: complex(float(real), float(imag)),
    "bytes": base64.b64decode,
    "bytearray": lambda text: bytearray(base64.b64decode(text)),
    "decimal": Decimal,
    "fraction": lambda over, under: Fraction(int(over, 16), int(under, 16)),
    "date": date.fromisoformat,
    "datetime": _read_time(datetime),
    "time": _read_time(time),
    "timedelta": timedelta,
    "uuid": lambda text: UUID(hex=text),
    "range": lambda *parts: range(*(int(part, 16) for part in parts)),
    "ellipsis": lambda: ...,
    "path": lambda name, text: next(cls for cls in _PATHS if cls.__name__ == name)(unescape(text)),
}
