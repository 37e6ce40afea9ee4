"""What a model is told of a result: plain, the same in every process, and never too long."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from tests.ids import stable
from wfkit.core.record import Record
from wfkit.engine.attempts.tool_text import LONGEST, text_of
from wfkit.errors import ValueFault


class Size(BaseModel):
    width: int


@dataclass
class Product:
    name: str
    size: Size


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        ("lone \ud800 surrogate", "lone \ud800 surrogate"),
        (None, "null"),
        ({"a": [1, 2.5, True]}, '{"a":[1,2.5,true]}'),
        (Product("kettle", Size(width=3)), '{"name":"kettle","size":{"width":3}}'),
        ([dt.date(2024, 2, 1), float("nan")], '["2024-02-01","NaN"]'),
        ({"z": {"c", "a", "b"}}, '{"z":["a","b","c"]}'),
        ({"n": np.int64(3), "a": np.arange(2)}, '{"n":3,"a":[0,1]}'),
        (Record(("id",), (7,)), '{"id":7}'),
        (pd.DataFrame({"a": [1, 2], "t": [pd.Timestamp("2024-02-01"), pd.NaT]}), None),
        (pd.Series([5, 6], index=["x", "y"]), '{"x":5,"y":6}'),
    ],
    ids=stable,
)
def test_plain(value: Any, text: str | None) -> None:
    """Text as it is; models, dataclasses, frames and arrays as JSON; sets in an order."""
    assert text_of(value) == (text or '[{"a":1,"t":"2024-02-01T00:00:00.000"},{"a":2,"t":null}]')


def test_bounded() -> None:
    """What is too long is cut, and says so: text by its characters, a frame by its rows."""
    long = text_of("x" * (LONGEST + 5))
    assert long.startswith("x" * LONGEST)
    assert long.endswith("\n[cut: these are the first 20,000 of 20,005 characters]")
    assert "these are the first 1,000 of 1,001 rows" in text_of(pd.DataFrame({"a": range(1001)}))


@pytest.mark.parametrize("value", [object(), [lambda: 1], ["\ud800"]], ids=stable)
def test_what_cannot_be_told(value: Any) -> None:
    """What has no plain form is an error of the tool that names its type."""
    with pytest.raises(ValueFault, match=f"a {type(value).__name__}, cannot be told as JSON"):
        text_of(value)
