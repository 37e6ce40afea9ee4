"""Promises of `views/history.py`.

A row a run, newest first; oldest left in pictures.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.views import rows
from wfkit.core.report import CellsRow
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


CELLS = CellsRow(Spent(3, 30, 3, Decimal("0.20")), 1, Decimal("0.05"), last_at=rows.T)


def test_plain_cells_have_a_row_of_their_own() -> None:
    """What they asked stands below the runs, is told besides, and with the runs makes the sum of all calls."""
    view = History(RUNS, CELLS)
    data = view.data()
    assert data["workflow"].tolist()[-1] == "plain cells"
    assert (data["run_id"].tolist()[-1], data["calls"].tolist()[-1]) == ("", 3)
    assert data["cost_usd"].sum() == pytest.approx(0.60)
    said = "in no run: $0.20 billed for 3 model calls; the call log saved $0.0500. Together with these runs:"
    for text in (view.text(), view.html(), str(view.figure())):
        assert f"{said} ≥$0.60." in " ".join(text.replace("<br>", " ").split())
    assert view.text().split("\n")[5].split()[0] == "cells"
    alone = History((), CELLS)
    assert "This store holds no run yet." in alone.text()
    assert "$0.20" in alone.text()
    assert "$0.20" in alone.html()
    assert alone.figure()["data"]
