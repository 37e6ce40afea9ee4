"""Rewriting segments: what stays keeps its place, what fills the gaps says nothing, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.database.store_folder import tables
from tests.store.database.stories import labels, random_run, result
from wfkit.core.events import Entry, ItemsSucceeded
from wfkit.store import place, wire
from wfkit.store.collection import compact
from wfkit.store.collection.keeping import Fate
from wfkit.store.collection.survey import is_filler
from wfkit.store.database import rebuild
from wfkit.store.database.database import FILE
from wfkit.store.journals import journal, segments
from wfkit.store.journals.journal import Log

FATE = Fate(frozenset({"r1"}), {}, frozenset(), frozenset())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place.prepare(tmp_path / ".wfkit")
    return tmp_path / ".wfkit"


def segment(root: Path, data: bytes, name: str = "j") -> Log:
    return Log(name, segments.write(root, name, data), len(data), segment=True)


def lines(entries: list[Entry]) -> bytes:
    return b"".join(map(wire.encode, entries))


def told(log: Log) -> list[tuple[int, Entry]]:
    return [(start, entry) for start, _, entry in journal.read_entries(log.path) if not is_filler(entry)]


@pytest.mark.parametrize("seed", range(20))
def test_what_stays_keeps_its_place(root: Path, seed: int) -> None:
    """Whatever goes, every other line is where it was, the length is the same, and doing it again changes nothing."""
    data = lines([each for n in range(3) for each in random_run(seed * 3 + n, f"r{n}").entries])
    log = segment(root, data)
    before = told(log)
    done = compact.compact(log, lambda entry: compact.kept(FATE, entry))
    compact.write(root, done)
    assert len(done.data) == len(data)
    after = told(log)
    assert [pair for pair in before if pair[1].run_id != "r1"] == [pair for pair in after if pair[1].run_id != "r1"]
    assert set(dict(after)) <= set(dict(before))
    again = compact.compact(log, lambda entry: compact.kept(FATE, entry))
    assert (again.changed, again.data) == (False, done.data)


def test_fillers_leave_no_rows(root: Path) -> None:
    """A database made from a compacted segment has the rows of what stays, and its end as the watermark."""
    stay = labels("r2")
    segment(root, lines([*stay.entries]), "a")
    rebuild.build(root / FILE)
    alone = tables(root / FILE)
    (root / segments.FOLDER / f"a.{len(lines(stay.entries))}.jsonl.gz").unlink()
    log = segment(root, lines([*labels("r1").entries, *stay.entries, *labels("r1").entries]), "a")
    fate = replace(FATE, replies=True, definitions=frozenset(_definitions(stay.entries)))
    done = compact.compact(log, lambda entry: compact.kept(fate, entry))
    compact.write(root, done)
    rebuild.build(root / FILE)
    after = tables(root / FILE)
    assert after.pop("folded") == [repr(("a", log.size))]
    alone.pop("folded")
    definitions = (alone.pop("definitions"), after.pop("definitions"))
    assert after == alone
    assert set(definitions[0]) <= set(definitions[1])


def _definitions(entries: list[Entry]) -> list[str]:
    return [definition for each in entries if (definition := getattr(each.event, "definition", None))]


def test_a_part_of_a_line(root: Path) -> None:
    """Of many results in one line those stay that are used, under their tasks."""
    results = tuple(result("n", str(number)) for number in range(5))
    log = segment(root, lines([Entry("r1", 0, 1, ItemsSucceeded((3, 4, 5, 6, 7), 1, results, 1.0))]))
    used = frozenset((results[n].key, results[n].value.digest) for n in (1, 3))
    done = compact.compact(log, lambda entry: compact.kept(replace(FATE, used=used), entry))
    compact.write(root, done)
    [(_, entry)] = told(log)
    assert entry.event == ItemsSucceeded((4, 6), 1, (results[1], results[3]), 1.0)
    assert len(done.data) == log.size


def test_no_room_for_a_filler(root: Path) -> None:
    """A line too short for one that says nothing stays as it is; so do damaged lines, and segments with damage."""
    short, broken = b"x\n", b"00000000 {}\n"
    keep = labels("r2").entries[:1]
    log = segment(root, lines(keep) + short + broken)
    done = compact.compact(log, lambda _: None)
    assert done.data.endswith(short + broken)
    path = log.path
    path.write_bytes(path.read_bytes()[:-20])
    assert not compact.compact(log, lambda _: None).changed


@pytest.mark.parametrize("size", [93, 94, 10_000, (2 << 20) + 1, (3 << 20) + 50])
def test_a_filler_has_any_size(size: int) -> None:
    """Lines that say nothing fill a gap to the byte, and are read without a complaint."""
    assert compact.SMALLEST == 93
    filler = compact._filler(size)
    assert len(filler) == size
    assert all(is_filler(wire.decode(line)) for line in filler.splitlines())
