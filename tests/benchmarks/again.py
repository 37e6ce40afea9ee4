"""Nothing to do: the same 1,000 cells in a fresh process on a store that holds every result, and once more in the
process that made them.

`run_ms` is the run alone, `process_ms` the whole process with imports, definitions and the end of it.
"""

from __future__ import annotations

from tests.benchmarks.case import Case, Limit
from tests.benchmarks.ours import cells
from tests.benchmarks.peers import diskcache, duckdb_floor, joblib, marimo
from tests.benchmarks.texts import chain

STEPS = chain(1000)
CASES = [
    Case(
        "again",
        "nothing-to-do rerun in a fresh process, chain of 1,000 distinct cells",
        {
            "wfkit": cells(STEPS),
            "diskcache": diskcache(STEPS),
            "joblib": joblib(STEPS),
            "marimo": marimo(STEPS),
            "duckdb floor": duckdb_floor(STEPS),
        },
        (Limit("wfkit", "run_ms", 1.0, "diskcache"), Limit("wfkit", "process_ms", 1.6, "duckdb floor")),
        repeats=9,
        prepared=True,
    ),
    Case(
        "rerun",
        "nothing-to-do rerun in the process that ran, chain of 1,000 distinct cells, third run",
        {
            "wfkit": cells(STEPS, 3),
            "diskcache": diskcache(STEPS, 3),
            "joblib": joblib(STEPS, 3),
            "marimo": marimo(STEPS, 3),
        },
        (Limit("wfkit", "run_ms", 0.4, "diskcache"),),
    ),
]
