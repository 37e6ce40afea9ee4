"""A stored value comes back equal and of the same type; what would not is refused with the path to it."""

from __future__ import annotations

import math
import pickle
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ids import stable
from tests.store.samples import Access, Color, Derived, Label, Open, Pair, Plain, Point, Word
from wfkit.core.record import Record
from wfkit.errors import ValueFault
from wfkit.store.payloads import codecs

BERLIN = ZoneInfo("Europe/Berlin")


class Odd(tzinfo):
    """A time zone of somebody's own."""

    def utcoffset(self, _: datetime | None) -> timedelta:
        return timedelta(0)


class Marked(np.ndarray[Any, Any]):
    """An array with more to it."""


def round_trip(value: Any, codec: str = "auto") -> Any:
    encoded = codecs.encode(value, codec)
    if encoded.codec in codecs.TEXT_CODECS:
        encoded.payload.decode()
    return codecs.decode(encoded.codec, encoded.payload)


def same(left: Any, right: Any) -> bool:
    """Equal, and equal in type all the way down."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple | deque):
        return len(left) == len(right) and all(map(same, left, right))
    if left is pd.NA or left is pd.NaT:
        return left is right
    if isinstance(left, float | complex):
        return repr(left) == repr(right)  # -0.0 is not 0.0, and nan is nan
    return bool(left == right) or repr(left) == repr(right)


PLAIN = [
    None,
    True,
    0,
    -(2**63),
    2**64 - 1,
    1.5,
    -0.0,
    1e300,
    "",
    "é😀\x00",
    [],
    {},
    [1, [2.0, {"a": None}]],
    {"b": 1, "a": 2},
]
TAGGED = [
    (), (1, (2.0, "x")), {1, 2}, frozenset({"a"}), {1: 2, (1, 2): "x", None: 0}, float("nan"), -math.inf, [1, math.nan],
    2**64, -(2**70), 10**5000, b"", b"abc", bytearray(b"x"), 1 + 2j, complex(math.nan, -0.0), ..., range(3, 10, 2),
    Decimal("1.10"), Decimal("NaN"), Fraction(1, 3), date(2024, 2, 29), timedelta(-1, 2, 3), UUID(int=5),
    datetime(2024, 1, 1, 2, 3, 4, 5),  # noqa: DTZ001 (a naive one is meant)
    datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1), datetime(2024, 1, 1, tzinfo=UTC),
    datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=-3, seconds=7))), time(1, 2, 3, 4, tzinfo=UTC), time(5),
    Path("a/b"), PurePosixPath("/x"), "\ud800 lone", ["\udc00", {"\ud800": "\x1a"}], {"k": [b"x", {"n": (1,)}]},
    deque([1, (2,)], 5), Counter("aab"), OrderedDict(b=(1,), a=2), defaultdict(list, {"a": [(1,)]}),
    Record(["a", "b c"], [1, (2,)]), [Record(["a"], [1])] * 2,
    Point(1, (2, Point(3))), Derived(3), Pair(1, "x"), Color.GREEN, Word.YES, Access.READ | Access.WRITE,
    [Color.RED, {"c": Color.RED}],
    Label(name="x", words=["a"]), Label.model_construct(name="y"), Open(name="x", other=(1, 2)),
    np.float64(1.5), np.float32("nan"), np.int8(-3), np.bool_(True), np.str_("ü"), np.str_(""),
    np.bytes_(b"x"), np.complex64(1j),
    np.datetime64("2024-01-01T01", "h"), np.timedelta64(5, "ms"), np.dtype("<i4"),
    pd.Timestamp("2024-01-01 01:02:03.123456789"), pd.Timestamp("2024-10-27 00:30", tz="UTC").tz_convert(BERLIN),
    pd.Timedelta(5, unit="s"), pd.NaT, pd.NA, pd.Period("2024Q1"), pd.Period("2024-05", freq="M"),
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_data_is_json(value: Any) -> None:
    """What JSON keeps is stored as JSON (or text), readable by anybody."""
    assert codecs.encode(value).codec in ("json", "text")
    assert same(round_trip(value), value)


@pytest.mark.parametrize("value", TAGGED, ids=lambda value: type(value).__name__)
def test_python_values(value: Any) -> None:
    """What JSON would change comes back as it was, alone and within containers."""
    assert same(round_trip(value), value)
    assert same(round_trip([{"in": (value,)}]), [{"in": (value,)}])


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters()), st.binary(),
    st.decimals(allow_nan=False),
    st.datetimes(timezones=st.sampled_from([None, UTC, BERLIN])), st.timedeltas(), st.uuids(), st.dates(),
    st.complex_numbers(),
)  # fmt: skip
KEYS = st.one_of(st.text(st.characters()), st.integers(), st.tuples(st.integers(), st.text()))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner), st.tuples(inner, inner), st.dictionaries(KEYS, inner)),
    max_leaves=20,
)


@given(VALUES)
def test_any_nest(value: Any) -> None:
    """Any nest of lists, tuples and dicts with odd keys and leaves comes back the same."""
    assert same(round_trip(value), value)


def test_ten_thousand_deep() -> None:
    """Depth is no limit."""
    value: list[Any] = []
    for _ in range(10_000):
        value = [value]
    found, depth = round_trip(value), 0
    while found:
        found, depth = found[0], depth + 1
    assert depth == 10_000


@pytest.mark.parametrize("depth", [300, 3_000, 100_000])
def test_deep_tuples(depth: int) -> None:
    """Tuples within tuples (on which orjson 3.13 crashes) come back, however deep."""
    value: tuple[Any, ...] = ()
    for _ in range(depth):
        value = (value,)
    found = round_trip([{"a": value}])[0]["a"]
    for _ in range(depth):
        found = found[0]
    assert found == ()


def test_shared_parts_stay_shared() -> None:
    """A container that is used twice is stored once and comes back as one."""
    shared = {1, 2}
    value: Any = [shared]
    for _ in range(60):
        value = (value, value)  # 2**60 leaves if they were written one by one
    found = round_trip(value)
    while isinstance(found, tuple):
        assert found[0] is found[1]
        found = found[0]
    assert found == [shared]


REFUSED: list[tuple[Any, str]] = [
    (Plain(), r"^value: a value of type tests\.store\.samples\.Plain cannot be stored; return plain data"),
    ({"a": [1, (2, Plain())]}, r"^value\['a'\]\[1\]\[1\]: a value of type"),
    ([Point(1, Plain())], r"^value\[0\]\.more: "),
    ({"k": {Plain: 1}}, r"^value\['k'\]\{key <class"),
    ([lambda: 1], "function"),
    (int, "type"),
    ({"f": {1, Plain}}, r"^value\['f'\]\{…\}"),
    (defaultdict(lambda: 1), "factory of your own"),
    (np.array([1, Plain()], object), r"^value\[2\]\[1\]: "),
    (np.zeros(1).view(Marked), "Marked cannot be stored; return plain data"),
    (pd.DataFrame({"x": [Plain()]}), "Plain"),
    (np.array([(1, [2])], [("a", "i4"), ("b", object)]), "fields without objects"),
    ([datetime(2024, 1, 1, tzinfo=Odd())], r"^value\[0\]: a time zone .* zoneinfo"),
    (ValueError("x"), "ValueError"),
]


def test_cycles() -> None:
    """A value that holds itself is refused, and the place is named."""
    value: dict[str, Any] = {"a": []}
    value["a"].append((value,))
    with pytest.raises(ValueFault, match=r"value\['a'\]\[0\]\[0\] holds itself"):
        codecs.encode(value)


@pytest.mark.parametrize(("value", "message"), REFUSED, ids=stable)
def test_refused(value: Any, message: str) -> None:
    """What cannot be stored is refused: the message says which part, of which type, and what to do."""
    with pytest.raises(ValueFault, match=message):
        codecs.encode(value)


def test_mixed_bundle() -> None:
    """Frames and arrays within a dict are stored in their own codecs, beside plain data."""
    frame = pd.DataFrame({"a": [1, 2]})
    value = {"train": frame, "x": np.arange(5), "rows": [{"n": n} for n in range(50)], "raw": b"z" * 5000, "t": (1,)}
    found = round_trip(value)
    pd.testing.assert_frame_equal(found.pop("train"), frame)
    assert found.pop("x").tolist() == [0, 1, 2, 3, 4]
    assert found == {key: value[key] for key in found}
    assert list(found) == ["rows", "raw", "t"]


ARRAYS = [
    np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.array(5), np.array([],
    "f4"), np.zeros((0, 3)),
    np.array(["a", "bc"]), np.array([b"x"]), np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    np.arange(3, dtype=">i4"),
    np.array([1, "a", None, [1], (2,)], object), np.array([[None, 1], [2, 3]], object), np.array(["2024",
    "NaT"], "M8[D]"),
    np.array(["x", "yy" * 50], dtype=np.dtypes.StringDType()), np.array([1, 2j], "c8"), np.array([True,
    False]), np.arange(10)[::2],
    np.array([1.5, math.nan, math.inf], "f2"),
]  # fmt: skip


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}-{array.shape}")
def test_arrays(array: Any) -> None:
    """Arrays keep dtype, shape, order and every bit, and belong to who asked."""
    found = round_trip(array)
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.tolist() == array.tolist() if array.dtype.kind in "OT" else found.tobytes() == array.tobytes()
    assert found.flags.writeable
    if array.flags.forc:
        assert found.flags.f_contiguous == array.flags.f_contiguous


ARROW = [
    pa.table({"a": [1, 2], "b": ["x", None]}), pa.table({}), pa.record_batch({"a": [1]}),
    pa.record_batch({"a": pa.array([], pa.int8())}),
    pa.array([1, None]), pa.array([], pa.string()), pa.chunked_array([[1], [2]]), pa.array(["a",
    "a"]).dictionary_encode(),
]  # fmt: skip


@pytest.mark.parametrize("value", ARROW, ids=lambda value: type(value).__name__)
def test_arrow(value: Any) -> None:
    """pyarrow values come back equal, type and schema included."""
    found = round_trip(value)
    assert type(found) is type(value)
    assert found.equals(value)


def test_polars() -> None:
    """polars frames and series come back equal with their dtypes; Object columns are refused by name."""
    columns = {
        "a": [1, None],
        "b": pl.Series(["x", "y"], dtype=pl.Categorical),
        "c": pl.Series(["x", "y"], dtype=pl.Enum(["x", "y"])),
        "d": [[1], [2, 3]],
        "e": [datetime(2024, 1, 1, tzinfo=UTC), None],
    }
    frame = pl.DataFrame(columns)
    found = round_trip(frame)
    assert found.equals(frame)
    assert found.schema == frame.schema
    series = pl.Series("q", [1.5, None])
    assert round_trip(series).equals(series)
    with pytest.raises(ValueFault, match="Object cannot be stored: o"):
        codecs.encode(pl.DataFrame({"o": pl.Series([Plain()], dtype=pl.Object)}))


def test_pickle_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only `codec: pickle` pickles, and only what this user signed is unpickled."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    found = round_trip(Plain(), "pickle")
    assert isinstance(found, Plain)
    assert (tmp_path / "wfkit" / "pickle.key").stat().st_mode & 0o777 == 0o600
    payload = codecs.encode(Plain(), "pickle").payload
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "another"))
    for foreign in (payload, pickle.dumps(1), b"", payload[:40]):
        with pytest.raises(ValueFault, match="not signed by this user"):
            codecs.decode("pickle", foreign)
    with pytest.raises(ValueFault, match="cannot be pickled"):
        codecs.encode(lambda: 1, "pickle")


@pytest.mark.parametrize("codec", ["json", "text", "tagged", "bundle", "npy", "arrow", "arrow:pandas", "arrow:polars"])
@pytest.mark.parametrize("payload", [b"", b"\xff\xff", b"[]", b'[["newer",1]]', b'[["list",[5]]]', b"{}\n"])
def test_poisoned_payload(codec: str, payload: bytes) -> None:
    """A payload that is not of its codec is a ValueFault (or harmless plain data), never a crash."""
    try:
        found = codecs.decode(codec, payload)
    except ValueFault:
        return
    assert codec in ("json", "text")
    assert isinstance(found, list | dict | str)


def test_newer_codec() -> None:
    """A codec of a newer version, or a wrong name, is a ValueFault that says so."""
    with pytest.raises(ValueFault, match="newer wfkit"):
        codecs.decode("hologram", b"")
    with pytest.raises(ValueFault, match="unknown codec 'hologram'"):
        codecs.encode(1, "hologram")
