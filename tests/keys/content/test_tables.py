"""Digests of pyarrow and polars tables: types, values and metadata count; chunks, offsets and hidden bytes do not."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from wfkit.errors import ValueFault
from wfkit.keys.values import digest

TEXTS = st.none() | st.text(max_size=2)
ROWS = st.none() | st.fixed_dictionaries({"a": st.integers(0, 3), "b": TEXTS})
MAPS = st.dictionaries(st.text(max_size=1), st.integers(0, 3))
COLUMNS = st.sampled_from([
    (pa.int32(), st.integers(-5, 5)),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.bool_(), st.booleans()),
    (pa.string(), st.text(max_size=3)),
    (pa.large_string(), st.text(max_size=3)),
    (pa.binary(), st.binary(max_size=3)),
    (pa.timestamp("us", "UTC"), st.datetimes(timezones=st.just(dt.UTC))),
    (pa.date32(), st.dates()),
    (pa.decimal128(10, 2), st.integers(-99, 99).map(lambda number: Decimal(number) / 4)),
    (pa.list_(pa.int64()), st.lists(st.integers(0, 3), max_size=3)),
    (pa.struct([("a", pa.int64())]), st.fixed_dictionaries({"a": st.integers(0, 3)})),
    (pa.list_(pa.list_(pa.string())), st.lists(st.none() | st.lists(TEXTS, max_size=2), max_size=2)),
    (pa.list_(pa.struct([("a", pa.int8()), ("b", pa.string())])), st.lists(ROWS, max_size=2)),
    (pa.list_(pa.int8(), 2), st.lists(st.integers(0, 3), min_size=2, max_size=2)),
    (pa.map_(pa.string(), pa.int8()), MAPS.map(lambda pairs: [*pairs.items()])),
    (pa.list_(pa.duration("ns")), st.lists(st.integers(0, 3), max_size=2)),
    (pa.dictionary(pa.int8(), pa.string()), st.sampled_from(["a", "b"])),
    (pa.month_day_nano_interval(), st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))),
])  # fmt: skip


@st.composite
def arrays(draw: Any) -> tuple[Any, list[Any]]:
    """A type and values, some missing."""
    kind, values = draw(COLUMNS)
    return kind, draw(st.lists(st.none() | values, max_size=6))


@given(arrays(), arrays(), st.integers(0, 6))
def test_chunks_and_offsets_do_not_count(one: tuple[Any, Any], two: tuple[Any, Any], cut: int) -> None:
    """The digest is of type and values; a cut anywhere, or a slice of something larger, is the same."""
    kind, values = one
    array = pa.array(values, kind)
    table = pa.table({"x": array})
    chunked = pa.table({"x": pa.chunked_array([array[:cut], array[cut:]], kind)})
    larger = pa.table({"x": pa.concat_arrays([array, array])}).slice(len(array))
    assert {digest(table), digest(chunked), digest(larger)} == {digest(table)}
    other = pa.table({"x": pa.array(two[1], two[0])})
    same = other.schema == table.schema and repr(other["x"].to_pylist()) == repr(table["x"].to_pylist())
    assert (digest(table) == digest(other)) == same


def test_dictionaries() -> None:
    """Categories count, in their order; how chunks share them does not."""
    one = pa.array(["a", "b", None]).dictionary_encode()
    assert digest(pa.table({"x": one})) == digest(pa.table({"x": pa.chunked_array([one[:1], one[1:]])}))
    assert digest(one) != digest(pa.DictionaryArray.from_arrays([1, 0, None], ["b", "a"]))


def test_hidden_bytes_do_not_count() -> None:
    """What lies under a missing value cannot be seen."""
    buffers = [pa.py_buffer(b"\x01"), pa.py_buffer(b"\x01\x00\x02\x00")]
    hidden = pa.Array.from_buffers(pa.int16(), 2, buffers)
    assert digest(hidden) == digest(pa.array([1, None], pa.int16()))


def test_types_count_in_depth() -> None:
    """Metadata and nullability within a type, and what an extension type adds, are seen."""
    fields = [
        pa.field("a", pa.int64()), pa.field("a", pa.int64(), metadata={"k": "1"}),
        pa.field("a", pa.int64(), metadata={"k": "2"}), pa.field("a", pa.int64(), nullable=False),
    ]  # fmt: skip
    found = [pa.array([{"a": 1}], pa.struct([field])) for field in fields]
    raw = pa.array([b"0" * 16], pa.binary(16))
    assert len({digest(value) for value in [*found, raw, raw.cast(pa.uuid())]}) == 6


def test_extension_type_of_ones_own_is_refused() -> None:
    """What a type of the user's own adds cannot be known."""

    class Own(pa.ExtensionType):
        def __init__(self) -> None:
            super().__init__(pa.int64(), "own")

        def __arrow_ext_serialize__(self) -> bytes:
            return b""

    with pytest.raises(ValueFault, match="Own cannot be digested"):
        digest(pa.ExtensionArray.from_storage(Own(), pa.array([1])))


