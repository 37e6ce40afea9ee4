"""The one display that a run has: it appears when the run lasts, changes in place, and stays with the final numbers.

What it shows is drawn by `views.progress`. No widget: a saved notebook and nbclient keep its last state as they are.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from wfkit.core.report import NodeRow, RunReport
from wfkit.core.terms import ENDED, RunState, TaskState
from wfkit.views import foretold, tally
from wfkit.views.bundle import View
from wfkit.views.progress import Progress

_AT_WORK: Final = frozenset({TaskState.QUEUED, TaskState.RUNNING, TaskState.RETRYING})


class RunDisplay:
    """Call it with reports while the run goes on, at most ten times a second, and with `final` for the last one."""

    def __init__(self, shell: Any) -> None:
        self._publish = shell.display_pub.publish
        self._live = hasattr(shell, "kernel")  # a terminal cannot change what it has printed
        self._id = uuid.uuid4().hex
        self._shown = False
        self._told: set[str] = set()

    def __call__(self, report: RunReport) -> None:
        """Show how far the run is."""
        if self._live:
            self._show(report, time.time())

    def final(self, report: RunReport) -> None:
        """Show how the run ended."""
        self._show(_at_rest(report), None)

    def _show(self, report: RunReport, now: float | None) -> None:
        view = Progress(report, now)
        bundle = {"text/html": view.html(), "text/plain": view.text()}
        transient = {"display_id": self._id, "wfkit": self._for_runner(report, now)} if self._live else {}
        self._publish(bundle, {}, transient=transient, update=self._shown)
        self._shown = self._live

    def _for_runner(self, report: RunReport, now: float | None) -> dict[str, Any]:
        """What `wfkit run` prints meanwhile. It travels beside the display and is not saved with it."""
        ended = [row for row in report.nodes if row.name not in self._told and _ended(row)]
        self._told.update(row.name for row in ended)
        return {
            "run": report.run.run_id,
            "done": {row.name: _line(report, row) for row in ended},
            "now": tally.sentence(report, now),
            "sample": foretold.sampled(report) if now is None else "",
        }


class StatusLine:
    """A line of text that changes until a view takes its place. A terminal, which cannot take a line back, is shown
    the view only."""

    def __init__(self, shell: Any) -> None:
        self._publish = shell.display_pub.publish
        self._live = hasattr(shell, "kernel")
        self._id = uuid.uuid4().hex
        self._shown = False

    def __call__(self, text: str) -> None:
        """Show how far it is."""
        if self._live and text:
            self._show({"text/plain": text})

    def final(self, view: View) -> None:
        """Show what came of it."""
        self._show(view._repr_mimebundle_())

    def _show(self, bundle: dict[str, Any]) -> None:
        transient = {"display_id": self._id} if self._live else {}
        self._publish(bundle, {}, transient=transient, update=self._shown)
        self._shown = self._live


class SilentDisplay:
    """Shows nothing: for tests, and for who wants no output."""

    def __call__(self, report: RunReport) -> None:
        """Show nothing."""

    def final(self, report: RunReport) -> None:
        """Show nothing."""


def _at_rest(report: RunReport) -> RunReport:
    """What was at work when the user stopped the run does not look alive: it is cancelled."""
    if report.run.status != RunState.INTERRUPTED:
        return report
    nodes = tuple(replace(row, tasks=_cancelled(row.tasks)) for row in report.nodes)
    return replace(report, run=replace(report.run, tasks=_cancelled(report.run.tasks)), nodes=nodes)


def _cancelled(tasks: Mapping[str, int]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for state, count in tasks.items():
        after = TaskState.CANCELLED if state in _AT_WORK else state
        counts[after] = counts.get(after, 0) + count
    return counts


def _ended(row: NodeRow) -> bool:
    return bool(row.tasks) and all(state in ENDED for state, count in row.tasks.items() if count)


def _line(report: RunReport, row: NodeRow) -> str:
    """A node as its line in the display."""
    return Progress(RunReport(report.run, (row,))).text().split("\n", 1)[0]
