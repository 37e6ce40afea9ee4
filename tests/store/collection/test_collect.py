"""Collecting: what is needed stays, in the journals, the database and the objects, whatever happens meanwhile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.collecting import (
    entries_of,
    hits,
    make_old,
    object_count,
    reports,
    run,
    story_of,
    three_versions,
)
from tests.store.database.store_folder import Process, tables, write_journal
from wfkit.core.events import Forgotten
from wfkit.core.terms import RunState
from wfkit.errors import StoreFault
from wfkit.store import place
from wfkit.store.collection import pins
from wfkit.store.collection.collect import BEGUN, Collected, collect
from wfkit.store.collection.keeping import Wish
from wfkit.store.conformance import digest
from wfkit.store.database import rebuild
from wfkit.store.database.database import FILE
from wfkit.store.disk import open_store
from wfkit.store.doctor import doctor
from wfkit.store.journals import journal, segments

HOLDER = """
import sys
from pathlib import Path
from wfkit.store.database.lease import Lease

lease = Lease(Path(sys.argv[1]))
assert lease.acquire(5)
print("ready", flush=True)
sys.stdin.readline()
"""
GC = """
import sys
from pathlib import Path
from wfkit.store.collection.collect import collect
from wfkit.store.disk import open_store
from wfkit.store.collection.keeping import Wish

store = open_store(Path(sys.argv[1]))
collect(store, Wish(until=1e12, newest=1), settle_s=0)
store.close()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / ".wfkit"
    place.prepare(folder)
    return folder


def gc(root: Path, wish: Wish, dry_run: bool = False) -> Collected:
    store = open_store(root)
    try:
        return collect(store, wish, dry_run, settle_s=0)
    finally:
        store.close()


def test_old_runs_go_and_what_newer_ones_use_stays(root: Path) -> None:
    """Runs before the cutoff go with the results that only they used; younger runs are whole, and hits stay hits."""
    runs, until = three_versions(root)
    before = reports(root)
    done = gc(root, Wish(until=until, newest=0))
    assert (done.runs, done.results, done.swept.objects) == (2, 5, 1)
    assert done.after is not None
    assert done.after < done.before
    after = reports(root)
    assert {run_id: after[run_id] for run_id in runs[2:]} == {run_id: before[run_id] for run_id in runs[2:]}
    assert set(after) == set(runs[2:])
    assert hits(root, 3) == {"numbers": 1, "doubled": 3, "large": 1, "told": 1}
    assert hits(root, 2) == {"numbers": 1, "doubled": 3, "large": 1, "told": 1}
    assert hits(root, 1) == {"numbers": 1, "doubled": 0, "large": 0, "told": 0}


def test_an_equal_database_after_it(root: Path) -> None:
    """The database after a collection is the one that the journals give."""
    _, until = three_versions(root)
    gc(root, Wish(until=until, newest=0))
    after = tables(root / FILE)
    rebuild.build(root / FILE)
    assert tables(root / FILE) == after
    assert doctor(root).ok
    assert not [finding for finding in doctor(root).findings if "gone" in finding.detail]


def test_lineage_of_a_kept_result(root: Path) -> None:
    """A result whose run went still tells by which code and prompt it was made, and for how much."""
    runs, until = three_versions(root)
    gc(root, Wish(until=until, newest=0))
    store = open_store(root)
    step = store.lineage("told", run_id=runs[2])
    assert step is not None
    assert step.source is not None
    assert step.prompt is not None
    assert [each.role for each in step.inputs] == ["doubled"]
    store.close()


def test_without_a_wish_only_debris_goes(root: Path) -> None:
    """Without an age or a size no run and no result goes, only objects that nothing speaks of."""
    three_versions(root)
    before = entries_of(root)
    stray = root / "objects" / "ab" / ("0" * 30)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"nobody's")
    (stray.parent / ".half.0123").write_bytes(b"half an object")
    make_old(root)
    done = gc(root, Wish())
    assert (done.runs, done.results, done.swept.objects) == (0, 0, 2)
    assert entries_of(root) == before


def test_young_objects_stay(root: Path) -> None:
    """An object that was written, or used again, a moment ago may be spoken of the next."""
    run(root, 1)
    store = open_store(root)
    large = ["x" * 100] * 2_000
    stored = store.encode(large, digest("large"))
    make_old(root)
    store.encode(large, digest("large"))
    count = object_count(root)
    assert collect(store, Wish(), settle_s=0).swept.objects == 0
    assert object_count(root) == count
    assert store.decode(stored) == large
    store.close()


def test_a_dry_run_changes_nothing_and_is_right(root: Path) -> None:
    """What it says would go is what goes then."""
    _, until = three_versions(root)
    files = {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and path.suffix != ".duckdb"}
    told = gc(root, Wish(until=until, newest=0), dry_run=True)
    assert {path: path.read_bytes() for path in files} == files
    done = gc(root, Wish(until=until, newest=0))
    assert (told.runs, told.results, told.swept, told.kept) == (done.runs, done.results, done.swept, done.kept)


