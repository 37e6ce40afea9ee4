"""How pandas frames, series, indexes and scalars are taken apart: column by column, so that the layout of blocks does
not show.

Dtypes, names, labels, order and attrs count; where strings are kept (Python or pyarrow) does not. pandas is looked up,
never imported.
"""

from __future__ import annotations

import sys
from typing import Any

from wfkit.keys.content.arrays import columns_digests, dtype_name
from wfkit.keys.content.plain import digest_of
from wfkit.keys.content.shape import Branch, Refused, Shape, named, text_leaf
from wfkit.keys.content.standard import zone_name
from wfkit.keys.content.tables import arrow_column


def frame_shape(value: Any) -> Shape | None:
    """The shape of a frame, series, index, pandas array, dtype or scalar; None for anything else."""
    pd = sys.modules.get("pandas")
    if pd is None or type(value).__module__.partition(".")[0] != "pandas":
        return None
    if type(value) is pd.DataFrame:
        return _frame(pd, value)
    if type(value) is pd.Series:
        parts = [("name", value.name), ("index", value.index), ("values", value.array), *_extras(value)]
        return named(f"pandas.Series {pd.__version__}", parts)
    if isinstance(value, pd.Index):
        return _index(pd, value)
    if isinstance(value, pd.api.extensions.ExtensionArray):
        return _array(pd, value)
    if isinstance(value, pd.api.extensions.ExtensionDtype):
        return _dtype(pd, value)
    return _scalar(pd, value)


def _extras(value: Any) -> list[tuple[str, Any]]:
    attrs = [("attrs", dict(value.attrs))] if value.attrs else []
    return attrs if value.flags.allows_duplicate_labels else [*attrs, ("allows_duplicate_labels", False)]


def _frame(pd: Any, value: Any) -> Branch:
    np = sys.modules["numpy"]
    labels = list(value.columns)
    columns = [value.iloc[:, i] for i in range(len(labels))]
    is_buffer = [isinstance(column.dtype, np.dtype) and column.dtype.kind != "O" for column in columns]
    digests = iter(columns_digests(np, [c.to_numpy() for c, whole in zip(columns, is_buffer, strict=True) if whole]))
    parts: list[tuple[str, Any]] = [("index", value.index), ("columns", value.columns), *_extras(value)]
    first = len(parts) + 1
    for column, whole in zip(columns, is_buffer, strict=True):
        part = (dtype_name(np, column.dtype), next(digests)) if whole else column.array
        parts.append(("", part))
    shape = named(f"pandas.DataFrame {pd.__version__}", parts)
    shape.label = lambda i: f"[{labels[i - first]!r}]" if i >= first else f".{parts[i - 1][0]}" if i else ""
    return shape


def _index(pd: Any, value: Any) -> Branch:
    tag = f"pandas.{type(value).__name__} {pd.__version__}"
    if type(value) is pd.RangeIndex:
        return named(tag, [("name", value.name), ("range", range(value.start, value.stop, value.step))])
    if type(value) is pd.MultiIndex:
        levels = [(f"levels[{i}]", level) for i, level in enumerate(value.levels)]
        codes = [(f"codes[{i}]", sys.modules["numpy"].asarray(code)) for i, code in enumerate(value.codes)]
        return named(tag, [("names", tuple(value.names)), *levels, *codes])
    freq = getattr(value, "freq", None) if value.dtype.kind in "Mm" else None
    return named(tag, [("name", value.name), ("freq", freq), ("values", value.array)])


def _array(pd: Any, value: Any) -> Shape:
    """A pandas array by its dtype. Each form keeps values, missing ones, and nothing of how they are stored."""
    np = sys.modules["numpy"]
    dtype = value.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "mM":  # DatetimeArray and TimedeltaArray without a zone
        return named("pandas.array", [("dtype", dtype.str), ("values", value.to_numpy())])
    if isinstance(dtype, pd.StringDtype):
        return _strings(value)
    if isinstance(value, pd.arrays.NumpyExtensionArray):
        return named("pandas.array", [("values", value.to_numpy())])
    return named("pandas.array", [("dtype", dtype), *_extension(pd, value)])


