"""A body cannot change its inputs, or it is found out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pydantic
import pytest

from wfkit.core.record import Record
from wfkit.keys.mutation import changed, view
from wfkit.keys.values import digest


@dataclass
class Box:
    """A mutable instance."""

    items: list[int] = field(default_factory=list)


def put_cell(frame: pd.DataFrame) -> None:
    """Change a list within a cell of an object column."""
    frame["a"].iloc[0].append(1)


CAUGHT: list[tuple[Any, Callable[[Any], Any]]] = [
    ([1], lambda v: v.append(2)),
    ({"a": [1]}, lambda v: v["a"].append(2)),
    ({"a": 1, "b": 2}, lambda v: v.update(a=v.pop("a"))),
    ({1}, lambda v: v.add(2)),
    (bytearray(b"x"), lambda v: v.extend(b"y")),
    (([1],), lambda v: v[0].append(2)),
    (Box(), lambda v: v.items.append(1)),
    (Record(["a"], [[1]]), lambda v: v.a.append(2)),
    (pd.DataFrame({"a": [[0]], "b": [1]}), put_cell),
    (np.array([[1], None], object), lambda v: v[0].append(2)),
    (np.ma.array([1, 2], mask=[0, 0]), lambda v: v.mask.__setitem__(0, True)),
    (pd.array([1, 2]), lambda v: v.__setitem__(0, 2)),
    (pd.Categorical(["a", "b"]), lambda v: v.__setitem__(0, "b")),
]


@pytest.mark.parametrize(("value", "body"), CAUGHT)
def test_change_is_named(value: Any, body: Callable[[Any], Any]) -> None:
    """A container, instance or object column that was changed in place is told by the input's name; others are not."""
    inputs = {"x": (value, digest(value)), "y": ([1], digest([1]))}
    assert changed(inputs) == []
    body(view(value))
    assert changed(inputs) == ["x"]


def test_frames_are_copy_on_write() -> None:
    """What a body does to a frame or series stays in its own."""
    frame, series = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), pd.Series([1, 2])
    inputs = {"f": (frame, digest(frame)), "s": (series, digest(series))}
    seen = view(frame)
    seen.loc[0, "a"] = 9
    seen["c"] = 1
    seen.columns = ["p", "q", "r"]
    seen.drop(seen.index[0], axis=0)
    seen.index = [5, 6]
    changed_series = view(series)
    changed_series[0] = 9
    changed_series.name = "n"
    assert digest(frame) == inputs["f"][1]
    assert digest(series) == inputs["s"][1]
    assert changed(inputs) == []


def test_arrays_are_read_only() -> None:
    """The very line that writes to an array raises; the array itself stays writable for its owner."""
    array = np.arange(3)
    seen = view(array)
    with pytest.raises(ValueError, match="read-only"):
        seen[0] = 9
    with pytest.raises(ValueError, match="read-only"):
        seen += 1
    array[0] = 5
    assert view(np.float64(1)) == 1


@pytest.mark.parametrize("dtype", ["f8", ">i4", "bool", "c16", "M8[s]", "m8[ms]"])
def test_no_way_leads_to_the_memory_of_an_array(dtype: str) -> None:
    """A view cannot be made writable, and its base is no array; strides and dtype are as they were."""
    array = np.arange(12).reshape(3, 4).astype(dtype)
    for value in (array, array[:, ::2], array.T):
        seen = view(value)
        assert (seen.dtype, seen.shape, seen.strides) == (value.dtype, value.shape, value.strides)
        assert seen.tolist() == value.tolist()
        base = seen
        while isinstance(base, np.ndarray):
            with pytest.raises(ValueError, match="WRITEABLE"):
                base.flags.writeable = True
            base = base.base
        assert memoryview(base).readonly


def test_polars_and_indexes_are_copied_on_write() -> None:
    """What a body does to a polars frame, or to the name of an index, stays in its own."""
    frame, series = pl.DataFrame({"a": [1, 2]}), pl.Series([1, 2])
    index, levels = pd.Index([1, 2]), pd.MultiIndex.from_product([["a"], [1]])
    values = {"f": frame, "s": series, "i": index, "l": levels}
    inputs = {name: (value, digest(value)) for name, value in values.items()}
    seen = view(frame)
    seen[0, "a"] = 9
    seen.insert_column(0, pl.Series("z", [1, 2]))
    view(series)[0] = 9
    view(index).name = "n"
    view(levels).names = ["p", "q"]
    assert all(digest(value) == before for value, before in inputs.values())
    assert changed(inputs) == []


def test_large_values_are_not_digested_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a view protects costs nothing after the body."""
    values = [pd.DataFrame({"a": [1.0], "s": ["x"]}), np.arange(3), "text", 1, None, pd.Series([1]), Record(["a"], [1])]
    inputs = {str(number): (value, digest(value)) for number, value in enumerate(values)}
    monkeypatch.setattr("wfkit.keys.mutation.digest", lambda value: pytest.fail("digested again"))
    assert changed(inputs) == []


@dataclass
class Square:
    """An instance that keeps what it once worked out."""

    side: int

    @cached_property
    def area(self) -> int:
        """Kept in the instance."""
        return self.side**2


class SquareModel(pydantic.BaseModel):
    """The same as a model."""

    side: int

    @cached_property
    def area(self) -> int:
        """Kept in the model."""
        return self.side**2


@pytest.mark.parametrize("kind", [Square, SquareModel])
def test_reading_a_cached_property_is_no_change(kind: Any) -> None:
    """What an instance keeps for itself when it is read is no change of the input; another field is."""
    values = [kind(side=2)]
    inputs = {"x": (values, digest(values))}
    assert values[0].area == 4
    assert changed(inputs) == []
    values[0].side = 3
    assert changed(inputs) == ["x"]


def test_without_digest_nothing_is_said() -> None:
    """A value that has no digest cannot be judged."""
    assert changed({"x": (object(), "?")}) == []
