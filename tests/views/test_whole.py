"""Promises of `views/whole.py`: what a sample took becomes what all items would take, and unknown stays unknown."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.views import rows
from wfkit.core.report import NodeRow
from wfkit.core.result import Spent
from wfkit.views.whole import Taken, Whole, whole

NUMBERS = rows.node("numbers", kind="input")


def mapped(name: str, over: str, items: int = 20, **more: object) -> NodeRow:
    """A map that took 10 s for `items` items, two at a time, and a cent an item."""
    spent = Spent(items, 100, 100, Decimal(items) / 100)
    row = rows.node(name, over, kind="prompt", mapped=True, over=over, tasks={"success": items}, run_s=20.0,
                    started_at=rows.T, ended_at=rows.T + 10, spent=spent)  # fmt: skip
    return replace(row, **more)


def found(*nodes: NodeRow) -> Whole:
    made = whole((NUMBERS, *nodes))
    assert made is not None
    return made


def test_in_proportion() -> None:
    """Money by the item; seconds by the item, divided by how many were at work at once."""
    made = found(mapped("told", "numbers", sample_of=1000))
    assert made.samples == (Taken("told", 20, 1000),)
    assert (made.usd, made.run_s) == (pytest.approx(10.0), pytest.approx(500.0))
    assert (made.asks, made.measured) == (True, True)


def test_no_sample_is_none() -> None:
    """A run that took all items has nothing to extrapolate."""
    assert whole((NUMBERS, mapped("told", "numbers"))) is None
    assert whole(()) is None


def test_a_row_alone() -> None:
    """A row without those that it needs, as the lines of a notebook's run are made, is fine."""
    assert whole((rows.node("total", "told"),)) is None
    alone = whole((mapped("told", "numbers", sample_of=40),))
    assert alone is not None
    assert alone.usd == pytest.approx(0.4)


def test_a_hit_counts_as_it_was_paid() -> None:
    """What is cached took what it took when it was made."""
    half = {"success": 10, "cached": 10}
    spent = Spent(10, 50, 50, Decimal("0.1"))
    row = mapped("told", "numbers", tasks=half, spent=spent, saved_usd=Decimal("0.1"), saved_s=20.0, sample_of=40)
    made = found(row)
    assert (made.usd, made.run_s) == (pytest.approx(0.4), pytest.approx(40.0))


def test_while_it_runs() -> None:
    """What has ended is counted; before the first end nothing is foretold."""
    made = found(mapped("told", "numbers", tasks={"success": 5, "running": 5, "queued": 10}, sample_of=1000))
    assert made.usd == pytest.approx(0.2 / 5 * 1000)
    begun = found(mapped("told", "numbers", tasks={"queued": 20}, sample_of=1000))
    assert (begun.usd, begun.run_s, begun.measured) == (None, None, False)


@pytest.mark.parametrize(
    ("more", "usd", "run_s"),
    [
        ({"spent": Spent(20, None, None, None, 20, 0)}, None, 500.0),
        ({"spent": Spent(20, 1, 1, Decimal("0.1"), 3, 0)}, None, 500.0),
        ({"saved_usd": None}, None, 500.0),
        ({"spent": Spent(), "served": 20}, None, 500.0),
        ({"spent": Spent(10, 1, 1, Decimal("0.1")), "served": 10}, 10.0, 500.0),
        ({"work_s": None}, 10.0, None),
        ({"saved_s": None}, 10.0, None),
        ({"started_at": None}, 10.0, 1000.0),
        ({"ended_at": rows.T + 3600}, 10.0, 1000.0),
    ],
)
def test_what_is_not_known(more: dict[str, object], usd: float | None, run_s: float | None) -> None:
    """A price, a time that is not known makes the whole unknown; a reply from the call log counts like the paid ones;
    without a span, or with a pause in it, the items count one after the other."""
    made = found(mapped("told", "numbers", sample_of=1000, **more))
    assert made.usd == (usd if usd is None else pytest.approx(usd))
    assert made.run_s == (run_s if run_s is None else pytest.approx(run_s))


def test_maps_below_a_sample() -> None:
    """A map over a sampled map grows with it, one with a sample of its own by both; chains add up, branches do not."""
    made = found(
        mapped("told", "numbers", sample_of=100),
        mapped("more", "told"),
        mapped("other", "numbers", sample_of=100),
        rows.node("flat", "told"),
        mapped("signs", "flat", sample_of=40),
    )
    assert made.samples == (Taken("told", 20, 100),)
    assert made.taking["more"] == (pytest.approx(1.0), pytest.approx(50.0))
    assert made.taking["signs"] == (pytest.approx(2.0), pytest.approx(100.0))
    assert made.usd == pytest.approx(5.0)
    assert made.run_s == pytest.approx(150.0)
