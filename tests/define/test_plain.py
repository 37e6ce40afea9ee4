"""Plain data: what a prompt may see of a value, and what it may not."""

from __future__ import annotations

import datetime as dt
import enum
import sys
import uuid
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pydantic
import pytest

from tests.fresh import printed
from tests.ids import stable
from wfkit.core.record import Record
from wfkit.define.plain import plain
from wfkit.errors import TemplateError


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Text(str):
    __slots__ = ()


@dataclass
class Point:
    x: int
    tags: tuple[str, ...] = ("a",)


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    name: str
    point: Point

    @pydantic.computed_field
    def shout(self) -> str:
        return self.name.upper()


Pair = namedtuple("Pair", "left right")  # noqa: PYI024 - the old form is what libraries return
DAY = dt.date(2026, 1, 2)

CASES = [
    (None, None),
    (True, True),
    (1.5, 1.5),
    ("x", "x"),
    (Text("x"), "x"),
    (Colour.RED, "red"),
    (Level.LOW, 1),
    (DAY, DAY),
    (Decimal("1.50"), Decimal("1.50")),
    (Fraction(1, 3), "1/3"),
    (PurePosixPath("a/b"), "a/b"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ((1, [2, (3,)]), [1, [2, [3]]]),
    ({"b", "a"}, ["a", "b"]),
    (frozenset({2, 1}), [1, 2]),
    ({"a": {Colour.RED: Point(1)}}, {"a": {"red": {"x": 1, "tags": ["a"]}}}),
    (OrderedDict(a=1), {"a": 1}),
    (MappingProxyType({"a": [1]}), {"a": [1]}),
    (Record(("id", "items"), (1, (2,))), {"id": 1, "items": [2]}),
    (Pair(1, 2), {"left": 1, "right": 2}),
    (Model(name="n", point=Point(1), more=2), {"name": "n", "point": {"x": 1, "tags": ["a"]}, "shout": "N", "more": 2}),
    (np.int64(3), 3),
    (np.float32(0.5), 0.5),
    (np.bool_(True), True),
    (np.str_("x"), "x"),
    (np.array([[1, 2]]), [[1, 2]]),
    (np.datetime64("2026-01-02"), "2026-01-02"),
    (pd.Timestamp("2026-01-02"), pd.Timestamp("2026-01-02")),
    (pd.NA, None),
    (pd.NaT, None),
    (pd.Series([1, 2]), [1, 2]),
    (pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]),
    (range(3), [0, 1, 2]),
]


@pytest.mark.parametrize(("value", "expected"), CASES, ids=lambda value: type(value).__name__)
def test_becomes(value: Any, expected: Any) -> None:
    """Everything with fields becomes a mapping, everything with items a list, and only plain values are left."""
    found = plain(value, "v")
    assert found == expected
    assert plain(found, "v") is found or isinstance(found, (str, int, float, Decimal, dt.date))


def loop() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "`v` is an object, and prompts take plain data"),
        ({"a": [1, len]}, r"`v\.a\[1\]` is a builtin_function_or_method.*call it"),
        (b"x", "`v` is a bytes.*decode it"),
        (sys, "`v` is a module"),
        ((i for i in range(3)), "`v` is a generator"),
        (Point, "`v` is a type.*call it"),
        ({Point: 1}, "key of type type"),
        (loop(), "nested deeper than 100 levels, or contains itself"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "`v` is a DataFrame: .*'a' is there twice"),
        (pd.DataFrame({"a": range(100_001)}), "a DataFrame of 100,001 rows, too many"),
        (1j, "`v` is a complex"),
    ],
    ids=stable,
)
def test_refuses(value: Any, message: str) -> None:
    """Nothing with behaviour comes near a template; the part is named, and what to do."""
    with pytest.raises(TemplateError, match=message):
        plain(value, "v")


def test_plain_values_are_not_converted_again() -> None:
    """What many items share is converted once."""
    shared = plain({"a": [{"b": 1}]}, "v")
    assert plain({"x": shared}, "v")["x"] is shared


def test_no_library_is_loaded_for_it() -> None:
    """Text and dicts are made plain without numpy, pandas or pydantic."""
    script = (
        "import sys; from wfkit.define.plain import plain; plain({'a': [1, {2}]}, 'v');"
        "print(*{'numpy', 'pandas', 'pydantic'} & set(sys.modules))"
    )
    assert printed(script) == []
