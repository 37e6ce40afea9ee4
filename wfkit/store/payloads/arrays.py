"""numpy arrays as npy payloads, never with pickle; arrays of objects and strings of any length as packed lists.

Layout, byte order and dtype come back as they were. numpy is imported only when such a value is met.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

from wfkit.errors import ValueFault

Pack = Callable[[Any], bytes]
Unpack = Callable[[bytes], Any]
_LISTED = b"L"
_NPY = b"\x93"  # npy begins with it
_OLD_NPY = b"N"  # npy behind a letter, which left its numbers at odd addresses
_KIND = b"K"
_WIDE = re.compile(rb"'descr': '([<>])U")  # numpy's text has four bytes a character
_NUMBERS = re.compile(rb"'descr': '[<>|][biufcmM]")


def encode(value: Any, pack: Pack) -> bytes | None:
    """The payload of an array; None for anything else. Raises ValueFault for what npy does not keep."""
    import numpy as np  # loaded already: the value is one of its

    if isinstance(value, np.void):  # one row of a structured array
        return _KIND + pack(["void", np.asarray(value)])
    if not isinstance(value, np.ndarray):
        return None
    kind = type(value)
    if isinstance(value, np.ma.MaskedArray) and kind is np.ma.MaskedArray:
        mask = None if value.mask is np.ma.nomask else value.mask
        return _KIND + pack(["masked", value.data, mask, value.fill_value, bool(value.hardmask)])
    if kind in (np.matrix, np.recarray):
        rows = np.dtype((np.void, value.dtype)) if value.dtype.names else value.dtype  # without attributes
        return _KIND + pack([kind.__name__, value.view(rows, np.ndarray)])
    if kind not in (np.ndarray, np.memmap):
        raise ValueFault(f"a numpy {kind.__name__} cannot be stored: return np.asarray(…) of it")
    if value.dtype.kind in "OT":
        head = "object" if value.dtype.kind == "O" else "StringDType"
        return _LISTED + pack([head, value.shape, value.ravel().tolist()])
    if value.dtype.hasobject or value.dtype.metadata:
        raise ValueFault(f"an array of dtype {value.dtype} cannot be stored: use fields without objects or metadata")
    out = io.BytesIO()
    np.lib.format.write_array(out, value, allow_pickle=False)
    return out.getvalue()


def texts(payload: bytes) -> list[bytes]:
    """The stretches that may hold text: of numbers only the header."""
    stop = payload.find(b"\n")
    if payload[:1] not in (_NPY, _OLD_NPY):
        return [payload]
    if _NUMBERS.search(payload, 0, stop):
        return [payload[:stop]]
    wide = _WIDE.search(payload, 0, stop)
    if wide is None:
        return [payload]
    return [payload, str(payload[stop + 1 :], "utf-32-le" if wide[1] == b"<" else "utf-32-be", "replace").encode()]


def decode(payload: bytes, unpack: Unpack, frozen: bool = False) -> Any:
    """The array, writable and nobody else's; `frozen`: within the payload, where nobody can write."""
    import numpy as np  # only when such a value is read

    if payload[:1] == _KIND:
        kind, array, *more = unpack(payload[1:])
        return _of_kind(np, kind, array, more)
    if payload[:1] in (_NPY, _OLD_NPY):
        array = _within(np, payload, int(payload[:1] == _OLD_NPY))
        return array if frozen else array.copy("K")
    head, shape, items = unpack(payload[1:])
    array = np.empty(len(items), object if head == "object" else np.dtypes.StringDType())
    for place, item in enumerate(items):  # slicing would spread lists among the places
        array[place] = item
    return array.reshape(shape)


def _within(np: Any, payload: bytes, start: int) -> Any:
    """The array over the payload, without a copy."""
    file = io.BytesIO(payload)
    file.seek(start)
    version = np.lib.format.read_magic(file)
    if version > (2, 0):  # names of fields that are not latin: rare
        file.seek(start)
        return np.lib.format.read_array(file, allow_pickle=False)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read(file)
    if dtype.hasobject:
        raise ValueFault("a stored array holds Python objects: no wfkit wrote it")
    return np.ndarray(shape, dtype, payload, file.tell(), order="F" if is_fortran else "C")


def _of_kind(np: Any, kind: str, array: Any, more: list[Any]) -> Any:
    if kind == "void":
        return array[()]
    if kind != "masked":
        return array.view(np.matrix if kind == "matrix" else np.recarray)
    mask, fill_value, is_hard = more
    made = np.ma.MaskedArray(array, np.ma.nomask if mask is None else mask, fill_value=fill_value)
    return made.harden_mask() if is_hard else made
