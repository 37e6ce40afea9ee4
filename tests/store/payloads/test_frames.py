"""pandas values come back equal in values, dtypes, index, labels, names and missing values, and belong to who asked."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from wfkit.errors import ValueFault
from wfkit.store.payloads import codecs

BERLIN = ZoneInfo("Europe/Berlin")
TWO = pd.date_range("2024", periods=2, tz=BERLIN)
INDEX = pd.MultiIndex.from_product([["a", "b"], TWO], names=["x", ("t", 1)])
COLUMNS: dict[str, Any] = {
    "ints": [1, 2],
    "small": np.array([1, 2], "u1"),
    "floats": [1.5, float("nan")],
    "half": np.array([1, 2], "f2"),
    "complex": np.array([1, 2j]),
    "bools": [True, False],
    "str": ["x", None],
    "python strings": pd.array(["x", None], pd.StringDtype("python", na_value=float("nan"))),
    "string": pd.array(["a", None], "string"),
    "surrogate": pd.array(["a", "\ud800"], pd.StringDtype("python")),
    "Int64": pd.array([1, None], "Int64"),
    "UInt8": pd.array([1, None], "UInt8"),
    "Float64": pd.array([float("nan"), None], "Float64"),
    "boolean": pd.array([True, None], "boolean"),
    "arrow ints": pd.array([1, None], "int64[pyarrow]"),
    "arrow text": pd.array(["a", None], "string[pyarrow]"),
    "category": pd.Categorical(["u", None], ["v", "u"], ordered=True),
    "cut": pd.cut(pd.Series([1, 9]), 3),
    "zoned": TWO,
    "utc": pd.date_range("2024", periods=2, tz="UTC"),
    "naive": np.array(["NaT", "2024"], "M8[s]"),
    "elapsed": pd.to_timedelta([1, None], "s"),
    "period": pd.period_range("2024", periods=2, freq="M"),
    "interval": pd.interval_range(0, 2),
    "objects": pd.Series([{"a": 1}, [1, (2,)]]),
    "text objects": pd.Series(["a", None], dtype=object),
    "mixed missing": pd.Series([None, float("nan")], dtype=object),
    "more missing": pd.Series([pd.NA, pd.NaT], dtype=object),
    "surrogate objects": pd.Series(["a", "\ud800"], dtype=object),
    "arrays": pd.Series([np.arange(2), np.arange(3)]),
}
FRAMES = {
    "empty": pd.DataFrame(),
    "no columns": pd.DataFrame(index=[1, 2]),
    "no rows": pd.DataFrame({"a": pd.Series([], dtype="Int64"), "b": pd.Series([], dtype="category")}),
    "only labels": pd.DataFrame(columns=["a", "b"]),
    "two levels": pd.DataFrame(np.arange(8).reshape(4, 2), INDEX, pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])),
    "one label twice": pd.DataFrame(np.arange(4).reshape(2, 2), columns=["a", "a"]),
    "mixed labels": pd.DataFrame(np.arange(4).reshape(2, 2), columns=pd.Index([1, "x"], name="n")),
    "label missing": pd.DataFrame([[1, 2]], columns=pd.Index(["a", None], dtype=object)),
    "dates as labels": pd.DataFrame([[1, 2]], columns=pd.date_range("2024", periods=2)),
    "string labels": pd.DataFrame({"v": [1.0]}, columns=pd.Index(["v"], dtype="string")),
    "hourly": pd.DataFrame({"v": [1, 2, 3]}, index=pd.date_range("2024", periods=3, freq="h", name="t")),
    "object index": pd.DataFrame({"v": [1, 2]}, index=pd.Index(["a", 2], dtype=object, name=("n", 1))),
    "category index": pd.DataFrame({"v": [1, 2]}, index=pd.CategoricalIndex(["a", "b"])),
    "range index": pd.DataFrame({"v": [1.0]}, index=pd.RangeIndex(5, 7, 2, name="q")),
}


def round_trip(value: Any) -> Any:
    encoded = codecs.encode(value)
    return codecs.decode(encoded.codec, encoded.payload)


def assert_same_index(left: pd.Index, right: pd.Index) -> None:
    pd.testing.assert_index_equal(left, right, exact=True)
    assert type(left) is type(right)
    assert left.dtype == right.dtype
    assert list(left.names) == list(right.names)
    assert getattr(left, "freq", None) == getattr(right, "freq", None)


@pytest.mark.parametrize("name", COLUMNS)
def test_columns(name: str) -> None:
    """A column of every dtype comes back with that dtype and the very same missing values; it can be changed."""
    column = pd.Series(COLUMNS[name], index=["p", "q"], name=name) if name == "ints" else pd.Series(COLUMNS[name])
    for value in (column, column.to_frame("x")["x"], column.iloc[:0]):
        found = round_trip(value)
        assert found.dtype == value.dtype
        assert [type(item) for item in found] == [type(item) for item in value]
        assert found.name == value.name
        assert_same_index(found.index, value.index)
        assert repr(found.tolist()) == repr(value.tolist())
        if len(found):
            found.iloc[0] = found.iloc[-1]
    assert repr(round_trip(pd.DataFrame({"x": column})).x.tolist()) == repr(column.tolist())


@pytest.mark.parametrize("name", FRAMES)
def test_frames(name: str) -> None:
    """A frame of any shape and labelling comes back the same."""
    frame = FRAMES[name]
    found = round_trip(frame)
    pd.testing.assert_frame_equal(found, frame, check_exact=True)
    assert_same_index(found.index, frame.index)
    assert_same_index(found.columns, frame.columns)
    assert found.dtypes.tolist() == frame.dtypes.tolist()


def test_wide_mixed_frame() -> None:
    """All dtypes in one frame, with attrs."""
    frame = pd.DataFrame({name: pd.Series(column) for name, column in COLUMNS.items() if name != "arrays"})
    frame.attrs = {"source": ("x.csv", 1)}
    found = round_trip(frame)
    pd.testing.assert_frame_equal(found, frame, check_exact=True)
    assert found.attrs == frame.attrs


@pytest.mark.parametrize(
    "value", [INDEX, pd.RangeIndex(4), TWO, pd.Index([1.5, 2]), pd.Index([], dtype="str")], ids=repr
)
def test_indexes(value: pd.Index) -> None:
    """An index is a value too."""
    assert_same_index(round_trip(value), value)


def test_arrays() -> None:
    """So are the arrays that pandas adds to numpy's."""
    for value in (pd.array([1, None], "Int64"), pd.Categorical(["a", None])):
        found = round_trip(value)
        assert type(found) is type(value)
        assert found.dtype == value.dtype
        assert found.tolist() == value.tolist()


def test_a_subclass_is_refused() -> None:
    """A subclass of a frame would come back as a mere frame: it is refused."""

    class Geo(pd.DataFrame):
        """A frame with behaviour."""

    with pytest.raises(ValueFault, match="Geo cannot be stored"):
        codecs.encode(Geo({"a": [1]}))
