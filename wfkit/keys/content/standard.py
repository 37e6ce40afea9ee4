"""How values of Python itself and its standard library are taken apart, by exact type. A subclass is another type, and
refused here.

Functions, classes and modules are only told apart from data; what they mean is decided by the walk over code.
"""

from __future__ import annotations

import array
import collections
import datetime as dt
import decimal
import fractions
import functools
import ipaddress
import logging
import operator
import pathlib
import re
import threading
import types
import typing
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any

from wfkit.artifact import File
from wfkit.keys.content.files import artifact_digest, portable
from wfkit.keys.content.plain import leaf
from wfkit.keys.content.shape import Branch, Leaf, Refused, Shape, text_leaf, type_name

_CODE = frozenset(
    {
        types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, types.MethodDescriptorType,
        types.WrapperDescriptorType, types.MethodWrapperType, types.ClassMethodDescriptorType, functools.partial,
        functools.partialmethod, functools.cached_property, functools.singledispatchmethod, staticmethod,
        classmethod, property, type(functools.lru_cache(len)), operator.itemgetter, operator.attrgetter,
        operator.methodcaller,
    }
)  # fmt: skip
_OF_PACKAGES = frozenset({"ufunc", "_ArrayFunctionDispatcher", "cython_function_or_method", "fused_cython_function"})

_SAYS_LITTLE = frozenset({"tzrange", "tzlocal"})  # zones of dateutil whose text is not all that they do


def is_code(value: Any) -> bool:
    """Whether a value is a piece of code rather than data: a function, method, class, module, or a callable made of
    such.
    """
    kind = type(value)
    if kind in _CODE or kind.__name__ in _OF_PACKAGES:
        return True
    return isinstance(value, type | types.ModuleType) and kind is not types.GenericAlias


def _pairs(value: Any, tag: bytes) -> Branch:
    if getattr(value, "__dict__", None):  # OrderedDict and Counter take attributes
        raise Refused("it has attributes beside its items; hand on dict(...) of it")
    keys = list(value)
    parts = [part for key in keys for part in (key, value[key])]
    return Branch(tag, parts, lambda i: f"[{keys[i // 2]!r}]" if i < len(parts) else "")


def _with_first(tag: bytes, first: Any, rest: Any) -> Branch:
    return Branch(tag, [first, *rest], lambda i: f"[{i - 1}]" if i else "")


def zone_name(zone: dt.tzinfo | None) -> str:
    """A time zone by kind and name. One that has only rules and no name cannot be told from another."""
    if zone is None:
        return "naive"
    if isinstance(zone, zoneinfo.ZoneInfo) and zone.key is None:
        raise Refused("a time zone without a name")
    if (
        type(zone).__module__.partition(".")[0] not in ("datetime", "zoneinfo", "pytz", "dateutil", "pandas")
        or type(zone).__name__ in _SAYS_LITTLE
    ):
        raise Refused(f"the time zone {type_name(zone)} is not known")
    return f"{type(zone).__module__}.{type(zone).__qualname__}:{zone!r}"


def _datetime(value: dt.datetime) -> Leaf:
    zone = zone_name(value.tzinfo)
    return text_leaf("datetime", f"{value.isoformat()} {value.utcoffset()!r} {value.fold} {zone}")


def _time(value: dt.time) -> Leaf:
    return text_leaf("time", f"{value.isoformat()} {value.fold} {zone_name(value.tzinfo)}")


def _pattern(value: re.Pattern[Any]) -> Branch:
    return Branch(b"pattern", [value.pattern, value.flags])


def _network(value: Any) -> Leaf:
    return text_leaf(type(value).__name__, str(value))


def _alias(value: Any) -> Branch:
    return Branch(b"alias", [typing.get_origin(value), *typing.get_args(value)])


def _file(value: File) -> Leaf:
    """A file by its name in the project and its content, a folder by all files in it."""
    found = artifact_digest(str(value), value._project)
    if not found:
        raise Refused("it is not there, or holds too many files")
    return text_leaf("file", f"{portable(str(value), value._project)} {found}")


def _refused(why: str) -> Callable[[Any], Shape]:
    def refuse(_: Any) -> Shape:
        raise Refused(why)

    return refuse


def _lone_int_or_str(value: Any) -> Leaf:
    if type(value) is int:
        return text_leaf("int", hex(value))
    return Leaf(leaf(b"str", value.encode("utf-8", "surrogatepass")))


