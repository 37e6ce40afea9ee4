"""One pandas array (a column, an index, categories) as Arrow arrays and a description, and back with the same dtype.

Values go by buffer where there is one: dates as their integers, missing values as they were (NaN is not NA). What
Arrow cannot say of objects goes packed. Frames and labels are in `frames`.
"""

from __future__ import annotations

from typing import Any

from wfkit.errors import ValueFault
from wfkit.store.payloads import leaves

Described = dict[str, Any]


def describe(array: Any, columns: list[Any]) -> Described:
    """A plain description of a pandas array; its Arrow arrays are added to `columns`. Raises ValueFault."""
    import numpy as np  # loaded already: pandas is
    import pandas as pd  # loaded already: the value is one of its

    dtype = array.dtype
    if isinstance(dtype, np.dtype) or type(array) is pd.arrays.NumpyExtensionArray:
        return _describe_numpy(array.to_numpy(), columns)
    if isinstance(dtype, pd.StringDtype):
        return _describe_strings(array, columns)
    if isinstance(dtype, pd.CategoricalDtype):
        codes = _add(array.codes, columns)
        return {"kind": "category", "codes": codes, "categories": dtype.categories, "ordered": dtype.ordered}
    if isinstance(dtype, pd.DatetimeTZDtype):
        zone = leaves.write_zone(dtype.tz)
        return {"kind": "tz", "at": _add(array.asi8, columns), "unit": dtype.unit, "zone": zone}
    if isinstance(dtype, pd.PeriodDtype):
        return {"kind": "period", "at": _add(array.asi8, columns), "freq": dtype.name}
    if isinstance(dtype, pd.IntervalDtype):
        return {"kind": "interval", "left": array.left, "right": array.right, "closed": dtype.closed}
    if isinstance(dtype, pd.ArrowDtype):
        return {"kind": "arrow", "at": _add_arrow(array.__arrow_array__(), columns)}
    if isinstance(dtype, pd.SparseDtype):
        parts = {"values": array.sp_values, "places": array.sp_index.indices, "length": len(array), "type": array.kind}
        return {"kind": "sparse", **parts, "fill": array.fill_value}
    if dtype.name in _MASKED:
        return {"kind": "masked", "at": _add_arrow(array.__arrow_array__(), columns), "dtype": dtype.name}
    raise ValueFault(f"a column of dtype {dtype} cannot be stored: convert it with .astype(object)")


def restore(described: Described, columns: list[Any], frozen: bool = False) -> Any:
    """The pandas (or numpy) array of a description, writable and nobody else's; `frozen`: numbers stay where they
    are.
    """
    if frozen and described["kind"] == "numpy":
        return columns[described["at"]].to_numpy(zero_copy_only=False).view(described["dtype"])
    return _RESTORERS[described["kind"]](described, columns)


def _describe_numpy(array: Any, columns: list[Any]) -> Described:
    dtype = array.dtype
    if dtype.kind == "O":
        return _describe_objects(array, columns)
    if dtype.kind in "mM":
        return {"kind": "numpy", "at": _add(array.view("i8"), columns), "dtype": dtype.str}
    if dtype.kind in "biuf" and dtype.isnative:
        return {"kind": "numpy", "at": _add(array, columns), "dtype": dtype.str}
    return {"kind": "packed", "array": array}


def _describe_objects(array: Any, columns: list[Any]) -> Described:
    items = array.tolist()
    if set(map(type, items)) <= {str, type(None)}:
        try:
            return {"kind": "text", "at": _add_strings(items, columns)}
        except UnicodeEncodeError:
            return {"kind": "objects", "items": items}  # lone surrogates
    return {"kind": "objects", "items": items}


def _describe_strings(array: Any, columns: list[Any]) -> Described:
    import pandas as pd  # loaded already: the value is one of its

    missing = "NA" if array.dtype.na_value is pd.NA else "nan"
    described = {"kind": "string", "storage": array.dtype.storage, "missing": missing}
    try:
        return described | {"at": _add_arrow(array.__arrow_array__(), columns)}
    except UnicodeEncodeError:
        return described | {"items": [None if item is array.dtype.na_value else item for item in array]}


def _add(array: Any, columns: list[Any]) -> int:
    import pyarrow as pa  # only where frames are stored: 110 ms

    return _add_arrow(pa.array(array), columns)


