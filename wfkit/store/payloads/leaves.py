"""Single values of the standard library as tagged rows: `[tag, …]` of plain scalars, by exact type, and back.

Containers and class instances are in `tagged`, numbers and times of numpy and pandas in `scalars`.
"""

from __future__ import annotations

import array
import base64
import ipaddress
import pathlib
import struct
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
_NAN = struct.pack(">d", float("nan")).hex()
_MICROSECOND = timedelta(microseconds=1)
_PATHS: tuple[type[pathlib.PurePath], ...] = (
    pathlib.PosixPath,
    pathlib.WindowsPath,
    pathlib.PurePosixPath,
    pathlib.PureWindowsPath,
)

_ADDRESSES: tuple[type[Any], ...] = (
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    ipaddress.IPv4Network,
    ipaddress.IPv6Network,
)


def write(value: Any) -> Row | None:
    """The row of a single value; None when its type is not one of those here."""
    writer = _WRITERS.get(type(value))
    return writer(value) if writer else None


def reader(tag: str) -> Callable[..., Any] | None:
    """What makes the value from the members of a row."""
    return _READERS.get(tag)


def write_zone(zone: tzinfo | None) -> str | int | None:
    """None, a zone's key, an offset in microseconds, or `=offset name` for one with a name of its own."""
    if zone is None:
        return None
    if type(zone) is timezone:
        offset = zone.utcoffset(None) // _MICROSECOND
        return offset if repr(zone) == repr(read_zone(offset)) else f"={offset} {escape(zone.tzname(None))}"
    if type(zone) is ZoneInfo and zone.key:
        return zone.key
    raise ValueFault(f"a time zone {zone!r} of type {type(zone).__name__} cannot be stored: use zoneinfo.ZoneInfo")


def read_zone(zone: str | int | None) -> tzinfo | None:
    if zone is None:
        return None
    if isinstance(zone, str) and zone.startswith("="):
        offset, _, name = zone[1:].partition(" ")
        return timezone(int(offset) * _MICROSECOND, unescape(name))
    if isinstance(zone, str):
        return ZoneInfo(zone)
    return UTC if zone == 0 else timezone(zone * _MICROSECOND)


def _write_time(tag: str) -> Callable[[Any], Row]:
    return lambda value: [tag, value.replace(tzinfo=None).isoformat(), value.fold, write_zone(value.tzinfo)]


def _read_time(cls: Any) -> Callable[..., Any]:
    return lambda text, fold, zone: cls.fromisoformat(text).replace(fold=fold, tzinfo=read_zone(zone))


def _write_float(value: float) -> Row:
    """A NaN with bits of its own by them: they count in a digest."""
    bits = struct.pack(">d", value).hex()
    return ["float", repr(value) if value == value or bits == _NAN else f"nan:{bits}"]  # noqa: PLR0124 - not so a NaN


def _read_float(text: str) -> float:
    if not text.startswith("nan:"):
        return float(text)
    found: float = struct.unpack(">d", bytes.fromhex(text[4:]))[0]
    return found


def _read_array(typecode: str, size: int, data: str) -> array.array[Any]:
    found = array.array(typecode)
    if found.itemsize != size:
        raise ValueFault(
            f"an array of type {typecode!r} was stored by a machine on which its numbers have another size"
        )
    found.frombytes(base64.b64decode(data))
    return found


def _b64(data: bytes | bytearray) -> str:
    return base64.b64encode(data).decode("ascii")


_WRITERS: dict[type, Callable[[Any], Row]] = {
    int: lambda value: ["int", hex(value)],  # beyond 64 bits
    float: _write_float,  # nan, inf, -inf
    str: lambda value: ["str", escape(value)],  # with lone surrogates
    complex: lambda value: ["complex", *_write_float(value.real)[1:], *_write_float(value.imag)[1:]],
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
    array.array: lambda value: ["array", value.typecode, value.itemsize, _b64(value.tobytes())],
    timezone: lambda value: ["zone", write_zone(value)],
    ZoneInfo: lambda value: ["zone", write_zone(value)],
    **dict.fromkeys(_ADDRESSES, lambda value: ["ip", type(value).__name__, str(value)]),
    **dict.fromkeys(_PATHS, lambda value: ["path", type(value).__name__, escape(str(value))]),
}

_READERS: dict[str, Callable[..., Any]] = {
    "int": lambda text: int(text, 16),
    "float": _read_float,
    "str": unescape,
    "complex": lambda real, imag: complex(_read_float(real), _read_float(imag)),
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
    "array": _read_array,
    "zone": read_zone,
    "ip": lambda name, text: next(cls for cls in _ADDRESSES if cls.__name__ == name)(text),
    "path": lambda name, text: next(cls for cls in _PATHS if cls.__name__ == name)(unescape(text)),
}
