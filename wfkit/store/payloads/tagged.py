"""Values that JSON alone would change, as a table of tagged rows: tuples, sets, dates, decimals, class instances …

A row is `[tag, …]`; its members are plain scalars or `[n]`, row n above it, and the last row is the value. So nothing
here recurses, and a container that is used twice stays one. What arrays and frames are is asked of `part`.
"""

from __future__ import annotations

import re
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Sequence
from types import MappingProxyType, SimpleNamespace
from typing import Any

import orjson

from wfkit.core.record import Record
from wfkit.errors import ValueFault
from wfkit.store.payloads import leaves, plain, scalars
from wfkit.store.payloads.classes import class_name, fields_of, instance, kind_of

Part = Callable[[Any], tuple[str, bytes] | None]
Load = Callable[[str, bytes], Any]
Row = list[Any]
Members = Sequence[Any]

_SURROGATE = re.compile("[\ud800-\udfff]")
_INT = 1 << 63
_INF = float("inf")
_MANY = 16  # from so many members on it pays to ask whether a list or dict is plain all through
_BULKY = 1024  # bytes: from here on a part, not base64
_FACTORIES = {None: None} | {cls.__name__: cls for cls in (list, dict, set, tuple, int, float, str, bool)}
HINT = "return plain data, a frame, an array, a dataclass or a pydantic model, or give the node `codec: pickle`"


def is_scalar(value: Any) -> bool:
    """Whether a value stands in a row as it is."""
    kind = type(value)
    if kind is str:
        return bool(value.isascii()) or not _SURROGATE.search(value)
    if kind is int:
        return bool(-_INT <= value < _INT)
    if kind is float:
        return bool(-_INF < value < _INF)
    return value is None or kind is bool


class _Frame:
    """A container on the way down: its row so far and the members that still have to be written."""

    __slots__ = ("at", "members", "row", "value")

    def __init__(self, value: Any, row: Row, members: Members) -> None:
        self.value, self.row, self.members = value, row, members
        self.at = 0


class Writer:
    """Writes one value. After `write` there are `rows`, and `parts` as (codec, payload)."""

    def __init__(self, part: Part) -> None:
        self.rows: list[Row] = []
        self.parts: list[tuple[str, bytes]] = []
        self._part = part
        self._done: dict[int, int] = {}  # id of a value -> its row
        self._kept: list[Any] = []  # so that no id is used twice
        self._open: set[int] = set()
        self._stack: list[_Frame] = []

    def write(self, value: Any) -> None:
        """Raises ValueFault naming the path to what cannot be stored."""
        self._stack.append(_Frame(None, ["value"], (value,)))
        while True:
            frame = self._stack[-1]
            if frame.at < len(frame.members):
                member = frame.members[frame.at]
                frame.at += 1
                self._take(frame, member)
            elif len(self._stack) > 1:
                self._close(self._stack.pop())
            else:
                break
        self.rows.append(frame.row)

    def _take(self, frame: _Frame, member: Any) -> None:
        if is_scalar(member):
            frame.row.append(member)
        elif id(member) in self._done:
            frame.row.append([self._done[id(member)]])
        elif id(member) in self._open:
            raise ValueFault(f"{self._path()} holds itself: store a value without cycles")
        else:
            self._open.add(id(member))
            self._kept.append(member)
            self._stack.append(_Frame(member, *self._opened(member)))

    def _close(self, frame: _Frame) -> None:
        self._open.discard(id(frame.value))
        self._done[id(frame.value)] = len(self.rows)
        self._stack[-1].row.append([len(self.rows)])
        self.rows.append(frame.row)

    def _opened(self, value: Any) -> tuple[Row, Members]:
        """The first of its row, and the members that follow."""
        if type(value) is bytes and len(value) > _BULKY:
            return self._opened_whole(value)
        if type(value) in (list, dict) and len(value) >= _MANY and (text := plain.dumps(value)):
            return ["json", orjson.Fragment(text)], ()
        try:
            opener = _OPENERS.get(type(value))
            if opener is not None:
                return opener(value)
            row = leaves.write(value) or scalars.write(value)
        except ValueFault as fault:
            raise ValueFault(f"{self._path()}: {fault}") from None
        return (row, ()) if row else self._opened_whole(value)

    def _opened_whole(self, value: Any) -> tuple[Row, Members]:
        part = self._part(value)
        if part is not None:
            self.parts.append(part)
            return ["part", len(self.parts) - 1], ()
        kind = kind_of(value)
        if kind is None:
            what = f"a value of type {class_name(type(value))}"
            raise ValueFault(f"{self._path()}: {what} cannot be stored; {HINT}")
        found = fields_of(value, kind)
        return ["class", class_name(type(value)), kind], [item for pair in found.items() for item in pair]

    def _path(self) -> str:
        """Where we are, as one would write it: `value[3]['x']`."""
        return "value" + "".join(_step(frame) for frame in self._stack[1:])