_SHAPES: dict[type, Callable[[Any], Shape]] = {
    list: lambda v: Branch(b"list", v),
    tuple: lambda v: Branch(b"tuple", v),
    dict: lambda v: _pairs(v, b"dict"),
    set: lambda v: Branch(b"set", list(v), unordered=True),
    frozenset: lambda v: Branch(b"frozenset", list(v), unordered=True),
    int: _lone_int_or_str,
    str: _lone_int_or_str,
    bytes: lambda v: Leaf(leaf(b"bytes", v)),
    bytearray: lambda v: Leaf(leaf(b"bytearray", v)),
    memoryview: _refused("the memory under it is somebody else's; hand on bytes(...) of it"),
    types.GeneratorType: _refused("it is used up by reading it; hand on list(...) of it"),
    complex: lambda v: Branch(b"complex", [v.real, v.imag]),
    range: lambda v: Branch(b"range", [v.start, v.stop, v.step]),
    slice: lambda v: Branch(b"slice", [v.start, v.stop, v.step]),
    types.EllipsisType: lambda _: text_leaf("constant", "Ellipsis"),
    types.NotImplementedType: lambda _: text_leaf("constant", "NotImplemented"),
    types.MappingProxyType: lambda v: _pairs(v, b"mappingproxy"),
    types.SimpleNamespace: lambda v: Branch(b"SimpleNamespace", [vars(v)]),
    types.GenericAlias: _alias,
    types.UnionType: _alias,
    array.array: lambda v: Branch(b"array", [v.typecode, v.tobytes()]),
    collections.OrderedDict: lambda v: _pairs(v, b"OrderedDict"),
    collections.Counter: lambda v: _pairs(v, b"Counter"),
    collections.defaultdict: lambda v: Branch(b"defaultdict", [v.default_factory, dict(v)], lambda i: ("", "")[i]),
    collections.deque: lambda v: _with_first(b"deque", v.maxlen, v),
    collections.ChainMap: lambda v: Branch(b"ChainMap", v.maps, lambda i: f".maps[{i}]"),
    decimal.Decimal: lambda v: text_leaf("Decimal", repr(v.as_tuple())),
    fractions.Fraction: lambda v: Branch(b"Fraction", [v.numerator, v.denominator]),
    dt.date: lambda v: text_leaf("date", v.isoformat()),
    dt.datetime: _datetime,
    dt.time: _time,
    dt.timedelta: lambda v: Branch(b"timedelta", [v.days, v.seconds, v.microseconds]),
    dt.timezone: lambda v: text_leaf("timezone", repr(v)),
    zoneinfo.ZoneInfo: lambda v: text_leaf("zone", zone_name(v)),
    uuid.UUID: lambda v: Leaf(leaf(b"UUID", v.bytes)),
    re.Pattern: _pattern,
    ipaddress.IPv4Address: _network,
    ipaddress.IPv6Address: _network,
    ipaddress.IPv4Network: _network,
    ipaddress.IPv6Network: _network,
    pathlib.PurePosixPath: lambda v: text_leaf("PurePosixPath", v.as_posix()),
    pathlib.PureWindowsPath: lambda v: text_leaf("PureWindowsPath", v.as_posix()),
    File: _file,
    pathlib.PosixPath: lambda v: text_leaf("Path", v.as_posix()),
    pathlib.WindowsPath: lambda v: text_leaf("Path", v.as_posix()),
    # These say or guard something but hold no data that a result could depend on.
    logging.Logger: lambda v: text_leaf("Logger", v.name),
    type(threading.Lock()): lambda _: text_leaf("lock", "Lock"),
    type(threading.RLock()): lambda _: text_leaf("lock", "RLock"),
    type(typing.Any): lambda v: text_leaf("typing", repr(v)),
    typing.TypeVar: lambda v: text_leaf("typing", repr(v)),
    typing.ForwardRef: lambda v: text_leaf("typing", repr(v)),
}  # fmt: skip


def standard_shape(value: Any) -> Shape | None:
    """The shape of a value of Python or its standard library, or None for any other."""
    shape = _SHAPES.get(type(value))
    if shape is not None:
        return shape(value)
    if type(value).__module__ == "typing":
        if typing.get_origin(value) is None:
            return text_leaf("typing", repr(value))
        return Branch(b"typing", [type(value).__name__, *_arguments(value)])
    return None


def _arguments(value: Any) -> list[Any]:
    """Origin and arguments of a typing form; those of Annotated carry its metadata."""
    return [typing.get_origin(value), *typing.get_args(value)]
