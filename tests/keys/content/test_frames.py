"""Digests of pandas values: all that a body can see counts, how pandas keeps it does not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.errors import ValueFault
from wfkit.keys.values import digest

TEXTS = st.lists(st.none() | st.text(max_size=4), max_size=5)


def test_layout_of_blocks_does_not_count() -> None:
    """One block, many blocks, C or Fortran order, slices: the same frame has one digest."""
    data = np.arange(12.0).reshape(4, 3)
    whole = pd.DataFrame(data, columns=list("abc"))
    single = pd.DataFrame({name: data[:, i].copy() for i, name in enumerate("abc")})
    pieces = pd.DataFrame({"a": data[:, 0]})
    pieces["b"], pieces["c"] = data[:, 1], data[:, 2]
    uncopied = pd.DataFrame(data, columns=list("abc"), copy=False)
    double = pd.concat([whole, whole])[:4]
    sliced = pd.DataFrame(np.repeat(data, 2, axis=0), columns=list("abc"))[::2].reset_index(drop=True)
    found = {digest(frame) for frame in (whole, single, pieces, uncopied, whole.copy(), sliced)}
    assert len(found) == 1
    assert digest(double.reset_index(drop=True)) in found


@given(TEXTS, TEXTS)
def test_storage_of_strings_does_not_count(one: list[str | None], two: list[str | None]) -> None:
    """Strings kept by Python or by pyarrow are equal; their content counts, missing or not."""
    kept = [
        [digest(pd.Series(values, dtype=pd.StringDtype(storage, na_value=np.nan))) for storage in ("python", "pyarrow")]
        for values in (one, two)
    ]
    assert kept[0][0] == kept[0][1]
    assert (kept[0][0] == kept[1][0]) == (one == two)


def test_slices_of_strings() -> None:
    """An offset into a larger buffer, or several chunks, do not show."""
    whole = pd.Series(["a", None, "ccc", "", "é"] * 3)
    piece = whole[2:7].reset_index(drop=True)
    assert digest(piece) == digest(pd.Series(piece.tolist()))
    assert digest(pd.concat([whole[:4], whole[4:]])) == digest(whole)


INDEX = pd.date_range("2020", periods=2)
DIFFERENT: list[Any] = [
    pd.Series([1, 2]), pd.Series([1.0, 2]), pd.Series([1, 2], name="x"), pd.Series([1, 2], index=[1, 0]),
    pd.Series([2, 1]),
    pd.Series([1, 2], dtype="int32"), pd.Series([1, 2], dtype="Int64"), pd.Series([1, None], dtype="Int64"),
    pd.Series([1, 2], dtype="Float64"), pd.Series([1, 2], dtype=object), pd.Series([True, False]),
    pd.Series([True, False], dtype="boolean"), pd.Series(["1", "2"]), pd.Series(["1", "2"], dtype=object),
    pd.Series(["1", "2"], dtype="string"), pd.Series(["1", "2"], dtype="category"), pd.Series(["1", None]),
    pd.Series(["1", None], dtype=object), pd.Series(["1", float("nan")], dtype=object),
    pd.Series(["1", pd.NA], dtype=object),
    pd.Series(pd.Categorical(["1", "2"], ["2", "1"])), pd.Series(pd.Categorical(["1", "2"], ["1", "2"], ordered=True)),
    pd.Series(pd.Categorical(["1", "2"], ["1", "2", "3"])), pd.Series(INDEX), pd.Series(INDEX.tz_localize("UTC")),
    pd.Series(INDEX.tz_localize("Europe/Berlin")), pd.Series(INDEX.as_unit("s")), pd.Series(INDEX - INDEX[0]),
    pd.Series(pd.period_range("2020", periods=2, freq="D")), pd.Series(pd.period_range("2020", periods=2, freq="M")),
    pd.Series(pd.interval_range(0, 2)), pd.Series(pd.interval_range(0, 2, closed="left")),
    pd.Series(pd.arrays.SparseArray([0, 1])), pd.Series([1, 2], dtype="int64[pyarrow]"),
    pd.Series([1, 2], dtype="int32[pyarrow]"),
    pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"b": [1, 2]}), pd.DataFrame({"a": [1, 2]}, index=[1, 2]),
    pd.DataFrame({"a": [1, 2]}, index=["x", "y"]), pd.DataFrame({"a": [1, 2]}, index=pd.Index([0, 1], name="i")),
    pd.DataFrame({"a": [1, 2]}, index=pd.Index([0, 1])), pd.DataFrame({"a": [1, 2], "b": [3, 4]}),
    pd.DataFrame({"b": [3, 4], "a": [1, 2]}), pd.DataFrame([[1, 3], [2, 4]], columns=["a", "a"]),
    pd.DataFrame({"a": [[1], [2]]}),
    pd.DataFrame({"a": [[1], [3]]}), pd.DataFrame({0: [1, 2]}), pd.DataFrame({"0": [1, 2]}), pd.DataFrame(),
    pd.DataFrame(index=[1]),
    pd.DataFrame(columns=["a"]), pd.DataFrame({"a": [0.0]}), pd.DataFrame({"a": [-0.0]}), pd.DataFrame({"a": [np.nan]}),
    pd.Index([1, 2]), pd.RangeIndex(2), pd.RangeIndex(1, 3), INDEX, INDEX._with_freq(None), INDEX.as_unit("s"),
    pd.MultiIndex.from_product([["a", "b"], [1]]), pd.MultiIndex.from_product([["a", "b"], [2]]),
    pd.MultiIndex.from_product([["a", "b"], [1]], names=["x", "y"]), pd.CategoricalIndex(["a"]), pd.Index(["a"]),
    pd.Timestamp("2020"), pd.Timestamp("2020", tz="UTC"), pd.Timestamp("2020").as_unit("s"),
    pd.Timestamp("2020-01-01 00:00:00.000000001"),
    pd.Timedelta(1, "s"), pd.Timedelta(1, "D"), pd.NaT, pd.NA, None, pd.Period("2020", "D"), pd.Period("2020", "M"),
    pd.Interval(0, 1), pd.Interval(0, 1, "left"), pd.offsets.Day(1), pd.offsets.Day(2), pd.DataFrame, pd.read_csv,
    pd.concat,
    pd.CategoricalDtype(["a"]), pd.Int64Dtype(), pd.array([1, None]), pd.Categorical(["a"]),
]  # fmt: skip


class Zone(dt.tzinfo):
    """A zone whose text does not tell it from another."""

    def utcoffset(self, _: dt.datetime | None) -> dt.timedelta:
        return dt.timedelta(hours=1)

    def __str__(self) -> str:
        return "Z"


def test_zones_count_by_their_rules() -> None:
    """Two kinds of zone of one name differ; a zone that does not tell its rules is refused."""
    fixed = INDEX.tz_localize(dt.timezone(dt.timedelta(hours=1), "CET"))
    assert digest(fixed) != digest(INDEX.tz_localize(dt.timezone(dt.timedelta(hours=1))))
    with pytest.raises(ValueFault, match=r"the time zone .*Zone is not known"):
        digest(pd.Series(INDEX.tz_localize("UTC").tz_convert(Zone())))


def test_calendars_count_by_their_holidays() -> None:
    """Offsets of business days with other holidays differ, alone and as the frequency of an index."""
    offsets = [pd.offsets.CustomBusinessDay(holidays=[day]) for day in ("2020-02-03", "2020-02-04")]
    indexes = [pd.date_range("2020-01-06", periods=1, freq=offset) for offset in offsets]
    others = [pd.offsets.Week(weekday=1), pd.offsets.Week(weekday=2), pd.DateOffset(months=1), pd.DateOffset(days=1)]
    assert len({digest(value) for value in [*offsets, *indexes, *others]}) == 8


def test_all_differ() -> None:
    """Frames, series, indexes and scalars that look alike differ."""
    found: dict[str, Any] = {}
    for value in DIFFERENT:
        assert found.setdefault(digest(value), value) is value, (found[digest(value)], value)


def test_attributes_count() -> None:
    """`attrs` and the ban of duplicate labels are seen by a body, so they count."""
    plain, marked = pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]})
    marked.attrs["source"] = "x"
    assert digest(plain) != digest(marked)
    assert digest(plain) != digest(plain.set_flags(allows_duplicate_labels=False))


def test_missing_values_hide_what_is_under_them() -> None:
    """What lies under a missing value in a nullable column does not count."""
    one = pd.array([1, 2, None], dtype="Int64")
    two = pd.array([1, 2, 99], dtype="Int64")
    two[2] = pd.NA
    assert digest(pd.Series(one)) == digest(pd.Series(two))


def test_objects_in_columns() -> None:
    """A column of objects counts by them; what has no digest is named with its column and row."""
    assert digest(pd.DataFrame({"a": [{"x": 1}, [2]]})) == digest(pd.DataFrame({"a": [{"x": 1}, [2]]}))
    with pytest.raises(ValueFault, match=r"value\['a'\].*\[1\]: object cannot be digested"):
        digest(pd.DataFrame({"b": [1, 2], "a": [1, object()]}))


def test_subclass_is_refused() -> None:
    """A subclass of a frame may hold more than its cells."""

    class Marked(pd.DataFrame):
        pass

    with pytest.raises(ValueFault, match="Marked cannot be digested"):
        digest(Marked({"a": [1]}))
