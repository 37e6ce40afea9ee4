"""Taking up dead runs: what a run's story is when it went through several hands, and what its marks say."""

from __future__ import annotations

from pathlib import Path

import pytest

from wfkit.core.events import Adopted, Dispatched, Entry, RunEnded, RunStarted
from wfkit.core.terms import RunState
from wfkit.store import wire
from wfkit.store.conformance import STARTED
from wfkit.store.journals import adopt, journal, segments
from wfkit.store.journals.journal import Journal, Log, list_journals
from wfkit.store.journals.marks import Mark, RunMarks, find, unfinished


def entry(epoch: int, seq: int, event: RunStarted | Adopted | RunEnded | None = None) -> Entry:
    return Entry("run", epoch, seq, event or Dispatched((seq,), 1, 1.0))


def places(entries: list[Entry]) -> list[tuple[int, int]]:
    return [(each.epoch, each.seq) for each in entries]


def test_a_story_through_three_hands() -> None:
    """The order is (epoch, seq), whichever journal is older; what an epoch says after it lost the run is left out."""
    found = {
        "c": [entry(2, 0, Adopted(2, 9.0)), entry(2, 1)],
        "a": [entry(0, 0, STARTED), entry(0, 1), entry(0, 2)],
        "b": [entry(1, 0, Adopted(1, 5.0)), entry(1, 1), entry(0, 3), entry(1, 2)],
    }
    assert places(adopt.in_order(found)) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]


def test_two_who_adopted_at_once() -> None:
    """Of two adoptions under one epoch the first counts, and the entries of the other are left out."""
    found = {
        "a": [entry(0, 0, STARTED)],
        "b": [entry(1, 0, Adopted(1, 6.0)), entry(1, 1)],
        "c": [entry(1, 0, Adopted(1, 5.0)), entry(1, 7)],
    }
    assert places(adopt.in_order(found)) == [(0, 0), (1, 0), (1, 7)]


def test_marks_are_found_in_any_bytes() -> None:
    """Marks are the lines of their kind and nothing that looks like them within other lines, whole lines only."""
    odd = RunStarted('r"un', 'x\n {"t":"RunEnded"', (), (), "g", 1.0, params='{"t":"RunStarted"}')
    lines = [
        wire.encode(Entry('r"un', 0, 0, odd)),
        wire.encode(entry(0, 1)),
        wire.encode(Entry("run", 3, 1, RunEnded(RunState.INTERRUPTED, 2.0))),
        wire.encode(Entry("run", 4, 0, Adopted(4, 3.0))),
    ]
    found = list(find(b"garbage\n" + b"".join(lines) + lines[0][:-1]))
    assert [(mark.kind, mark.run_id, mark.epoch) for mark in found] == [
        ("RunStarted", 'r"un', 0),
        ("RunEnded", "run", 3),
        ("Adopted", "run", 4),
    ]
    assert found[0].started() == odd
    assert found[1].status() is RunState.INTERRUPTED
    assert found[2].started() is None


def test_a_damaged_mark_is_no_run(tmp_path: Path) -> None:
    """A damaged start cannot be taken up and stops nobody."""
    line = wire.encode(entry(0, 0, STARTED))[:-1]
    [mark] = find(line[:-5] + b"?????\n")
    log = Log("x", tmp_path / "journal" / "x.jsonl", 1)
    assert adopt.interrupted({log: [mark]}) == []


@pytest.mark.parametrize(("status", "left"), [(RunState.SUCCESS, 0), (RunState.FAILED, 0), (RunState.INTERRUPTED, 2)])
def test_what_a_segment_keeps(status: RunState, left: int) -> None:
    """Of a run that began and ended for good nothing needs to be kept; of one that may go on, all marks."""
    marks = [
        Mark("RunStarted", "run", 0, wire.encode(entry(0, 0, STARTED))[:-1]),
        Mark("RunEnded", "run", 0, wire.encode(entry(0, 1, RunEnded(status, 1.0)))[:-1]),
    ]
    assert len(unfinished(marks)) == left
    assert unfinished(marks[:1]) == marks[:1]
    assert unfinished(marks[1:]) == marks[1:]


def test_marks_are_read_once_and_go_on(tmp_path: Path) -> None:
    """Of a growing journal only what is new is read; its segment is known by what was read before."""
    own = Journal(tmp_path)
    marks = RunMarks(tmp_path, lambda _: (0, []))
    own.append([entry(0, 0, STARTED)])
    own.commit.wait()
    assert [mark.kind for found in marks.now().values() for mark in found] == ["RunStarted"]
    own.append([entry(0, 1), entry(0, 2, RunEnded(RunState.INTERRUPTED, 2.0))])
    own.close()
    assert [mark.kind for found in marks.now().values() for mark in found] == ["RunStarted", "RunEnded"]
    assert adopt.interrupted(marks.now()) == [(STARTED, 0)]
    assert adopt.retire(tmp_path, {own.id: own.path.stat().st_size}) == 1
    assert [path.name for path, _, _ in segments.listed(tmp_path)] == [f"{own.id}.{own.commit.durable}.jsonl.gz"]
    assert adopt.interrupted(marks.now()) == [(STARTED, 0)]
    assert adopt.interrupted(RunMarks(tmp_path).now()) == [(STARTED, 0)]


@pytest.mark.parametrize("seen", [False, True], ids=["new to us", "seen before it grew"])
@pytest.mark.parametrize("late", [False, True], ids=["before it is listed", "after it is listed"])
def test_a_journal_becomes_a_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: bool, late: bool) -> None:
    """Whenever another thread or process makes a segment of a journal, its marks and entries are seen: a run that was
    adopted there would be adopted under the same epoch once more, and hang."""
    own, marks = Journal(tmp_path), RunMarks(tmp_path, lambda _: (0, []))
    own.append([entry(0, 0, STARTED)])
    own.commit.wait()
    if seen:
        marks.now()
    own.append([entry(1, 0, Adopted(1, 5.0)), entry(1, 1)])
    own.close()
    listed = list_journals(tmp_path)
    assert adopt.retire(tmp_path, {own.id: own.path.stat().st_size}) == 1
    if late:
        monkeypatch.setattr(journal, "list_journals", lambda _: listed)
    assert places(adopt.entries(tmp_path, "run")) == [(0, 0), (1, 0), (1, 1)]
    assert adopt.interrupted(marks.now()) == [(STARTED, 1)]
    monkeypatch.undo()
    assert adopt.interrupted(marks.now()) == [(STARTED, 1)]


def test_not_folded_is_not_retired(tmp_path: Path) -> None:
    """A journal whose end the database does not have, or whose owner lives, stays a journal."""
    own = Journal(tmp_path)
    own.append([entry(0, 0, STARTED), entry(0, 1)])
    own.commit.wait()
    first = own.path.read_bytes().index(b"\n") + 1
    assert adopt.retire(tmp_path, {own.id: own.path.stat().st_size}) == 0
    own.close()
    assert adopt.retire(tmp_path, {own.id: first}) == 0
    assert adopt.retire(tmp_path, {}) == 0
    assert adopt.retire(tmp_path, {own.id: own.path.stat().st_size}) == 1
