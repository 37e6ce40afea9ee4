"""The peers: caches that a notebook user would reach for, and the least that DuckDB costs.

Each adapter runs the same steps and returns `build_ms` (imports and decorating) and `run_ms`. wfkit is in `ours`.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.case import Contestant, Figures, run_names, timed
from tests.benchmarks.texts import Step, functions, run_functions

Decorate = Callable[[Callable[..., int]], Callable[..., int]]
_GROUP = 256


def diskcache(steps: Sequence[Step], times: int = 1) -> Contestant:
    """diskcache.memoize: keys are names and arguments; no code is looked at, nothing is synced to disk."""

    def decorator(folder: Path) -> Decorate:
        import diskcache  # the peer, imported only where it is measured

        cache = diskcache.Cache(str(folder))
        return cache.memoize()

    return _decorated(steps, decorator, times)


def joblib(steps: Sequence[Step], times: int = 1) -> Contestant:
    """joblib.Memory: keys are names and arguments, and the function's own source is compared."""

    def decorator(folder: Path) -> Decorate:
        import joblib  # the peer, imported only where it is measured

        return joblib.Memory(str(folder), verbose=0).cache

    return _decorated(steps, decorator, times)


def marimo(steps: Sequence[Step], times: int = 1) -> Contestant:
    """marimo.persistent_cache as a decorator: keys are code, and what it reaches in the notebook, and arguments."""

    def decorator(folder: Path) -> Decorate:
        import marimo  # the peer, imported only where it is measured

        logging.getLogger("marimo").setLevel(logging.ERROR)  # a warning a call, of being outside a notebook, costs time
        return lambda function: marimo.persistent_cache(function, save_path=str(folder))

    return _decorated(steps, decorator, times)


def _decorated(steps: Sequence[Step], decorator: Callable[[Path], Decorate], times: int) -> Contestant:
    def contestant(folder: Path) -> Figures:
        figures: Figures = {}
        with timed(figures, "build_ms"):
            decorate = decorator(folder / "cache")
            calls = [decorate(function) for function in functions(steps, folder)]
        for name in run_names(times):
            with timed(figures, name):
                run_functions(steps, calls)
        return figures

    return contestant


def duckdb_floor(steps: Sequence[Step]) -> Contestant:
    """The least a durable cache in DuckDB costs: keys of code and upstream keys, one query, a commit per 256 results.

    It keeps no lineage, no history, no costs and no schema, and reads only the last value.
    """

    def contestant(folder: Path) -> Figures:
        figures: Figures = {}
        with timed(figures, "build_ms"):
            import duckdb  # the peer, imported only where it is measured

            folder.mkdir(parents=True, exist_ok=True)
            calls = functions(steps, folder)
            connection = duckdb.connect(str(folder / "floor.duckdb"))
            connection.execute("CREATE TABLE IF NOT EXISTS results (key VARCHAR, value VARCHAR)")
        with timed(figures, "run_ms"):
            _run_floor(connection, steps, calls)
        connection.close()
        return figures

    return contestant


def _run_floor(connection: Any, steps: Sequence[Step], calls: Sequence[Callable[..., int]]) -> None:
    keys: list[str] = []
    for step, call in zip(steps, calls, strict=True):
        text = call.__code__.co_code + repr((step.name, call.__code__.co_consts)).encode()
        upstream = keys[step.needs].encode() if step.needs is not None else b""
        keys.append(hashlib.blake2b(text + upstream, digest_size=16).hexdigest())
    query = "SELECT key, value FROM results JOIN (SELECT unnest(?) AS key) USING (key)"
    known = dict(connection.execute(query, [keys]).fetchall())
    values: list[int] = []
    rows: list[tuple[str, str]] = []
    for step, call, key in zip(steps, calls, keys, strict=True):
        if key in known:
            values.append(json.loads(known[key]))
            continue
        values.append(call() if step.needs is None else call(values[step.needs]))
        rows.append((key, json.dumps(values[-1])))
        if len(rows) == _GROUP:
            _commit(connection, rows)
    _commit(connection, rows)


def _commit(connection: Any, rows: list[tuple[str, str]]) -> None:
    with connection.appender("results") as appender:
        appender.append_rows(rows)
    rows.clear()
