"""Digests of values: equal for what a body cannot tell apart, different for all else, the same in every process."""

from __future__ import annotations

import datetime as dt
import math
import os
import struct
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.errors import ValueFault
from wfkit.keys.code.walk import Walk
from wfkit.keys.values import Classes, digest, item_digests

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.complex_numbers()
    | st.decimals()
    | st.fractions()
    | st.dates()
    | st.datetimes(timezones=st.none() | st.just(dt.UTC) | st.just(ZoneInfo("Europe/Berlin")))
    | st.times()
    | st.timedeltas()
    | st.uuids()
)
KEYS = st.text(max_size=5) | st.integers() | st.binary(max_size=3) | st.booleans() | st.none()
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.sets(KEYS, max_size=4)
        | st.sets(KEYS, max_size=4).map(frozenset)
        | st.binary(max_size=4).map(bytearray)
    ),
    max_leaves=12,
)


def form(value: Any) -> Any:
    """What a body can see of a value, as text: types, order, bits of floats; sets sorted."""
    match value:
        case list() | tuple():
            return f"{type(value).__name__}({', '.join(form(part) for part in value)})"
        case dict():
            return f"dict({', '.join(f'{form(key)}: {form(part)}' for key, part in value.items())})"
        case set() | frozenset():
            return f"{type(value).__name__}({', '.join(sorted(form(part) for part in value))})"
        case float():
            return f"float {bits(value) if math.isnan(value) else value.hex()}"
        case complex():
            return f"complex {form(value.real)} {form(value.imag)}"
        case dt.datetime() | dt.time():
            return f"{value!r} {value.fold}"
        case _:
            return f"{type(value).__name__} {value!r}"


def bits(value: float) -> str:
    """NaNs by their bits."""
    return struct.pack("<d", value).hex()


@given(VALUES, VALUES)
def test_equal_iff_seen_equal(one: Any, two: Any) -> None:
    """Two values have one digest exactly when a body sees no difference in type, content and order."""
    assert (digest(one) == digest(two)) == (form(one) == form(two))


@given(st.lists(VALUES, max_size=3))
def test_items_are_digested_as_values(items: list[Any]) -> None:
    """An item of a map has the digest that it has alone, whatever stands beside it."""
    assert item_digests(items) == [digest(item) for item in items]


@given(VALUES, st.integers(0, 3))
def test_place_counts(value: Any, depth: int) -> None:
    """The same part at another depth makes another value."""
    outer: Any = value
    for _ in range(depth + 1):
        outer = [outer]
    assert digest(outer) != digest(value)


NAIVE = dt.datetime(2020, 10, 25)  # noqa: DTZ001 - naive times are values too
DIFFERENT: list[Any] = [
    1, 1.0, True, "1", b"1", bytearray(b"1"), Decimal(1), Decimal("1.0"), Fraction(1), 1 + 0j, [1], (1,), {1},
    frozenset({1}),
    {1: 1}, {"1": 1}, {b"1": 1}, None, "", b"", [], (), {}, set(), [[]], [None], "None", 0.0, -0.0, [0.0], [-0.0],
    float("nan"),
    float("inf"), 10**30, -(10**30), [10**30], 2**64, 2**63, range(1), range(0, 2, 2), slice(1), ..., NotImplemented,
    "\ud800", ["\ud800"], "a" * 70_000, b"a" * 70_000, "a" * 70_001, UUID(int=1), Path("a"), Path("b"), ["a", "b"],
    ["ab"],
    {"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": {"b": 1}}, dt.date(2020, 10, 25), NAIVE,
    dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2020, 1, 1, tzinfo=ZoneInfo("UTC")),
    dt.datetime(2020, 1, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")), NAIVE.replace(hour=2, fold=1),
    NAIVE.replace(hour=2), dt.time(1), dt.time(1, tzinfo=dt.UTC), dt.timedelta(1), dt.timedelta(0, 86_401),
    ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/Paris"), dt.UTC, int, float, len, max, dt.datetime, str.lower,
    str.upper,
]  # fmt: skip


def test_all_differ() -> None:
    """Values that look alike but are not have different digests."""
    found: dict[str, Any] = {}
    for value in DIFFERENT:
        assert found.setdefault(digest(value), value) is value, (found[digest(value)], value)


