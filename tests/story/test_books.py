"""The books: whatever happens to calls, one set of figures at call, attempt, task, node and run, in every view."""

from __future__ import annotations

import signal
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wfkit.public
from tests.engine.lab import Lab, run
from tests.store.database.stories import Story, placed, random_run
from tests.story.processes import finish, start
from wfkit import Workflow
from wfkit.core.report import RunReport
from wfkit.engine.snapshot import snapshot
from wfkit.llm.fake import Say, Script
from wfkit.store.database import fold, opening, reports, sql
from wfkit.views import numbers, tally
from wfkit.views.cost import Cost
from wfkit.views.dag import Dag
from wfkit.views.history import History
from wfkit.views.page import page
from wfkit.views.progress import Progress

_BILL = "sum(billed_usd), count(*), count(*) FILTER (billed_usd IS NULL), sum(wasted_usd)"


def summed(cursor: duckdb.DuckDBPyConnection, by: str) -> tuple[Decimal, int, int, Decimal]:
    """Billed, calls, unpriced and wasted of all calls that were sent: summed in groups first, then over them."""
    query = f"SELECT {_BILL} FROM calls_latest WHERE state <> 'started' AND NOT served GROUP BY {by}"
    rows = cursor.execute(query).fetchall()
    usd, calls, unpriced, wasted = ([row[i] or 0 for row in rows] for i in range(4))
    return sum(usd, Decimal(0)), sum(calls), sum(unpriced), sum(wasted, Decimal(0))


def agree(cursor: duckdb.DuckDBPyConnection, story: Story, report: RunReport) -> None:
    """All that tells of money in this run tells the same, to the last billionth of a dollar."""
    run, live = report.run, snapshot(story.run)
    spent = run.spent
    assert spent == live.run.spent == tally.spent_sum(row.spent for row in report.nodes)
    assert run.wasted_usd == live.run.wasted_usd == sum((row.wasted_usd or 0 for row in report.nodes), Decimal(0))
    expected = (spent.cost_usd or Decimal(0), spent.calls, spent.unpriced, run.wasted_usd)
    for by in ("call_id", "node, task, attempt", "node, task", "node", "run_id"):
        assert summed(cursor, by) == expected, by
    rows = [row for row in report.calls if not row.served]
    assert sum((row.cost_usd or 0 for row in rows), Decimal(0)) == expected[0]
    assert sum(row.cost_usd is None for row in rows) == spent.unpriced
    listed = cursor.execute("SELECT count(*), sum(worst_usd), count(worst_usd) FROM possibly_billed").fetchall()[0]
    assert listed[0] == spent.unanswered == sum(row.unanswered for row in report.calls)
    assert spent.unanswered_usd == (None if listed[2] < listed[0] else listed[1] or 0)
    costs = cursor.execute("SELECT sum(cost_usd), sum(calls), sum(unpriced), sum(wasted_usd) FROM costs").fetchall()
    assert [each or 0 for each in costs[0]] == list(expected)
    tables = "(SELECT saved_usd FROM calls_latest UNION ALL SELECT saved_usd FROM resolutions)"
    usd, unknown = cursor.execute(f"SELECT sum(saved_usd), count(*) - count(saved_usd) FROM {tables}").fetchall()[0]
    saved = None if unknown else usd or Decimal(0)
    assert saved == run.saved_usd == live.run.saved_usd
    each = [row.saved_usd for row in report.nodes]
    assert saved == (None if None in each else sum((usd for usd in each if usd is not None), Decimal(0)))


def shown(report: RunReport) -> None:
    """Each view shows these very figures; what is not known is marked in all of them."""
    run = report.run
    bill = tally.cost(run.spent)
    if run.spent.unpriced:
        assert bill[0] in "≥>?"
    else:
        assert bill != numbers.UNKNOWN
    for view in (Cost(report), Dag(report), Progress(report), History((run,))):
        text = view.text() + view.html()
        assert bill in text if run.spent.calls else True
        assert tally.possibly(run.spent).split(" may ")[0] in text or isinstance(view, Progress)
    frame = Cost(report).data()
    for column, usd in (("cost_usd", run.spent.cost_usd), ("wasted_usd", run.wasted_usd)):
        known = [Decimal(str(each)) for each in frame[column].dropna()]
        assert sum(known, Decimal(0)) == (usd or 0), column
    assert frame["unanswered"].sum() == run.spent.unanswered
    assert Dag(report).data()["calls"].sum() == run.spent.calls
    assert bill in page(report)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100_000))
