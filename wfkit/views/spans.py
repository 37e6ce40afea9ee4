"""Times of a run as the timeline draws them: bars in lanes, what is left out, and the critical path.

Arithmetic only: seconds since the start of the run. Nothing is drawn here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from wfkit.core.report import AttemptRow, NodeRow, RunReport

_ROWS: Final = 50
_BARS: Final = 800
_LANES: Final = 12


@dataclass(frozen=True, slots=True)
class Span:
    """One attempt: `wait` to `start` it queued (or waited for its retry), `start` to `end` it ran; the wait is drawn
    from `seen`. Seconds since the run began.
    """

    node: str
    item: int | None
    attempt: int
    state: str
    wait: float
    start: float
    end: float
    lane: int
    seen: float
    error: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """A node of the timeline: its bars, packed into lanes that share no moment. `whole` counts its attempts, drawn or
    not.
    """

    node: NodeRow
    spans: tuple[Span, ...]
    lanes: int
    whole: int


@dataclass(frozen=True, slots=True)
class Times:
    """`rows` in order of begin; `length` is the seconds drawn; `nodes` and `attempts` count all there are."""

    rows: tuple[Row, ...]
    length: float
    nodes: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Path:
    """The critical path: each node is the one that the next had to wait for. `busy_s` is when one of them ran,
    `model_s` when a call was out.
    """

    nodes: tuple[str, ...]
    length_s: float
    busy_s: float
    model_s: float


def times(report: RunReport, now: float | None = None) -> Times:
    """The bars to draw. Running attempts end at `now`, else at the last moment known. At most 50 nodes (those that
    took longest) and 800 bars (the slowest of each node).
    """
    origin = report.run.started_at
    by_node: dict[str, list[AttemptRow]] = {}
    for attempt in report.attempts:
        by_node.setdefault(attempt.node, []).append(attempt)
    worked = [row for row in report.nodes if row.name in by_node]
    end = _last_moment(report, now)
    longest = sorted(worked, key=lambda row: -_reach(by_node[row.name], end))[:_ROWS]
    kept = {row.name for row in longest}
    share = max(12, _BARS // max(1, len(kept)))
    rows = [_row(row, by_node[row.name], (origin, end), share) for row in worked if row.name in kept]
    rows.sort(key=lambda row: min(span.start for span in row.spans))
    return Times(tuple(rows), max(0.001, end - origin), len(worked), len(report.attempts) + report.cut_attempts)


def _last_moment(report: RunReport, now: float | None) -> float:
    known = [attempt.ended_at or attempt.started_at for attempt in report.attempts]
    ends = [
        moment for moment in (report.run.ended_at, now if report.run.ended_at is None else None) if moment is not None
    ]
    return max([report.run.started_at, *known, *ends])


def _reach(attempts: Sequence[AttemptRow], end: float) -> float:
    return max(attempt.ended_at or end for attempt in attempts) - min(attempt.started_at for attempt in attempts)


def _row(node: NodeRow, attempts: list[AttemptRow], bounds: tuple[float, float], share: int) -> Row:
    origin, end = bounds
    slowest = sorted(attempts, key=lambda attempt: attempt.started_at - (attempt.ended_at or end))[:share]
    spans: list[Span] = []
    free: list[float] = []  # when each lane is free again
    for attempt in sorted(slowest, key=lambda attempt: (attempt.started_at, attempt.item or 0, attempt.attempt)):
        start = max(0.0, attempt.started_at - origin)
        stop = max(start, (attempt.ended_at if attempt.ended_at is not None else end) - origin)
        wait = start if attempt.queued_at is None else min(start, max(0.0, attempt.queued_at - origin))
        lane = next((at for at, until in enumerate(free) if until <= start + 1e-9), len(free))
        lane = min(lane, _LANES - 1)
        # Waiting is drawn where the lane is free: a thousand items that queue at once would cover all that runs.
        seen = max(wait, min(start, free[lane] if lane < len(free) else 0.0))
        free[lane : lane + 1] = [stop]
        spans.append(
            Span(node.name, attempt.item, attempt.attempt, attempt.state, wait, start, stop, lane, seen, attempt.error)
        )
    return Row(node, tuple(spans), len(free), len(attempts))


def critical_path(report: RunReport) -> Path | None:
    """From the node that ended last back through the input that ended last, as far as attempts were made; None
    without any.
    """
    worked = {attempt.node for attempt in report.attempts}
    nodes = {
        row.name: row
        for row in report.nodes
        if row.name in worked and row.started_at is not None and row.ended_at is not None
    }
    if not nodes:
        return None
    at = max(nodes.values(), key=_ended)
    chain = [at]
    while before := [nodes[dep] for dep in at.deps if dep in nodes]:
        at = max(before, key=_ended)
        chain.append(at)
    chain.reverse()
    names = {row.name for row in chain}
    busy = [(a.started_at, a.ended_at) for a in report.attempts if a.node in names and a.ended_at is not None]
    calls = [
        (c.started_at, c.ended_at) for c in report.calls if c.node in names and c.ended_at is not None and not c.served
    ]
    length = max(0.0, _ended(chain[-1]) - min(row.started_at or 0.0 for row in chain))
    return Path(tuple(row.name for row in chain), length, min(length, union_s(busy)), min(length, union_s(calls)))


def _ended(row: NodeRow) -> float:
    return row.ended_at or 0.0


def union_s(intervals: Iterable[tuple[float, float | None]]) -> float:
    """Seconds covered by at least one of the intervals."""
    covered, until = 0.0, float("-inf")
    for start, stop in sorted((start, stop) for start, stop in intervals if stop is not None):
        covered += max(0.0, stop - max(start, until))
        until = max(until, stop)
    return covered
