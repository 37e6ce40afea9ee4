"""wfkit on the same steps: nodes from cell texts, a store in the folder, a run through the public API.

`define_ms` is parsing the cells, `run_ms` is `Workflow.run`: planning, running and every result on disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.case import Contestant, Figures, run_names, timed
from tests.benchmarks.texts import Step


def cells(steps: Sequence[Step], times: int = 1) -> Contestant:
    """One `%%wf_node` cell a step; of several runs in the process the last is measured."""

    def contestant(folder: Path) -> Figures:
        figures: Figures = {}
        with timed(figures, "build_ms"):
            from wfkit import Workflow  # measured: what the process needs
            from wfkit.define.cell import parse_cell

            workflow = Workflow("benchmark", store=folder / ".wfkit", namespace={})
        with timed(figures, "define_ms"):
            for step in steps:
                workflow.add(parse_cell(step.name, step.cell(), {}, facts=workflow.facts))
        for name in run_names(times):
            with timed(figures, name):
                outcome = workflow.run()
            assert outcome.status == "success", outcome.failures
        with timed(figures, "close_ms"):
            workflow.close()
        return figures

    return contestant
