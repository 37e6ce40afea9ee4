"""Journals: what was appended is read in order; torn tails are not there, damage is told and costs only its line."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from wfkit.core.events import Entry, Skipped
from wfkit.errors import StoreFault
from wfkit.store.journals import journal, segments
from wfkit.store.journals.journal import Damage, Journal, Log

ENTRIES = [Entry("run", 0, n, Skipped(n, 0, 1.0)) for n in range(10)]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path)
    yield made
    made.close()


def written(root: Path) -> Path:
    made = Journal(root)
    made.append(ENTRIES)
    made.close()
    return made.path


def seqs(path: Path, offset: int = 0) -> list[int]:
    return [entry.seq for _, _, entry in journal.read_entries(path, offset)]


def test_read_in_order(own: Journal) -> None:
    """Entries are read in their order with their offsets, from any of them on, while the journal is being written."""
    own.append(ENTRIES[:3], durable=True)[0].wait()
    for entry in ENTRIES[3:]:
        own.append((entry,))
    own.commit.wait()
    lines = list(journal.read_entries(own.path))
    assert [entry for _, _, entry in lines] == ENTRIES
    assert [end for _, end, _ in lines[:-1]] == [start for start, _, _ in lines[1:]]
    assert own.take_lines() == lines
    assert own.take_lines() == []
    assert seqs(own.path, lines[4][0]) == [4, 5, 6, 7, 8, 9]


def test_its_own_file(own: Journal) -> None:
    """A journal is its owner's alone (0600), has its own name and is live until it is closed."""
    assert own.path.stat().st_mode & 0o777 == 0o600
    [log] = journal.list_journals(own.path.parent.parent)
    assert (log.journal_id, log.path, log.live()) == (own.id, own.path, True)
    own.close()
    assert not log.live()


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_torn_tail_is_not_there(tmp_path: Path, cut: int, caplog: pytest.LogCaptureFixture) -> None:
    """Of a line that was not written to its end nothing is read, and nothing is reported: it was not acknowledged."""
    path = written(tmp_path)
    os.truncate(path, path.stat().st_size - cut)
    assert seqs(path) == [*range(9)]
    assert caplog.text == ""


def test_damage_costs_its_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged line is left out and told once, by journal and byte; the lines around it are read."""
    path = written(tmp_path)
    data = bytearray(path.read_bytes())
    start, end, _ = list(journal.read_entries(path))[4]
    data[start + 30] ^= 1
    path.write_bytes(data)
    found: list[Damage] = []
    assert [entry.seq for _, _, entry in journal.read_entries(path, 0, found.append)] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert [(damage.journal_id, damage.offset, damage.next_offset) for damage in found] == [
        (journal.journal_id_of(path), start, end)
    ]
    seqs(path)
    seqs(path)
    assert caplog.text.count("damaged line") == 1
    assert f"byte {start}" in caplog.text


def test_garbage_is_no_crash(tmp_path: Path) -> None:
    """Whatever a file holds, reading ends, with the lines that are intact."""
    path = written(tmp_path)
    good = path.read_bytes()
    for garbage in (b"", b"\n\n\n", b"\x00" * 5000, b"deadbeef {}\n", good[:50] + b"\n" + good, good + b"\xff" * 99):
        path.write_bytes(garbage)
        assert seqs(path) in ([], [*range(10)])


def test_nobody_reads_through_links(tmp_path: Path) -> None:
    """A journal that is a link is not followed."""
    path = written(tmp_path)
    link = path.with_name("x.jsonl")
    link.symlink_to(path)
    with pytest.raises(OSError, match="symbolic"):
        seqs(link)


def test_gone_is_empty(tmp_path: Path) -> None:
    """A journal that became a segment while we looked has no lines; there may be no journals at all."""
    assert seqs(tmp_path / "journal" / "x.jsonl") == []
    assert journal.list_journals(tmp_path) == []


def test_segment_reads_the_same(tmp_path: Path) -> None:
    """A segment gives the same entries at the same offsets, and stands for its journal in the list."""
    path = written(tmp_path)
    lines = list(journal.read_entries(path))
    segment = segments.write(tmp_path, journal.journal_id_of(path), path.read_bytes())
    assert list(journal.read_entries(segment)) == lines
    assert seqs(segment, lines[7][0]) == [7, 8, 9]
    assert journal.list_journals(tmp_path) == [
        Log(journal.journal_id_of(path), segment, path.stat().st_size, segment=True)
    ]


def test_damaged_segment(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Of a damaged segment the lines before the damage are read, and it is told."""
    path = written(tmp_path)
    segment = segments.write(tmp_path, "x", path.read_bytes() * 200)
    data = segment.read_bytes()
    segment.write_bytes(data[: len(data) // 2])
    assert seqs(segment)[:10] == [*range(10)]
    assert "is damaged after byte" in caplog.text
    segment.write_bytes(b"no gzip")
    assert seqs(segment) == []


def _append_in_child(own: Journal, answer: multiprocessing.Queue[str]) -> None:
    try:
        own.append(ENTRIES[:1])
    except StoreFault as fault:
        answer.put(str(fault))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_child_may_not_write(own: Journal) -> None:
    """A forked child is refused with a reason, and does not keep its parent's lock."""
    context = multiprocessing.get_context("fork")
    answer: multiprocessing.Queue[str] = context.Queue()
    own.append(ENTRIES, durable=True)[0].wait()
    child = context.Process(target=_append_in_child, args=(own, answer))
    child.start()
    assert f"belongs to process {os.getpid()}" in answer.get(timeout=60)
    child.join()
    assert seqs(own.path) == [*range(10)]
