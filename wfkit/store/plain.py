"""Plain data (None, bool, int, float, str, list, dict of str) as JSON, at C speed and proven to come back the same.

What JSON would change (tuples, subclasses, NaN, other keys …) is refused here; `tagged` takes it.
"""

from __future__ import annotations

import marshal
from typing import Any

import orjson

_EXACT = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
_SCALARS = frozenset({type(None), bool, int})


def dumps(value: Any) -> bytes | None:
    """The JSON of plain data; None for a value that JSON does not give back type for type, bit for bit."""
    try:
        payload = orjson.dumps(value, option=_EXACT)
        if type(value) in _SCALARS:
            return payload
        # marshal tells types apart that == does not (1, 1.0, True). Version 2 writes no references, so equal is equal.
        # It takes any buffer, hence never without orjson's veto.
        same = marshal.dumps(orjson.loads(payload), 2) == marshal.dumps(value, 2)
    except (TypeError, ValueError, RecursionError):
        return None
    return payload if same else None


def loads(payload: bytes) -> Any:
    """The value of `dumps`."""
    return orjson.loads(payload)