def _extension(pd: Any, value: Any) -> list[tuple[str, Any]]:
    np = sys.modules["numpy"]
    dtype = value.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return [("codes", value.codes.astype(np.int64))]
    if isinstance(dtype, pd.DatetimeTZDtype | pd.PeriodDtype):
        return [("values", value.asi8)]
    if isinstance(dtype, pd.IntervalDtype):
        return [("left", value.left), ("right", value.right)]
    if isinstance(dtype, pd.SparseDtype):
        return [("length", len(value)), ("at", value.sp_index.indices), ("values", value.sp_values)]
    if isinstance(dtype, pd.ArrowDtype):
        return [("values", value.__arrow_array__())]
    if hasattr(dtype, "numpy_dtype"):  # Int64, Float64, boolean: masked arrays
        mask = np.asarray(value.isna())
        empty = dtype.numpy_dtype.type(0)
        return [("missing", mask), ("values", value.to_numpy(dtype.numpy_dtype, na_value=empty))]
    raise Refused(f"the dtype {dtype} is not known")


def _dtype(pd: Any, dtype: Any) -> Shape:
    if isinstance(dtype, pd.CategoricalDtype):
        return named("pandas.dtype", [("categories", dtype.categories), ("ordered", dtype.ordered)])
    if isinstance(dtype, pd.SparseDtype):
        return named("pandas.dtype", [("subtype", dtype.subtype), ("fill_value", dtype.fill_value)])
    if isinstance(dtype, pd.StringDtype):
        return text_leaf("pandas.dtype", f"string {dtype.na_value!r}")
    if isinstance(dtype, pd.DatetimeTZDtype):  # its own text does not tell all zones apart
        return text_leaf("pandas.dtype", f"DatetimeTZDtype {dtype.unit} {zone_name(dtype.tz)}")
    if isinstance(dtype, pd.ArrowDtype):
        return named("pandas.dtype", [("arrow", dtype.pyarrow_dtype)])
    return text_leaf("pandas.dtype", f"{type(dtype).__name__} {dtype!s}")


def _strings(value: Any) -> Branch:
    """Strings whatever their storage: lengths (-1: missing) and the text in one piece. A missing one is NaN or NA by
    the dtype.
    """
    arrow = value.__arrow_array__() if value.dtype.storage == "pyarrow" else None
    if arrow is None:
        texts = [text.encode("utf-8", "surrogatepass") if isinstance(text, str) else None for text in value]
        np = sys.modules["numpy"]
        lengths = np.array([-1 if text is None else len(text) for text in texts], np.int64)
        whole = digest_of(b"".join(text for text in texts if text is not None))
        parts = [("lengths", lengths), ("text", whole)]
    else:
        parts = arrow_column(arrow)
    return named("pandas.strings", [("missing", repr(value.dtype.na_value)), *parts])


def _scalar(pd: Any, value: Any) -> Shape | None:
    if value is pd.NaT or value is pd.NA:
        return text_leaf("pandas", repr(value))
    if isinstance(value, pd.Timestamp):
        return Branch(b"pandas.Timestamp", [value.to_pydatetime(warn=False), value.asm8, value.unit], lambda _: "")
    if isinstance(value, pd.Timedelta):
        return Branch(b"pandas.Timedelta", [value.asm8, value.unit], lambda _: "")
    if isinstance(value, pd.Period):
        return Branch(b"pandas.Period", [value.ordinal, value.freqstr], lambda _: "")
    if isinstance(value, pd.Interval):
        return Branch(b"pandas.Interval", [value.left, value.right, value.closed], lambda _: "")
    if isinstance(value, pd.offsets.BaseOffset):
        return _offset(value)
    return None


def _offset(value: Any) -> Branch:
    """An offset by all that it was made with; the texts of two calendars with other holidays are equal."""
    facts = sorted(item for item in value.kwds.items() if item[0] != "calendar")  # made from holidays and weekmask
    return named(f"pandas.{type(value).__name__}", [("n", value.n), ("normalize", value.normalize), *facts])
