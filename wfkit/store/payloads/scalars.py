"""Single values of numpy and pandas as tagged rows, and back: numbers of every dtype, timestamps, periods, NA.

Both libraries are imported only when such a value is met. Arrays and frames are in `arrays` and `frames`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from wfkit.store.payloads import leaves
from wfkit.store.wire import escape, unescape

Row = list[Any]


def write(value: Any) -> Row | None:
    """The row of a numpy or pandas scalar; None for anything else."""
    room = type(value).__module__.partition(".")[0]
    if room == "numpy":
        return _write_numpy(value)
    if room == "pandas":
        return _write_pandas(value)
    return None


def reader(tag: str) -> Callable[..., Any] | None:
    """What makes the value from the members of a row."""
    return _READERS.get(tag)


def _write_numpy(value: Any) -> Row | None:
    import numpy as np  # loaded already: the value is one of its

    if isinstance(value, np.dtype) and value.names is None:
        return ["np.dtype", value.str]
    if not isinstance(value, np.generic) or value.dtype.names or value.dtype.hasobject:
        return None
    if isinstance(value, np.str_):
        return ["np.str", escape(str(value))]
    return ["np", value.dtype.str, base64.b64encode(value.tobytes()).decode("ascii"), value.dtype.itemsize]


def _read_numpy(dtype: str, data: str, size: int) -> Any:
    import numpy as np  # only when such a value is read

    raw = base64.b64decode(data)
    return np.frombuffer(raw, dtype)[0] if size else np.zeros(1, dtype)[0]


def _read_numpy_str(text: str) -> Any:
    import numpy as np  # only when such a value is read

    return np.str_(unescape(text))


def _read_dtype(text: str) -> Any:
    import numpy as np  # only when such a value is read

    return np.dtype(text)


def _write_pandas(value: Any) -> Row | None:
    import pandas as pd  # loaded already: the value is one of its

    if value is pd.NaT or value is pd.NA:
        return ["pd", "NaT" if value is pd.NaT else "NA"]
    if type(value) is pd.Timestamp:
        return ["pd.timestamp", value.asm8.view("i8").item(), value.unit, leaves.write_zone(value.tzinfo)]
    if type(value) is pd.Timedelta:
        return ["pd.timedelta", value.asm8.view("i8").item(), value.unit]
    if type(value) is pd.Period:
        return ["pd.period", value.ordinal, value.freqstr]
    return None


def _read_missing(name: str) -> Any:
    import pandas as pd  # only when such a value is read

    return {"NaT": pd.NaT, "NA": pd.NA}[name]


def _read_timestamp(count: int, unit: str, zone: str | int | None) -> Any:
    import numpy as np  # only when such a value is read
    import pandas as pd  # the same

    naive = pd.Timestamp(np.int64(count).view(f"M8[{unit}]"))
    return naive if zone is None else naive.tz_localize("UTC").tz_convert(leaves.read_zone(zone))


def _read_timedelta(count: int, unit: str) -> Any:
    import numpy as np  # only when such a value is read
    import pandas as pd  # the same

    return pd.Timedelta(np.int64(count).view(f"m8[{unit}]"))


def _read_period(ordinal: int, freq: str) -> Any:
    import pandas as pd  # only when such a value is read

    return pd.Period(ordinal=ordinal, freq=freq)


_READERS: dict[str, Callable[..., Any]] = {
    "np": _read_numpy,
    "np.str": _read_numpy_str,
    "np.dtype": _read_dtype,
    "pd": _read_missing,
    "pd.timestamp": _read_timestamp,
    "pd.timedelta": _read_timedelta,
    "pd.period": _read_period,
}
