"""A map of 10,000 trivial items: cold, nothing to do, ten items changed; and what 100,000 items take in memory.

`run_ms` is the map alone; with wfkit every result is on disk when it returns. `wrong` counts values that are not those
of the items as they are now. Each measurement is a process of its own.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.case import Case, Contestant, Figures, Limit, timed

COUNT, MANY = 10_000, 100_000
BODY = '{"id": row["id"], "size": len(row["text"]), "good": row["stars"] > 2}'
Row = dict[str, Any]


def told(row: Row) -> Row:
    """The body of the map, as a function."""
    return {"id": row["id"], "size": len(row["text"]), "good": row["stars"] > 2}


def items(count: int, changed: int = 0) -> list[Row]:
    """Small records; the text of some is another in every process."""
    rows = [{"id": i, "text": f"review {i}", "stars": i % 5} for i in range(count)]
    for i in range(0, count, count // changed if changed else count + 1):
        rows[i]["text"] = f"changed in {os.getpid()}, {'again ' * (i % 7)}"
    return rows


def wfkit(count: int, changed: int = 0) -> Contestant:
    """A mapped cell."""

    def contestant(folder: Path) -> Figures:
        figures: Figures = {}
        rows = items(count, changed)
        with timed(figures, "build_ms"):
            from wfkit import Workflow  # measured: what the process needs
            from wfkit.define.cell import parse_cell

            namespace = {"rows": rows}
            workflow = Workflow("benchmark", store=folder / ".wfkit", namespace=namespace)
            workflow.add(parse_cell("told --each 'row in rows'", f"{BODY}\n", namespace, facts=workflow.facts))
        with timed(figures, "run_ms"):
            outcome = workflow.run()
        assert outcome.status == "success", outcome.failures
        with timed(figures, "values_ms"):
            values = outcome["told"]
        _finish(figures, rows, values)
        with timed(figures, "close_ms"):
            workflow.close()
        return figures

    return contestant


def diskcache(count: int, changed: int = 0) -> Contestant:
    """diskcache.memoize in a loop: no code is looked at, nothing is synced to disk."""

    def decorate(folder: Path) -> Callable[[Row], Row]:
        import diskcache  # the peer, imported only where it is measured

        return diskcache.Cache(str(folder / "cache")).memoize()(told)

    def contestant(folder: Path) -> Figures:
        figures: Figures = {}
        rows = items(count, changed)
        with timed(figures, "build_ms"):
            call = decorate(folder)
        with timed(figures, "run_ms"):
            values = [call(row) for row in rows]
        _finish(figures, rows, values)
        return figures

    return contestant


def pipefunc(count: int, changed: int = 0) -> Contestant:
    """pipefunc.map in a run folder that is kept: it looks at the inputs of the whole map, not at an item's."""

    def contestant(folder: Path) -> Figures:
        figures: Figures = {}
        rows = items(count, changed)
        with timed(figures, "build_ms"):
            from pipefunc import PipeFunc, Pipeline  # the peer, imported only where it is measured

            pipeline = Pipeline([PipeFunc(told, "told", mapspec="row[i] -> told[i]")])
        with timed(figures, "run_ms"):
            kept: dict[str, Any] = {"run_folder": folder / "run", "cleanup": False, "resume_validation": "skip"}
            found = pipeline.map({"row": rows}, parallel=False, show_progress=False, **kept)
        _finish(figures, rows, list(found["told"].output))
        return figures

    return contestant


def _finish(figures: Figures, rows: list[Row], values: list[Row]) -> None:
    figures["wrong"] = sum(value != told(row) for row, value in zip(rows, values, strict=True))
    figures["peak_mb"] = _peak_mb()


def _peak_mb() -> float:
    """The most memory that was resident. Linux tells it of this program alone; elsewhere its parent may count, too."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text("utf-8").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


def _case(name: str, title: str, ratio: float, prepared: bool = True, changed: int = 0) -> Case:
    contestants = {
        "wfkit": wfkit(COUNT, changed),
        "diskcache": diskcache(COUNT, changed),
        "pipefunc": pipefunc(COUNT, changed),
    }
    limits = (Limit("wfkit", "run_ms", ratio, "diskcache"), Limit("wfkit", "wrong", 0.0))
    return Case(name, title, contestants, limits, prepared=prepared)


_FULL = (Limit("wfkit", "peak_mb", 600.0), Limit("wfkit", "wrong", 0.0))
CASES = [
    _case("map", f"cold map of {COUNT:,} trivial items", 0.15, prepared=False),
    _case("map-again", f"nothing-to-do map of {COUNT:,} items in a fresh process", 0.25),
    _case("map-changed", f"10 of {COUNT:,} items changed, in a fresh process", 0.25, changed=10),
    Case("map-full", f"cold map of {MANY:,} items, in memory", {"wfkit": wfkit(MANY)}, _FULL, repeats=1),
    Case(
        "map-full-again",
        f"nothing-to-do map of {MANY:,} items, in memory",
        {"wfkit": wfkit(MANY)},
        _FULL,
        repeats=1,
        prepared=True,
    ),
]
