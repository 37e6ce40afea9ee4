"""pandas frames, series and indexes as one Arrow stream: equal values, equal dtypes, equal labels when they come back.

The columns are Arrow columns; what pandas adds (labels, index, names, freq, attrs) is packed into the schema's
metadata; pandas' own metadata loses dtypes and labels. pandas and pyarrow are imported only when needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wfkit.errors import ValueFault
from wfkit.store.payloads.columns import describe, restore

Pack = Callable[[Any], bytes]
Unpack = Callable[[bytes], Any]
Described = dict[str, Any]
_KEY = b"wfkit"
_LABEL_KINDS = frozenset("biufO")


def encode(value: Any, pack: Pack) -> bytes | None:
    """The payload of a DataFrame, Series, Index or pandas array; None for anything else. Raises ValueFault."""
    import pandas as pd  # loaded already: the value is one of its

    columns: list[Any] = []
    if type(value) is pd.DataFrame:
        described = _describe_frame(value, columns)
    elif type(value) is pd.Series:
        index = _describe_index(value.index, columns)
        described = {"what": "series", "array": describe(value.array, columns), "index": index, "name": value.name}
    elif isinstance(value, pd.Index):
        described = {"what": "index", "index": _describe_index(value, columns)}
    elif isinstance(value, pd.api.extensions.ExtensionArray):
        described = {"what": "array", "array": describe(value, columns)}
    else:
        return None
    if getattr(value, "attrs", None):
        described["attrs"] = value.attrs
    if hasattr(value, "flags") and not value.flags.allows_duplicate_labels:
        described["unique"] = True
    return _write(columns, pack(described))


def decode(payload: bytes, unpack: Unpack, frozen: bool = False) -> Any:
    """The frame, series, index or array, writable and nobody else's; `frozen`: over the payload, where nobody can
    write.
    """
    import pandas as pd  # only when such a value is read

    columns, described = _read(payload)
    found = unpack(described)
    if found["what"] == "index":
        return _restore_index(found["index"], columns, frozen)
    if found["what"] == "array":
        return restore(found["array"], columns)
    index = _restore_index(found["index"], columns, frozen)
    if found["what"] == "series":
        array = restore(found["array"], columns, frozen)
        made: Any = pd.Series(array, index=index, dtype=array.dtype, name=found["name"], copy=False)
    else:
        arrays = {place: restore(item, columns, frozen) for place, item in enumerate(found["arrays"])}
        made = pd.DataFrame(
            {place: pd.Series(array, index, array.dtype, copy=False) for place, array in arrays.items()},
            index=index,
            copy=False,
        )
        made.columns = _restore_index(found["labels"], columns)
    made.attrs = found.get("attrs", {})
    if found.get("unique"):
        made.flags.allows_duplicate_labels = False
    return made


def _describe_frame(frame: Any, columns: list[Any]) -> Described:
    arrays = [describe(frame.iloc[:, place].array, columns) for place in range(frame.shape[1])]
    index = _describe_index(frame.index, columns)
    return {"what": "frame", "arrays": arrays, "index": index, "labels": _describe_labels(frame.columns)}


def _describe_index(index: Any, columns: list[Any]) -> Described:
    """An index as long as the columns; its values stand beside them."""
    import pandas as pd  # loaded already: the value is one of its

    if type(index) is pd.RangeIndex:
        return {"kind": "range", "range": range(index.start, index.stop, index.step), "name": index.name}
    if isinstance(index, pd.MultiIndex):
        codes = [describe(pd.Series(codes).array, columns) for codes in index.codes]
        return {"kind": "multi", "levels": list(index.levels), "codes": codes, "names": list(index.names)}
    return {"kind": "flat", "array": describe(index.array, columns), "name": index.name, "freq": _freq(index)}


def _describe_labels(labels: Any) -> Described:
    """An index of another length than the columns: everything in the description."""
    import pandas as pd  # loaded already: the value is one of its

    if type(labels) is pd.RangeIndex:
        return _describe_index(labels, [])
    if type(labels) is pd.Index:
        dtype: Any = labels.dtype
        if isinstance(dtype, pd.StringDtype):
            name = ["string", dtype.storage, "NA" if dtype.na_value is pd.NA else "nan"]
        else:
            name = ["numpy", dtype.name if dtype.kind in _LABEL_KINDS else ""]
        if name[-1] and not labels.hasnans:
            return {"kind": "list", "items": labels.tolist(), "dtype": name, "name": labels.name}
    return {"kind": "value", "index": labels}


def _freq(index: Any) -> str | None:
    import pandas as pd  # loaded already: the value is one of its

    if not isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex) or index.freq is None:
        return None
    freq = str(index.freqstr)
    if pd.tseries.frequencies.to_offset(freq) != index.freq:
        raise ValueFault(f"an index with the frequency {index.freq!r} cannot be stored: set index.freq = None")
    return freq


def _restore_index(described: Described, columns: list[Any], frozen: bool = False) -> Any:
    import pandas as pd  # only when such a value is read

    match described["kind"]:
        case "range":
            return pd.RangeIndex(described["range"], name=described["name"])
        case "multi":
            codes = [restore(item, columns) for item in described["codes"]]
            return pd.MultiIndex(described["levels"], codes, names=described["names"], verify_integrity=False)
        case "value":
            return described["index"]
        case "list":
            return pd.Index(described["items"], dtype=_label_dtype(*described["dtype"]), name=described["name"])
    array = restore(described["array"], columns, frozen)
    index = pd.Index(array, dtype=array.dtype, name=described["name"])
    if described["freq"] is not None:
        index.freq = described["freq"]
    return index


def _label_dtype(kind: str, name: str, missing: str = "") -> Any:
    import pandas as pd  # only when such a value is read

    if kind == "numpy":
        return name
    return pd.StringDtype(name, na_value=pd.NA if missing == "NA" else float("nan"))


def _write(columns: list[Any], described: bytes) -> bytes:
    import pyarrow as pa  # only where frames are stored: 110 ms

    table = pa.table(columns, names=[str(place) for place in range(len(columns))])
    table = table.combine_chunks().replace_schema_metadata({_KEY: described})
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return bytes(out.getvalue())


def _read(payload: bytes) -> tuple[list[Any], bytes]:
    import pyarrow as pa  # only where frames are read: 110 ms

    table = pa.ipc.open_stream(pa.py_buffer(payload)).read_all()
    chunks = [column.combine_chunks() for column in table.columns]
    arrays = [chunk.chunk(0) if isinstance(chunk, pa.ChunkedArray) else chunk for chunk in chunks]
    return arrays, table.schema.metadata[_KEY]
