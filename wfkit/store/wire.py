"""An entry as one line of a journal: `crc32 json` and a newline, and back. Lines of many entries are `packs`.

The JSON names the class of the event; decoders are built from the type hints of `core.events`, so a class is only ever
one of those. Fields that this version does not know are dropped, an event or word that it does not know is a
StoreFault ("newer"). No files here.
"""

from __future__ import annotations

import enum
import re
import types
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from decimal import Decimal
from functools import cache
from typing import Any
from zlib import crc32

import orjson

from wfkit.core.events import Entry, Event
from wfkit.errors import StoreFault

EVENTS: dict[str, type] = {cls.__name__: cls for cls in typing.get_args(Event)}
NEWER = "was written by a newer wfkit: update wfkit, or point WFKIT_STORE at another store"
Convert = Callable[[Any], Any]

# Model text may hold lone surrogates, which are no UTF-8. A line that has some is marked `"esc":1` and all its strings
# are escaped: SUB doubled, a surrogate as SUB and four hex digits.
_LONE = re.compile("[\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a(\x1a|[0-9a-f]{4})")


class Damaged(ValueError):
    """A line that is not what was written."""


def encode(entry: Entry) -> bytes:
    """The line of an entry, newline included. Raises StoreFault for an event that holds what JSON cannot say."""
    event = entry.event
    return line(
        {"t": type(event).__name__, "run": entry.run_id, "epoch": entry.epoch, "seq": entry.seq, "event": event}
    )


def line(told: dict[str, Any]) -> bytes:
    """A line that says this, newline included. Raises StoreFault for what JSON cannot say."""
    try:
        body = orjson.dumps(told, default=_decimal)
    except TypeError as error:
        body = _encode_escaped(told, error)
    return b"%08x %b\n" % (crc32(body), body)


def parse(line: bytes) -> dict[str, Any]:
    """What a line says (without its newline). Raises Damaged."""
    body = line[9:]
    try:
        if crc32(body) != int(line[:8], 16) or line[8:9] != b" ":
            raise Damaged("the checksum does not match")
        raw: dict[str, Any] = orjson.loads(body)
        return unescape(raw) if "esc" in raw else raw
    except Damaged:
        raise
    except (ValueError, TypeError) as error:
        raise Damaged(f"no entry: {error!r}") from None


def decode(line: bytes) -> Entry:
    """The entry of a line that holds one. Raises Damaged, or StoreFault for what a newer version wrote."""
    return entry(parse(line))


def entry(raw: dict[str, Any]) -> Entry:
    """The entry that a parsed line tells of. Raises Damaged, or StoreFault for what a newer version wrote."""
    try:
        kind = EVENTS.get(raw["t"])
        if kind is None:
            raise StoreFault(f"the journal holds an event {raw['t']!r}: it {NEWER}")
        return Entry(raw["run"], raw["epoch"], raw["seq"], decoder(kind)(raw["event"]))
    except Damaged:
        raise
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise Damaged(f"no entry: {error!r}") from None


@cache
def decoder(cls: type) -> Convert:
    """Makes an instance of a frozen dataclass of `core` from its JSON object; made once a class."""
    hints = typing.get_type_hints(cls)
    names = frozenset(item.name for item in fields(cls))
    converts = [(name, convert) for name in names if (convert := _converter(hints[name]))]

    def decode_object(raw: dict[str, Any]) -> Any:
        for name, convert in converts:
            if name in raw:
                raw[name] = convert(raw[name])
        try:
            return cls(**raw)
        except TypeError:  # fields of a newer version
            return cls(**{name: value for name, value in raw.items() if name in names})

    return decode_object


def _converter(hint: Any) -> Convert | None:
    """What turns JSON into this type; None where JSON already is what it should be."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        inner = [found for arg in args if (found := _converter(arg))]
        return _optional(inner[0]) if inner else None
    if origin is tuple:
        return _tuple(args)
    if not isinstance(hint, type):
        return None
    if is_dataclass(hint):
        return decoder(hint)
    if issubclass(hint, enum.Enum):
        return _word(hint)
    return Decimal if hint is Decimal else None


def _optional(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


def _tuple(args: tuple[Any, ...]) -> Convert:
    if len(args) == 2 and args[1] is Ellipsis:
        each = _converter(args[0])
        return tuple if each is None else lambda value: tuple(map(each, value))
    converts = [_converter(arg) for arg in args]
    if not any(converts):
        return tuple
    return lambda value: tuple(c(v) if c else v for c, v in zip(converts, value, strict=True))


def _word(words: type[enum.Enum]) -> Convert:
    known = {word.value: word for word in words}

    def convert(value: Any) -> enum.Enum:
        if value not in known:
            raise StoreFault(f"the journal holds {value!r} as a {words.__name__}: it {NEWER}")
        return known[value]

    return convert


def _decimal(value: Any) -> str:
    if type(value) is Decimal:
        return str(value)
    raise TypeError(f"a {type(value).__name__} cannot stand in an event")


def _encode_escaped(told: dict[str, Any], error: TypeError) -> bytes:
    try:
        return orjson.dumps({**escape(told), "esc": 1})
    except (TypeError, RecursionError):
        raise StoreFault(f"an event {told['t']} of run {told['run']!r} cannot be written: {error}") from None


def escape(value: Any) -> Any:
    """Plain JSON data whose strings are all valid UTF-8: what `unescape` turns back. Dataclasses become objects."""
    if isinstance(value, str):
        return _LONE.sub(lambda found: "\x1a" + (found[0] if found[0] == "\x1a" else f"{ord(found[0]):04x}"), value)
    if isinstance(value, list | tuple):
        return [escape(item) for item in value]
    if isinstance(value, dict):
        return {escape(name): escape(item) for name, item in value.items()}
    if is_dataclass(value):
        return {item.name: escape(getattr(value, item.name)) for item in fields(value)}
    return _decimal(value) if isinstance(value, Decimal) else value


def unescape(value: Any) -> Any:
    """What `escape` was given (as plain JSON data)."""
    if isinstance(value, str):
        return _ESCAPED.sub(lambda found: "\x1a" if found[1] == "\x1a" else chr(int(found[1], 16)), value)
    if isinstance(value, list):
        return [unescape(item) for item in value]
    if isinstance(value, dict):
        return {unescape(name): unescape(item) for name, item in value.items()}
    return value
