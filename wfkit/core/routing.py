"""Where a failure leads: to another attempt, or to the end of the task.

Tables, no state: which kinds are tried again is said here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
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
_ANOTHER_MAY_DO = frozenset(
    {
        FailureKind.TRANSIENT,
        FailureKind.RATE_LIMITED,
        FailureKind.TIMEOUT,
        FailureKind.QUOTA,
        FailureKind.UNAVAILABLE,
        FailureKind.EMPTY,
        FailureKind.REFUSED,
        FailureKind.TRUNCATED,
        FailureKind.INVALID_OUTPUT,
        FailureKind.LOW_CONFIDENCE,
    }
)
ROUTED = _ANOTHER_MAY_DO | {FailureKind.INVALID_REQUEST}  # what a mapping of fallbacks may name
DEFAULT_ROUTE = "default"
_NOT_HERE = frozenset({401, 403, 404, 413})  # a request that is wrong for this model only
_RATE_LIMIT_BASE_S = 1.0


def place(spec: NodeSpec, failures: Sequence[Failure]) -> tuple[int, int] | None:
    """What the next attempt of a task asks, after these failures of it: which model (0: the first, 1: the first of
    `fallback`, ...) and how many failures that model has had. None: there is no next attempt.

    First the retries on a model, then the next model. Where the failure's kind says which, no model comes twice.
    """
    asked, count = [0], 0
    for failure in failures:
        count += 1
        if count <= spec.retry.retries and failure.kind in _RETRIED[spec.kind]:
            continue
        following = _next_model(spec, failure, asked)
        if following is None:
            return None
        asked.append(following)
        count = 0
    return asked[-1], count


def is_last(spec: NodeSpec, failures: Sequence[Failure]) -> bool:
    """Whether no other model would be asked if the one that is asked now were left alone."""
    alone = Failure(FailureKind.UNAVAILABLE, "", "")
    rest = [alone] * (spec.retry.retries + 1 - (place(spec, failures) or (0, 0))[1])
    return place(spec, [*failures, *rest]) is None


def _next_model(spec: NodeSpec, failure: Failure, asked: Sequence[int]) -> int | None:
    if not spec.routes:
        return asked[-1] + 1 if asked[-1] < spec.fallbacks and _another_may_do(failure) else None
    routes = dict(spec.routes)
    named = routes.get(failure.kind)
    if named is None:
        named = routes.get(DEFAULT_ROUTE, ()) if _another_may_do(failure) else ()
    return next((model for model in named if model not in asked), None)


def retry_at(spec: NodeSpec, failures: Sequence[Failure], now: float, dice: float) -> float | None:
    """Unix time of the next attempt of a task with these failures, the newest last, or None when it is final."""
    found = place(spec, failures)
    if found is None:
        return None
    if found[1] == 0:  # another model need not wait for this one
        return now
    policy, newest = spec.retry, failures[-1]
    if newest.kind is FailureKind.RATE_LIMITED:
        policy = replace(policy, base_s=max(policy.base_s, _RATE_LIMIT_BASE_S))
    return now + wait_s(policy, found[1], dice, newest.retry_after_s)


def _another_may_do(failure: Failure) -> bool:
    return failure.kind in _ANOTHER_MAY_DO or failure.status in _NOT_HERE