def test_one_set_of_figures(seed: int) -> None:
    """Answered, refused, served, lost and late calls, retries and adoptions in any order: sums agree everywhere."""
    story = random_run(seed)
    with opening.connect(None) as connection:
        opening.create_tables(connection)
        fold.fold(connection, placed(story.entries))
        report = reports.report(connection, story.run_id)
        assert report is not None
        agree(connection, story, report)
        shown(report)
        assert reports.runs(connection)[0] == report.run
        totals = sql.select(connection, "SELECT sum(calls) AS calls, sum(unanswered) AS unanswered FROM costs")
        assert list(totals.fillna(0).iloc[0]) == [report.run.spent.calls, report.run.spent.unanswered]


KILLED = """
import os, signal, sys
from wfkit import Workflow, prompt
from wfkit.core.call import Reply
import wfkit.llm.client as client
async def ask(request, *_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
client.ask = ask
workflow = Workflow("killed", store=sys.argv[1], namespace={})
workflow.add(prompt("told", "Say {{ word }}", model="openai/gpt-4o-mini", max_tokens=100))
workflow.run("told", inputs={"word": "hello"})
"""


def test_a_killed_run_that_nobody_takes_up(tmp_path: Path) -> None:
    """After a kill -9 in a call another run begins: the old one is told as interrupted, and its request is listed with
    node, model, time and the most it may cost."""
    store = str(tmp_path / ".wfkit")
    finish(start(tmp_path, KILLED, store, OPENAI_API_KEY="none"), -signal.SIGKILL)
    workflow = Workflow("other", store=store, namespace={})
    workflow.node(other)
    assert workflow.run("other").status == "success"
    assert [row.status for row in workflow.store.runs()] == ["success", "interrupted"]
    listed = workflow.sql("SELECT node, model, why, worst_usd, started_at FROM possibly_billed").iloc[0]
    told = workflow.history().text()
    workflow.close()
    assert (listed["node"], listed["model"], listed["why"]) == ("told", "openai/gpt-4o-mini", "its process ended first")
    assert 0 < listed["worst_usd"] < 0.001
    assert "1 call without a reply may be billed too" in " ".join(told.split())


def other() -> int:
    return 1


def test_questions_of_plain_cells_are_in_the_books(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `ask` cost in cells that are no node stands in `history` and `show cost`: with the runs it is the sum of all
    calls, and dag, progress and report go on to tell of the run alone."""
    workflow = lab.cells({"told --model fake/m": "Hello"})
    monkeypatch.setattr(wfkit.public, "_current", [workflow])
    prices = ("0.1", "0.0000002", "0.03")
    with Script([Say(f"no {n}", cost_usd=Decimal(usd)) for n, usd in enumerate(prices)], name="m"):
        outcome = run(workflow)
        for text in ("One?", "Two?", "One?"):
            wfkit.ask(text, model="fake/m").result()
    bill = "SELECT sum(billed_usd), count(*) FILTER (NOT served), sum(saved_usd) FROM calls_latest"
    usd, calls, saved = workflow.store.sql(f"SELECT a::VARCHAR, b, c::VARCHAR FROM ({bill}) AS t(a, b, c)").iloc[0]
    assert (Decimal(usd), calls, Decimal(saved)) == (Decimal("0.1300002"), 3, Decimal("0.0000002"))
    for view in (workflow.history(), workflow.show("cost")):
        data = view.data()
        assert data["cost_usd"].sum() == float(usd)
        assert data["calls"].sum() == calls
        assert data["saved_usd"].sum() == float(saved)
        assert "cells" in view.text().split("Plain cells")[0]
        assert "plain cells" in view.html()
    assert outcome.report.run.spent.cost_usd == Decimal("0.1")
    stored = workflow.store.report(outcome.run_id)
    assert stored is not None
    assert (stored.run.spent, stored.run.saved_usd) == (outcome.report.run.spent, 0)
    for view in (Dag(stored), Progress(stored)):
        assert "$0.10" in view.text()
        assert "$0.13" not in view.text()


def test_every_question_can_be_read(lab: Lab) -> None:
    """`lineage` and `log` tell each question of a node with text, tokens and price; of very many how many more."""
    answers = [Say(f"reply {n}", cost_usd=Decimal("0.001")) for n in range(57)]
    body = "for n in range(COUNT):\n    await wfkit.ask(f'number {n}', model=M)\nCOUNT"
    with Script(answers, name="asked"):
        workflow = lab.cells({"told": body}, {"wfkit": wfkit, "M": "fake/asked", "COUNT": 57})
        run(workflow)
    lineage, log = workflow.show("lineage", "told"), workflow.log("told").text()
    assert "with 57 questions for $0.0570" in lineage.text()
    assert "user: number 4\n    → reply 4" in lineage.text()
    assert "and 52 more questions" in lineage.text()
    assert "and 37 more questions" in lineage.html()
    assert "fake/asked: answered (9 in, 2 out, $0.001): number 49 → reply 49" in log
    assert "reply 50" not in log
    assert "and 7 more: all calls are in the table calls_latest" in log
