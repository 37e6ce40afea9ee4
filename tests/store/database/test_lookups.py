"""Lookups: what a plan needs of results, newest first, and calls that may serve again."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import duckdb

from tests.store.database.store_folder import Process, write_journal
from tests.store.database.stories import START, TIMEOUT, call, digest, labels, placed, result
from wfkit.core import events as e
from wfkit.core.events import Entry
from wfkit.core.result import Known, Read, Result, Spent
from wfkit.core.terms import Verdict
from wfkit.store.database import fold, lookups


def keep(cursor: duckdb.DuckDBPyConnection, *results: Result, journal_id: str = "j1") -> None:
    entries = [Entry(one.run_id, 0, i, e.Succeeded(i, 1, one, START)) for i, one in enumerate(results)]
    fold.fold(cursor, placed(entries, journal_id))


def test_known_results(cursor: duckdb.DuckDBPyConnection) -> None:
    """Of the nodes asked for, all results that may serve, the newest first, with what they read and cost."""
    reads = (Read("file", "a.csv", digest(1)),)
    old = result("a", "1", run_id="r1", created_at=START + 1)
    new = result("a", "2", run_id="r2", created_at=START + 5.5, reads=reads, spent=Spent(1, 1, 1, Decimal("0.001")))
    kept = result("a", "3", cacheable=False)
    keep(cursor, new, old, kept, result("b", "4"), result("c", "5", run_s=None, spent=Spent(1, cost_usd=None)))
    found = lookups.known(cursor, ["a", "nobody"])
    assert found == [
        Known(new.key, "a", new.definition, new.value.digest, reads, START + 5.5, "r2", 0.25, Decimal("0.001")),
        Known(old.key, "a", old.definition, old.value.digest, (), START + 1, "r1", 0.25, Decimal(0)),
    ]
    assert [(item.run_s, item.cost_usd) for item in lookups.known(cursor, ["c"])] == [(None, None)]
    assert lookups.known(cursor, []) == []


def test_forgotten_results(cursor: duckdb.DuckDBPyConnection) -> None:
    """What was forgotten is not served; the same result made again afterwards is."""
    keep(cursor, result("a", "1", created_at=START), result("a", "2", created_at=START))
    key = result("a", "1").key
    fold.fold(cursor, placed([Entry("", 0, 0, e.Forgotten("a", (key,), START + 1))], "j2"))
    assert [item.key for item in lookups.known(cursor, ["a"])] == [result("a", "2").key]
    assert lookups.result(cursor, key) is None
    keep(cursor, result("a", "1", created_at=START + 2), journal_id="j3")
    assert len(lookups.known(cursor, ["a"])) == 2
    found = lookups.result(cursor, key)
    assert found is not None
    assert found.created_at == START + 2


def test_newest_result_of_a_key(cursor: duckdb.DuckDBPyConnection) -> None:
    """A key may have several results (they read different files): the newest is given."""
    keep(cursor, result("a", "1", key="k", created_at=START + 2), result("a", "2", key="k", created_at=START + 1))
    found = lookups.result(cursor, "k")
    assert found is not None
    assert found.preview == "1"
    assert lookups.result(cursor, "other") is None


def test_only_valid_paid_replies_serve(cursor: duckdb.DuckDBPyConnection) -> None:
    """The newest valid reply is found; invalid, failed, served and unfinished ones are not."""
    asked = digest("request", "x")
    same = {"request_digest": asked}
    events = [
        e.CallStarted(0, 1, "c0", digest("request", "unfinished"), "m", START),
        e.CallEnded(0, 1, call("x", call_id="first"), START),
        e.CallEnded(0, 1, call("x", call_id="second", ended_at=START + 9), START),
        e.CallEnded(0, 1, call("x", call_id="served", ended_at=START + 10), START, served=True),
        e.CallEnded(0, 1, call("bad", verdict=Verdict.INVALID, ended_at=START + 11, **same), START),
        e.CallEnded(0, 1, call("late", reply=None, failure=TIMEOUT, ended_at=START + 12, **same), START),
        e.CallEnded(0, 1, call("fail", reply=None, failure=TIMEOUT), START),
    ]
    fold.fold(cursor, placed([Entry("r", 0, i, event) for i, event in enumerate(events)]))
    found = lookups.calls_by_digest(cursor, [asked, digest("request", "fail"), digest("request", "unfinished")])
    assert {key: record.call_id for key, record in found.items()} == {asked: "second"}


LIGHT = """
import sys
from pathlib import Path
from tests.store.database.store_folder import open_database
database = open_database(Path(sys.argv[1]))
print(len(database.known(["label", "table"])), *{"numpy", "pandas", "pyarrow"}.intersection(sys.modules))
database.close()
"""


def test_a_plan_needs_no_heavy_library(root: Path) -> None:
    """Looking results up loads DuckDB and neither numpy nor pandas nor pyarrow: a plan starts fast."""
    write_journal(root, labels().entries)
    with Process(LIGHT, root) as plan:
        assert plan.read() == "3"
