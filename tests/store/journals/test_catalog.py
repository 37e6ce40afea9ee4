"""The catalog answers as the journals would, not from what is stale, damaged or another store's, without DuckDB."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from wfkit.core.call import CallRecord
from wfkit.core.events import (
    Adopted,
    CallEnded,
    Entry,
    Forgotten,
    ItemsSucceeded,
    NodeDefined,
    RunEnded,
    RunStarted,
    Succeeded,
)
from wfkit.core.result import Known, Read
from wfkit.core.terms import NodeKind, RunState
from wfkit.store.conformance import STARTED, call, digest, log, result
from wfkit.store.database import folding
from wfkit.store.disk import DiskStore
from wfkit.store.journals import catalog, cataloguing, journal
from wfkit.store.place import prepare

ASKS = """
import sys
from pathlib import Path
from wfkit.store.conformance import digest
from wfkit.store.disk import open_store
store = open_store(Path(sys.argv[1]))
known = store.known(["node"])
value = store.get(known[digest("k1")][0].digest)
reply = store.find_call(digest("r1")).reply.text
store.append([])
runs = len(store.interrupted())
store.close()
print(len(known), value, reply, runs, "duckdb" in sys.modules)
"""


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is folded in the background."""
    for name in ("EVERY_S", "QUIET_S", "KEEP_S"):
        monkeypatch.setattr(folding, name, 1e9)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    prepare(tmp_path / "s")
    return tmp_path / "s"


def fill(store: DiskStore, *numbers: int) -> None:
    """Results and replies, some with odd texts and reads; the run they are of does not end."""
    for n in numbers:
        made = result(store, f"k{n}", n, at=float(n))
        made = replace(
            made, reads=(Read("file", "a \ud800 b", digest("f")),) if n % 2 else (), run_s=0.5, run_id=f"run {n}"
        )
        events = (
            replace(STARTED, run_id=f"run {n}", at=float(n)),
            NodeDefined("node", digest(f"code {n}"), NodeKind.PYTHON, "1 + 1", "{}", at=1.0),
            Succeeded(0, 1, made, 1.0),
            ItemsSucceeded((1, 2), 1, tuple(replace(made, key=digest(f"i{n}{m}")) for m in "ab"), 1.0),
            CallEnded(0, 1, call(f"r{n}", f"reply {n}", at=float(n)), 1.0),
        )
        store.append([Entry(f"run {n}", 0, place, event) for place, event in enumerate(events)])
    store._flush()


Answers = tuple[dict[str, list[Known]], list[CallRecord | None], set[str], list[object], list[str]]


def ask(store: DiskStore) -> Answers:
    """What a plan and its bodies ask. Times are whole microseconds in the database."""
    known = dict(sorted(store.known(["node", "other"]).items()))
    values = [repr(store.get(item.digest)) for found in known.values() for item in found]
    calls = [store.find_call(digest(f"r{n}")) for n in range(10)]
    defined = store.defined([digest(f"code {n}") for n in range(10)])
    return known, calls, defined, list(store.interrupted()), values


def truth(root: Path) -> Answers:
    """What the journals alone say."""
    (root / catalog.HEAD).unlink(missing_ok=True)
    for path in (*root.glob("wfkit.duckdb*"), *root.glob("catalog.*.rows")):
        path.unlink()
    folder = root / "segments"
    hidden = folder.rename(root / "hidden") if folder.exists() else None
    store = DiskStore(root)
    assert store._tails.ground.whole
    if hidden is not None:
        hidden.rename(folder)
    return ask(store)


def opened(root: Path) -> DiskStore:
    """A store of another process, which has a catalog or not."""
    return DiskStore(root)


@pytest.fixture
def filled(root: Path) -> Path:
    store = DiskStore(root)
    fill(store, 1, 2, 3)
    store.close()
    return root


