"""How long an attempt may take: its own timeout, its task's deadline, the run's. And whether another one is worth to
begin.

Pure: times are Unix seconds that somebody else has read.
"""

from __future__ import annotations

from dataclasses import replace

from wfkit.core.call import Failure
from wfkit.core.events import Failed
from wfkit.core.frozen import dataclass
from wfkit.core.run import Run
from wfkit.core.terms import FailureKind


@dataclass(frozen=True, slots=True)
class Limit:
    """When an attempt is given up (Unix seconds), whose limit that is, and after how many seconds."""

    at: float
    name: str
    seconds: float

    def failure(self) -> Failure:
        """The failure of an attempt that passed it."""
        return Failure(FailureKind.TIMEOUT, "TimeoutError", f"no result within {self.seconds:g} s ({self.name})")


def limit_of(run: Run, task: int, now: float) -> Limit | None:
    """The nearest limit of an attempt of this task that begins now; None: it may take for ever."""
    timeout_s = run.specs[run.node_of[task]].timeout_s
    own = () if timeout_s is None else (Limit(now + timeout_s, "option timeout", timeout_s),)
    return min((*own, *_deadlines(run, task, now)), key=lambda limit: limit.at, default=None)


def end_of(run: Run) -> Limit | None:
    """The deadline of the run: no attempt passes it, whatever it waits for."""
    return None if run.deadline_at is None else _of_run(run, run.deadline_at)


def overdue(run: Run) -> Failure:
    """The failure of what is under way when the run's deadline passes."""
    return _of_run(run, run.deadline_at or 0.0).failure()


def in_time(run: Run, event: Failed) -> Failed:
    """The failure with its next attempt, or without it where that could not end before a deadline; then it says so."""
    end = min(_deadlines(run, event.task, event.at), key=lambda limit: limit.at, default=None)
    return before(end, event, run.quickest.get(run.node_of[event.task], 0.0))


def before(end: Limit | None, event: Failed, quickest: float = 0.0) -> Failed:
    """The same for one limit of what takes so many seconds at least."""
    if event.retry_at is None:
        return event
    if end is not None and event.failure.kind is FailureKind.TIMEOUT and event.at >= end.at:
        return replace(event, retry_at=None)
    if end is None or event.retry_at + quickest < end.at:
        return event
    took = f" and take {_plain(quickest)} s or more" if quickest else ""
    left = max(0.0, end.at - event.at)
    again = f"the next attempt would begin in {_plain(event.retry_at - event.at)} s{took}"
    message = f"{event.failure.message}; not tried again: {again}, and {end.name} leaves {_plain(left)} s"
    failure = replace(event.failure, message=message)
    return replace(event, failure=failure, retry_at=None)


def _plain(seconds: float) -> str:
    """Three digits, and never a power of ten."""
    return f"{seconds:.3g}" if seconds < 999.5 else f"{seconds:.0f}"


def _deadlines(run: Run, task: int, now: float) -> tuple[Limit, ...]:
    deadline_s = run.specs[run.node_of[task]].deadline_s
    found: list[Limit] = []
    if deadline_s is not None:
        found.append(Limit(run.began.get(task, now) + deadline_s, "option deadline", deadline_s))
    if run.deadline_at is not None:
        found.append(_of_run(run, run.deadline_at))
    return tuple(found)


def _of_run(run: Run, at: float) -> Limit:
    return Limit(at, "deadline of the run", run.deadline_s or 0.0)
