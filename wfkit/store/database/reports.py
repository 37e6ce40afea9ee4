"""What the views of a run are drawn from: rows of runs, nodes, attempts and calls.

Sums are those of `core.ledger`: a call served from the log bills nothing, a price that is not known is counted and
never zero. The SQL that gives tasks their nodes is in schema/views.sql.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson

from wfkit.core.estimate import Estimate
from wfkit.core.frozen import dataclass
from wfkit.core.ledger import spent_of
from wfkit.core.report import AttemptRow, CallRow, DecisionRow, NodeRow, RunReport, RunRow
from wfkit.core.result import Spent
from wfkit.store import wire
from wfkit.store.database.plain_cells import plain_cells

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ATTEMPTS = 2_000  # rows of attempts in a report: the slowest; of the others only how many there are

_NEWEST = "SELECT run_id FROM runs_latest ORDER BY started_at DESC, run_id DESC LIMIT $1"
_RUNS = """
SELECT run_id, workflow, status, started_at, ended_at, trigger, notebook, targets, estimate,
    paused_s
FROM runs_latest WHERE run_id IN ({runs})
"""
_NODES = """
SELECT run_id, node, n.name, kind, deps, over, model, max(s.state), min(s."at"), max(b.name),
    max(s.tasks), max(coalesce(s.error || ': ', '') || s.message)
FROM nodes n LEFT JOIN resolutions s USING (run_id, node)
LEFT JOIN (SELECT run_id, node AS because, name FROM nodes) b USING (run_id, because)
WHERE run_id IN ({runs}) GROUP BY ALL ORDER BY run_id, node
"""
_STATES = """
SELECT run_id, node, state, count(*), min(started_at), max(ended_at),
    arg_max(coalesce(error || ': ', '') || coalesce(message, ''), task) FILTER (state IN ('failed', 'retrying'))
FROM tasks_latest WHERE run_id IN ({runs}) GROUP BY ALL
"""
_REASONS = """
SELECT run_id, n.name, reason, count(*)
FROM tasks t JOIN nodes n USING (run_id, node) WHERE run_id IN ({runs}) GROUP BY ALL
"""
_SAVED = """
SELECT s.run_id, n.name, sum(s.saved_usd), bool_or(s.saved_usd IS NULL), sum(s.saved_s), bool_or(s.saved_s IS NULL)
FROM resolutions s JOIN nodes n USING (run_id, node)
WHERE run_id IN ({runs}) AND EXISTS (
    FROM tasks t WHERE t.run_id = s.run_id AND t.node = s.node AND t.state = 'cached'
) GROUP BY ALL
"""
_SPENT = """
SELECT
    run_id, node, count(*), sum(input_tokens), sum(output_tokens), count(*) FILTER (input_tokens IS NULL),
    count(*) FILTER (output_tokens IS NULL), sum(billed_usd), count(*) FILTER (billed_usd IS NULL),
    count(*) FILTER (usage_source = 'estimated' OR cost_source = 'estimated'), count(*) FILTER (unanswered),
    sum(worst_usd) FILTER (unanswered), count(*) FILTER (unanswered AND worst_usd IS NULL), sum(wasted_usd)
FROM calls_latest WHERE run_id IN ({runs}) AND state <> 'started' AND NOT served GROUP BY ALL
"""
_TIMES = "SELECT node, epoch(started_at), epoch(ended_at), work_s, paused_s FROM node_times WHERE run_id IN ({runs})"
_SERVED = """
SELECT run_id, node, count(*), sum(saved_usd), bool_or(saved_usd IS NULL)
FROM calls_latest WHERE run_id IN ({runs}) AND state = 'ended' AND served GROUP BY ALL
"""
_SAMPLED = """
SELECT s.run_id, n.name, s.sample_of, s.sample_seed FROM resolutions s JOIN nodes n USING (run_id, node)
WHERE run_id IN ({runs}) AND s.sample_of IS NOT NULL
"""
_ATTEMPTS = """
SELECT node, item, attempt, state, queued_at, started_at, ended_at,
    CASE WHEN state = 'failed' THEN coalesce(error || ': ', '') || coalesce(message, '') END, count(*) OVER ()
FROM attempts_latest WHERE run_id IN ({runs})
ORDER BY ended_at IS NOT NULL, ended_at - started_at DESC, started_at, task LIMIT $limit
"""
_CALLS = """
SELECT node, item, attempt, call_id, request_model, response_model, started_at, ended_at, input_tokens, output_tokens,
    cache_read_input_tokens, reasoning_output_tokens, usage_source, billed_usd,
    cost_source, verdict, round, served,
    CASE WHEN state = 'lost' THEN 'its process ended first' ELSE coalesce(error || ': ', '') || message END,
    unanswered, worst_usd
