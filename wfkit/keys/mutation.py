"""Keeping a body from changing its inputs, and finding out when it did.

Arrays and frames are handed out as views that cannot reach the original; what has no cheap view is digested again
after the body.
"""

from __future__ import annotations

import marshal
import sys
from collections.abc import Mapping
from types import MappingProxyType, NoneType
from typing import Any

from blake3 import blake3

from wfkit.core.record import Record
from wfkit.errors import ValueFault
from wfkit.keys.content.instances import without_cached
from wfkit.keys.content.standard import is_code
from wfkit.keys.task import map_digest
from wfkit.keys.values import digest, item_digests

_SPEAKS_BUFFER = frozenset("biufcmM")
_IMMUTABLE = frozenset({NoneType, bool, int, float, complex, str, bytes, range})


def view(value: Any) -> Any:
    """What a body is given for a value: a copy-on-write copy of a pandas or polars object, a read-only view of an
    array, else the value itself.
    """
    kind = type(value)
    if kind in _IMMUTABLE:
        return value
    library = kind.__module__.partition(".")[0]
    if library == "pandas":
        pd = sys.modules["pandas"]
        if kind in (pd.DataFrame, pd.Series):
            return value.copy(deep=False)
        return value.view() if isinstance(value, pd.Index) else value  # an index can be given another name
    if library == "polars":
        return value.clone() if hasattr(value, "clone") else value
    if library == "numpy" and isinstance(value, sys.modules["numpy"].ndarray):
        return _read_only(value)
    return value


def _read_only(value: Any) -> Any:
    """A view that cannot be made writable again, nor leads to what it is a view of: its base is no array."""
    np = sys.modules["numpy"]
    if type(value) is np.ndarray and value.flags.writeable and value.dtype.kind in _SPEAKS_BUFFER:
        if value.dtype.kind in "mM":
            return np.asarray(memoryview(value.view("i8")).toreadonly()).view(value.dtype)
        return np.asarray(memoryview(value).toreadonly())
    seen = value.view()
    seen.flags.writeable = False
    return seen


def mark(value: Any) -> bytes | None:
    """A fingerprint of a value of plain containers, a hundred times faster than its digest; None for any other.

    The same mark: nothing has changed. Another mark says less: a dict in another order is the same dict.
    """
    if is_protected(value):
        return None
    try:
        # Version 2 knows no references: the bytes depend on the content alone.
        return blake3(marshal.dumps(list(value) if _is_map(value) else value, 2)).digest(16)
    except ValueError:
        return None


def changed(
    inputs: Mapping[str, tuple[Any, str]], marks: Mapping[str, bytes | None] = MappingProxyType({})
) -> list[str]:
    """Names of inputs, given with the digests they had, that are not what they were. What `view` protects, and what
    still has the mark that it had, is not digested again.
    """
    return [
        name
        for name, (value, before) in inputs.items()
        if not is_protected(value)
        and not ((old := marks.get(name)) is not None and mark(value) == old)
        and _is_other(value, before)
    ]


def is_shareable(value: Any) -> bool:
    """Whether several readers may have one value while its maker lives on: frames, arrays and tables are not, their
    memory may still be written by whoever made them, or by who knows the way to it.
    """
    library = type(value).__module__.partition(".")[0]
    return library not in ("numpy", "pandas", "polars", "pyarrow") and is_protected(value)


def is_protected(value: Any) -> bool:
    """Whether nothing that a body does to its view can change the value."""
    kind = type(value)
    if kind in _IMMUTABLE or is_code(value):
        return True
    if kind is Record:
        return all(type(part) in _IMMUTABLE for part in value._values)
    library = kind.__module__.partition(".")[0]
    if library == "pandas":  # its arrays (pd.array, Categorical) have no view that would protect them
        return not isinstance(value, sys.modules["pandas"].api.extensions.ExtensionArray) and not _holds_objects(value)
    if library == "numpy":
        if isinstance(value, sys.modules["numpy"].ma.MaskedArray):
            return False  # its mask stays writable
        return not getattr(getattr(value, "dtype", None), "hasobject", True)
    return library in ("pyarrow", "polars", "datetime", "decimal", "uuid", "pathlib", "zoneinfo", "fractions")


def _holds_objects(value: Any) -> bool:
    pd = sys.modules["pandas"]
    if type(value) is pd.DataFrame:
        return bool(value.attrs) or any(_is_object(dtype) for dtype in value.dtypes)
    if type(value) is pd.Series:
        return bool(value.attrs) or _is_object(value.dtype)
    return False


def _is_object(dtype: Any) -> bool:
    """Whether a column holds Python objects; a column of strings has the same `kind` but is none."""
    return isinstance(dtype, sys.modules["numpy"].dtype) and dtype.kind == "O"


def _is_map(value: Any) -> bool:
    return bool(getattr(type(value), "__wfkit_map__", False))


def _is_other(value: Any, before: str) -> bool:
    """Whether a value has another digest now. One without a digest cannot be judged, it counts as unchanged: it is not
    cached anyway.
    """
    try:
        if _is_map(value):
            return map_digest(item_digests(list(value))) != before and digest(value) != before
        if digest(value) == before:
            return False
        with without_cached():  # what a `cached_property` keeps when it is read is no change
            return digest(value) != before
    except ValueFault:
        return False
