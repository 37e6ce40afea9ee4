"""Folding: each entry once, all or nothing, and nothing of it lost on the way into the tables."""

from __future__ import annotations

import typing
from dataclasses import replace

import duckdb
import pytest

from tests.store.database.stories import START, Story, call, digest, labels, placed, result
from wfkit.core import events as e
from wfkit.core.apply import replay
from wfkit.core.events import Entry
from wfkit.core.result import Output, Read
from wfkit.core.terms import NodeKind
from wfkit.store.database import fold, lookups, reports, rows
from wfkit.views.tally import elapsed_s


def count(cursor: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(cursor.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def test_each_entry_once(cursor: duckdb.DuckDBPyConnection) -> None:
    """What was folded is left out when it comes again, alone or with news."""
    batch = placed(labels().entries)
    assert fold.fold(cursor, batch[:7]) == 7
    assert fold.fold(cursor, batch[:7]) == 0
    assert fold.fold(cursor, batch) == len(batch) - 7
    assert fold.watermarks(cursor) == {"j1": batch[-1][2]}
    assert count(cursor, "results") == 4


def test_all_or_nothing(cursor: duckdb.DuckDBPyConnection) -> None:
    """A batch with an entry that cannot be a row leaves no row and no watermark, and the next one goes in."""
    bad = Entry("r1", 1, 3, e.Forgotten("n", ("k",), at=1e300))
    batch = placed([*labels().entries, bad])
    with pytest.raises((duckdb.Error, OverflowError, TypeError)):
        fold.fold(cursor, batch)
    assert fold.watermarks(cursor) == {}
    assert count(cursor, "runs") == 0
    assert fold.fold(cursor, batch[:-1]) == len(batch) - 1


def test_order_of_journals_does_not_matter(cursor: duckdb.DuckDBPyConnection) -> None:
    """A run that two journals tell of reads the same whichever is folded first."""
    story = labels()
    first, second = placed(story.entries[:9], "a"), placed(story.entries[9:], "b")
    fold.fold(cursor, second)
    fold.fold(cursor, first)
    states = cursor.execute("SELECT state, count(*) FROM tasks_latest GROUP BY ALL ORDER BY ALL").fetchall()
    assert states == [("cached", 1), ("failed", 1), ("success", 4)]


def test_batches_do_not_part_a_line() -> None:
    """A long stream is cut into batches; entries of one line stay together, and none is lost."""
    many = tuple(str(i) for i in range(fold._BATCH_ROWS))
    entries = [Entry("", 0, i, e.Forgotten("n", ("k",), START)) for i in range(4)]
    wide = Entry("r", 0, 9, e.Resolved(0, many, many, many, START))
    stream = [("j", 0, 10, wide), ("j", 0, 10, entries[0]), ("j", 10, 20, entries[1]), ("k", 0, 5, entries[2])]
    assert [len(batch) for batch in fold.batches(stream)] == [2, 2]


def test_spans() -> None:
    """Consecutive tasks are told as one range, in their order."""
    assert list(rows.spans((3, 4, 5, 9, 1, 2))) == [range(3, 6), range(9, 10), range(1, 3)]
    assert list(rows.spans(())) == []


def test_every_event_has_rows() -> None:
    """An event that the journals can hold cannot be unknown to the tables."""
    assert set(rows._MAKERS) == set(typing.get_args(e.Event))


TEXTS = [
    "",
    "a\nb",
    'quote " and \\',
    "NUL \x00 here",
    "lone \ud800 surrogate \x1a",
    "RTL \u202e emoji 🎈",
    "x" * 70_000,
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_result_comes_back_whole(cursor: duckdb.DuckDBPyConnection, text: str) -> None:
    """Whatever text a value, a preview or an output holds, the result is equal to the one that was recorded."""
    reads = (Read("file", f"données/{text[:20]}", digest(1)), Read("env", "HOME", ""))
    made = result("n", text, reads=reads, inputs=(("x", digest(2)),), outputs=(Output("stdout", "text/plain", text),))
    fold.fold(cursor, placed([Entry("", 0, 0, e.Succeeded(0, 1, made, START))]))
    assert lookups.result(cursor, made.key) == made
    assert lookups.known(cursor, ["n"])[0].reads == reads
    assert lookups.stored(cursor, [made.value.digest, "0" * 32]) == {made.value.digest: made.value}


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_call_comes_back_whole(cursor: duckdb.DuckDBPyConnection, text: str) -> None:
    """Request and reply are equal to what was sent and paid for."""
    record = call(text)
    fold.fold(cursor, placed([Entry("r", 0, 0, e.CallEnded(0, 1, record, START))]))
    assert lookups.calls_by_digest(cursor, [record.request_digest]) == {record.request_digest: record}


def test_a_definition_comes_back_whole(cursor: duckdb.DuckDBPyConnection) -> None:
    """The text of a definition and of everything it reaches is there by its digest."""
    defined = e.NodeDefined(
        "n", digest(3), NodeKind.PYTHON, "n = f()\n", "{}", (("f", digest(4), "def f(): 1"),), START
    )
    fold.fold(cursor, placed([Entry("", 0, 0, defined)]))
    assert lookups.definition(cursor, digest(3)) == defined
    assert lookups.definition(cursor, digest(5)) is None


def test_events_of_an_adopted_run(cursor: duckdb.DuckDBPyConnection) -> None:
    """After an adoption the run is running again, and what was in flight is queued, until it is done."""
    story = Story(labels().specs)
    story.resolve(0)
    story.tell(e.Dispatched((0,), 1, story.now))
    first = placed(story.entries)
    fold.fold(cursor, first)
    story.epoch = 2
    story.tell(e.Adopted(2, story.now, "j2"))
    fold.fold(cursor, placed(story.entries[len(first) :], "j2"))
    assert cursor.execute("SELECT state FROM tasks_latest").fetchall() == [("queued",)]
    story.tell(e.Dispatched((0,), 2, story.now))
    story.tell(e.Succeeded(0, 2, story.result(0, "v"), story.now))
    fold.fold(cursor, placed(story.entries[len(first) :], "j2"))
    assert cursor.execute("SELECT state, attempts FROM tasks_latest").fetchall() == [("success", 2)]
    assert cursor.execute("SELECT attempt, state FROM attempts_latest ORDER BY 1").fetchall() == [
        (1, "cancelled"),
        (2, "success"),
    ]


def test_a_pause_is_no_time_of_a_run(cursor: duckdb.DuckDBPyConnection) -> None:
    """Between an interrupt and the adoption nothing went on; adoptions add up."""
    story = Story(labels().specs)
    for epoch, idle_s in ((2, 3600.0), (3, 60.0)):
        story.epoch = epoch
        story.tell(e.Adopted(epoch, story.now, "j", idle_s))
    fold.fold(cursor, placed(story.entries))
    (row,) = reports.runs(cursor)
    assert row.paused_s == 3660.0
    assert replay(story.entries).paused_s == 3660.0
    assert elapsed_s(replace(row, ended_at=row.started_at + 3670)) == 10.0
