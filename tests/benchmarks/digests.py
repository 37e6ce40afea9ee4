"""The digest of a large frame and of a large array: what an input costs before it is known to be unchanged.

`frame_ms` and `array_ms` are the best of forty in one process; a limit of 13.3 ms for 40 MB is 3 GB/s, one of 20 ms for
100 MB is 5 GB/s.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.case import Case, Contestant, Figures, Limit

_TIMES = 40


def _contestant(load: Callable[[], Callable[[Any], Any]], *, arrays: bool = True) -> Contestant:
    def measure(folder: Path) -> Figures:
        import numpy as np  # not measured
        import pandas as pd

        digest = load()
        random = np.random.default_rng(0)
        frame = pd.DataFrame(random.normal(size=(625_000, 8)), columns=list("abcdefgh"))
        figures = {"frame_ms": _best(digest, frame)}
        if arrays:
            figures["array_ms"] = _best(digest, random.normal(size=12_500_000))
        return {**figures, "run_ms": sum(figures.values())}

    return measure


def _best(digest: Callable[[Any], Any], value: Any) -> float:
    times = []
    for _ in range(_TIMES):
        start = time.perf_counter()
        digest(value)
        times.append((time.perf_counter() - start) * 1000)
    return min(times)


def _ours() -> Callable[[Any], Any]:
    from wfkit.keys.values import digest

    return digest


def _joblib() -> Callable[[Any], Any]:
    import joblib

    return joblib.hash


def _pandas() -> Callable[[Any], Any]:
    from pandas.util import hash_pandas_object

    return hash_pandas_object


CASES = [
    Case(
        "digests",
        "digest of a DataFrame of 40 MB of numbers, and of an array of 100 MB",
        {"wfkit": _contestant(_ours), "joblib": _contestant(_joblib), "pandas": _contestant(_pandas, arrays=False)},
        (
            Limit("wfkit", "frame_ms", 40 / 3),
            Limit("wfkit", "array_ms", 100 / 5),
            Limit("wfkit", "frame_ms", 0.2, "joblib"),
            Limit("wfkit", "array_ms", 0.2, "joblib"),
            Limit("wfkit", "frame_ms", 0.5, "pandas"),
        ),
        repeats=3,
    ),
]