def test_replies_stay_paid(root: Path) -> None:
    """A reply outlives its run, and serves; it goes only when that was said."""
    write_journal(root, story_of("one", RunState.SUCCESS))
    done = gc(root, Wish(until=1e12, newest=0))
    assert (done.runs, done.replies) == (1, 1)
    store = open_store(root)
    assert store.runs() == []
    assert store.find_call(digest("one asked")) is not None
    assert store.entries("one")[0].event.call.reply is not None
    store.close()
    gc(root, Wish(until=1e12, newest=0, replies=True))
    store = open_store(root)
    assert store.find_call(digest("one asked")) is None
    assert journal.list_journals(root) == []
    store.close()


def test_what_may_go_on_stays(root: Path) -> None:
    """An interrupted run and one of a dead process stay whole, and can be taken up as before."""
    for name, status in (("dead", None), ("paused", RunState.INTERRUPTED), ("ended", RunState.SUCCESS)):
        write_journal(root, story_of(name, status))
    done = gc(root, Wish(until=1e12, newest=0, replies=True))
    assert done.kept == {"can be resumed": 2}
    store = open_store(root)
    assert {started.run_id for started, _ in store.interrupted()} == {"dead", "paused"}
    assert [len(store.entries(name)) for name in ("dead", "paused", "ended")] == [2, 3, 0]
    store.close()


def test_live_journals_stay(root: Path) -> None:
    """The runs of processes that live stay, and every result of the nodes of those that go on."""
    runs, _ = three_versions(root)
    store = open_store(root)
    store.append(story_of("mine", RunState.SUCCESS), durable=True).wait()
    done = collect(store, Wish(until=1e12, newest=0), settle_s=0)
    assert done.kept == {"in a live journal": 1}
    assert [row.run_id for row in store.runs()] == ["mine"]
    assert store.report(runs[-1]) is None
    store.close()


def test_pins_and_newest_stay(root: Path) -> None:
    """A pinned run stays with all that it is made of, and so do the newest ones."""
    runs, _ = three_versions(root)
    store = open_store(root)
    assert pins.pin(store, "large", runs[0][:8], 1.0).run_id == runs[0]
    done = collect(store, Wish(until=1e12, newest=1), settle_s=0)
    assert done.kept == {"pinned": 1, "among the newest": 1}
    store.close()
    assert set(reports(root)) == {runs[0], runs[3]}
    assert hits(root, 1)["large"] == 1
    assert hits(root, 2)["large"] == 0


def test_a_size_to_keep(root: Path) -> None:
    """The least recently used goes first, as much as it takes."""
    runs, _ = three_versions(root)
    assert gc(root, Wish(bytes=1e9, newest=0)).runs == 0
    objects_bytes = sum(path.stat().st_size for path in (root / "objects").rglob("*") if path.is_file())
    done = gc(root, Wish(bytes=objects_bytes * 0.8, newest=0))
    assert done.runs >= 1
    assert set(reports(root)) == set(runs[done.runs :])
    assert hits(root, 3)["large"] == 1


def test_forgotten_stays_forgotten(root: Path) -> None:
    """A result that may not be served is not served again because something else went."""
    _, until = three_versions(root)
    store = open_store(root)
    keys = tuple(store.known(["large"]))
    store.append([story_of("x", None)[0].__class__("", 1, 0, Forgotten("large", keys, 1e11))], durable=True).wait()
    store.close()
    gc(root, Wish(until=until, newest=0))
    store = open_store(root)
    assert store.known(["large"]) == {}
    store.close()


def test_nothing_without_the_lease(root: Path) -> None:
    """While another process holds the database, nothing is touched and the user is told."""
    _, until = three_versions(root)
    before = entries_of(root)
    with Process(HOLDER, root) as holder:
        assert holder.read() == "ready"
        with pytest.raises(StoreFault, match="another process holds the database"):
            gc(root, Wish(until=until, newest=0))
        holder.go()
    assert entries_of(root) == before
    assert gc(root, Wish(until=until, newest=0)).runs == 2


def test_beside_an_open_store(root: Path) -> None:
    """Another process collects while a store is open here: what it finds afterwards can be had, and it goes on."""
    runs, _ = three_versions(root)
    store = open_store(root)
    assert len(store.runs()) == 4
    store._database.close()
    subprocess.run([sys.executable, "-c", GC, str(root)], check=True)
    assert [row.run_id for row in store.runs()] == [runs[3]]
    known = [item.digest for items in store.known(["numbers", "doubled", "large"]).values() for item in items]
    assert len(store.get_many(known)) == 5
    store.append(story_of("next", RunState.SUCCESS), durable=True).wait()
    assert {row.run_id for row in store.runs()} == {runs[3], "next"}
    store.close()
    assert not (root / BEGUN).exists()
    assert [name for _, name, _ in segments.listed(root)]
