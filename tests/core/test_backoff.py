"""Waits before retries: the formula, its limits, and dice that a replay throws again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wfkit.core.backoff import roll, wait_s
from wfkit.core.policy import RetryPolicy

DICE = st.floats(0, 1, exclude_max=True, allow_nan=False)
POLICIES = st.builds(
    RetryPolicy,
    retries=st.integers(0, 100),
    base_s=st.floats(0.01, 60, allow_nan=False),
    max_delay_s=st.floats(0.01, 600, allow_nan=False),
)


@given(POLICIES, st.integers(1, 5000), DICE)
def test_within_the_ceiling(policy: RetryPolicy, failures: int, dice: float) -> None:
    """A wait is never negative and never above min(max_delay, base * 2**n), however many failures there were."""
    wait = wait_s(policy, failures, dice)
    assert 0 <= wait <= policy.max_delay_s
    if failures == 1:
        assert wait <= policy.base_s


@given(POLICIES, st.integers(1, 50), DICE, st.floats(0, 10_000, allow_nan=False))
def test_retry_after_holds(policy: RetryPolicy, failures: int, dice: float, retry_after_s: float) -> None:
    """A provider's Retry-After is a lower bound, even above the largest delay."""
    assert wait_s(policy, failures, dice, retry_after_s) == max(retry_after_s, wait_s(policy, failures, dice))


def test_the_ceiling_doubles() -> None:
    """0.5 s, 1 s, 2 s, ... 16 s, then 30 s for good."""
    ceilings = [wait_s(RetryPolicy(9), n, 1.0) for n in range(1, 10)]
    assert ceilings == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


@given(st.integers(0, 2**64 - 1), st.integers(0, 10**6), st.integers(1, 100))
def test_dice_are_a_function(seed: int, task: int, attempt: int) -> None:
    """The same seed, task and attempt always throw the same number in [0, 1)."""
    assert 0 <= roll(seed, task, attempt) < 1
    assert roll(seed, task, attempt) == roll(seed, task, attempt)


def test_dice_spread() -> None:
    """Neighbouring tasks and attempts do not retry together: their rolls fill [0, 1) evenly."""
    for rolls in ([roll(7, task, 1) for task in range(10_000)], [roll(7, 3, attempt) for attempt in range(10_000)]):
        counts = [0] * 10
        for number in rolls:
            counts[int(number * 10)] += 1
        assert max(counts) < 1150
        assert min(counts) > 850
        assert len(set(rolls)) == len(rolls)