def _add_strings(items: list[Any], columns: list[Any]) -> int:
    import pyarrow as pa  # only where frames are stored: 110 ms

    return _add_arrow(pa.array(items, pa.large_string()), columns)


def _add_arrow(array: Any, columns: list[Any]) -> int:
    columns.append(array)
    return len(columns) - 1


def _numpy(array: Any) -> Any:
    """A writable copy."""
    import numpy as np  # only where frames are read

    return np.array(array.to_numpy(zero_copy_only=False))


def _restore_numpy(described: Described, columns: list[Any]) -> Any:
    return _numpy(columns[described["at"]]).view(described["dtype"])


def _restore_strings(described: Described, columns: list[Any]) -> Any:
    import pandas as pd  # only where frames are read

    missing = pd.NA if described["missing"] == "NA" else float("nan")
    dtype: Any = pd.StringDtype(described["storage"], na_value=missing)
    if "items" in described:
        return pd.array(described["items"], dtype=dtype)
    return dtype.__from_arrow__(columns[described["at"]])


def _restore_category(described: Described, columns: list[Any]) -> Any:
    import pandas as pd  # only where frames are read

    dtype = pd.CategoricalDtype(described["categories"], described["ordered"])
    return pd.Categorical.from_codes(_numpy(columns[described["codes"]]), dtype=dtype)


def _restore_zoned(described: Described, columns: list[Any]) -> Any:
    import pandas as pd  # only where frames are read

    naive = pd.DatetimeIndex(_numpy(columns[described["at"]]).view(f"M8[{described['unit']}]"))
    return naive.tz_localize("UTC").tz_convert(leaves.read_zone(described["zone"])).array.copy()


def _restore_period(described: Described, columns: list[Any]) -> Any:
    import pandas as pd  # only where frames are read

    dtype: Any = pd.api.types.pandas_dtype(described["freq"])
    return pd.arrays.PeriodArray(_numpy(columns[described["at"]]), dtype=dtype)


def _restore_interval(described: Described, _columns: list[Any]) -> Any:
    import pandas as pd  # only where frames are read

    return pd.arrays.IntervalArray.from_arrays(described["left"], described["right"], described["closed"])


def _restore_arrow(described: Described, columns: list[Any]) -> Any:
    import pandas as pd  # only where frames are read

    array = columns[described["at"]]
    dtype: Any = pd.ArrowDtype(array.type)
    return dtype.__from_arrow__(array)


def _restore_masked(described: Described, columns: list[Any]) -> Any:
    import pandas as pd  # only where frames are read

    dtype: Any = pd.api.types.pandas_dtype(described["dtype"])
    return dtype.__from_arrow__(columns[described["at"]])


def _restore_sparse(described: Described, _columns: list[Any]) -> Any:
    import pandas as pd  # only where frames are read

    array: Any = pd.arrays.SparseArray
    values, places, length = described["values"], described["places"], described["length"]
    if hasattr(array, "from_indices"):  # since pandas 3.1
        return array.from_indices(values, places, length, described["fill"], described["type"])
    index = type(array([0], kind="integer").sp_index)(length, places)
    index = index.to_block_index() if described["type"] == "block" else index
    return array(values, sparse_index=index, dtype=pd.SparseDtype(values.dtype, described["fill"]))


def _restore_objects(described: Described, _columns: list[Any]) -> Any:
    import numpy as np  # only where frames are read

    array = np.empty(len(described["items"]), object)
    for place, item in enumerate(described["items"]):  # slicing would spread lists among the places
        array[place] = item
    return array


_INTS = [f"{sign}nt{bits}" for sign in ("I", "UI") for bits in (8, 16, 32, 64)]
_MASKED = frozenset({"boolean", "Float32", "Float64", *_INTS})
_RESTORERS: dict[str, Any] = {
    "numpy": _restore_numpy,
    "packed": lambda described, _columns: described["array"],
    "text": lambda described, columns: _numpy(columns[described["at"]]),
    "objects": _restore_objects,
    "string": _restore_strings,
    "category": _restore_category,
    "tz": _restore_zoned,
    "period": _restore_period,
    "interval": _restore_interval,
    "arrow": _restore_arrow,
    "masked": _restore_masked,
    "sparse": _restore_sparse,
}
