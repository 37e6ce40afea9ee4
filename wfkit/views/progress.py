"""The one updating display of a run: a line a node and a last line of totals, no more.

Drawn ten times a second, so it is small; nodes that have nothing to tell fold into one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wfkit.core.report import NodeRow, RunReport, RunRow
from wfkit.core.terms import DONE_WELL, NodeKind, RunState, TaskState
from wfkit.views import columns, foretold, numbers, pieces, tally, theme
from wfkit.views.bundle import View
from wfkit.views.frames import frame
from wfkit.views.markup import Markup
from wfkit.views.whole import whole

if TYPE_CHECKING:
    import pandas as pd

_LINES: Final = 30
_ERRORS: Final = 5
_VOICES: Final = 5
_COLUMNS: Final = (
    "node", "state", "done", "total", "run_s", "work_s", "cost_usd", "saved_usd", "saved_s", "sample_of", "sample_seed",
    "whole_usd", "whole_s",
)  # fmt: skip
_QUIET: Final = frozenset({*DONE_WELL, TaskState.PENDING, TaskState.QUEUED, TaskState.SKIPPED})


@dataclass(frozen=True, slots=True)
class Progress(View):
    """How far is the run? `now` (Unix seconds) gives the elapsed time while it has no end."""

    report: RunReport
    now: float | None = None

    def data(self) -> pd.DataFrame:
        """A row a node: node, state, done, total, run_s (from its first start to its last end), work_s (of its
        tasks together), cost_usd, saved_usd, saved_s; of a sample also sample_of,
        sample_seed, and what all items would take: whole_usd, whole_s.
        """
        found = whole(self.report.nodes)
        records = [
            (row.name, str(theme.state_of(row.tasks)), tally.ended(row.tasks), tally.total(row.tasks), row.run_s,
             row.work_s,
             None if row.spent.cost_usd is None else float(row.spent.cost_usd),
             None if row.saved_usd is None else float(row.saved_usd), row.saved_s, row.sample_of, row.sample_seed,
             *(found.taking.get(row.name, (None, None)) if found is not None else (None, None)))
            for row in self.report.nodes
        ]  # fmt: skip
        return frame(records, _COLUMNS)

    def fragment(self) -> Markup:
        """A table with a stacked bar a node, the totals, the first errors, and what all items of a sample would
        take.
        """
        shown, folded = _told(self.report.nodes)
        body = [
            (pieces.glyph(theme.state_of(row.tasks)), pieces.code(columns.cut_middle(row.name, 48)), _bar(row),
             _items(row), tally.node_time(row, self.now), tally.node_cost(row), _saved(row).removeprefix("saved "))
            for row in shown
        ]  # fmt: skip
        run = self.report.run
        foot = (
            "",
            _title(self.report),
            "",
            "",
            numbers.seconds(tally.elapsed_s(run, self.now)),
            tally.cost(run.spent),
            _total_saved(self.report).removeprefix("saved "),
        )
        table = pieces.table(("", "node", "", "items", "time", "cost", "saved"), "---nnn-", body, foot)
        foreseen = pieces.note(foretold.compared(run))
        sample = pieces.note(foretold.sampled(self.report))
        said, errors = map(_saying, _speaking(shown)), map(_error, _failed(self.report.nodes))
        return pieces.stack(table, pieces.note(folded), *said, foreseen, *errors, sample)

    def text(self) -> str:
        """`✓ extract  12  3.4 s  $0.0031  saved $0.0100`, a line a node; then the totals, and what was
        expected, the first errors, and what all items of a sample would take.
        """
        shown, folded = _told(self.report.nodes)
        run = self.report.run
        lines: list[tuple[str, ...]] = [
            (f"{theme.GLYPHS[theme.state_of(row.tasks)]} {row.name}", _items(row), tally.node_time(row, self.now),
            tally.node_cost(row), _saved(row))
            for row in shown
        ]  # fmt: skip
        parts = (
            _title(self.report),
            numbers.seconds(tally.elapsed_s(run, self.now)),
            tally.cost(run.spent),
            _total_saved(self.report),
        )
        total = columns.cut_end("  ".join(part for part in parts if part))
        grid = columns.grid(["", "", "", "", ""], lines, "<>>><") if lines else []
        errors = [
            line for row in _failed(self.report.nodes) for line in _error_lines(run, f"✗ {row.name}: {row.error}")
        ]
        foreseen = columns.wrap(foretold.compared(run)) if foretold.compared(run) else []
        sample = columns.wrap(found) if (found := foretold.sampled(self.report)) else []
        said = [_saying_line(row) for row in _speaking(shown)]
        return "\n".join([*grid, *([folded] if folded else []), *said, total, *foreseen, *errors, *sample])


def _told(rows: Sequence[NodeRow]) -> tuple[list[NodeRow], str]:
    """The rows to show, and what the others amount to. Where there are many, the quiet ones are folded first."""
    if len(rows) <= _LINES:
        return list(rows), ""
    loud = [row for row in rows if theme.state_of(row.tasks) not in _QUIET]
    kept = {row.name for row in loud[:_LINES]}
    for row in reversed(rows):
        if len(kept) >= _LINES:
            break
        if theme.state_of(row.tasks) in DONE_WELL:
            kept.add(row.name)
    shown = [row for row in rows if row.name in kept]
    counts: dict[str, int] = {}
    for row in rows:
        if row.name not in kept:
            state = theme.state_of(row.tasks)
            counts[state] = counts.get(state, 0) + 1
    return shown, f"and {numbers.plural(len(rows) - len(shown), 'more node')}: {tally.states(counts)}"


def _items(row: NodeRow) -> str:
    if not row.mapped:
        return ""
    failed = row.tasks.get(TaskState.FAILED, 0)
    return tally.counter(row) + (f" ({numbers.count(failed)} ✗)" if failed and row.reasons else "")


def _bar(row: NodeRow) -> Markup:
    return pieces.progress_bar(row.tasks, f"{row.name}: {tally.states(row.tasks) or 'pending'}")


def _saved(row: NodeRow) -> str:
    if row.kind == NodeKind.INPUT:
        return ""
    spared = tally.saved(row.saved_usd, row.saved_s, ", ", "")
    if not spared:
        return "cached" if theme.state_of(row.tasks) is TaskState.CACHED else ""
    return f"saved {spared}"


def _total_saved(report: RunReport) -> str:
    spared = tally.saved(report.run.saved_usd, report.run.saved_s, ", ", "")
    return f"saved {spared}" if spared else ""


def _title(report: RunReport) -> str:
    done = sum(tally.went_well(row.tasks) for row in report.nodes)
    nodes = f"{numbers.count(done)}/{numbers.count(len(report.nodes))} nodes"
    if report.run.status not in {RunState.RUNNING, RunState.SUCCESS}:
        nodes = f"{numbers.count(done)} of {numbers.plural(len(report.nodes), 'node')} done"
    calls = f", {numbers.plural(report.run.spent.calls, 'call')}" if report.run.spent.calls else ", no calls"
    status = "running" if report.run.status == RunState.RUNNING else theme.words(report.run.status)
    return f"{status}: {nodes}{calls}"


def _speaking(rows: Sequence[NodeRow]) -> list[NodeRow]:
    """Those whose models are heard while they answer."""
    return [row for row in rows if row.saying][:_VOICES]


def _saying(row: NodeRow) -> Markup:
    return pieces.say_text(row.name, row.saying or "")


def _saying_line(row: NodeRow) -> str:
    """The end of what a model says, on one line: it grows at its end, so the beginning is what is cut."""
    name = columns.cut_middle(row.name, 24)
    return f"  {name}: {columns.cut_start(row.saying or '', columns.room() - columns.width(name) - 4)}"


def _failed(rows: Sequence[NodeRow]) -> list[NodeRow]:
    """Those that failed by themselves; what was skipped for them is told by its glyph."""
    return [row for row in rows if row.error and row.tasks.get(TaskState.FAILED)][:_ERRORS]


def _error_lines(run: RunRow, error: str) -> list[str]:
    """An error in a line; in full where nobody else tells it: a run that its budget stopped raises nothing."""
    if run.status == RunState.BUDGET_STOPPED:
        return columns.wrap(columns.cut(error, 300), indent="  ")
    return [columns.cut(error, columns.room())]


def _error(row: NodeRow) -> Markup:
    return pieces.say_error(row.name, columns.cut(row.error or "", 300))
