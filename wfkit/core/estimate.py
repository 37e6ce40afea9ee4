"""What a run will take: money, tokens and seconds as ranges, foretold from what past tasks took.

Pure arithmetic over samples. A part that is not known makes the sum unknown, never smaller; only `low` counts what is
known. What is asked of the past, and how a prompt is priced, is in `engine.estimating`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from wfkit.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """An amount that is foretold: at least `low`, probably `expected`, at most `high`. None is unknown; what is not
    known at all takes at least 0."""

    low: float = 0.0
    expected: float | None = 0.0
    high: float | None = 0.0

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, _sum(self.expected, other.expected), _sum(self.high, other.high))

    def times(self, factor: float) -> Span:
        """The span of so many of these."""
        return Span(self.low * factor, _product(self.expected, factor), _product(self.high, factor))


UNKNOWN = Span(0.0, None, None)
NOTHING = Span()


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run is expected to take: US dollars, tokens of input and output together, seconds from start to end,
    and requests to models (those that the call log answers are not counted)."""

    usd: Span = NOTHING
    tokens: Span = NOTHING
    run_s: Span = NOTHING
    calls: Span = NOTHING


@dataclass(frozen=True, slots=True)
class NodeEstimate:
    """What the tasks of one node are expected to take; `work_s` adds the seconds of its tasks, of which as many work at
    once as there are `seats`.

    `free` counts tasks whose questions the call log answers. `basis` says what it was foretold from, `gaps` what is
    not known and why, `time_gap` the same of its time. `task_s` are the seconds of one task (low, expected, high).
    """

    usd: Span = NOTHING
    tokens: Span = NOTHING
    work_s: Span = NOTHING
    calls: Span = NOTHING
    free: int = 0
    basis: str = ""
    gaps: tuple[str, ...] = ()
    time_gap: str = ""
    task_s: Cases = (0.0, 0.0, 0.0)
    seats: int = 1

    @property
    def run_s(self) -> Span:
        """Seconds from start to end, if the node has all seats for itself."""
        work, seats, (low, expected, high) = self.work_s, self.seats, self.task_s
        if seats == 1 or work is NOTHING:
            return work
        return Span(
            _at_once(work.low, low, seats) or 0.0,
            _at_once(work.expected, expected, seats),
            _at_once(work.high, high, seats),
        )


def _at_once(work_s: float | None, task_s: float | None, seats: int) -> float | None:
    """Work shared out to so many seats; it takes no less than one of its tasks."""
    return None if work_s is None else min(work_s, max(work_s / seats, task_s or 0.0))


IDLE = NodeEstimate()


@dataclass(frozen=True, slots=True)
class Sample:
    """An amount over past tasks: how many are known, their mean, deviation, and the 5th and 95th percentile."""

    count: int = 0
    mean: float = 0.0
    deviation: float = 0.0
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True, slots=True)
class Past:
    """What results of one definition of a node took, a task. `results` counts all, also those of unknown amounts."""

    node: str
    definition: str
    results: int
    newest_at: float
    run_s: Sample = Sample()
    usd: Sample = Sample()
    input_tokens: Sample = Sample()
    output_tokens: Sample = Sample()
    calls: Sample = Sample()


@dataclass(frozen=True, slots=True)
class MapSize:
    """How many items a map had in a run, all of them, and whose run that was."""

    items: int
    workflow: str
    notebook: str | None = None


Cases = tuple[float | None, float | None, float | None]  # low, expected, high


@dataclass(frozen=True, slots=True)
class Work:
    """The work of a node: how many tasks, seconds a task, how many run side by side in its pool, after which nodes."""

    tasks: Cases
    task_s: Cases
    pool: str
    seats: int
    after: tuple[int, ...] = ()


def foretell(sample: Sample, tasks: int) -> Span:
    """What so many tasks will take together, if they are like those of the sample.

    A prediction interval for a sum: mean ± 2 deviations of `tasks` values and of the mean itself, within what the 5th
    and 95th percentile allow. A single past task says little: half to twice as much.
    """
    if not tasks:
        return NOTHING
    if not sample.count:
        return UNKNOWN
    expected = tasks * sample.mean
    if sample.count == 1:
        return Span(expected / 2, expected, expected * 2)
    spread = 2 * sample.deviation * math.sqrt(tasks + tasks * tasks / sample.count)
    low = max(min(tasks * sample.low, expected), expected - spread)
    high = max(expected, min(tasks * sample.high, expected + spread) if sample.count >= 20 else expected + spread)
    return Span(low, expected, high)


def total(spans: Iterable[Span]) -> Span:
    """The sum of spans."""
    low: float = 0.0
    expected: float | None = 0.0
    high: float | None = 0.0
    for span in spans:
        if span is not NOTHING:
            low += span.low
            expected = _sum(expected, span.expected)
            high = _sum(high, span.high)
    return Span(low, expected, high)


def lasting(works: Mapping[int, Work]) -> Span:
    """Seconds from start to end, in order of the graph: the longest chain, or the busiest pool if that takes longer.
    Unknown when something is that takes time; `low` counts what is known."""
    return Span(_lasting(works, 0) or 0.0, _lasting(works, 1), _lasting(works, 2))


def _lasting(works: Mapping[int, Work], case: int) -> float | None:
    ends: dict[int, float] = {}
    load: dict[tuple[str, int], float] = {}
    for n, work in works.items():
        tasks, task_s, seats, end_s = work.tasks[case], work.task_s[case], work.seats, 0.0
        for dep in work.after:
            if dep in ends and ends[dep] > end_s:
                end_s = ends[dep]
        if tasks is None or (tasks and task_s is None):
            if case:
                return None
        elif tasks and task_s is not None:
            end_s += task_s if tasks <= seats else task_s * math.ceil(tasks / seats)
            place = (work.pool, seats)
            load[place] = load.get(place, 0.0) + task_s * tasks
        if end_s:
            ends[n] = end_s
    return max([0.0, *ends.values(), *(busy_s / seats for (_, seats), busy_s in load.items())])


def refusal(usd: Span, max_usd: float, gaps: Sequence[str]) -> str | None:
    """Why a run must not begin that may spend at most so much; None when it may. `gaps` say what has no price."""
    if usd.high is None:
        unpriced = "; ".join(gaps) or "its cost is not known"
        return f"the most that it may cost is not known, so it may be more than {_dollars(max_usd)}: {unpriced}"
    if usd.high > max_usd:
        return f"it may cost up to {_dollars(usd.high)}, which is more than {_dollars(max_usd)}"
    return None


def _dollars(amount: float) -> str:
    """An amount in a sentence, with as many places as it needs to differ from zero."""
    return f"${amount:,.2f}" if amount >= 1 or not amount else f"${amount:.9f}".rstrip("0").rstrip(".")


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _product(amount: float | None, factor: float) -> float | None:
    return None if amount is None else amount * factor
