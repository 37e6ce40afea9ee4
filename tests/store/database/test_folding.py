"""Folding: what is appended is answered before, while and after it goes to the database, whoever holds that."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from wfkit.core.call import CallRecord
from wfkit.core.events import Adopted, CallEnded, Entry, Forgotten, RunEnded, Succeeded
from wfkit.core.terms import RunState
from wfkit.store.conformance import STARTED, call, digest, log, result
from wfkit.store.database import folding, session
from wfkit.store.database.lease import Lease
from wfkit.store.disk import DiskStore
from wfkit.store.journals import journal
from wfkit.store.place import prepare


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is folded in the background: the tests say when."""
    monkeypatch.setattr(folding, "EVERY_S", 1e9)
    monkeypatch.setattr(folding, "QUIET_S", 1e9)
    monkeypatch.setattr(folding, "KEEP_S", 1e9)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    prepare(tmp_path / "s")
    return tmp_path / "s"


@pytest.fixture
def store(root: Path) -> Iterator[DiskStore]:
    opened = DiskStore(root)
    yield opened
    opened.close()


def ask(store: DiskStore) -> tuple[dict[str, list[str]], CallRecord | None]:
    found = store.known(["node"])
    return {key: [item.digest for item in items] for key, items in found.items()}, store.find_call(digest("r1"))


def fill(store: DiskStore, number: int) -> None:
    record = call("r1", f"reply {number}", at=number)
    event = Succeeded(0, 1, result(store, "k1", number, at=number), 1.0)
    store.append([Entry("run", 0, number, event), Entry("run", 0, number, CallEnded(0, 1, record, 1.0))])


def test_answers_are_the_same_all_along(store: DiskStore) -> None:
    """Results and replies are found, each once and the newest first, in the tail, folded, and in both."""
    fill(store, 1)
    one = ({digest("k1"): [digest("value 1")]}, call("r1", "reply 1", at=1))
    assert ask(store) == one
    assert store._folder.fold()
    assert not store._tails.pending
    assert ask(store) == one
    fill(store, 2)
    two = ({digest("k1"): [digest("value 2"), digest("value 1")]}, call("r1", "reply 2", at=2))
    assert ask(store) == two
    assert store._folder.fold()
    assert store._folder.fold()
    assert ask(store) == two
    assert store.get_many([digest("value 1"), digest("value 2")]) == [{"value": 1}, {"value": 2}]
    assert [run.run_id for run in store.runs()] == []


