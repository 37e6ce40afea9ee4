"""Plain data (None, bool, int, float, str, list, dict of str) as JSON, at C speed and proven to come back the same.

What JSON would change (tuples, subclasses, NaN, other keys …) is refused here; `tagged` takes it.
"""

from __future__ import annotations

import marshal
from typing import Any

import orjson

_EXACT = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
_SCALARS = frozenset({type(None), bool, int})
_TUPLES = 200
_TYPES = _SCALARS | {float, str, list, dict}


def dumps(value: Any) -> bytes | None:
    """The JSON of plain data; None for a value that JSON does not give back type for type, bit for bit."""
    if type(value) not in _TYPES:
        return None
    try:
        if type(value) in _SCALARS:
            return orjson.dumps(value)
        # marshal tells types apart that == does not (1, 1.0, True). Version 2 writes no references, so equal is equal.
        # It takes any buffer, hence never without orjson's veto; and it comes first, because it ends at cycles, while
        # orjson 3.13 crashes the process on thousands of tuples within tuples. marshal writes "(" for each.
        proof = marshal.dumps(value, 2)
        if proof.count(b"(") >= _TUPLES and _has_tuple(value):
            return None
        payload = orjson.dumps(value, option=_EXACT)
        same = marshal.dumps(orjson.loads(payload), 2) == proof
    except (TypeError, ValueError, RecursionError):
        return None
    return payload if same else None


def loads(payload: bytes) -> Any:
    """The value of `dumps`."""
    return orjson.loads(payload)


def _has_tuple(value: Any) -> bool:
    """Whether there is a tuple in lists and dicts; they have no cycles."""
    left = [value]
    while left:
        part = left.pop()
        if type(part) is dict:
            left.extend(part.values())
        elif type(part) is list:
            left.extend(part)
        elif isinstance(part, tuple):
            return True
    return False
