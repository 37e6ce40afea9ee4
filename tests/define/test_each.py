"""Items: what a mapped node runs over, and what it is told to do instead."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.fresh import printed
from wfkit.core.record import Record
from wfkit.define.each import items_of
from wfkit.errors import ValueFault


class Special(list[int]):
    """A list of some other kind."""


def test_lists_are_taken_as_they_are() -> None:
    """No copy of a list; tuples, other lists and Series become lists of the same items."""
    items = [1, [2], {"a": 3}]
    assert items_of(items) is items
    assert items_of((1, 2)) == [1, 2]
    assert items_of(Special([1, 2])) == [1, 2]
    assert items_of(pd.Series([1, 2], index=["a", "b"])) == [1, 2]
    assert items_of([]) == []


def test_rows_become_records() -> None:
    """Each row is a record of Python values; no column changes its type because of its neighbours."""
    frame = pd.DataFrame(
        {"n": [1, 2], "x": [0.5, 2.0], "ok": [True, False], "s": ["a", None], "t": pd.to_datetime(["2026-01-02"] * 2)},
        index=[7, 8],
    )
    first, second = items_of(frame)
    assert first == Record(("n", "x", "ok", "s", "t"), (1, 0.5, True, "a", pd.Timestamp("2026-01-02")))
    assert [type(value) for value in dict(first).values()] == [int, float, bool, str, pd.Timestamp]
    assert pd.isna(second.s)


def test_numbers_are_those_of_python() -> None:
    """Nullable, categorical, small and object columns give Python values; a missing one stays `pd.NA`."""
    frame = pd.DataFrame(
        {
            "a": pd.array([1, None], dtype="Int64"),
            "b": pd.Categorical(["x", "y"]),
            "c": np.array([1, 2], dtype="int8"),
            "d": [{"k": 1}, [2]],
            "e": np.array([0.1, 0.2], dtype="float32"),
        }
    )
    first, second = items_of(frame)
    assert dict(first) == {"a": 1, "b": "x", "c": 1, "d": {"k": 1}, "e": pytest.approx(0.1)}
    assert [type(value) for value in dict(first).values()] == [int, str, int, dict, float]
    assert second.a is pd.NA


def test_odd_frames() -> None:
    """No rows give no items; rows without columns give empty records; names with blanks are read by key."""
    assert items_of(pd.DataFrame({"a": []})) == []
    assert items_of(pd.DataFrame(index=[1, 2])) == [Record((), ()), Record((), ())]
    assert items_of(pd.DataFrame({"unit price": [1]}))[0]["unit price"] == 1


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "'a' is there twice"),
        (pd.DataFrame([[1, 2]]), "column 0 is not named by a string.*rename"),
        (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "not named by a string"),
    ],
)
def test_columns_that_cannot_be_fields(frame: pd.DataFrame, message: str) -> None:
    """The column is named, and what to do."""
    with pytest.raises(ValueFault, match=message):
        items_of(frame)


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ({"a": 1}, "items"),
        ({1, 2}, "sorted"),
        ("text", "splitlines"),
        (iter([1]), "only once"),
        (np.array([1, 2]), "tolist"),
        (None, "None: let the node return a list"),
        (3, "return a list"),
    ],
)
def test_anything_else_is_refused_with_advice(value: object, advice: str) -> None:
    """What has no order, or is read only once, is not guessed at."""
    with pytest.raises(ValueFault, match=advice):
        items_of(value)


def test_lists_need_no_pandas() -> None:
    """Mapping over a list loads no pandas."""
    script = "import sys; from wfkit.define.each import items_of; items_of([1]); print('pandas' in sys.modules)"
    assert printed(script) == ["False"]