def test_in_both_is_once(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the database's commit and the end of the tail an entry is in both, and answered once."""
    fill(store, 1)
    monkeypatch.setattr(store._tails, "drop", lambda folded: None)
    assert store._folder.fold()
    assert ask(store)[0] == {digest("k1"): [digest("value 1")]}


def test_forgotten_while_unfolded(store: DiskStore) -> None:
    """What was forgotten is gone at once, though the database still has it."""
    fill(store, 1)
    assert store._folder.fold()
    store.append([Entry("", 0, 0, Forgotten("node", (digest("k1"),), 1.5))])
    assert store.known(["node"]) == {}
    assert store.result(digest("k1")) is None
    assert store._folder.fold()
    assert store.known(["node"]) == {}
    fill(store, 2)
    assert ask(store)[0] == {digest("k1"): [digest("value 2")]}


def test_another_holds_the_database(store: DiskStore, root: Path) -> None:
    """While another process has the database nothing is folded and everything is answered; afterwards it is folded."""
    fill(store, 1)
    other = Lease(root)
    assert other.acquire()
    assert not store._folder.fold()
    assert ask(store)[0] == {digest("k1"): [digest("value 1")]}
    fill(store, 2)
    assert not store._folder.fold()
    assert ask(store)[0] == {digest("k1"): [digest("value 2"), digest("value 1")]}
    other.release()
    assert store._folder.fold()
    assert not store._tails.pending
    assert ask(store)[0] == {digest("k1"): [digest("value 2"), digest("value 1")]}


def test_the_database_comes_while_a_question_waits(
    store: DiskStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another process takes the database again and again, and gives it to whoever waits, each question is
    answered from all that was appended."""
    monkeypatch.setattr(session, "READ_WAIT_S", 0.2)
    other, over = Lease(root), threading.Event()
    assert other.acquire()

    def at_work() -> None:
        while not over.is_set():
            if other.acquire(60.0):
                while not (other.wanted() or over.is_set()):
                    time.sleep(0.001)
                other.release()

    worker = threading.Thread(target=at_work, daemon=True)
    worker.start()
    try:
        for number in range(1, 6):
            started = replace(STARTED, run_id=f"run {number}")
            store.append([Entry(started.run_id, 0, 0, started)])
            assert len(store.runs()) == number
    finally:
        over.set()
        worker.join(60)


def test_who_waited_in_vain_does_not_wait_again(store: DiskStore, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process keeps the database, only the first question waits for it; all are answered."""
    log(store, STARTED)
    other, waits, acquire = Lease(root), list[float](), Lease.acquire
    assert other.acquire()
    monkeypatch.setattr(session, "READ_WAIT_S", 0.01)
    monkeypatch.setattr(Lease, "acquire", lambda lease, wait_s: waits.append(wait_s) or acquire(lease, wait_s))
    for _ in range(3):
        assert [run.run_id for run in store.runs()] == [STARTED.run_id]
    assert len([wait_s for wait_s in waits if wait_s]) == 1
    other.release()


def test_others_are_seen_and_folded(store: DiskStore, root: Path) -> None:
    """What another process appends is answered at once, and folded by whoever has the database, once."""
    fill(store, 1)
    other = DiskStore(root)
    fill(other, 2)
    other._flush()
    assert ask(store)[0] == {digest("k1"): [digest("value 2"), digest("value 1")]}
    assert store._folder.fold()
    fill(other, 3)
    other._flush()
    assert ask(store)[1] == call("r1", "reply 3", at=3)
    other.close()
    assert store._folder.fold()
    assert len(ask(store)[0][digest("k1")]) == 3
    assert store.sql("select count(*) as n from results")["n"].tolist() == [3]


def test_a_database_that_lost_rows(store: DiskStore, root: Path) -> None:
    """If the database is made anew while we run, from less than we saw folded, nothing is missing in the answers."""
    fill(store, 1)
    assert store._folder.fold()
    store._database.close()
    for path in root.glob("wfkit.duckdb*"):
        path.unlink()
    fill(store, 2)
    store._flush()
    assert ask(store)[0] == {digest("k1"): [digest("value 2"), digest("value 1")]}
    assert store._folder.fold()
    assert store.sql("select count(*) as n from results")["n"].tolist() == [2]


def test_dead_journals_become_segments(store: DiskStore, root: Path) -> None:
    """The folded journal of a dead process becomes a segment; the values, runs and entries in it are found still."""
    other = DiskStore(root)
    log(other, STARTED, Succeeded(0, 1, result(other, "k1", 1), 1.0), RunEnded(RunState.INTERRUPTED, 2.0))
    other.close()
    fill(store, 2)
    assert store._folder.fold()
    store._folder._let_go()
    kinds = {log.journal_id: log.segment for log in journal.list_journals(root)}
    assert sorted(kinds.values()) == [False, True]
    assert store._tails.own
    assert not kinds[store._tails.own.id]
    assert store.interrupted() == [(STARTED, 0)]
    assert [entry.seq for entry in store.entries("run")] == [0, 1, 2, 2, 2]
    store.append([Entry("run", 1, 0, Adopted(1, 3.0)), Entry("run", 1, 1, RunEnded(RunState.SUCCESS, 4.0))])
    assert store.interrupted() == []
    again = DiskStore(root)
    assert again.interrupted() == []
    assert len(again.known(["node"])[digest("k1")]) == 2
    again.close()


def test_ended_runs_leave_no_marks(store: DiskStore, root: Path) -> None:
    """A run that began and ended in a segment leaves nothing beside it; a torn tail does not go into it."""
    other = DiskStore(root)
    log(other, STARTED, RunEnded(RunState.SUCCESS, 2.0))
    other.close()
    [found] = journal.list_live(root)
    with found.path.open("ab") as file:
        file.write(b"torn")
    assert store._folder.fold()
    store._folder._let_go()
    [segment] = journal.list_journals(root)
    assert (segment.segment, segment.size) == (True, found.size)
    assert list((root / "segments").iterdir()) == [segment.path]
    assert store.interrupted() == []


def test_the_lease_is_given_way(store: DiskStore, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle process that has the database gives it to one that wants it."""
    fill(store, 1)
    assert store._folder.fold()
    assert store._lease.held
    other = Lease(root)
    assert other.acquire(60.0)
    assert not store._lease.held
    other.release()
    assert ask(store)[0] == {digest("k1"): [digest("value 1")]}


def test_the_lease_is_given_back_when_idle(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has nothing to do does not keep the database from others; asked again, it answers."""
    monkeypatch.setattr(folding, "KEEP_S", 0.0)
    fill(store, 1)
    assert store._folder.fold()
    while store._lease.held:
        store._folder._wake.wait(0.01)
    assert ask(store)[0] == {digest("k1"): [digest("value 1")]}
