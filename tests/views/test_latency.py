"""Promises of `views/latency.py`.

True percentiles, no p99 of a handful, only quartiles in the figure.
"""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.views import rows
from wfkit.core.report import RunReport
from wfkit.views.latency import Latency, quantile, spread, spreads


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=50))
def test_quantiles_are_those_of_the_standard_library(values: list[float]) -> None:
    """Interpolated as `statistics.quantiles(method="inclusive")` and DuckDB do."""
    q1, q2, q3 = statistics.quantiles(values, n=4, method="inclusive")
    found = [quantile(sorted(values), share) for share in (0.25, 0.5, 0.75)]
    assert found == pytest.approx([q1, q2, q3])


def test_few_values_are_points_without_p99() -> None:
    """Below 20 values the points themselves are shown and no p99 is claimed."""
    few, many = spread("node", "a", [1.0] * 19), spread("node", "a", [1.0] * 20)
    assert (few.p99, len(few.points)) == (None, 19)
    assert (many.p99, many.points) == (1.0, ())


def test_whiskers_leave_outliers_out() -> None:
    """The farthest value within 1.5 boxes ends a whisker; the maximum is told beside it."""
    found = spread("node", "a", [*range(1, 21), 500])
    assert found.high == 20
    assert found.most == 500


def test_the_figure_holds_quartiles_only() -> None:
    """5,000 attempts travel as one box."""
    attempts = tuple(rows.attempt("m", 0, 1 + at / 1000, at) for at in range(5000))
    figure = Latency(RunReport(rows.run(), (rows.node("m", mapped=True),), attempts)).figure()
    box = figure["data"][0]
    assert box["median"] == pytest.approx([3.4995])
    assert len(str(figure)) < 5000


def test_running_and_served_do_not_count() -> None:
    """What has not ended has no latency, and the call log's answers are not a model's."""
    calls = (rows.call("a", 0, 1), rows.call("a", 0, 9, served=True), rows.call("a", 0, 9, ended_at=None))
    report = RunReport(rows.run(), (), (rows.attempt("a", 0, 2), rows.attempt("a", 0, None)), calls)
    assert [(one.what, one.name, one.n, one.most) for one in spreads(report)] == [
        ("node", "a", 1, 2),
        ("model", "m/one", 1, 1),
    ]


def test_slowest_first_and_said() -> None:
    """The order is by p95, and the sentence names the slowest node."""
    report = RunReport(rows.run(), (), (rows.attempt("quick", 0, 1), rows.attempt("slow", 0, 3)))
    assert [one.name for one in spreads(report)] == ["slow", "quick"]
    assert Latency(report).text().startswith("Slowest is slow: p50 3.0 s, p95 3.0 s over 1 attempt.")


def test_no_time_at_all_can_be_drawn() -> None:
    """A logarithmic axis has no 0: an attempt of no length stands at its left end."""
    view = Latency(RunReport(rows.run(), (), (rows.attempt("a", 1, 1),)))
    assert view.figure()["data"][1]["x"] == [1e-5]
    assert "0 s" in view.text()
