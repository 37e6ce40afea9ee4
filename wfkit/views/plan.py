"""What a run would do, before it does it: which nodes run, which are cached, which await a result, why, and what it
will cost.

Draws rows that the engine made from its plan; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from wfkit.core.estimate import Estimate, NodeEstimate, Span
from wfkit.core.terms import NodeKind, Reason, TaskState
from wfkit.views import columns, foretold, numbers, pieces, tally, theme
from wfkit.views.bundle import View
from wfkit.views.frames import frame
from wfkit.views.markup import Markup, tag

if TYPE_CHECKING:
    import pandas as pd

_LISTED: Final = 300
_LINES: Final = 40  # of text; more nodes fold
_NAMED: Final = 5  # sentences of what is not known
VERSION: Final = 1  # of `object()`


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A node of a plan. `to_run`, `cached` and `awaits` count its tasks; `reasons` counts them by Reason; `detail`
    says what changed (`helper clean: constant LIMIT`). A mapped node whose items are not known yet awaits once.
    `saved_*` is what the hits would have cost, `estimate` what the rest will.
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
    estimate: NodeEstimate = NodeEstimate()


@dataclass(frozen=True, slots=True)
class PlanView(View):
    """What must run, why, and at what cost? `warnings` are sentences to be read before running. `of_run`: as the
    nodes were defined in that run. `max_usd` is a limit that was given, `refused` why it is not kept. `whole` is what
    all items would take if the plan is of a sample.
    """

    rows: tuple[PlanRow, ...]
    targets: tuple[str, ...] = ()
    workflow: str = ""
    warnings: tuple[str, ...] = ()
    estimate: Estimate | None = None
    of_run: str | None = None
    max_usd: float | None = None
    refused: str | None = None
    whole: Estimate | None = None

    def data(self) -> pd.DataFrame:
        """A row a node: node, kind, to_run, cached, awaits, reasons, detail, model, saved_usd, saved_s, then usd,
        tokens, run_s (from start to end) and work_s (of its tasks together) each as low, expected and high (NaN: not
        known), free_calls, basis, unknown.
        """
        return frame([_record(row) for row in self.rows], _COLUMNS)

    def object(self) -> dict[str, Any]:
        """What `--json` prints. Keys stay; unknown amounts are null. Amounts have low, expected and high: US dollars,
        tokens, seconds from start to end (`work_s` of a node: of its tasks together), requests to models.
        """
        found = self.estimate or Estimate()
        return {
            "version": VERSION,
            "targets": list(self.targets),
            "of_run": self.of_run,
            "nodes": [_object(row) for row in self.rows if row.kind != NodeKind.INPUT],
            **{name: asdict(getattr(found, name)) for name in ("usd", "tokens", "run_s", "calls")},
            "free_calls": sum(row.estimate.free for row in self.rows),
            "unknown": self.unknown(),
            "warnings": list(self.warnings),
            "max_usd": self.max_usd,
            "refused": self.refused,
            "whole": None if self.whole is None else asdict(self.whole),
        }

    def fragment(self) -> Markup:
        """A sentence, then a table: what runs, what is cached, the reason and the cost of each node; then totals."""
        shown = self.rows[:_LISTED]
        what = any(row.detail for row in shown)
        rows = [
            (pieces.glyph(_state(row)), pieces.code(columns.cut_middle(row.node, 30)), _kind(row), _tasks(row),
             _told(row), *_costs(row), *((columns.cut(row.detail, 240),) if what else ()))
            for row in shown
        ]  # fmt: skip
        warnings = [
            tag("p", pieces.glyph(TaskState.RETRYING), " ", warning, class_="wf-say") for warning in self.warnings
        ]
        heads = ("", "node", "kind", "tasks", "why", "cost", "at most", "time", *(("what",) if what else ()))
        table = pieces.table(heads, "-----nnn" + ("w" if what else ""), rows) if rows else None
        notes = [pieces.note(line) for line in (pieces.shown_of(len(rows), len(self.rows), "nodes"), *self._unknown())]
        total = pieces.stack(*map(pieces.say, filter(None, (self.total(), self.total_whole()))))
        refused = pieces.say_error("--max-usd", self.refused) if self.refused else None
        return pieces.stack(pieces.say(self.sentence()), *warnings, table, total, refused, *notes)

    def text(self) -> str:
        """The sentence, a line a node `> label  12 to run, 88 cached  prompt changed  $0.15  12 s`, what changed below
        it, then the totals and what is not known.
        """
        shown, folded = _told_rows(self.rows)
        cells = [(f"{_sign(row)} {row.node}", _tasks(row), _told(row), *_costs(row)) for row in shown]
        heads = ["", "", "", "cost", "at most", "time"] if any("".join(cell[3:]) for cell in cells) else [""] * 6
        grid = columns.grid(heads, cells, "<<<>>>")
        top = grid[:1] if any(heads) else []
        lines = [line for head, row in zip(grid[len(top) :], shown, strict=True) for line in (head, *_detail(row))]
        warnings = [line for warning in self.warnings for line in columns.wrap(f"! {warning}")]
        totals = [line for total in (self.total(), self.total_whole()) if total for line in columns.wrap(total)]
        ending = [*([folded] if folded else []), *totals]
        ending += [line for note in self._unknown() for line in columns.wrap(note)]
        ending += columns.wrap(f"✗ --max-usd: {self.refused}") if self.refused else []
        return "\n".join([*columns.wrap(self.sentence()), *warnings, *top, *lines, *ending])

    def sentence(self) -> str:
        """`2 of 9 nodes to run (190 tasks), 1 awaiting its inputs, 6 cached (saving $4.15 and 21 m 24 s).`"""
        steps = [row for row in self.rows if row.kind != NodeKind.INPUT]
        as_then = f" As the nodes were defined in run {tally.short(self.of_run)}." if self.of_run else ""
        if not steps:
            return "Nothing to run: the plan has no nodes."
        running = [row for row in steps if row.to_run]
        waiting = [row for row in steps if row.awaits and not row.to_run]
        cached = [row for row in steps if row.cached and not row.to_run and not row.awaits]
        if len(cached) == len(steps):
            return f"Nothing to run: {_all(len(steps))} cached{_saving(self.rows)}.{as_then}"
        tasks = sum(row.to_run for row in running)
        nodes = f"{numbers.count(len(running))} of {numbers.plural(len(steps), 'node')}"
        parts = [f"{nodes} to run ({numbers.plural(tasks, 'task')})"]
        theirs = "their" if len(waiting) > 1 else "its"
        parts += [f"{numbers.count(len(waiting))} awaiting {theirs} inputs"] if waiting else []
        parts += [f"{numbers.count(len(cached))} cached{_saving(self.rows)}"] if cached else []
        return f"{', '.join(parts)}.{as_then}"

    def total(self) -> str:
        """`cost $0.15 ($0.10 to $0.31) · time 12 s (9 s to 40 s) · …`; empty when nothing is to run."""
        if self.estimate is None or not any(row.to_run or row.awaits for row in self.rows):
            return ""
        free = sum(row.estimate.free for row in self.rows)
        answered = f" · the call log answers {numbers.count(free)} more for nothing" if free else ""
        return foretold.summary(self.estimate) + answered

    def total_whole(self) -> str:
        """`all items: cost $7.50 · time 10 m 00 s · …`; empty when the plan is not of a sample."""
        return "" if self.whole is None else f"all items: {foretold.summary(self.whole)}"

    def unknown(self) -> list[str]:
        """What is not known, a sentence a node."""
        return [f"{row.node}: {gap}" for row in self.rows for gap in _gaps(row)]

    def _unknown(self) -> list[str]:
        """The same, but what holds for several nodes once, and only the first few."""
        nodes: dict[str, list[str]] = {}
        for row in self.rows:
            for gap in _gaps(row):
                nodes.setdefault(gap, []).append(row.node)
        lines = [f"{numbers.UNKNOWN} {_names(names)}: {gap}" for gap, names in nodes.items()]
        left = len(lines) - _NAMED
        return lines[:_NAMED] + ([f"and {numbers.plural(left, 'more unknown')}: see .data()"] if left > 0 else [])


_SPANS: Final = ("usd", "tokens", "run_s", "work_s")
_COLUMNS: Final = (
    "node", "kind", "to_run", "cached", "awaits", "reasons", "detail", "model", "saved_usd", "saved_s",
    *(f"{name}_{case}" for name in _SPANS for case in ("low", "expected", "high")), "free_calls", "basis", "unknown",
)  # fmt: skip
_COUNTED: Final = frozenset({Reason.CACHED, Reason.AWAITS})


def _record(row: PlanRow) -> tuple[Any, ...]:
    found = row.estimate
    amounts = [getattr(getattr(found, name), case) for name in _SPANS for case in ("low", "expected", "high")]
    saved = None if row.saved_usd is None else float(row.saved_usd)
    counts = (row.node, row.kind, row.to_run, row.cached, row.awaits, _why(row), row.detail, row.model)
    return (*counts, saved, row.saved_s, *amounts, found.free, found.basis, "; ".join(_gaps(row)))


def _object(row: PlanRow) -> dict[str, Any]:
    found = row.estimate
    return {
        "node": row.node,
        "kind": row.kind,
        "mapped": row.mapped,
        "model": row.model,
        "needs": list(row.deps),
        "to_run": row.to_run,
        "cached": row.cached,
        "awaits": row.awaits,
        "reasons": {str(reason): tasks for reason, tasks in row.reasons.items()},
        **{name: asdict(getattr(found, name)) for name in (*_SPANS, "calls")},
        "free_calls": found.free,
        "basis": found.basis,
        "unknown": list(_gaps(row)),
    }


def _gaps(row: PlanRow) -> tuple[str, ...]:
    """What is not known of a node."""
    found = row.estimate
    return (*found.gaps, found.time_gap) if found.time_gap else found.gaps


def _names(names: list[str]) -> str:
    named = ", ".join(columns.cut_middle(name, 24) for name in names[:_NAMED])
    return named + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _told_rows(rows: tuple[PlanRow, ...]) -> tuple[list[PlanRow], str]:
    """The rows of a text. Where there are many, what is cached is folded first, then what awaits."""
    if len(rows) <= _LINES:
        return list(rows), ""
    ranked = sorted(range(len(rows)), key=lambda n: (not rows[n].to_run, not rows[n].awaits, n))
    kept = sorted(ranked[:_LINES])
    left = [rows[n] for n in sorted(ranked[_LINES:])]
    parts = [
        f"{numbers.count(found)} {what}"
        for what, found in (
            ("to run", sum(bool(row.to_run) for row in left)),
            ("awaiting", sum(bool(row.awaits and not row.to_run) for row in left)),
            ("cached", sum(bool(row.cached and not row.to_run and not row.awaits) for row in left)),
        )
        if found
    ]
    return [rows[n] for n in kept], f"and {numbers.plural(len(left), 'more node')}: {', '.join(parts) or 'inputs'}"


def _costs(row: PlanRow) -> tuple[str, str, str]:
    """Expected money, money at most, expected seconds; nothing for what takes nothing."""
    if row.kind == NodeKind.INPUT or not (row.to_run or row.awaits):
        return "", "", ""
    found = row.estimate
    money = ("", "") if found.usd == Span() else (numbers.money(found.usd.expected), numbers.money(found.usd.high))
    return (*money, "" if found.run_s == Span() else numbers.seconds(found.run_s.expected))


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
    return f"{row.kind}, {columns.cut_middle(row.model, 24)}" if row.model else row.kind


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
