"""Promises of `views/history.py`.

A row a run, newest first; oldest left in pictures.
"""

from __future__ import annotations

from decimal import Decimal

from tests.views import rows
from wfkit.core.result import Spent
from wfkit.views.history import History

RUNS = (
    rows.run(run_id="new", spent=Spent(2, 10, 1, Decimal("0.30")), saved_usd=Decimal("0.50"), tasks={"cached": 7}),
    rows.run(run_id="mid", status="interrupted", ended_at=None, spent=Spent(1, None, None, None, 1)),
    rows.run(run_id="old", status="failed", spent=Spent(2, 10, 1, Decimal("0.10")), tasks={"failed": 1}),
)


def test_the_newest_run_stands_first_and_right() -> None:
    """Tables begin with the newest run, pictures end with it."""
    view = History(RUNS)
    lines = view.text().split("\n")
    assert [line.split()[1] for line in lines[2:]] == ["new", "mid", "old"]
    cost = view.figure()["data"][0]
    assert cost["y"] == [0.10, None, 0.30]
    assert cost["marker"]["color"][0] == "#C44601"


def test_a_notebook_shows_the_table() -> None:
    """Ids and counts are read; the chart is asked for."""
    assert sorted(History(RUNS)._repr_mimebundle_()) == ["text/html", "text/plain"]


def test_sums_leave_out_what_is_unknown_and_say_so() -> None:
    """A run of unknown cost makes the sum `≥`."""
    assert History(RUNS).text().startswith("3 runs, 1 of them a success: ≥$0.40 billed; the cache saved $0.50.")


def test_data_has_times_and_counts() -> None:
    """Start as UTC time, tasks by outcome, unknown seconds of a run without end."""
    data = History(RUNS).data()
    assert data["started_at"].dt.year.tolist() == [2026] * 3
    assert data["cached"].tolist() == [7, 0, 0]
    assert data["seconds"].isna().tolist() == [False, True, False]


def test_an_empty_store() -> None:
    """No runs is a sentence."""
    view = History(())
    assert view.text() == "This store holds no run yet."
    assert view.text() in view.html()
    assert list(view.data().columns)[:3] == ["run_id", "workflow", "status"]


def test_a_cut_is_told() -> None:
    """100 runs are listed."""
    assert "100 of 120 runs shown." in History(RUNS * 40).html()