@pytest.mark.slow
@pytest.mark.timeout(900)  # more than 4 GB are written and read
def test_text_joined_beyond_32_bits() -> None:
    """Chunks of text whose offsets would not fit together in 32 bits are all read."""
    chunk = pa.array(["x" * (1 << 26)])
    many, fewer = pa.chunked_array([chunk] * 34), pa.chunked_array([chunk] * 33)
    assert digest(many) != digest(fewer)


def test_schema_counts() -> None:
    """Names, order, nullability and metadata of a schema count."""
    table = pa.table({"a": [1], "b": [2]})
    others = [
        pa.table({"b": [2], "a": [1]}), pa.table({"a": [1], "c": [2]}), table.replace_schema_metadata({"k": "v"}),
        table.to_batches()[0], table["a"], pa.scalar(1), pa.scalar(1, pa.int8()), table.schema,
        table.schema.field("a"), pa.int64(),
    ]  # fmt: skip
    assert len({digest(value) for value in [table, *others]}) == 11


def test_polars() -> None:
    """Frames and series of polars count by names, types and values, however they are cut; objects are refused."""
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y"], "c": [dt.date(2020, 1, 1), None]})
    assert digest(frame) == digest(pl.concat([frame[:1], frame[1:]], rechunk=False))
    others = [
        frame.rename({"a": "z"}), frame.select("b", "a", "c"), frame.with_columns(a=pl.lit(1)), frame["a"], frame["b"],
        frame.with_columns(pl.col("a").cast(pl.Int32)), frame.with_columns(pl.col("b").cast(pl.Categorical)),
    ]  # fmt: skip
    assert len({digest(value) for value in [frame, *others]}) == 8
    with pytest.raises(ValueFault, match="a column of Python objects"):
        digest(pl.DataFrame({"o": [object()]}, schema={"o": pl.Object}))
    with pytest.raises(ValueFault, match="LazyFrame"):
        digest(frame.lazy())


def test_sparse_matrices() -> None:
    """Sparse matrices count by format, shape and stored entries; formats without a fixed order are refused."""
    matrix = sparse.csr_matrix([[0, 1], [2, 0]])
    assert digest(matrix) == digest(sparse.csr_matrix([[0, 1], [2, 0]]))
    others = [sparse.csr_matrix([[0, 1], [3, 0]]), sparse.csr_array([[0, 1], [2, 0]]), sparse.coo_array([0, 1])]
    others += [getattr(matrix, f"to{name}")() for name in ("csc", "coo", "lil", "bsr", "dia")]
    explicit = sparse.csr_matrix(([1, 2, 0], [1, 0, 1], [0, 1, 3]), shape=(2, 2))  # a zero that is stored
    assert len({digest(value) for value in [matrix, explicit, matrix.astype("f4"), *others]}) == 11
    with pytest.raises(ValueFault, match="no fixed order"):
        digest(matrix.todok())
