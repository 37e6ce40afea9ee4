"""A row of a table as a value: immutable, read by attribute and by key.

Pure data without pandas: `define.each` makes records from frames. No behaviour beyond reading, comparing and copying
lives here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1024)
def _positions(fields: tuple[str, ...]) -> dict[str, int]:
    """One shared dict for all records of a table: a record costs two slots."""
    positions = {name: position for position, name in enumerate(fields)}
    if len(positions) != len(fields):
        raise ValueError(f"a record needs distinct field names, not {fields!r}")
    return positions


class Record:
    """Field names and values, in order. `record.name` and `record["name"]` read; `dict(record)` and `**record` copy.

    A field wins over nothing: `keys` is the one public method, so a column called `keys`, or one that starts with an
    underscore like `_fields`, is read by key. Equal means the same fields in the same order with equal values.
    """

    __slots__ = ("_positions", "_values")
    _positions: dict[str, int]
    _values: tuple[Any, ...]

    def __init__(self, fields: Sequence[str], values: Iterable[Any]) -> None:
        positions, row = _positions(tuple(fields)), tuple(values)
        if len(row) != len(positions):
            raise ValueError(f"a record of {len(positions)} fields needs as many values, not {len(row)}")
        _set_positions(self, positions)
        _set_values(self, row)

    @property
    def _fields(self) -> tuple[str, ...]:
        """The field names, in order, as of a named tuple."""
        return tuple(self._positions)

    def keys(self) -> tuple[str, ...]:
        """The field names: what makes `dict(record)` and `**record` work."""
        return tuple(self._positions)

    def __getattr__(self, name: str) -> Any:
        position = self._positions.get(name) if name not in Record.__slots__ else None
        if position is None:
            raise AttributeError(f"no field {name!r} in this record; fields are: {', '.join(self._positions)}")
        return self._values[position]

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[self._positions[name]]
        except KeyError:
            raise KeyError(f"no field {name!r} in this record; fields are: {', '.join(self._positions)}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a record cannot be changed: make a new one with {{**record, {name!r}: ...}}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._positions)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record):
            return NotImplemented
        same = self._positions is other._positions or self._positions == other._positions
        return same and self._values == other._values

    def __hash__(self) -> int:
        return (self._fields, self._values).__hash__()

    def __repr__(self) -> str:
        return f"Record({', '.join(f'{name}={self[name]!r}' for name in self._positions)})"

    def __reduce__(self) -> tuple[type[Record], tuple[tuple[str, ...], tuple[Any, ...]]]:
        return Record, (self._fields, self._values)


# The slots are set from outside: `record.x = 1` must fail also in a subclass of ours, and this way costs 40 ns.
_set_positions: Callable[[Record, dict[str, int]], None] = Record.__dict__["_positions"].__set__
_set_values: Callable[[Record, tuple[Any, ...]], None] = Record.__dict__["_values"].__set__


def records(fields: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> list[Record]:
    """A record for each row; every row must have as many values as there are fields (not checked, for speed)."""
    positions, new = _positions(tuple(fields)), Record.__new__
    made = []
    for row in rows:
        record = new(Record)
        _set_positions(record, positions)
        _set_values(record, row)
        made.append(record)
    return made
