"""A round trip through a codec keeps the digest of a value, so it keeps all that a body can see of it."""

from __future__ import annotations

import array
import copy
import ipaddress
import re
from collections import ChainMap
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from scipy import sparse

from tests.keys.content.test_arrays import ARRAYS
from tests.keys.content.test_frames import DIFFERENT as FRAMES
from tests.keys.content.test_instances import DIFFERENT as INSTANCES
from tests.keys.content.test_instances import Based, Point
from tests.keys.content.test_standard import LOOK_ALIKES
from tests.keys.content.test_tables import arrays as arrow_arrays
from tests.keys.test_values import DIFFERENT, VALUES
from wfkit.errors import ValueFault
from wfkit.keys.values import digest
from wfkit.store.payloads import codecs


def round_trip(value: Any) -> Any:
    encoded = codecs.encode(value)
    return codecs.decode(encoded.codec, encoded.payload)


def kept(value: Any) -> bool:
    """Whether type and digest are kept."""
    found = round_trip(value)
    return type(found) is type(value) and digest(found) == digest(value)


@given(VALUES)
def test_any_nest(value: Any) -> None:
    """Whatever Python values are nested."""
    assert kept(value)


@given(ARRAYS | hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, max_dims=2, max_side=3)))
def test_any_array(value: Any) -> None:
    """Whatever the dtype, the shape and the bits; so do its elements."""
    assert kept(value)
    assert all(kept(item) for item in value.flat[:2])
    assert kept({"a": [value, value[..., ::-1] if value.ndim else value]})


@given(arrow_arrays())
def test_any_arrow_column(made: tuple[Any, list[Any]]) -> None:
    """Whatever the type and what is missing: alone, in a table, as a scalar, and as a pandas column."""
    column = pa.array(made[1], made[0])
    table = pa.table({"x": column, "y": column})
    assert kept(column)
    assert kept(table)
    assert kept(table.schema)
    assert all(kept(item) for item in column[:2])
    assert kept(pd.Series(column, dtype=pd.ArrowDtype(column.type)))


DTYPES = st.sampled_from([
    "i8", "f8", "bool", "Int64", "Float64", "boolean", "string", "string[pyarrow]", "str", "category", "M8[s]",
    "m8[ms]",    "Sparse[int64]", "object", "datetime64[us, Europe/Berlin]", "period[M]",
])  # fmt: skip
LABELS = st.lists(st.integers(0, 3) | st.text(max_size=2), max_size=4)


@settings(max_examples=40)
@given(st.lists(st.tuples(DTYPES, st.booleans()), max_size=4), st.integers(0, 3), LABELS)
def test_any_frame(columns: list[tuple[str, bool]], rows: int, labels: list[Any]) -> None:
    """Whatever the dtypes, the missing values, the labels (also twice the same) and the number of rows."""
    made = [column(dtype, rows, has_missing) for dtype, has_missing in columns]
    frame = pd.concat(made, axis=1) if made else pd.DataFrame(index=range(rows))
    frame.columns = pd.Index([*labels, *range(10, 20)][: frame.shape[1]], dtype=object)
    assert kept(frame)
    assert all(kept(frame.iloc[:, place]) for place in range(frame.shape[1]))


def column(dtype: str, rows: int, has_missing: bool) -> Any:
    """A column with, or without, a missing value at its end."""
    texts = dtype in ("string", "string[pyarrow]", "str", "category", "object")
    items: list[Any] = [str(row) for row in range(rows)] if texts else list(range(rows))
    if dtype == "period[M]":
        items = ["2020-01", "2020-02", "2020-03"][:rows]
    if (has_missing and items and not dtype.startswith(("i8", "bool", "Sparse"))) or (dtype == "boolean" and items):
        items[-1] = None
    return pd.Series(items).astype(dtype) if items else pd.Series([], dtype=dtype)