def read(rows: list[Row], parts: Sequence[tuple[str, bytes]], load: Load) -> Any:
    """The value of rows and parts; `load` decodes a part. Raises ValueFault for what no `Writer` wrote."""
    made: list[Any] = []
    try:
        for tag, *members in rows:
            if tag == "part":
                made.append(load(*parts[members[0]]))
                continue
            filled = members if tag == "json" else [made[m[0]] if type(m) is list else m for m in members]
            made.append(_builder(tag)(*filled))
        return made[-1]
    except ValueFault:
        raise
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise ValueFault(f"a stored value cannot be read ({error!r}): it is damaged, or of a newer wfkit") from error


def _step(frame: _Frame) -> str:
    """The member that a frame is at."""
    tag, at = frame.row[0], frame.at - 1
    if tag in _SEQUENCES:
        return f"[{at}]"
    if tag in _SETS:
        return "{…}"
    name = frame.members[at - at % 2]
    if tag in _FIELDS:
        return f".{name}"
    return f"[{name!r}]" if at % 2 else f"{{key {name!r}}}"


def _pairs(mapping: Any) -> list[Any]:
    return [item for pair in mapping.items() for item in pair]


def _unpaired(members: Members) -> Any:
    return zip(members[::2], members[1::2], strict=True)


def _open_defaultdict(value: defaultdict[Any, Any]) -> tuple[Row, Members]:
    name = getattr(value.default_factory, "__name__", None)
    if value.default_factory is not _FACTORIES.get(name, _FACTORIES):
        raise ValueFault("a defaultdict with a factory of your own cannot be stored; return dict(…) of it")
    return ["defaultdict", name], _pairs(value)


def _builder(tag: str) -> Callable[..., Any]:
    found = _BUILDERS.get(tag) or leaves.reader(tag) or scalars.reader(tag)
    if found is None:
        raise ValueFault(f"a stored value has a part of kind {tag!r}: it was written by a newer wfkit")
    return found


def _build_namespace(*members: Any) -> SimpleNamespace:
    made = SimpleNamespace()
    vars(made).update(_unpaired(members))
    return made


def _build_record(*members: Any) -> Record:
    return Record(members[::2], members[1::2])


_SEQUENCES = frozenset({"value", "list", "tuple", "deque", "chainmap", "slice", "pattern"})
_SETS = frozenset({"set", "frozenset"})
_FIELDS = frozenset({"class", "record"})

_OPENERS: dict[type, Callable[[Any], tuple[Row, Members]]] = {
    list: lambda value: (["list"], value),
    tuple: lambda value: (["tuple"], value),
    set: lambda value: (["set"], tuple(value)),
    frozenset: lambda value: (["frozenset"], tuple(value)),
    deque: lambda value: (["deque", value.maxlen], tuple(value)),
    dict: lambda value: (["dict"], _pairs(value)),
    OrderedDict: lambda value: (["ordered"], _pairs(value)),
    Counter: lambda value: (["counter"], _pairs(value)),
    defaultdict: _open_defaultdict,
    ChainMap: lambda value: (["chainmap"], value.maps),
    SimpleNamespace: lambda value: (["namespace"], _pairs(vars(value))),
    MappingProxyType: lambda value: (["proxy"], _pairs(value)),
    slice: lambda value: (["slice"], (value.start, value.stop, value.step)),
    re.Pattern: lambda value: (["pattern"], (value.pattern, value.flags)),
    Record: lambda value: (["record"], _pairs(dict(value))),
}
_BUILDERS: dict[str, Callable[..., Any]] = {
    "value": lambda value: value,
    "json": lambda value: value,
    "list": lambda *members: list(members),
    "tuple": lambda *members: members,
    "set": lambda *members: set(members),
    "frozenset": lambda *members: frozenset(members),
    "deque": lambda maxlen, *members: deque(members, maxlen),
    "dict": lambda *members: dict(_unpaired(members)),
    "ordered": lambda *members: OrderedDict(_unpaired(members)),
    "counter": lambda *members: Counter(dict(_unpaired(members))),
    "defaultdict": lambda factory, *members: defaultdict(_FACTORIES[factory], _unpaired(members)),
    "chainmap": ChainMap,
    "namespace": _build_namespace,
    "proxy": lambda *members: MappingProxyType(dict(_unpaired(members))),
    "slice": slice,
    "pattern": re.compile,
    "record": _build_record,
    "class": lambda name, kind, *members: instance(name, kind, dict(_unpaired(members))),
}