def test_sharing_does_not_count() -> None:
    """A part used twice is the same as two equal parts."""
    part = [Path("x")]
    assert digest([part, part]) == digest([[Path("x")], [Path("x")]])


def test_order_of_sets_does_not_count() -> None:
    """Sets have no order, also when they hold what is no plain data."""
    paths = [Path(str(number)) for number in range(50)]
    assert digest(set(paths)) == digest({paths[-1], *paths})


SCRIPT = """
import enum, dataclasses, datetime, decimal, pathlib, collections
from wfkit.keys.values import digest
class Color(enum.Enum):
    RED = 1
@dataclasses.dataclass
class Point:
    x: int
    def size(self): return abs(self.x)
values = [
    {"a", "b", "c", "d"}, frozenset({("x", 1), ("y", 2)}), {"k": {"z", "y"}}, [1, 2.5, "x"], Color.RED,
    Point(3), [Point(1), Color],
    collections.Counter("aabb"), pathlib.Path("a/b"), Point, Point.size, collections.OrderedDict(a=1),
]
print(*[digest(value) for value in values])
"""


def test_same_in_every_process(tmp_path: Path) -> None:
    """Neither hash randomisation nor the process shows in a digest."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    found = set()
    for seed in ("0", "1", "4711"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True, check=True)
        found.add(done.stdout)
    assert len(found) == 1


class Listed(list[int]):
    """A subclass that may hold more."""


BAD = [
    ((number for number in range(3)), "value: generator cannot be digested"),
    ({"model": [object()]}, "value['model'][0]: object cannot be digested"),
    ([1, Listed()], "value[1]: tests.keys.test_values.Listed cannot be digested: a subclass of list may hold more"),
    ({"a": {1: (sys,)}}, "value['a'][1][0]: module cannot be digested: a module is no data"),
    (memoryview(b"x"), "value: memoryview cannot be digested"),
]


@pytest.mark.parametrize(("value", "words"), BAD, ids=[words for _, words in BAD])
def test_refusal_names_the_path(value: Any, words: str) -> None:
    """What has no digest is refused with the path to it and its type, never guessed."""
    with pytest.raises(ValueFault) as fault:
        digest(value)
    assert str(fault.value).startswith(words)


def test_open_handle_is_refused(tmp_path: Path) -> None:
    """A handle has no content of its own."""
    with (tmp_path / "x").open("w") as handle, pytest.raises(ValueFault, match="TextIOWrapper"):
        digest([handle])


def test_item_fault_names_the_item() -> None:
    """The item that has no digest is named."""
    with pytest.raises(ValueFault, match=r"items\[1\]\['x'\]: object"):
        item_digests([{"x": 1}, {"x": object()}])


def test_functions_count_by_what_they_reach() -> None:
    """A function as a value counts with its text, closure and defaults; two closures with equal text differ."""

    def make(number: int) -> Any:
        return lambda: number

    assert digest(make(1)) == digest(make(1))
    assert digest(make(1)) != digest(make(2))
    assert digest({"f": make(1)}) != digest({"f": make(2)})


def test_code_in_items_does_not_depend_on_neighbours() -> None:
    """Classes that other items brought in do not change the digest of an item."""

    def one() -> int:
        return 1

    def two() -> int:
        return 2

    assert item_digests([one, two])[1] == item_digests([two])[0] == digest(two)


class Scale:
    """A class of values, with a setting."""

    unit = "gram"


def test_a_class_that_was_met_is_not_walked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `classes` the code behind the values of a run is read once; the digests are those made without."""
    walks: list[object] = []
    walk = Walk.refer
    monkeypatch.setattr(Walk, "refer", lambda self, thing, path: (walks.append(thing), walk(self, thing, path))[1])
    classes: Classes = {}
    met = [digest([Scale(), number], classes) for number in range(3)]
    assert walks.count(Scale) == 1
    assert met == [digest([Scale(), number]) for number in range(3)]


def test_a_class_that_was_changed_is_met_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """An attribute of a class that is set between two values counts for the second."""
    classes: Classes = {}
    before = digest(Scale(), classes)
    monkeypatch.setattr(Scale, "unit", "ounce")
    assert digest(Scale(), classes) == digest(Scale()) != before
