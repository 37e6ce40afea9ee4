"""What the next plan must know of tasks that ended without a result that serves: they failed, or what they made could
not be kept, or it is gone.

Only events are made here. Which reason follows from them is decided in `core.plan`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence

from wfkit.core.events import Failed, NotKept
from wfkit.core.run import Run
from wfkit.core.secrets import beginning
from wfkit.core.terms import Reason

_TOLD = 500  # characters of an error that a plan repeats


def given_up(run: Run, event: Failed) -> list[NotKept]:
    """The task of a failure has no further attempt. Asked before the failure is applied."""
    key = run.key[event.task]
    if event.retry_at is not None or key is None or run.running.get(event.task) != event.attempt:
        return []
    text = beginning(f"{event.failure.error}: {event.failure.message}", _TOLD, os.environ)
    return [_event(run, run.node_of[event.task], (key,), (Reason.FAILED_BEFORE, text), event.at)]


def unkeepable(run: Run, problems: Mapping[str, tuple[int, str]]) -> list[NotKept]:
    """Values that could not be digested, stored or trusted: `problems` gives the node and what was wrong by key."""
    keys: dict[tuple[int, str], list[str]] = {}
    for key, place in problems.items():
        keys.setdefault(place, []).append(key)
    now = time.time()
    return [_event(run, node, found, (Reason.UNCACHEABLE, text), now) for (node, text), found in keys.items()]


def lost(run: Run, node: int, keys: Sequence[str], now: float) -> NotKept:
    """The values of these tasks are not in the store any more."""
    return _event(run, node, keys, (Reason.VALUE_MISSING, "its value was missing or damaged in the store"), now)


def drifted(run: Run, node: int, keys: Sequence[str], paths: str, now: float) -> NotKept:
    """What these tasks were made from changed meanwhile."""
    text = f"{paths} changed while run {run.started.run_id[:8]} went on"
    return _event(run, node, keys, (Reason.UNCACHEABLE, text), now)


def _event(run: Run, node: int, keys: Sequence[str], why: tuple[Reason, str], at: float) -> NotKept:
    spec = run.specs[node]
    return NotKept(spec.name, spec.definition or "", tuple(keys), *why, at, run.started.run_id)
