"""Reports: what the database says of a run is what the run itself knows, to the last billionth of a dollar."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.database.stories import START, Story, labels, placed, random_run
from wfkit.core.ledger import Account
from wfkit.core.report import RunReport
from wfkit.core.terms import RunState, TaskState
from wfkit.engine.snapshot import snapshot
from wfkit.store.database import fold, opening, reports


def report_of(cursor: duckdb.DuckDBPyConnection, *stories: Story) -> RunReport:
    for number, story in enumerate(stories):
        fold.fold(cursor, placed(story.entries, f"j{number}"))
    report = reports.report(cursor, stories[0].run_id)
    assert report is not None
    return report


def test_totals_of_a_run(cursor: duckdb.DuckDBPyConnection) -> None:
    """Billed, saved and wasted are told apart; what the log served costs nothing; a missing price is counted."""
    run = report_of(cursor, labels(), labels("other")).run
    assert (run.status, run.trigger, run.targets, run.started_at) == ("partial", "test", ("last",), START)
    assert run.tasks == {"success": 4, "cached": 1, "failed": 1, "skipped": 1}
    assert (run.spent.calls, run.spent.unpriced) == (5, 2)  # one without a price, one that ran out of time
    assert run.spent.cost_usd == Decimal("0.009")
    assert run.wasted_usd == Decimal("0.006")  # an invalid answer, and the call of an attempt that failed
    assert (run.saved_usd, run.saved_s) == (Decimal("0.504"), 2.0)  # a cached item, and a reply that was served


def test_rows_of_nodes(cursor: duckdb.DuckDBPyConnection) -> None:
    """A node has its dependencies by name, counts by state and reason, and the error that a user must see."""
    nodes = {node.name: node for node in report_of(cursor, labels()).nodes}
    label = nodes["label"]
    assert (label.kind, label.deps, label.mapped, label.model) == ("prompt", ("reviews",), True, "openai/m")
    assert label.tasks == {"success": 2, "cached": 1}
    assert label.reasons == {"never_run": 2, "cached": 1}
    assert nodes["broken"].error == "KeyError: 'x'"
    assert nodes["last"].tasks == {"skipped": 1}
    assert nodes["last"].error == "needs 'broken', which did not succeed"
    assert nodes["table"].work_s == 0.25
    assert nodes["table"].started_at is not None


def test_rows_of_attempts_and_calls(cursor: duckdb.DuckDBPyConnection) -> None:
    """Each attempt has its item and when it could have started; each call its attempt, and a served one no cost."""
    report = report_of(cursor, labels())
    second = next(row for row in report.attempts if row.attempt == 2)
    assert (second.node, second.item, second.state) == ("label", 1, "success")
    first = next(row for row in report.attempts if (row.node, row.item, row.attempt) == ("label", 1, 1))
    assert (first.state, first.error) == ("failed", "TimeoutError: no answer within 2 s")
    assert second.queued_at == pytest.approx(first.ended_at + 1)
    served = [row for row in report.calls if row.served]
    assert [(row.call_id, row.cost_usd, row.attempt) for row in served] == [("call-b0", Decimal(0), 2)]
    billed = sum(row.cost_usd for row in report.calls if row.cost_usd is not None)
    assert billed == report.run.spent.cost_usd


def test_only_the_slowest_attempts(cursor: duckdb.DuckDBPyConnection) -> None:
    """A report stays small: of many attempts the slowest are shown, and how many are not."""
    fold.fold(cursor, placed(labels().entries))
    whole, cut = reports.report(cursor, "r1"), reports.report(cursor, "r1", attempts=2)
    assert whole is not None
    assert cut is not None
    assert whole.cut_attempts == 0
    assert cut.cut_attempts == len(whole.attempts) - 2
    slowest = sorted((row.ended_at or 0) - row.started_at for row in whole.attempts)[-2:]
    assert sorted((row.ended_at or 0) - row.started_at for row in cut.attempts) == slowest


def test_newest_runs_first(cursor: duckdb.DuckDBPyConnection) -> None:
    """The list of runs is newest first, cut at the limit, and its totals are those of the reports."""
    stories = [labels(f"r{i}", START + 1000 * i) for i in range(4)]
    report_of(cursor, *stories)
    rows = reports.runs(cursor, 3)
    assert [row.run_id for row in rows] == ["r3", "r2", "r1"]
    for row in rows:
        report = reports.report(cursor, row.run_id)
        assert report is not None
        assert report.run == row
    newest = reports.report(cursor)
    assert newest is not None
    assert newest.run.run_id == "r3"


def test_nothing_there(cursor: duckdb.DuckDBPyConnection) -> None:
    """An empty store has no runs, and an unknown run no report."""
    assert reports.runs(cursor) == []
    assert reports.report(cursor) is None
    assert reports.report(cursor, "nope") is None


def states_of(story: Story, node: int) -> dict[str, int]:
    """The tasks of a node by state, as the run itself knows them; a node without tasks counts as one."""
    run = story.run
    counts = Counter(run.state[task] for task in run.tasks(node)) or Counter([run.node_state[node]])
    if run.status not in (RunState.RUNNING, RunState.WAITING_REVIEW) and counts[TaskState.RUNNING]:
        counts[TaskState.CANCELLED] += counts.pop(TaskState.RUNNING)
    ended = run.status not in (RunState.RUNNING, RunState.WAITING_REVIEW, RunState.INTERRUPTED, RunState.CANCELLED)
    if ended and run.specs[node].over is not None:  # of a map that stopped, what never began
        idle = sum(run.state[task] is TaskState.QUEUED and not run.attempt[task] for task in run.tasks(node))
        counts[TaskState.CANCELLED] += idle
        counts[TaskState.QUEUED] -= idle
    return {str(state): count for state, count in counts.items() if count}


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_agrees_with_the_run(seed: int) -> None:
    """Whatever happens in a run, states, money and tokens in a report are those of `core.run` and its ledger."""
    story = random_run(seed)
    connection = opening.connect(None)
    opening.create_tables(connection)
    try:
        report = report_of(connection, story)
        for position, row in enumerate(report.nodes):
            account = story.run.ledger.accounts.get(position, Account())
            assert row.tasks == states_of(story, position)
            assert row.spent == account.spent()
            assert (row.saved_usd, row.saved_s) == (account.saved_usd, account.saved_s)
        live = snapshot(story.run).run
        assert report.run.spent == live.spent
        assert [row.wasted_usd for row in report.nodes] == [row.wasted_usd for row in snapshot(story.run).nodes]
        assert (report.run.saved_usd, report.run.saved_s) == (live.saved_usd, live.saved_s)
        wasted = sum((account.wasted_usd for account in story.run.ledger.accounts.values()), Decimal(0))
        assert report.run.wasted_usd == wasted
        assert report.run.status == story.run.status
    finally:
        connection.close()
