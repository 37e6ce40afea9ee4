"""Where a failure leads: to another attempt, or to the end of the task.

Tables, no state: which kinds are tried again is said here and nowhere else.
"""

from __future__ import annotations

from dataclasses import replace

from wfkit.core.backoff import wait_s
from wfkit.core.call import Failure
from wfkit.core.events import NodeSpec
from wfkit.core.terms import FailureKind, NodeKind

_RETRIED = {
    NodeKind.PYTHON: frozenset(
        {FailureKind.EXCEPTION, FailureKind.TIMEOUT, FailureKind.TRANSIENT, FailureKind.RATE_LIMITED}
    ),
    NodeKind.PROMPT: frozenset(
        {
            FailureKind.TRANSIENT,
            FailureKind.RATE_LIMITED,
            FailureKind.TIMEOUT,
            FailureKind.EMPTY,
            FailureKind.UNAVAILABLE,
        }
    ),
    NodeKind.INPUT: frozenset(),
}
_RATE_LIMIT_BASE_S = 1.0


def retry_at(spec: NodeSpec, failure: Failure, failures: int, now: float, dice: float) -> float | None:
    """Unix time of the next attempt after failure number `failures` (from 1) of a task, or None when it is final."""
    if failures > spec.retry.retries or failure.kind not in _RETRIED[spec.kind]:
        return None
    policy = spec.retry
    if failure.kind is FailureKind.RATE_LIMITED:
        policy = replace(policy, base_s=max(policy.base_s, _RATE_LIMIT_BASE_S))
    return now + wait_s(policy, failures, dice, failure.retry_after_s)
