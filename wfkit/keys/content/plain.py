"""The fast digest of plain data: None, bool, int, float, str, and lists, tuples and dicts of them, in one pass at C
speed.

Whether a value takes this way depends on the value alone, so equal values always take the same one. Nothing else is
digested here.
"""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from types import NoneType
from typing import Any

import orjson
from blake3 import blake3

TOKEN_BYTES = 16
BIG = 1 << 16
THREADS_FROM = 1 << 20

# orjson vetoes what marshal would take but not tell apart: it writes any buffer (bytearray, numpy scalars) like bytes.
# marshal vetoes what orjson takes by its value: enums, UUIDs, str subclasses as keys. Version 2 has no references, so
# neither sharing nor interning shows; its form is the same in every Python since 2.5.
_VETO = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
_ORJSON_TOO_DEEP = "Recursion limit reached"  # more than 254 levels
_MARSHAL_TOO_DEEP = "deep"  # more than 2,000 levels
# orjson 3.13 does not count tuples as levels and corrupts the heap at about 2,000 of them. marshal writes "(" for each:
# a value with fewer such bytes has no deep tuple; one with more is digested part by part.
_TUPLES = 200
_SCALARS = frozenset({NoneType, bool, int, float})
_NESTS = frozenset({list, dict, tuple})
_SMALL = frozenset({dict, list})
_FORM = 2


def plain(value: Any) -> bytes | None:
    """The 16 bytes of a plain value, or None for any other. Dicts count in their order; 1, 1.0 and True, 0.0 and -0.0
    all differ.
    """
    kind = type(value)
    if kind in _SCALARS:
        return blake3(marshal.dumps(value, _FORM)).digest(TOKEN_BYTES)
    if kind is str:
        if len(value) < BIG:
            return blake3(marshal.dumps(value, _FORM)).digest(TOKEN_BYTES)
        return leaf(b"str", value.encode("utf-8", "surrogatepass"))
    return nest(value)[0] if kind in _NESTS else None


def plain_digests(values: Sequence[Any]) -> list[str | None]:
    """`plain` of each value as 32 hex characters; small dicts and lists in one call each."""
    return [(_small(value) if type(value) in _SMALL else None) or _hex(plain(value)) for value in values]


def _small(value: Any) -> str | None:
    try:
        data = marshal.dumps(value, _FORM)
        if len(data) >= BIG or data.count(b"(") >= _TUPLES:
            return None
        orjson.dumps(value, option=_VETO)
    except (ValueError, TypeError):  # not plain, or too deep
        return None
    return blake3(data).digest(TOKEN_BYTES).hex()


def _hex(token: bytes | None) -> str | None:
    return None if token is None else token.hex()


def too_deep(value: Any) -> bool:
    """Whether a list, tuple or dict that is not plain is refused for its depth rather than for one of its parts."""
    return nest(value)[1]


def nest(value: Any) -> tuple[bytes | None, bool]:
    """The token of a plain list, tuple or dict, and whether it has none because it is too deep."""
    try:
        data = marshal.dumps(value, _FORM)
    except ValueError as error:
        return None, _MARSHAL_TOO_DEEP in str(error)
    if data.count(b"(") >= _TUPLES:
        return None, False
    try:
        orjson.dumps(value, option=_VETO)
    except TypeError as error:
        return None, str(error) == _ORJSON_TOO_DEEP
    return digest_of(data), False


def digest_of(data: Any) -> bytes:
    """BLAKE3 of a contiguous buffer of bytes; large ones on all cores, without a copy."""
    if len(data) < THREADS_FROM:
        return blake3(data).digest(TOKEN_BYTES)
    return blake3(data, max_threads=blake3.AUTO).digest(TOKEN_BYTES)


def leaf(tag: bytes, data: Any) -> bytes:
    """The token of a value that has no parts. The leading zero keeps these apart from plain data: marshal begins with
    a letter.
    """
    if len(data) < BIG:
        return blake3(b"\x00" + tag + b"\x00" + bytes(data)).digest(TOKEN_BYTES)
    return blake3(b"\x00" + tag + b"\x01" + digest_of(data)).digest(TOKEN_BYTES)


def branch(tag: bytes, tokens: list[bytes]) -> bytes:
    """The token of a value with parts, from their tokens."""
    return blake3(b"\x00" + tag + b"\x02" + b"".join(tokens)).digest(TOKEN_BYTES)
