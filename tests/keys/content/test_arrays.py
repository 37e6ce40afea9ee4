"""Digests of numpy values: dtype, shape and elements count, memory does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wfkit.errors import ValueFault
from wfkit.keys.values import digest

ARRAYS = hnp.arrays(
    st.sampled_from(["i1", "i8", "u2", "f4", "f8", "c16", "bool", "U3", "S3", "M8[ns]", "m8[s]", ">i4"]),
    hnp.array_shapes(min_dims=0, max_dims=3, max_side=3) | st.just((0,)) | st.just((0, 2)),
)


def seen(array: Any) -> tuple[str, tuple[int, ...], bytes]:
    """All that counts."""
    return array.dtype.str, array.shape, array.tobytes()


@given(ARRAYS, ARRAYS)
def test_equal_iff_seen_equal(one: Any, two: Any) -> None:
    """Dtype, shape and bits in C order make the digest."""
    assert (digest(one) == digest(two)) == (seen(one) == seen(two))


@given(ARRAYS)
def test_memory_does_not_count(array: Any) -> None:
    """Copies, Fortran order, views with strides and read-only views are the same value."""
    same = [array.copy(), np.asfortranarray(array).reshape(array.shape), np.array(array, order="F")]
    if array.ndim:
        same.append(np.concatenate([array, array], dtype=array.dtype)[: len(array)])
        same.append(np.repeat(array, 2, axis=0)[::2])
        same.append(array[::-1].copy()[::-1])
    locked = array.view()
    locked.flags.writeable = False
    assert {digest(value) for value in [array, locked, *same]} == {digest(array)}


def test_large_strided_array_is_read_in_pieces() -> None:
    """What is copied piece by piece has the digest of its contiguous copy."""
    wide = np.arange(2_000_000.0).reshape(1000, 2000)
    assert digest(wide.T) == digest(np.ascontiguousarray(wide.T))
    assert digest(wide[:, ::3]) == digest(wide[:, ::3].copy())


SCALARS = [
    np.float64(1), np.float32(1), np.int64(1), np.int32(1), np.bool_(True), np.str_("1"), np.bytes_(b"1"), 1, 1.0,
    True, "1",
    np.datetime64("2020-01-01"), np.datetime64("2020-01-01", "s"), np.timedelta64(1, "s"), np.timedelta64(1, "m"),
    np.longdouble(1), np.array(1), np.array(1.0), np.array([1]), np.array([[1]]), np.array([True]), np.array(["1"]),
    np.array([1], object), np.array([1.0], object), np.array([None]), np.array([[1], [2]]), np.array([1, 2]),
    np.array([0.0]), np.array([-0.0]), np.array([np.nan]), np.array([], "f8"), np.array([], "f4"), np.zeros((0, 3)),
    np.dtype("f8"), np.dtype("f4"), np.dtype("M8[s]"), np.dtype([("a", "f8")]), np.sin, np.cos, np.mean,
    np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]), np.array([(1, 2.0)], [("a", "i4"), ("c", "f8")]),
    np.array([(1, 2.0)], np.dtype([("a", "i4"), ("b", "f8")], align=True)), np.ma.array([1, 2], mask=[0, 1]),
    np.ma.array([1, 2], mask=[1, 0]), np.array([1, 2], np.longdouble), np.array(["a", "b"], np.dtypes.StringDType()),
    np.array(["a", "c"], np.dtypes.StringDType()), np.array([b"ab"], "V2"),
]  # fmt: skip


def test_all_differ() -> None:
    """Scalars, arrays, dtypes and functions that look alike differ."""
    found: dict[str, Any] = {}
    for value in SCALARS:
        assert found.setdefault(digest(value), value) is value, (found[digest(value)], value)


def test_what_is_masked_or_padding_does_not_count() -> None:
    """Bytes that no reader can see do not count."""
    aligned = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    one, two = np.zeros(2, aligned), np.full(2, 255, np.uint8).repeat(16)[:32].view(aligned).copy()
    two["a"], two["b"] = 0, 0
    assert digest(one) == digest(two)
    assert digest(np.ma.array([1, 2], mask=[0, 1])) == digest(np.ma.array([1, 9], mask=[0, 1]))


def test_masked_rows() -> None:
    """Masks within rows count; what lies under them does not."""
    kind = [("a", "i4"), ("b", "f8")]
    one = np.ma.array([(1, 2.0)], kind, mask=[(0, 1)])
    assert digest(one) == digest(np.ma.array([(1, 3.0)], kind, mask=[(0, 1)]))
    assert digest(one) != digest(np.ma.array([(1, 2.0)], kind, mask=[(1, 0)]))


def test_a_memmap_is_its_content(tmp_path: Path) -> None:
    """An array on a disk has the digest of the same array in memory."""
    found = np.memmap(tmp_path / "x", "i8", "w+", shape=(4,))
    found[:] = 7
    assert digest(found) == digest(np.full(4, 7))


def test_objects_are_digested_one_by_one() -> None:
    """An array of objects counts by them; one that has no digest is named."""
    assert digest(np.array([{"a": 1}, None], object)) == digest(np.array([{"a": 1}, None], object))
    assert digest(np.array([{"a": 1}, None], object)) != digest(np.array([{"a": 2}, None], object))
    with pytest.raises(ValueFault, match=r"value\.flat\[1\]: object cannot be digested"):
        digest(np.array([1, object()], object))


def test_subclass_is_refused() -> None:
    """A subclass of an array may hold more than its elements."""

    class Marked(np.ndarray[Any, Any]):
        pass

    with pytest.raises(ValueFault, match="Marked cannot be digested"):
        digest(np.zeros(2).view(Marked))
