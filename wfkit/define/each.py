"""The items over which a mapped node runs: a list as it is, a frame row by row.

No pandas is imported here: a value that is a frame has brought it along.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

from wfkit.core.record import Record, records
from wfkit.errors import ValueFault

if TYPE_CHECKING:
    import pandas as pd


def items_of(value: Any) -> list[Any]:
    """The items of the value of the node that `each` runs over.

    A list is given back itself, a tuple and a Series as a list, a DataFrame as one Record a row (see
    `frame_records`). Raises ValueFault for anything else, saying how to make it a list.
    """
    if type(value) is list:
        return value
    if isinstance(value, (list, tuple)):
        return list(value)
    if is_frame(value):
        return list(frame_records(value))
    if is_series(value):
        return list(value.tolist())
    raise ValueFault(f"`each` runs over a list or a DataFrame, not over {_kind(value)}: {_advice(value)}")


def frame_records(frame: pd.DataFrame) -> list[Record]:
    """The rows of a DataFrame, in order, without the index.

    Values are those of `Series.tolist`: each column keeps its own type (an int column gives int and never turns into
    float because of its neighbours), numpy numbers become the Python number of their kind, times stay `Timestamp`,
    missing values stay what they are. Raises ValueFault for columns that are named twice or not by a string.
    """
    names: list[Any] = list(frame.columns)
    strange = [name for name in names if not isinstance(name, str)]
    if strange:
        raise ValueFault(
            f"rows become records with fields, but column {strange[0]!r} is not named by a string: "
            "rename the columns, for example frame.rename(columns=str)"
        )
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise ValueFault(f"rows become records with fields, but column {twice[0]!r} is there twice: rename or drop one")
    if not names:
        return records((), (() for _ in range(len(frame))))
    columns = [frame.iloc[:, position].tolist() for position in range(len(names))]
    return records(names, zip(*columns, strict=True))


def is_frame(value: Any) -> bool:
    """Whether this is a pandas DataFrame."""
    return _is_pandas(value, "DataFrame")


def is_series(value: Any) -> bool:
    """Whether this is a pandas Series."""
    return _is_pandas(value, "Series")


def _is_pandas(value: Any, name: str) -> bool:
    kind = getattr(sys.modules.get("pandas"), name, None)
    return kind is not None and isinstance(value, kind)


def _kind(value: Any) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _advice(value: Any) -> str:
    if isinstance(value, Mapping):
        return "let the node return list(value.items()), or list(value.values())"
    if isinstance(value, AbstractSet):
        return "let the node return sorted(value), so that the order is fixed"
    if isinstance(value, str):
        return "let the node return a list, for example value.splitlines()"
    if isinstance(value, Iterator):
        return "let the node return list(value): an iterator can be read only once"
    if hasattr(value, "tolist"):
        return "let the node return value.tolist()"
    if hasattr(value, "to_dicts"):
        return "let the node return value.to_dicts()"
    return "let the node return a list"
