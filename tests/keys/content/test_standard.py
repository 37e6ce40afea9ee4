"""Digests of values of Python and its standard library: what looks alike differs, and what says little is refused."""

from __future__ import annotations

import array
import collections
import datetime as dt
import enum
import re
import types
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import dateutil.tz
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.errors import ValueFault
from wfkit.keys.values import digest


class Access(enum.IntFlag):
    """Flags that are numbers as well."""

    READ = 1
    WRITE = 2


NAIVE = dt.datetime.fromisoformat("2020-10-25T02:00")  # naive times are values too
BERLIN = ZoneInfo("Europe/Berlin")
LOOK_ALIKES: dict[str, list[Any]] = {
    "one": [1, True, 1.0, np.int64(1), np.int32(1), np.uint8(1), np.float64(1), np.bool_(True), Decimal(1), 1 + 0j,
            Access.READ, "1", b"1", [1], (1,), {1}, frozenset({1}), {1: 1}, array.array("i", [1]),
            array.array("l", [1]),
            pd.array([1]), pd.Series([1]), np.array(1), np.array([1]), range(1, 2), types.SimpleNamespace(a=1)],
    "nothing": [None, 0, 0.0, -0.0, "", b"", bytearray(), [], (), {}, set(), frozenset(), False, collections.deque(),
                collections.Counter(), collections.OrderedDict(), collections.defaultdict(None), range(0), "None",
                collections.ChainMap(), types.SimpleNamespace(), types.MappingProxyType({}), np.array([]), ...],
    "missing": [None, float("nan"), -float("nan"), np.float32("nan"), np.float64("nan"), pd.NA, pd.NaT,
                np.datetime64("NaT", "D"), np.datetime64("NaT", "s"), np.timedelta64("NaT", "s"), Decimal("NaN"), "nan",
                "NaT"],
    "times": [NAIVE, NAIVE.replace(tzinfo=dt.UTC), NAIVE.replace(tzinfo=ZoneInfo("UTC")), NAIVE.replace(tzinfo=BERLIN),
              NAIVE.replace(tzinfo=BERLIN, fold=1), NAIVE.replace(tzinfo=dt.timezone(dt.timedelta(hours=1))),
              NAIVE.replace(tzinfo=dt.timezone(dt.timedelta(hours=1), "CET")), NAIVE.date(), NAIVE.time(),
              pd.Timestamp(NAIVE), np.datetime64(NAIVE), NAIVE.isoformat()],
    "money": [Decimal("1.0"), Decimal("1.00"), Decimal(1), Decimal("-0"), Decimal(0), Decimal("0.0")],
    "patterns": [re.compile("a"), re.compile(b"a"), re.compile("a", re.IGNORECASE), "a"],
    "slices": [slice(1), slice(1, None), slice(None, 1, 1), range(1)],
    "orders": [{"a": 1, "b": 2}, {"b": 2, "a": 1}, collections.OrderedDict(a=1, b=2), collections.Counter(a=1, b=2)],
}  # fmt: skip


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_look_alikes_differ(name: str) -> None:
    """What a careless comparison takes for the same has digests of its own, alone and within a list."""
    found: dict[str, Any] = {}
    for value in LOOK_ALIKES[name]:
        for form in (value, {"in": (value, "it")}):
            assert found.setdefault(digest(form), form) is form, (found[digest(form)], form)


@given(st.lists(st.integers() | st.text(max_size=2), max_size=6, unique=True), st.randoms())
def test_sets_have_no_order_and_dicts_have_one(keys: list[Any], random: Any) -> None:
    """A set made in another order is the same value; a dict made in another order is another."""
    shuffled = list(keys)
    random.shuffle(shuffled)
    assert digest(set(keys)) == digest(set(shuffled))
    assert digest(frozenset(keys)) == digest(frozenset(shuffled))
    one, two = dict.fromkeys(keys, 1), dict.fromkeys(shuffled, 1)
    assert (digest(one) == digest(two)) == (keys == shuffled)


def marked() -> Any:
    """An OrderedDict with an attribute beside its items."""
    made = collections.OrderedDict(a=1)
    made.note = 1
    return made


REFUSED = {
    "memoryview": (memoryview(b"x"), r"hand on bytes\(\.\.\.\) of it"),
    "generator": ((number for number in [1]), r"hand on list\(\.\.\.\) of it"),
    "attributes": (marked(), "attributes beside its items"),
    "zone that does not tell its rules": (dt.datetime(2020, 1, 1, tzinfo=dateutil.tz.tzrange("A", 60)), "tzrange"),
    "zone of the machine": (dt.datetime(2020, 1, 1, tzinfo=dateutil.tz.tzlocal()), "tzlocal"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """What says too little of itself is refused, with what to hand on instead."""
    value, words = REFUSED[name]
    with pytest.raises(ValueFault, match=words):
        digest([value])


class Rude:
    """Raises whatever it is asked."""

    __slots__ = ("x",)

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no")

    @property
    def __class__(self) -> Any:
        raise RuntimeError("rude")


def test_an_object_that_raises_is_refused_by_its_place() -> None:
    """Whatever a value raises while it is looked at is told with the path to it."""
    with pytest.raises(
        ValueFault, match=r"value\['a'\]\[0\]: .*Rude cannot be digested: reading it raised RuntimeError"
    ):
        digest({"a": [Rude()]})
