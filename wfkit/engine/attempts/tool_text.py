"""What a model is told of a tool's result: text as it is, all else as JSON, never longer than a model can read.

Values become text here and nothing else. Which tool made them does not matter.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from wfkit.artifact import File
from wfkit.core.call import Failure
from wfkit.core.record import Record
from wfkit.core.secrets import beginning
from wfkit.errors import ValueFault

LONGEST = 20_000  # characters: about 5,000 tokens, which each later turn of the conversation pays for again
_LONGEST_ERROR = 2_000
_ROWS = 1_000  # of a frame


def text_of(value: Any) -> str:
    """A result as a model is told it. Raises ValueFault for what has no plain form."""
    if isinstance(value, File):
        value = value.project_name  # the same on every machine
    return bounded(value if isinstance(value, str) else _json(value), LONGEST)


def error_text(failure: Failure) -> str:
    """An error of a tool as a model is told it: its name and message, no traceback."""
    return bounded(f"Error: {failure.error}: {failure.message}", _LONGEST_ERROR)


def bounded(text: str, longest: int) -> str:
    """The text, cut where it is too long, with a note that says so."""
    if len(text) <= longest:
        return text
    return f"{beginning(text, longest, os.environ)}\n[cut: these are the first {longest:,} of {len(text):,} characters]"


def _json(value: Any) -> str:
    from pydantic_core import PydanticSerializationError, to_json  # heavy: the tool's schema has loaded it

    try:
        return to_json(_sorted(value), inf_nan_mode="strings", fallback=_plain).decode()
    except (PydanticSerializationError, TypeError, ValueError, RecursionError) as error:
        what = f"what it returned, a {type(value).__name__}, cannot be told as JSON ({error})"
        raise ValueFault(f"{what}: return text, plain data, a dataclass or a pydantic model") from None


def _sorted(value: Any) -> Any:
    """The value with its sets in an order: that of a set differs from process to process, and so would the request."""
    if isinstance(value, dict):
        return {name: _sorted(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_sorted(part) for part in value]
    if isinstance(value, File):
        return value.project_name
    return sorted(value, key=repr) if isinstance(value, set | frozenset) else value


def _plain(value: Any) -> Any:
    """What JSON can say of a value that it does not know. Raises TypeError."""
    if isinstance(value, Mapping | Record):
        return dict(value)
    if hasattr(value, "head") and hasattr(value, "to_json"):  # a frame or a series
        rows, orient = value.head(_ROWS), "records" if getattr(value, "ndim", 1) == 2 else "index"
        found = json.loads(rows.to_json(orient=orient, date_format="iso"))
        note = f"these are the first {_ROWS:,} of {len(value):,} rows"
        return found if len(rows) == len(value) else {"note": note, "rows": found}
    if hasattr(value, "tolist"):  # an array, or one of its numbers
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} is no plain data")
