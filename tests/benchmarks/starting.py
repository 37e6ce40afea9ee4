"""What a user waits for before anything runs: `import wfkit`, `%load_ext wfkit`, defining a node.

`heavy` counts the heavy libraries that were loaded; it must stay 0.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from tests.benchmarks.case import Case, Figures, Limit, timed
from tests.benchmarks.texts import chain

HEAVY = {
    *("duckdb", "ipywidgets", "jinja2", "jsonschema", "litellm", "nbclient", "nbformat", "numpy", "openai"),
    *("pandas", "plotly", "pyarrow", "pydantic", "yaml"),
}


def _heavy(before: set[str]) -> float:
    return float(sum(name in sys.modules and name not in before for name in HEAVY))


def plain_import(folder: Path) -> Figures:
    """`import wfkit`."""
    figures: Figures = {}
    before = set(sys.modules)
    with timed(figures, "run_ms"):
        import wfkit  # noqa: F401  # this is what is measured
    return {**figures, "heavy": _heavy(before)}


def load_ext(folder: Path) -> Figures:
    """`%load_ext wfkit` in a shell that runs already."""
    from IPython.core.interactiveshell import InteractiveShell  # not measured

    shell = InteractiveShell.instance()
    figures: Figures = {}
    before = set(sys.modules)
    with timed(figures, "run_ms"):
        shell.run_line_magic("load_ext", "wfkit")
    return {**figures, "heavy": _heavy(before)}


def define(folder: Path) -> Figures:
    """`%%wf_node` with four lines of Python: the median of 1,000, and the first, which loads what cells need."""
    from IPython.core.interactiveshell import InteractiveShell  # not measured

    os.environ["WFKIT_STORE"] = str(folder / ".wfkit")
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "wfkit")
    times = []
    with redirect_stdout(StringIO()):
        for step in chain(1000):
            start = time.perf_counter()
            shell.run_cell_magic("wf_node", step.name, step.cell())
            times.append((time.perf_counter() - start) * 1000)
    return {"run_ms": sorted(times)[500], "first_ms": times[0]}


CASES = [
    Case(
        "start",
        "before anything runs",
        {"import wfkit": plain_import, "%load_ext wfkit": load_ext, "define a node": define},
        (
            Limit("import wfkit", "run_ms", 100),
            Limit("import wfkit", "heavy", 0),
            Limit("%load_ext wfkit", "run_ms", 100),
            Limit("%load_ext wfkit", "heavy", 0),
            Limit("define a node", "run_ms", 5),
        ),
        repeats=9,
    )
]
