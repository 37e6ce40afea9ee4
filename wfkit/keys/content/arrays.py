"""How numpy arrays and scalars are taken apart. Memory layout does not count: views, strides and order of axes in
memory do not show.

numpy is looked up, never imported: a process without it has no arrays.
"""

from __future__ import annotations

import math
import sys
from typing import Any

from blake3 import blake3

from wfkit.keys.content.plain import THREADS_FROM, TOKEN_BYTES, digest_of, leaf
from wfkit.keys.content.shape import Branch, Leaf, Refused, Shape, named, text_leaf

_BUFFERS = frozenset("biufcmMSUV")
_CHUNK_BYTES = 1 << 21


def array_shape(value: Any) -> Shape | None:
    """The shape of an array, a numpy scalar or a dtype; None for anything else."""
    np = sys.modules.get("numpy")
    if np is None:
        return None
    kind = type(value)
    if kind in (np.ndarray, np.memmap, np.matrix, np.recarray):
        return _array(np, value)
    if kind is np.ma.MaskedArray:
        return _masked(np, value)
    if kind is np.vectorize:
        parts = ("pyfunc", "otypes", "excluded", "signature", "cache")
        return named("numpy.vectorize", [(name, getattr(value, name)) for name in parts])
    if isinstance(value, np.generic):
        return _scalar(np, value)
    if isinstance(value, np.dtype):
        return text_leaf("dtype", dtype_name(np, value))
    return None


def dtype_name(np: Any, dtype: Any) -> str:
    """A dtype as text that tells it from every other; byte order, units and offsets of fields count. Raises Refused."""
    if dtype.kind == "T":
        return f"{dtype!r}"
    if dtype.fields is not None:
        return f"{dtype!s} {dtype.itemsize} {dtype.type.__name__}"
    if (dtype.kind == "V" and dtype.type is not np.void) or (dtype.kind not in _BUFFERS and dtype.kind != "O"):
        raise Refused(f"the dtype {dtype!s} is not known")
    return f"{dtype.str} {dtype.name}"


def _scalar(np: Any, value: Any) -> Shape:
    if value.dtype.fields is not None or value.dtype.kind == "O":
        return Branch(b"scalar", [np.asarray(value)], lambda _: "")
    if value.dtype.type in (np.longdouble, np.clongdouble):
        return text_leaf("scalar", f"{value.dtype.name} {value!r}")
    name = dtype_name(np, value.dtype).encode()
    return Leaf(leaf(b"scalar", name + b"\x00" + value.tobytes()))


def _masked(np: Any, value: Any) -> Shape:
    """What lies under a mask cannot be seen, so it is zero; a mask of no element is as good as none."""
    mask = np.ma.getmaskarray(value)
    seen = np.array(value.data, order="C")
    _blank(np, seen, mask)
    return Branch(b"MaskedArray", [mask, seen, value.fill_value, bool(value.hardmask)])


def _blank(np: Any, seen: Any, mask: Any) -> None:
    if mask.dtype.names is None:
        seen[mask] = np.zeros((), seen.dtype)[()]
        return
    for name in mask.dtype.names:
        _blank(np, seen[name], mask[name])


def _array(np: Any, value: Any) -> Shape:
    # A memmap is an array whose memory is a file's: its content counts, and it comes back as an array.
    name = "ndarray" if type(value) is np.memmap else type(value).__name__
    head = (name, dtype_name(np, value.dtype), value.shape)
    if value.dtype.fields is not None:
        columns = [np.ndarray.__getitem__(value, name).view(np.ndarray) for name in value.dtype.names]
        return Branch(b"struct", [head, *columns], lambda i: f"[{value.dtype.names[i - 1]!r}]" if i else "")
    if value.dtype.kind in "OT":
        return Branch(b"objects", [head, list(value.flat)], lambda i: ".flat" if i else "")
    if value.dtype.type in (np.longdouble, np.clongdouble):  # their padding bytes hold anything
        return Branch(b"long", [head, [repr(number) for number in value.flat]], lambda _: "")
    return Branch(b"ndarray", [head, buffer_digest(np, value)], lambda _: "")


def buffer_digest(np: Any, value: Any) -> bytes:
    """16 bytes over the elements in C order. No copy when they lie in that order, else copies of 2 MB at a time."""
    if value.flags.c_contiguous or not value.size:
        return digest_of(_bytes_of(np, value))
    hasher = blake3()
    rows = max(1, _CHUNK_BYTES // max(1, value.dtype.itemsize * math.prod(value.shape[1:])))
    for start in range(0, len(value), rows):
        hasher.update(_bytes_of(np, np.ascontiguousarray(value[start : start + rows])))
    return hasher.digest(TOKEN_BYTES)


def columns_digests(np: Any, columns: list[Any]) -> list[bytes]:
    """16 bytes for each of some 1-d arrays of buffer dtypes. Strided ones (the columns of one table) are read side by
    side, once.
    """
    strided = [i for i, column in enumerate(columns) if not column.flags.c_contiguous]
    digests = [b"" if i in strided else buffer_digest(np, column) for i, column in enumerate(columns)]
    hashers = [blake3() for _ in strided]
    rows = THREADS_FROM >> 6
    for start in range(0, max((len(columns[i]) for i in strided), default=0), rows):
        for hasher, i in zip(hashers, strided, strict=True):
            hasher.update(_bytes_of(np, np.ascontiguousarray(columns[i][start : start + rows])))
    for hasher, i in zip(hashers, strided, strict=True):
        digests[i] = hasher.digest(TOKEN_BYTES)
    return digests


def _bytes_of(np: Any, value: Any) -> Any:
    """The buffer of a contiguous array as bytes; datetimes and texts have no buffer of their own."""
    flat = value.view(np.ndarray).reshape(-1)
    return memoryview(flat.view(np.uint8)) if flat.size and flat.dtype.itemsize else b""