FROM calls_latest WHERE run_id IN ({runs}) AND state <> 'started' ORDER BY started_at, seq
"""
_DECISIONS = """
SELECT guard, about, act, count(*), sum(waited_s), max(waited_s), min("at"), max("at"), arg_max(reason, "at")
FROM decisions WHERE run_id IN ({runs}) GROUP BY ALL ORDER BY min("at"), guard, about, act
"""


_SPENT_COLUMNS = (
    "calls", "input_tokens", "output_tokens", "no_input", "no_output", "cost_usd", "unpriced", "estimated",
    "unanswered", "unanswered_usd", "no_worst", "wasted_usd",
)  # fmt: skip


@dataclass(slots=True)
class _Books:
    """What is known of a node, or of a whole run, before it becomes a row."""

    tasks: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    started_at: float | None = None
    ended_at: float | None = None
    work_s: float | None = None
    paused_s: float = 0.0
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    no_input: int = 0
    no_output: int = 0
    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    estimated: int = 0
    unanswered: int = 0
    unanswered_usd: Decimal = Decimal(0)
    no_worst: int = 0
    wasted_usd: Decimal = Decimal(0)
    saved_usd: Decimal | None = Decimal(0)
    saved_s: float | None = 0.0
    error: str | None = None
    served: int = 0
    sample: tuple[int | None, int | None] = (None, None)

    def spent(self) -> Spent:
        """The billed part."""
        return spent_of(self)

    def add_spent(self, columns: Sequence[Any]) -> None:
        calls, tokens_in, tokens_out, no_input, no_output, usd, unpriced, estimated, *rest = columns
        unanswered, worst_usd, no_worst, wasted = rest
        self.calls += calls
        self.input_tokens += tokens_in or 0
        self.output_tokens += tokens_out or 0
        self.no_input += no_input
        self.no_output += no_output
        self.cost_usd += usd or 0
        self.unpriced += unpriced
        self.estimated += estimated
        self.unanswered += unanswered
        self.unanswered_usd += worst_usd or 0
        self.no_worst += no_worst
        self.wasted_usd += wasted or 0

    def add_saved(self, columns: Sequence[Any]) -> None:
        usd, usd_unknown, seconds, seconds_unknown = columns
        self.saved_usd = None if usd_unknown or self.saved_usd is None else self.saved_usd + usd
        self.saved_s = None if seconds_unknown or self.saved_s is None else self.saved_s + seconds


Place = tuple[str, str]
Account = dict[Place, _Books]


def runs(cursor: DuckDBPyConnection, limit: int = 50) -> list[RunRow]:
    """The newest runs first, with their totals."""
    run_ids = [row[0] for row in cursor.execute(_NEWEST, [limit]).fetchall()]
    books, nodes = _accounts(cursor, run_ids)
    rows = {row.run_id: row for row in _run_rows(cursor, run_ids, books, nodes)}
    return [rows[run_id] for run_id in run_ids]


def report(cursor: DuckDBPyConnection, run_id: str | None = None, attempts: int = ATTEMPTS) -> RunReport | None:
    """Everything the views of a run (None: the newest) are drawn from; None when there is no such run.

    Of more than `attempts` attempts the running and the slowest are given, in the order in which they started.
    """
    if run_id is None:
        newest = cursor.execute(_NEWEST, [1]).fetchall()
        if not newest:
            return None
        run_id = newest[0][0]
    books, nodes = _accounts(cursor, [run_id])
    for name, start, end, work_s, paused_s in _ask(cursor, _TIMES, [run_id]):
        book = books[run_id, name]
        book.started_at, book.ended_at, book.work_s, book.paused_s = start, end, work_s, paused_s
    for _, name, *sample in _ask(cursor, _SAMPLED, [run_id]):
        books[run_id, name].sample = tuple(sample)
    rows = _run_rows(cursor, [run_id], books, nodes)
    if not rows:
        return None
    shown, cut = _attempts(cursor, run_id, attempts)
    calls = tuple(_call_row(row) for row in _ask(cursor, _CALLS, [run_id]))
    decisions = tuple(_decision(row) for row in _ask(cursor, _DECISIONS, [run_id]))
    return RunReport(rows[0], _node_rows(books, nodes), shown, calls, cut, decisions, plain_cells(cursor, run_id))


def _ask(cursor: DuckDBPyConnection, query: str, run_ids: Iterable[str], **more: Any) -> list[Any]:
    """Rows of some runs. Their ids stand in the query as constants, so that DuckDB filters before it joins."""
    names = {f"run{i}": run_id for i, run_id in enumerate(run_ids)}
    if not names:
        return []
    return cursor.execute(query.replace("{runs}", ", ".join(f"${name}" for name in names)), names | more).fetchall()


def _accounts(cursor: DuckDBPyConnection, run_ids: list[str]) -> tuple[Account, list[Any]]:
    """Books by run and node, and the rows of the nodes in their order."""
    books: Account = defaultdict(_Books)
    nodes = _ask(cursor, _NODES, run_ids)
    for run_id, _, name, *_, state, at, because, tasks, error in nodes:
        if not tasks:  # not resolved, or resolved to an empty map
            _add_state(books[run_id, name], state, at, because, error)
    _add_tasks(cursor, run_ids, books)
    for run_id, name, *columns in _ask(cursor, _SPENT, run_ids):
        books[run_id, name].add_spent(columns)
    for run_id, name, *columns in _ask(cursor, _SAVED, run_ids):
        books[run_id, name].add_saved(columns)
    for run_id, name, served, usd, unknown in _ask(cursor, _SERVED, run_ids):
        books[run_id, name].served = served
        books[run_id, name].add_saved((usd, unknown, 0.0, False))
    return books, nodes


def _add_state(book: _Books, state: str | None, at: datetime | None, because: str | None, error: str | None) -> None:
    """A node without tasks counts as one."""
    book.tasks["success" if state == "resolved" else state or "pending"] += 1
    book.error = error
    book.ended_at = _seconds(at)
    if state == "skipped":
        book.reasons["upstream_failed"] += 1
        book.error = f"needs {because!r}, which did not succeed"


def _add_tasks(cursor: DuckDBPyConnection, run_ids: list[str], books: Account) -> None:
    for run_id, name, state, count, start, end, error in _ask(cursor, _STATES, run_ids):
        book = books[run_id, name]
        book.error = error or book.error
        book.tasks[state] += count
        book.started_at = _extreme(min, book.started_at, _seconds(start))
        book.ended_at = _extreme(max, book.ended_at, _seconds(end))
    for run_id, name, reason, count in _ask(cursor, _REASONS, run_ids):
        books[run_id, name].reasons[reason] += count


def _run_rows(cursor: DuckDBPyConnection, run_ids: list[str], books: Account, nodes: list[Any]) -> list[RunRow]:
    totals: dict[str, _Books] = defaultdict(_Books)
    for run_id, _, name, kind, *_ in nodes:
        total, book = totals[run_id], books[run_id, name]
        if kind != "input":
            total.tasks.update(book.tasks)
        total.add_spent([getattr(book, column) for column in _SPENT_COLUMNS])
        total.add_saved((book.saved_usd, book.saved_usd is None, book.saved_s, book.saved_s is None))
    return [_run_row(row, totals[row[0]]) for row in _ask(cursor, _RUNS, run_ids)]


def _run_row(row: Sequence[Any], total: _Books) -> RunRow:
    run_id, workflow, status, started_at, ended_at, trigger, notebook, targets, estimate, paused_s = row
    return RunRow(
        run_id=run_id,
        workflow=workflow,
        status=status,
        started_at=_seconds(started_at) or 0.0,
        ended_at=_seconds(ended_at),
        tasks=dict(total.tasks),
        spent=total.spent(),
        saved_usd=total.saved_usd,
        saved_s=total.saved_s,
        wasted_usd=total.wasted_usd,
        trigger=trigger,
        notebook=notebook,
        targets=tuple(targets),
        estimate=wire.decoder(Estimate)(orjson.loads(estimate)) if estimate else None,
        paused_s=paused_s,
    )


def _node_rows(books: Account, nodes: list[Any]) -> tuple[NodeRow, ...]:
    names = {position: name for _, position, name, *_ in nodes}
    made = []
    for run_id, _, name, kind, deps, over, model, *_ in nodes:
        book = books[run_id, name]
        made.append(
            NodeRow(
                name=name,
                kind=kind,
                deps=tuple(names[dep] for dep in deps),
                mapped=over is not None,
                tasks=dict(book.tasks),
                reasons=dict(book.reasons),
                started_at=book.started_at,
                ended_at=book.ended_at,
                work_s=book.work_s,
                paused_s=book.paused_s,
                spent=book.spent(),
                saved_usd=book.saved_usd,
                saved_s=book.saved_s,
                model=model,
                error=book.error,
                over=None if over is None else names[over],
                served=book.served,
                wasted_usd=book.wasted_usd,
                sample_of=book.sample[0],
                sample_seed=book.sample[1],
            )
        )
    return tuple(made)


def _attempts(cursor: DuckDBPyConnection, run_id: str, limit: int) -> tuple[tuple[AttemptRow, ...], int]:
    found = _ask(cursor, _ATTEMPTS, [run_id], limit=limit)
    rows = [
        AttemptRow(node, item, attempt, state, _seconds(queued), _seconds(start) or 0.0, _seconds(end), error)
        for node, item, attempt, state, queued, start, end, error, _ in found
    ]
    rows.sort(key=lambda row: row.started_at)
    return tuple(rows), (found[0][-1] - len(found) if found else 0)


def _decision(row: Sequence[Any]) -> DecisionRow:
    guard, about, act, times, waited_s, longest_s, first_at, last_at, reason = row
    since, until = _seconds(first_at) or 0.0, _seconds(last_at) or 0.0
    return DecisionRow(guard, about, act, times, waited_s, longest_s, since, until, reason)


def _call_row(row: Sequence[Any]) -> CallRow:
    node, item, attempt, call_id, asked, answered, start, end, *rest = row
    return CallRow(node, item, attempt, call_id, asked, answered, _seconds(start) or 0.0, _seconds(end), *rest)


def _seconds(at: datetime | None) -> float | None:
    """Unix seconds of a TIMESTAMP, which is UTC."""
    return None if at is None else at.replace(tzinfo=UTC).timestamp()


def _extreme(choose: Any, one: float | None, other: float | None) -> float | None:
    return choose(one, other) if one is not None and other is not None else (other if one is None else one)