MORE: dict[str, Any] = {
    "array": array.array("d", [1.5]), "chainmap": ChainMap({"a": (1,)}, {}), "proxy": MappingProxyType({1: (2,)}),
    "namespace": SimpleNamespace(a=1, b=(2,)), "slice": slice(1, None, (2,)), "pattern": re.compile("a.", re.DOTALL),
    "address": ipaddress.ip_address("::1"), "network": ipaddress.ip_network("10.0.0.0/8"),
    "zone": ZoneInfo("Asia/Tokyo"),
    "offset": timezone(timedelta(hours=1)), "named offset": timezone(timedelta(hours=1), "CET \ud800"),
    "named utc": datetime(2020, 1, 1, tzinfo=timezone(timedelta(0), "X")), "utc": UTC, "nan of its own": -float("nan"),
    "complex nan": complex(-float("nan"), 0), "masked": np.ma.array([1, 2], mask=[0, 1], hard_mask=True),
    "masked rows": np.ma.array([(1, 2.0)], [("a", "i4"), ("b", "f8")], mask=[(0, 1)]), "no mask": np.ma.array([1]),
    "records": np.rec.array([(1, "x")], dtype=[("a", "i4"), ("b", "U2")]), "row": np.array([(1,)], [("a", "i4")])[0],
    "long": np.longdouble(1) / 3,
    "sparse": pd.Series(pd.arrays.SparseArray([0, 1, 0], kind="block")),
    "sparse floats": pd.DataFrame({"a": pd.arrays.SparseArray([np.nan, 1.0])}),
    "unique labels": pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False),
    "categorical": pl.Series(["b", "a", None], dtype=pl.Categorical),
    "enum": pl.Series(["b"], dtype=pl.Enum(["a", "b"])),
    "struct": pl.DataFrame({"s": [{"a": [1]}], "d": [timedelta(1)], "b": [b"x"]}),
    "dictionaries": pa.chunked_array([pa.array(["a"]).dictionary_encode(), pa.array(["b"]).dictionary_encode()]),
    "metadata": pa.table({"a": [1]}).replace_schema_metadata({"k": "v"}),
    "interval": pd.arrays.IntervalArray.from_breaks([0, 1]),
}  # fmt: skip


@pytest.mark.parametrize("name", MORE)
def test_less_common_values(name: str) -> None:
    """Kinds of values that are met now and then, alone and among others."""
    assert kept(MORE[name])
    assert kept({"k": (MORE[name],)})


@pytest.mark.parametrize("name", ["standard", "values", "frames", "instances"])
def test_whatever_is_stored_is_kept(name: str) -> None:
    """Of all values that have a digest: what a codec takes comes back with that digest, the rest is refused by name."""
    look_alikes = [value for group in LOOK_ALIKES.values() for value in group]
    for value in {"standard": look_alikes, "values": DIFFERENT, "frames": FRAMES, "instances": INSTANCES}[name]:
        try:
            encoded = codecs.encode(value)
        except ValueFault as fault:
            words = str(fault)
        else:
            words = "" if digest(codecs.decode(encoded.codec, encoded.payload)) == digest(value) else "changed"
        assert not words or "cannot be stored" in words, value


def test_all_that_an_instance_has() -> None:
    """What was set beside the fields of a dataclass comes back: attributes, slots of a base, a cached property."""
    noted, based = Point(1), Based(2)
    noted.note = (1,)
    based.hidden = 3
    assert based.double == 4
    assert kept(noted)
    assert kept(based)
    assert round_trip(based).hidden == 3


def test_copying_an_instance_does_not_change_its_class() -> None:
    """What `copy` and `pickle` write down on a class is no part of it."""
    before = digest(Based(1))
    copy.copy(Based(1))
    assert digest(Based(1)) == before


def test_a_memmap_comes_back_as_an_array(tmp_path: Path) -> None:
    """Its content is kept, its file is not."""
    value = np.memmap(tmp_path / "x", "i8", "w+", shape=(4,))
    assert type(round_trip(value)) is np.ndarray
    assert digest(round_trip(value)) == digest(value)


def test_sparse_matrices() -> None:
    """Every format comes back entry by entry, in its order."""
    dense = [[0, 1, 0, 0], [2, 0, 0, 3]]
    for name in ("csr", "csc", "coo", "bsr", "dia", "lil"):
        assert kept(getattr(sparse, f"{name}_array")(dense))
        assert kept(getattr(sparse, f"{name}_matrix")(dense, dtype="f4"))
    assert kept(sparse.coo_array([0, 1]))
    assert kept(sparse.csr_matrix(([1, 2, 0], [1, 0, 1], [0, 1, 3]), shape=(2, 2)))
    with pytest.raises(ValueFault, match="tocsr"):
        codecs.encode(sparse.dok_array(dense))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I", "F", "CMYK"])
def test_images(mode: str, tmp_path: Path) -> None:
    """Pillow images of every mode come back pixel for pixel; one still tied to its file is refused."""
    image = Image.new("RGB", (3, 2), (10, 200, 30)).convert(mode)
    image.info["dpi"] = (72, 72)
    assert kept(image)
    assert list(round_trip(image).convert("RGB").tobytes()) == list(image.convert("RGB").tobytes())
    Image.new("RGB", (1, 1)).save(tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as opened:
        for refuse in (codecs.encode, digest):
            with pytest.raises(ValueFault, match=r"image\.copy\(\)"):
                refuse(opened)
        assert kept(opened.copy())
