"""What a run would do, before it does it: which nodes run, which are cached, which await a result, and why.

Draws rows that the engine made from its plan; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from wfkit.core.terms import NodeKind, Reason, TaskState
from wfkit.views import columns, numbers, pieces, tally, theme
from wfkit.views.bundle import View
from wfkit.views.frames import frame
from wfkit.views.markup import Markup, tag

if TYPE_CHECKING:
    import pandas as pd

_LISTED: Final = 300


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A node of a plan. `to_run`, `cached` and `awaits` count its tasks; `reasons` counts them by Reason; `detail`
    says what changed (`helper clean: constant LIMIT`). A mapped node whose items are not known yet awaits once.
    `saved_*` is what the hits would have cost.
    """

    node: str
    kind: str
    to_run: int = 0
    cached: int = 0
    awaits: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    detail: str = ""
    deps: tuple[str, ...] = ()
    mapped: bool = False
    model: str | None = None
    saved_usd: Decimal | None = Decimal(0)
    saved_s: float | None = 0.0


@dataclass(frozen=True, slots=True)
class PlanView(View):
    """What must run, and why? `warnings` are sentences to be read before running."""

    rows: tuple[PlanRow, ...]
    targets: tuple[str, ...] = ()
    workflow: str = ""
    warnings: tuple[str, ...] = ()

    def data(self) -> pd.DataFrame:
        """A row a node: node, kind, to_run, cached, awaits, reasons, detail, model, saved_usd, saved_s."""
        records = [
            (row.node, row.kind, row.to_run, row.cached, row.awaits, _why(row), row.detail, row.model,
             None if row.saved_usd is None else float(row.saved_usd), row.saved_s)
            for row in self.rows
        ]  # fmt: skip
        return frame(records, _COLUMNS)

    def fragment(self) -> Markup:
        """A sentence, then a table: what runs, what is cached, and the reason of each node."""
        rows = [
            (pieces.glyph(_state(row)), pieces.code(columns.cut(row.node, 48)), _kind(row), _number(row.to_run, row),
             _number(row.cached, row), _number(row.awaits, row), _why(row), columns.cut(row.detail, 240))
            for row in self.rows[:_LISTED]
        ]  # fmt: skip
        warnings = [
            tag("p", pieces.glyph(TaskState.RETRYING), " ", warning, class_="wf-say") for warning in self.warnings
        ]
        heads = ("", "node", "kind", "to run", "cached", "awaits", "why", "what")
        table = pieces.table(heads, "---nnn-w", rows) if rows else None
        cut = pieces.note(pieces.shown_of(len(rows), len(self.rows), "nodes"))
        return pieces.stack(pieces.say(self.sentence()), *warnings, table, cut)

    def text(self) -> str:
        """The sentence, then a line a node, `> label  12 to run, 88 cached  prompt changed`; below it what changed."""
        shown = self.rows[:_LISTED]
        grid = columns.grid(
            ["", "", ""], [(f"{_sign(row)} {row.node}", _tasks(row), _told(row)) for row in shown], "<<<"
        )
        lines = [line for head, row in zip(grid, shown, strict=True) for line in (head, *_detail(row))]
        cut = pieces.shown_of(len(shown), len(self.rows), "nodes")
        warnings = [line for warning in self.warnings for line in columns.wrap(f"! {warning}")]
        return "\n".join([*columns.wrap(self.sentence()), *warnings, *lines, *([cut] if cut else [])])

    def sentence(self) -> str:
        """`2 of 9 nodes run (190 tasks), 1 awaits them, 6 are cached (saving $4.15 and 21 m 24 s).`"""
        steps = [row for row in self.rows if row.kind != NodeKind.INPUT]
        if not steps:
            return "Nothing to run: the plan has no nodes."
        running = [row for row in steps if row.to_run]
        waiting = [row for row in steps if row.awaits and not row.to_run]
        cached = [row for row in steps if row.cached and not row.to_run and not row.awaits]
        if len(cached) == len(steps):
            return f"Nothing to run: {_all(len(steps))} cached{_saving(self.rows)}."
        tasks = sum(row.to_run for row in running)
        nodes = f"{numbers.count(len(running))} of {numbers.plural(len(steps), 'node')}"
        parts = [f"{nodes} to run ({numbers.plural(tasks, 'task')})"]
        theirs = "their" if len(waiting) > 1 else "its"
        parts += [f"{numbers.count(len(waiting))} awaiting {theirs} inputs"] if waiting else []
        parts += [f"{numbers.count(len(cached))} cached{_saving(self.rows)}"] if cached else []
        return ", ".join(parts) + "."


_COLUMNS: Final = ("node", "kind", "to_run", "cached", "awaits", "reasons", "detail", "model", "saved_usd", "saved_s")
_COUNTED: Final = frozenset({Reason.CACHED, Reason.AWAITS})


def _all(nodes: int) -> str:
    return "the one node is" if nodes == 1 else f"all {numbers.count(nodes)} nodes are"


def _saving(rows: tuple[PlanRow, ...]) -> str:
    usd = [row.saved_usd for row in rows if row.saved_usd is not None]
    spent_s = [row.saved_s for row in rows if row.saved_s is not None]
    spared = tally.saved(sum(usd, Decimal(0)), sum(spent_s))
    return f" (saving {spared})" if spared else ""


def _state(row: PlanRow) -> TaskState:
    if row.kind == NodeKind.INPUT:
        return TaskState.SUCCESS
    if row.to_run:
        return TaskState.RUNNING
    return TaskState.PENDING if row.awaits else TaskState.CACHED if row.cached else TaskState.SKIPPED


def _sign(row: PlanRow) -> str:
    return theme.GLYPHS[_state(row)]


def _kind(row: PlanRow) -> str:
    return f"{row.kind}, {columns.cut(row.model, 32)}" if row.model else row.kind


def _number(tasks: int, row: PlanRow) -> str:
    """Nothing for a zero; nothing for inputs, which do not run."""
    return numbers.count(tasks) if tasks and row.kind != NodeKind.INPUT else ""


def _tasks(row: PlanRow) -> str:
    if row.kind == NodeKind.INPUT:
        return "given"
    if not row.mapped and row.to_run + row.cached + row.awaits <= 1:
        return "runs" if row.to_run else "awaits" if row.awaits else "cached" if row.cached else ""
    counts = ((row.to_run, "to run"), (row.cached, "cached"), (row.awaits, "awaiting"))
    return ", ".join(f"{numbers.count(tasks)} {what}" for tasks, what in counts if tasks) or "no items"


def _why(row: PlanRow) -> str:
    """The reasons to run, most frequent first; what is cached or awaits is told by its count, unless it is all there
    is.
    """
    ranked = sorted(row.reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    telling = [pair for pair in ranked if pair[0] not in _COUNTED] or ranked[:1]
    if row.kind == NodeKind.INPUT:
        return ""
    if len(telling) == 1:
        return theme.words(telling[0][0])
    return ", ".join(f"{theme.words(reason)} {numbers.count(times)}" for reason, times in telling)


def _told(row: PlanRow) -> str:
    """Why, without repeating what the counts say already."""
    return "" if _why(row) in _COUNTED else _why(row)


def _detail(row: PlanRow) -> list[str]:
    return columns.wrap(columns.cut(row.detail, 300), indent="    ") if row.detail.strip() else []
