"""What a plan takes: of 10,000 distinct cells in a process that has them, and `wfkit plan` as a whole process on a
store of 100,000 results.

`first_ms` is the first plan of the process, `run_ms` the second, both on the processor; nothing is run while measured.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.case import Case, Contestant, Figures, Limit
from tests.benchmarks.texts import Step, chain, wide

ROOT = Path(__file__).parents[2]
COUNT, MANY = 10_000, 100_000
SHELL = "import sys; from wfkit.cli.main import main; sys.exit(main(['plan']))"


def plans(steps: Sequence[Step], has_run: bool) -> Contestant:
    """Two plans one after the other, where nothing ran or where all is cached."""

    def contestant(folder: Path) -> Figures:
        from wfkit import Workflow  # not measured
        from wfkit.define.cell import parse_cell

        store = folder / ".wfkit"
        fill = has_run and not store.exists()
        workflow = Workflow("benchmark", store=store, namespace={})
        for step in steps:
            workflow.add(parse_cell(step.name, step.cell(), {}, facts=workflow.facts))
        if fill:
            assert workflow.run().status == "success"
        figures: Figures = {}
        for name in ("first_ms", "run_ms"):
            start = time.process_time()
            workflow.plan()
            figures[name] = (time.process_time() - start) * 1000
        workflow.close()
        return figures

    return contestant


def shell(folder: Path) -> Figures:
    """`wfkit plan` where a map of 100,000 items ran; its time and that of the processor."""
    store = folder / ".wfkit"
    if not store.exists():
        _fill(store)
    environment = {**os.environ, "WFKIT_STORE": str(store), "PYTHONPATH": str(ROOT)}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([sys.executable, "-c", SHELL], cwd=folder, env=environment, capture_output=True, check=True)
    taken_s = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert b"100,000 cached" in done.stdout
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"run_ms": taken_s * 1000, "run_cpu_ms": cpu_s * 1000}


def _fill(store: Path) -> None:
    from wfkit import Workflow  # not measured
    from wfkit.define.cell import parse_cell

    workflow = Workflow("benchmark", store=store, namespace={})
    for name, text in (("items", f"list(range({MANY}))\n"), ("square", "#| each: x in items\nx * x\n")):
        workflow.add(parse_cell(name, text, {}))
    assert workflow.run().status == "success"
    workflow.close()


CASES = [
    Case(
        "plan",
        "a plan of 10,000 distinct cells: nothing ran yet, all is cached",
        {
            "chain, to run": plans(chain(COUNT), False),
            "wide, to run": plans(wide(COUNT), False),
            "chain, cached": plans(chain(COUNT), True),
            "wide, cached": plans(wide(COUNT), True),
        },
        tuple(
            Limit(name, "run_ms", 150) for name in ("chain, to run", "wide, to run", "chain, cached", "wide, cached")
        ),
        prepared=True,
    ),
    Case(
        "plan-shell",
        "`wfkit plan` as a whole process on a store of 100,000 results",
        {"wfkit plan": shell},
        (Limit("wfkit plan", "run_ms", 350),),
        prepared=True,
    ),
]
