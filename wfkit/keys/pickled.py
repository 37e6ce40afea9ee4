"""The digest of a value that has none of its own but whose node asks for `codec: pickle`: of its pickle, and of all
code that the pickle names.

Equal pickles of one program are equal values. The same value may be pickled in other bytes: that costs a rerun of what
is below, never a stale result.
"""

from __future__ import annotations

import io
import pickle
from types import FunctionType
from typing import Any

from wfkit.errors import ValueFault, WfkitError
from wfkit.keys.content.plain import digest_of, leaf
from wfkit.keys.content.shape import Refused, type_name
from wfkit.keys.values import Closures


class _Named(pickle.Pickler):
    """Pickles, and takes note of the functions and classes that a pickle has only by name."""

    def __init__(self, out: io.BytesIO) -> None:
        super().__init__(out, protocol=5)
        self.code: dict[int, Any] = {}

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, type | FunctionType):
            self.code[id(obj)] = obj
        return NotImplemented


def pickled_digest(value: Any) -> str:
    """32 hex characters. Raises ValueFault for what cannot be pickled, or uses code that cannot be digested."""
    out = io.BytesIO()
    pickler = _Named(out)
    try:
        pickler.dump(value)
        scope = Closures()
        tokens = sorted({scope.refer(thing, lambda: "it") for thing in pickler.code.values()})
    except WfkitError:
        raise
    except Refused as refused:
        raise ValueFault(f"value: {type_name(value)} cannot be digested: its code: {refused}") from None
    except Exception as error:  # pickling runs code of the value's class, which may raise anything
        raise ValueFault(f"value: {type_name(value)} cannot be pickled: {type(error).__name__}: {error}") from error
    return digest_of(leaf(b"pickle", out.getbuffer()) + b"".join(tokens)).hex()
