"""Promises of `core/estimate.py`: what is not known stays unknown, and a forecast follows from what was."""

from __future__ import annotations

import pytest

from wfkit.core.estimate import NOTHING, UNKNOWN, Sample, Span, Work, foretell, lasting, refusal, total


def test_an_unknown_part_makes_the_sum_unknown() -> None:
    """Only the low end adds up what is known."""
    assert total([Span(1, 2, 3), UNKNOWN]) == Span(1, None, None)
    assert total([]) == NOTHING


def test_no_past_is_unknown_and_not_zero() -> None:
    """Without a past task nothing is foretold; nothing to do takes nothing."""
    assert foretell(Sample(), 3) == UNKNOWN
    assert foretell(Sample(), 0) == NOTHING


def test_one_past_task_says_little() -> None:
    """Half to twice as much."""
    assert foretell(Sample(1, 2.0, 0.0, 2.0, 2.0), 3) == Span(3.0, 6.0, 12.0)


def test_many_past_tasks_narrow_the_span() -> None:
    """The sum of many tasks spreads less than each of them, and never beyond what the percentiles allow."""
    wide = foretell(Sample(100, 1.0, 0.5, 0.2, 2.0), 1)
    narrow = foretell(Sample(100, 1.0, 0.5, 0.2, 2.0), 100)
    assert (wide.low, wide.high) == (pytest.approx(0.2), 2.0)
    assert narrow.expected == 100
    assert 80 < narrow.low < 100 < (narrow.high or 0) < 120


def test_time_is_the_longest_chain_or_the_busiest_pool() -> None:
    """Tasks share the seats of their pool; what waits for another starts after it."""
    one, eight = (1, 1, 1), (8, 8, 8)
    chain = {0: Work(one, (1.0, 2.0, 4.0), "a", 8), 1: Work((0, 1, 1), (3.0, 3.0, 3.0), "a", 8, (0,))}
    assert lasting(chain) == Span(1.0, 5.0, 7.0)
    second = (1.0, 1.0, 1.0)
    assert lasting({0: Work(eight, second, "a", 4), 1: Work(eight, second, "a", 4)}) == Span(4.0, 4.0, 4.0)
    assert lasting({0: Work((3, 3, 3), second, "a", 2)}) == Span(2.0, 2.0, 2.0)


def test_time_passes_through_what_takes_none() -> None:
    """A node without tasks ends when the nodes above it do."""
    one, second = (1, 1, 1), (1.0, 1.0, 1.0)
    works = {0: Work(one, second, "a", 8), 1: Work((0, 0, 0), second, "a", 8, (0,)), 2: Work(one, second, "a", 8, (1,))}
    assert lasting(works) == Span(2.0, 2.0, 2.0)


def test_time_is_unknown_where_something_is() -> None:
    """Of what does not run nobody asks how long it takes."""
    one, second = (1, 1, 1), (1.0, 1.0, 1.0)
    assert lasting({0: Work(one, (0.0, None, None), "a", 1)}) == UNKNOWN
    assert lasting({0: Work((0, None, None), second, "a", 1)}) == UNKNOWN
    assert lasting({0: Work((0, 0, 0), (0.0, None, None), "a", 1)}) == NOTHING
    assert lasting({0: Work(one, (2.0, 2.0, None), "a", 1)}) == Span(2.0, 2.0, None)


def test_a_limit_refuses_what_may_be_more_and_what_nobody_knows() -> None:
    """The high end counts; an unknown one is refused with what has no price."""
    assert refusal(Span(0, 1, 2), 2.0, ()) is None
    assert "up to $2.00, which is more than $1.00" in (refusal(Span(0, 1, 2), 1.0, ()) or "")
    assert "up to $0.001, which is more than $0.00001" in (refusal(Span(0, 0, 0.001), 0.00001, ()) or "")
    assert "odd: no list price" in (refusal(Span(0, 1, None), 1.0, ("odd: no list price",)) or "")
