"""Cold runs of trivial nodes: a chain, a wide graph, and a chain far beyond Python's recursion limit.

Every result is new and, with wfkit, durable when the run returns.
"""

from __future__ import annotations

from tests.benchmarks.case import Case, Limit
from tests.benchmarks.ours import cells
from tests.benchmarks.peers import diskcache, duckdb_floor, joblib, marimo
from tests.benchmarks.texts import Step, chain, wide


def _case(name: str, title: str, steps: list[Step]) -> Case:
    return Case(
        name,
        title,
        {
            "wfkit": cells(steps),
            "diskcache": diskcache(steps),
            "joblib": joblib(steps),
            "marimo": marimo(steps),
            "duckdb floor": duckdb_floor(steps),
        },
        (Limit("wfkit", "run_ms", 0.4, "diskcache"), Limit("wfkit", "run_ms", 1 / 15, "marimo")),
    )


LONG = chain(10_000)
CASES = [
    _case("chain", "cold run, chain of 1,000 nodes, each with its own text", chain(1000)),
    _case("wide", "cold run, 999 nodes that need one, each with its own text", wide(1000)),
    Case(
        "long",
        "cold run, chain of 10,000 nodes (Hamilton and pipefunc end in a RecursionError at 1,000)",
        {"wfkit": cells(LONG), "diskcache": diskcache(LONG), "duckdb floor": duckdb_floor(LONG)},
        (Limit("wfkit", "run_ms", 0.5, "diskcache"),),
        repeats=3,
    ),
]
