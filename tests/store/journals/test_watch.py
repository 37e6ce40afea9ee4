"""What others write is seen by the next look, however soon after it was written, and never by luck."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wfkit.core.events import Dispatched, Entry
from wfkit.store.conformance import STARTED
from wfkit.store.journals import adopt
from wfkit.store.journals.journal import Journal
from wfkit.store.journals.watch import Watch

LONG_AGO_NS = 1_000_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


def write(journal: Journal, *numbers: int) -> None:
    for number in numbers:
        journal.append([Entry("run", 0, number, STARTED if number == 0 else Dispatched((0,), number, 1.0))])
    journal.commit.wait()


def look(watch: Watch, read_to: dict[str, int], own: str = "") -> list[str]:
    """Which have grown; they are read to their end then."""
    grown = list(watch.grown(read_to, own))
    read_to.update((log.journal_id, log.size) for log in grown)
    return [log.journal_id for log in grown]


def settle(root: Path) -> None:
    """The names in the folder were changed long ago."""
    os.utime(root / "journal", ns=(LONG_AGO_NS, LONG_AGO_NS))


def test_new_journals_and_new_lines(root: Path) -> None:
    """A new journal, and every line in it, is seen at the next look; one's own never is."""
    watch, read_to = Watch(root), dict[str, int]()
    assert look(watch, read_to) == []
    mine = Journal(root)
    write(mine, 0)
    assert look(watch, read_to, mine.id) == []
    settle(root)
    assert look(watch, read_to, mine.id) == []
    other = Journal(root)
    write(other, 0)
    assert look(watch, read_to, mine.id) == [other.id]
    for number in range(1, 4):
        settle(root)
        write(other, number)
        assert look(watch, read_to, mine.id) == [other.id]
        assert look(watch, read_to, mine.id) == []
    mine.close()
    other.close()


def test_last_words(root: Path) -> None:
    """What a process wrote just before it died is seen, when it was watched and when it was not."""
    watch, read_to = Watch(root), dict[str, int]()
    one, two = Journal(root), Journal(root)
    write(one, 0)
    settle(root)
    assert look(watch, read_to) == [one.id]
    write(one, 1)
    write(two, 0)
    one.close()
    two.close()
    assert sorted(look(watch, read_to)) == sorted([one.id, two.id])  # ids of one millisecond differ by chance
    settle(root)
    assert look(watch, read_to) == []


def test_a_segment_instead(root: Path) -> None:
    """A journal that became a segment before it was read to its end is read there."""
    watch, read_to = Watch(root), dict[str, int]()
    other = Journal(root)
    write(other, 0)
    settle(root)
    assert look(watch, read_to) == [other.id]
    write(other, 1)
    size = other.path.stat().st_size
    other.close()
    assert adopt.retire(root, {other.id: size}) == 1
    [log] = watch.grown(read_to, "")
    assert (log.journal_id, log.size, log.segment) == (other.id, size, True)


def test_trouble_is_met_again(root: Path) -> None:
    """Whoever could not read what had grown is told of it again."""
    watch = Watch(root)
    other = Journal(root)
    write(other, 0)
    settle(root)
    for _ in range(3):
        assert next(watch.grown({}, "")).journal_id == other.id  # and never looks further
    other.close()