def test_answers_without_duckdb(filled: Path) -> None:
    """A process that finds all it asks for, and reads a value and a reply, never loads DuckDB; nor does its end."""
    command = [sys.executable, "-W", "error", "-c", ASKS, str(filled)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "9 {'value': 1} reply 1 3 False\n"


def test_says_what_journals_say(filled: Path) -> None:
    """From the catalog comes what comes from the journals alone, however often it was added to or begun anew."""
    for n in range(4, 4 + 2 * cataloguing.BLOCKS):
        store = opened(filled)
        assert len(store.known(["node"])) == 3 * (n - 1)
        fill(store, n)
        assert cataloguing.update(filled, dict)
        store._tails.own.close()
    store = opened(filled)
    assert store._tails.ground.covered()
    answers = ask(store)
    cataloguing.drop(filled)
    assert cataloguing.update(filled, dict)
    again = opened(filled)
    assert again._tails.ground.covered()
    assert ask(again) == answers
    assert truth(filled) == answers


def test_tails_are_added(filled: Path) -> None:
    """What another process appends after the catalog was written is answered with it, also after a fold."""
    store, other = opened(filled), opened(filled)
    assert len(store.known(["node"])) == 9
    fill(other, 4)
    assert len(store.known(["node"])) == 12
    assert store._folder.fold()
    fill(store, 5)
    assert store._folder.fold()
    assert len(store.known(["node"])) == 15
    assert store.get(digest("value 5")) == {"value": 5}
    assert store.find_call(digest("r5")) == call("r5", "reply 5", at=5.0)
    assert store.sql("select count(*) as n from results")["n"].tolist() == [15]
    answers = ask(store)
    other.close()
    store.close()
    again = opened(filled)
    assert again._tails.ground.covered()
    assert ask(again)[:3] == answers[:3]


def test_ahead_of_the_database(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the catalog covers and the database does not have is folded when the database is asked, once."""
    store = opened(root)
    fill(store, 1)
    store.close()
    monkeypatch.setattr(folding.Folder, "_worth_it", lambda self: False)
    store = opened(root)
    fill(store, 2)
    store.close()
    store = opened(root)
    assert store._tails.ground.covered()
    assert store.get(digest("value 2")) == {"value": 2}
    assert store.sql("select count(*) as n from results")["n"].tolist() == [6]
    assert store.result(digest("k2")) is not None
    assert store.definition(digest("code 2")) is not None
    store.close()


def test_forgotten(filled: Path) -> None:
    """What was forgotten stays so, whoever wrote the result when, and what is made later is served."""
    store, late = opened(filled), opened(filled)
    store.append([Entry("", 0, 0, Forgotten("node", (digest("k1"), digest("k4")), 4.5))])
    assert digest("k1") not in store.known(["node"])
    store.close()
    fill(late, 4)
    late.close()
    store = opened(filled)
    assert not {digest("k1"), digest("k4")} & store.known(["node"]).keys()
    assert store.result(digest("k1")) is None
    log(store, Succeeded(0, 1, result(store, "k1", 9, at=9.0), 1.0))
    store.close()
    [found] = opened(filled).known(["node"])[digest("k1")]
    assert found.digest == digest("value 9")


def test_runs_that_go_on(filled: Path) -> None:
    """An interrupted run is found by the catalog until it ends, in whatever journal."""
    store = opened(filled)
    fill(store, 4)
    assert [started.run_id for started, _ in store.interrupted()] == ["run 3", "run 2", "run 1"]
    store.append([Entry("run 4", 0, 9, RunEnded(RunState.SUCCESS, 5.0))])
    store.append([Entry("run 2", 1, 0, Adopted(1, 5.0)), Entry("run 2", 1, 1, RunEnded(RunState.SUCCESS, 5.0))])
    store.append([Entry("run 3", 1, 0, Adopted(1, 5.0)), Entry("run 3", 1, 1, RunEnded(RunState.INTERRUPTED, 5.0))])
    store.close()
    again = opened(filled)
    assert again._tails.ground.covered()
    assert [(started.run_id, epoch) for started, epoch in again.interrupted()] == [("run 3", 1), ("run 1", 0)]


def test_damage(filled: Path) -> None:
    """A damaged head or block is not believed: the journals or the database answer, and it is made anew."""
    rows = next(filled.glob("catalog.*.rows"))
    answers = ask(opened(filled))
    for path in (filled / catalog.HEAD, rows):
        whole = path.read_bytes()
        for place in range(0, len(whole), len(whole) // 20):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            known, calls, _, interrupted, values = ask(opened(filled))
            assert (known, calls, interrupted, values) == (answers[0], answers[1], answers[3], answers[4])
        path.write_bytes(whole)
    rows.write_bytes(b"")
    store = opened(filled)
    fill(store, 4)
    assert len(store.known(["node"])) == 12
    store.close()
    store = opened(filled)
    assert store._tails.ground.covered()
    assert len(ask(store)[0]) == 12
    store.close()


def test_another_store_s(filled: Path, tmp_path: Path) -> None:
    """The catalog of another store, or one that is ahead of the journals, is not used."""
    other = tmp_path / "other"
    prepare(other)
    store = DiskStore(other)
    fill(store, 7)
    store.close()
    for path in filled.glob("catalog.*"):
        shutil.copy(path, other / path.name)
    store = opened(other)
    assert not store._tails.ground.covered()
    assert store.known(["node"]).keys() == {digest("k7"), digest("i7a"), digest("i7b")}
    [found] = journal.list_live(filled)
    found.path.write_bytes(found.path.read_bytes()[:-20])
    assert not opened(filled)._tails.ground.covered()


def test_too_many(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node with more results than are worth a catalog is asked of the database; the others are not."""
    answers = ask(opened(filled))
    monkeypatch.setattr(cataloguing, "MANY", 10)
    store = opened(filled)
    log(store, *(Succeeded(0, 1, replace(result(store, f"o{n}", n), node="other"), 1.0) for n in range(11)))
    store.close()
    store = opened(filled)
    assert store._tails.ground.known(["node"]) is not None
    assert store._tails.ground.known(["other"]) is None
    assert len(store.known(["other", "node"])) == 20
    assert store.known(["node"]) == answers[0]
    store.close()


def test_one_writes(filled: Path) -> None:
    """While another process writes the catalog it is left alone; what a dead one left behind is written over."""
    lock = cataloguing.take(filled / "catalog.lock")
    assert lock is not None
    assert not cataloguing.update(filled, dict)
    lock.release()
    with next(filled.glob("catalog.*.rows")).open("ab") as file:
        file.write(b"half a block")
    store = opened(filled)
    fill(store, 4)
    store.close()
    assert len(opened(filled).known(["node"])) == 12


def test_newest_run_without_duckdb(filled: Path) -> None:
    """Which run began last is told from the catalog and the journals, also by a process that just began one."""
    store = opened(filled)
    known = store.newest_run()
    assert known == store.runs(1)[0].run_id
    begun = RunStarted("later", "w", (), (), "g", 9e9)
    store.append([Entry("later", 1, 0, begun)], durable=True).wait()
    assert store.newest_run() == "later"
    assert cataloguing.update(filled, dict)
    assert catalog.read_head(filled).newest == [9e9, "later"]
    assert opened(filled).newest_run() == "later"
    assert store.runs(1)[0].run_id == "later"
