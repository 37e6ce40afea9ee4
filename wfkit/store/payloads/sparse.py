"""scipy's sparse matrices and arrays as the arrays that they are made of, and back in the same format.

scipy is imported only when such a value is met. Frames with sparse columns are in `columns`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wfkit.errors import ValueFault

Pack = Callable[[Any], bytes]
Unpack = Callable[[bytes], Any]
_PARTS = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "coo": ("data", "coords"),
    "dia": ("data", "offsets"),
    "lil": ("data", "rows"),
}


def encode(value: Any, pack: Pack) -> bytes | None:
    """The payload of a sparse matrix or array; None for anything else. Raises ValueFault for dok."""
    import scipy.sparse  # loaded already: the value is one of its

    if not scipy.sparse.issparse(value):
        return None
    parts = _PARTS.get(value.format)
    if parts is None or getattr(scipy.sparse, type(value).__name__, None) is not type(value):
        raise ValueFault(f"a sparse matrix of the format {value.format} cannot be stored: convert it with .tocsr()")
    return pack([type(value).__name__, value.shape, value.dtype, [getattr(value, name) for name in parts]])


def decode(payload: bytes, unpack: Unpack) -> Any:
    """The matrix, its arrays as they were: their order, their types, entries that are zero."""
    import scipy.sparse  # only when such a value is read

    name, shape, dtype, arrays = unpack(payload)
    cls = getattr(scipy.sparse, name)
    blocks = {"blocksize": arrays[0].shape[1:]} if name.startswith("bsr") else {}
    made = cls(shape, dtype=dtype, **blocks)
    for part, array in zip(_PARTS[made.format], arrays, strict=True):
        setattr(made, part, array)
    return made
