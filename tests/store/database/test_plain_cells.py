"""Promises of the sums of plain cells: those of their calls, of all processes or of the one of a run."""

from __future__ import annotations

import time
from decimal import Decimal

import duckdb

from tests.store.database.stories import START, TIMEOUT, call, labels, placed
from wfkit.core import events as e
from wfkit.core.call import CallRecord
from wfkit.core.events import Entry
from wfkit.core.terms import Verdict
from wfkit.store.database import fold, reports
from wfkit.store.database.plain_cells import plain_cells


def asked(*calls: CallRecord, served: bool = False) -> list[Entry]:
    """The log of questions of plain cells."""
    return [Entry("", 1, 0, e.CallEnded(0, 0, each, START, served=served)) for each in calls]


def test_sums_of_a_process_and_of_all(cursor: duckdb.DuckDBPyConnection) -> None:
    """A run is told what was asked in its own process, the store what was asked in all of them; what the call log
    served cost nothing and saved its price; none of it is of the run."""
    lost = call("t", reply=None, failure=TIMEOUT, worst_usd=Decimal("0.5"))
    mine = [
        *asked(call("c1", "0.25"), call("c2", "0.125", Verdict.INVALID), lost),
        *asked(call("c1", "0.25"), served=True),
    ]
    fold.fold(cursor, placed(labels().entries))
    fold.fold(cursor, placed(mine, start=100_000))
    fold.fold(cursor, placed(asked(call("other", None)), "j2"))
    report = reports.report(cursor, "r1")
    assert report is not None
    assert report.run.spent.calls == 5
    here, everywhere = plain_cells(cursor, "r1"), plain_cells(cursor)
    assert report.cells == here
    assert here is not None
    assert everywhere is not None
    assert (here.spent.calls, here.spent.cost_usd, here.spent.unpriced) == (3, Decimal("0.375"), 1)
    assert (here.spent.unanswered, here.spent.unanswered_usd) == (1, Decimal("0.5"))
    assert (here.served, here.saved_usd, here.wasted_usd) == (1, Decimal("0.25"), Decimal("0.125"))
    assert (here.spent.input_tokens, here.cached_tokens) == (20, 4)
    assert (everywhere.spent.calls, everywhere.spent.unpriced) == (4, 2)


def test_a_question_whose_process_is_gone(cursor: duckdb.DuckDBPyConnection) -> None:
    """A request of which nobody has told anything for an hour may be billed; one of this minute is under way."""
    for name, at in (("old", START), ("new", time.time())):
        started = e.CallStarted(0, 0, name, "d" * 32, "openai/m", at, Decimal("0.25"))
        fold.fold(cursor, placed([Entry("", 1, 0, started)], name))
    cells = plain_cells(cursor)
    assert cells is not None
    assert (cells.spent.calls, cells.spent.cost_usd, cells.spent.unanswered) == (1, None, 1)
    assert cells.spent.unanswered_usd == Decimal("0.25")
    listed = cursor.execute("SELECT call_id, why FROM possibly_billed").fetchall()
    assert listed == [("old", "its process ended first")]


def test_nobody_asked(cursor: duckdb.DuckDBPyConnection) -> None:
    """Without such questions there is nothing to tell."""
    fold.fold(cursor, placed(labels().entries))
    assert plain_cells(cursor) is plain_cells(cursor, "r1") is None
