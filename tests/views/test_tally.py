"""Promises of `views/tally.py`.

The words for counts, money and outcomes; unknown is never zero.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.views import rows
from wfkit.core.result import Spent
from wfkit.core.terms import RunState
from wfkit.views import tally


@pytest.mark.parametrize(
    ("spent", "shown"),
    [
        (Spent(), "$0"),
        (Spent(1, 1, 1, Decimal("0.0042")), "$0.0042"),
        (Spent(3, 1, 1, Decimal("0.0042"), unpriced=1), "≥$0.0042"),
        (Spent(3, 1, 1, Decimal("0.0042"), estimated=1), "~$0.0042"),
        (Spent(3, 1, 1, None, unpriced=3), "?"),
    ],
)
def test_cost(spent: Spent, shown: str) -> None:
    """How sure the money is shows before it."""
    assert tally.cost(spent) == shown


@pytest.mark.parametrize(
    ("tasks", "reasons", "shown"),
    [
        ({"pending": 1}, {}, ""),
        ({"success": 1}, {}, "0"),
        ({"success": 1}, {"never_run": 1}, "1"),
        ({"success": 3, "running": 2}, {"never_run": 5}, "3/5"),
        ({"success": 3, "cancelled": 2}, {"never_run": 5}, "3/5"),
    ],
)
def test_items_are_counted_when_known(tasks: dict[str, int], reasons: dict[str, int], shown: str) -> None:
    """Nothing before the items are known, 0 for an empty list, and what was cancelled is not done."""
    assert tally.counter(rows.node("a", tasks=tasks, reasons=reasons, mapped=True)) == shown


@pytest.mark.parametrize(
    ("usd", "s", "shown"),
    [
        (Decimal(0), 0.0, ""),
        (Decimal("1.84"), 372.0, "$1.84 and 6 m 12 s of work"),
        (None, 3.0, "3.0 s of work"),
        (None, None, "?"),
        (Decimal(0), 3.0, "3.0 s of work"),
        (Decimal(0), 0.0001, ""),
    ],
)
def test_saved(usd: Decimal | None, s: float | None, shown: str) -> None:
    """What is known of a saving; nothing saved is nothing said, nor is a tenth of a millisecond."""
    assert tally.saved(usd, s) == shown


@pytest.mark.parametrize("status", RunState)
def test_every_outcome_is_said(status: RunState) -> None:
    """No status shows its underscore."""
    assert "_" not in tally.said(status)


def test_sentence() -> None:
    """Outcome, nodes, tasks, time and money, in this order."""
    assert tally.sentence(rows.busy(), rows.T + 20) == (
        "Run 0192f0c4 is running: 4 of 8 nodes done (183 done, 4,621 cached, 12 failed, 8 running) in 20.0 s. "
        "≥$0.0412 billed for 250 model calls (52 unpriced, 3 estimated); the cache saved $1.84 and 6 m 12 s of work; "
        "$0.0011 went into failed attempts."
    )


def test_a_sum_of_unknown_parts_is_unknown() -> None:
    """Known parts are added; of unknown parts only, nothing is known."""
    known, unknown = Spent(1, 10, 1, Decimal(1)), Spent(2, None, None, None, 2)
    assert tally.spent_sum([known, unknown]) == Spent(3, 10, 1, Decimal(1), 2)
    assert tally.spent_sum([unknown]) == Spent(2, None, None, None, 2)
    assert tally.spent_sum([]) == Spent()


def test_counters() -> None:
    """A mapped node counts its items; one that is not mapped has no counter."""
    assert tally.counter(rows.busy().nodes[2]) == "4,812/5,000"
    assert tally.counter(rows.node("m", mapped=True, tasks={"success": 5000})) == "5,000"
    assert tally.counter(rows.node("a")) == ""
