"""Promises of `views/timeline.py` and `views/spans.py`.

When things ran, what they waited for, what is left out.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.views import rows
from wfkit.core.report import RunReport
from wfkit.views import spans
from wfkit.views.timeline import Timeline


def chain() -> RunReport:
    """`a` then `b` then `c`; `x` ran aside; between `a` and `b` nobody ran for 2 seconds; 3 of `b`'s 5 seconds were
    calls.
    """
    nodes = (
        rows.node("a", started_at=rows.T, ended_at=rows.T + 1),
        rows.node("x", started_at=rows.T, ended_at=rows.T + 0.5),
        rows.node("b", "a", "x", started_at=rows.T + 3, ended_at=rows.T + 8),
        rows.node("c", "b", started_at=rows.T + 8, ended_at=rows.T + 10),
    )
    attempts = tuple(rows.attempt(*at) for at in (("a", 0, 1), ("x", 0, 0.5), ("b", 3, 8), ("c", 8, 10)))
    calls = (rows.call("b", 4, 6), rows.call("b", 5, 7), rows.call("b", 3, 8, served=True))
    return RunReport(rows.run(ended_at=rows.T + 10), nodes, attempts, calls)


def test_critical_path_is_stated() -> None:
    """The chain that had to be waited for, its length, and what it was spent on; overlapping calls count once."""
    path = spans.critical_path(chain())
    assert path is not None
    assert path.nodes == ("a", "b", "c")
    assert (path.length_s, path.busy_s, path.model_s) == pytest.approx((10, 8, 3))
    said = "Critical path 10.0 s = a › b › c; 30 % in model calls, 20 % waiting."
    view = Timeline(chain())
    assert said in view.html()
    assert said in view.text()
    assert said in view.figure()["layout"]["title"]["text"]


def test_waits_and_attempts_are_bars() -> None:
    """Each attempt is a bar, and the wait before it another, hatched; a running one ends now."""
    waits, runs = Timeline(rows.busy(), rows.T + 30).figure()["data"]
    assert waits["marker"]["pattern"]["shape"] == "/"
    assert len(runs["x"]) == len(rows.busy().attempts)
    retry = runs["base"].index(14.0)
    assert runs["x"][retry] == pytest.approx(16)
    assert 12.5 in waits["base"]


def test_items_are_packed_into_lanes() -> None:
    """Attempts that share a moment never share a lane, while lanes last."""
    (row,) = spans.times(RunReport(rows.run(), (rows.node("m", mapped=True),), tuple(
        rows.attempt("m", at, at + 2.5, at) for at in range(8)
    ))).rows  # fmt: skip
    assert row.lanes == 3
    for lane in range(row.lanes):
        inside = [span for span in row.spans if span.lane == lane]
        assert all(one.end <= other.start for one, other in pairwise(inside))


def test_each_twin_says_how_waiting_looks() -> None:
    """Hatched in a picture, dots in text."""
    view = Timeline(rows.busy(), rows.T + 30)
    assert "Hatched: waiting" in view.html()
    assert "Dots: waiting" in view.text()
    assert "Hatched" not in view.text()


def test_cuts_are_told() -> None:
    """Of 5,000 attempts of a node the slowest are drawn, and the caption says so, counting what the store cut too."""
    attempts = tuple(rows.attempt("m", at / 100, at / 100 + 1 + at / 1000, at) for at in range(5000))
    view = Timeline(RunReport(rows.run(), (rows.node("m", mapped=True),), attempts, (), 100))
    assert len(view.figure()["data"][1]["x"]) == 800
    assert "800 of 5,100 attempts shown; the slowest of each node." in view.html()
    assert len(view.data()) == 5000
    assert len(view.html()) < 300_000


def test_only_the_longest_nodes_are_drawn() -> None:
    """Of 70 nodes the 50 that took longest, in order of begin."""
    nodes = tuple(rows.node(f"n{at}") for at in range(70))
    attempts = tuple(rows.attempt(f"n{at}", at, at + 1 + at) for at in range(70))
    found = spans.times(RunReport(rows.run(), nodes, attempts))
    assert [row.node.name for row in found.rows] == [f"n{at}" for at in range(20, 70)]
    assert found.nodes == 70


def test_text_is_a_chart_of_blocks() -> None:
    """A line a node over the length of the run, with its working time."""
    line = next(line for line in Timeline(chain()).text().split("\n") if line.startswith("✓ b"))
    assert line.index("█") / 80 == pytest.approx(0.3, abs=0.05)
    assert line.endswith("5.0 s")


def test_nothing_ran() -> None:
    """A run that found everything in the cache says so."""
    assert "made no attempt" in Timeline(rows.empty()).text()
    assert "made no attempt" in Timeline(rows.empty()).html()


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=8))
def test_union_counts_every_moment_once(pairs: list[tuple[int, int]]) -> None:
    """The seconds covered are those that at least one interval covers."""
    intervals = [(float(min(pair)), float(max(pair))) for pair in pairs]
    covered = {second for start, stop in intervals for second in range(int(start), int(stop))}
    assert spans.union_s(intervals) == len(covered)
