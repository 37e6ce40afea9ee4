"""Where failures lead: which kinds are tried again, how often and when."""

from __future__ import annotations

import pytest

from wfkit.core.call import Failure
from wfkit.core.events import NodeSpec
from wfkit.core.policy import RetryPolicy
from wfkit.core.routing import place, retry_at
from wfkit.core.terms import FailureKind, NodeKind

PYTHON = NodeSpec("a", NodeKind.PYTHON, retry=RetryPolicy(2))
PROMPT = NodeSpec("a", NodeKind.PROMPT, retry=RetryPolicy(2))


def failed(kind: FailureKind, retry_after_s: float | None = None) -> Failure:
    return Failure(kind, "E", "no", retry_after_s=retry_after_s)


@pytest.mark.parametrize("kind", FailureKind)
def test_which_kinds_are_tried_again(kind: FailureKind) -> None:
    """Only what may pass by itself is tried again; an exception only in Python, an empty answer or a model that is
    left alone only in a prompt."""
    passing = {FailureKind.TRANSIENT, FailureKind.RATE_LIMITED, FailureKind.TIMEOUT}
    assert (retry_at(PYTHON, [failed(kind)], 0, 0.5) is not None) == (kind in passing | {FailureKind.EXCEPTION})
    assert (retry_at(PROMPT, [failed(kind)], 0, 0.5) is not None) == (
        kind in passing | {FailureKind.EMPTY, FailureKind.UNAVAILABLE}
    )
    assert retry_at(NodeSpec("a", NodeKind.INPUT, retry=RetryPolicy(2)), [failed(kind)], 0, 0.5) is None


@pytest.mark.parametrize(("failures", "again"), [(1, True), (2, True), (3, False)])
def test_retries_are_counted_by_failures(failures: int, again: bool) -> None:
    """Two retries allow two failures more than none; the third is final."""
    assert (retry_at(PYTHON, [failed(FailureKind.EXCEPTION)] * failures, 0.0, 0.5) is not None) == again


def test_when() -> None:
    """The due time is now and the wait: half a second at most at first, a whole one after a rate limit."""
    assert retry_at(PROMPT, [failed(FailureKind.TRANSIENT)], 100.0, 0.5) == 100.25
    assert retry_at(PROMPT, [failed(FailureKind.RATE_LIMITED)], 100.0, 0.5) == 100.5
    assert retry_at(PROMPT, [failed(FailureKind.RATE_LIMITED, 45.0)], 100.0, 0.5) == 145.0


def test_models_in_turn() -> None:
    """First the retries on a model, then at once the next one with its own retries; what no model can do is final."""
    spec = NodeSpec("a", NodeKind.PROMPT, retry=RetryPolicy(1), fallbacks=1)
    down, empty = failed(FailureKind.TRANSIENT), failed(FailureKind.QUOTA)
    assert place(spec, []) == (0, 0)
    assert place(spec, [down]) == (0, 1)
    assert place(spec, [down, down]) == (1, 0)
    assert retry_at(spec, [down, down], 100.0, 0.5) == 100.0
    assert place(spec, [empty, down]) == (1, 1)
    assert place(spec, [empty, down, down]) is None
    assert place(spec, [failed(FailureKind.INVALID_REQUEST)]) is None
    assert place(spec, [failed(FailureKind.BUDGET)]) is None
    assert place(spec, [Failure(FailureKind.INVALID_REQUEST, "NotFoundError", "no", 404)]) == (1, 0)
