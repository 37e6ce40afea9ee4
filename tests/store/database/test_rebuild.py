"""Rebuilding: journals and segments alone give the same database, row by row."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.database.store_folder import lines_of, open_database, tables, write_journal
from tests.store.database.stories import START, labels, random_run
from wfkit.store.database import rebuild
from wfkit.store.database.database import FILE
from wfkit.store.journals import segments
from wfkit.store.journals.journal import list_journals


def fold_in_pieces(root: Path, size: int) -> None:
    database = open_database(root)
    lines = lines_of(root)
    while lines:
        last = lines[:size][-1][:2]
        piece = [line for line in lines if line[:2] <= last]  # entries of one line are never parted
        lines = lines[len(piece) :]
        assert database.fold(piece)
    database.close()


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_an_equal_database(root: Path, size: int) -> None:
    """However it was folded, the rebuilt database has the same rows in every table."""
    rebuild.build(root / FILE)
    write_journal(root, labels().entries)
    write_journal(root, labels("r2", START + 50).entries)
    for seed in range(6):
        write_journal(root, random_run(seed, f"random{seed}").entries)
    fold_in_pieces(root, size)
    before = tables(root / FILE)
    rebuild.build(root / FILE)
    assert tables(root / FILE) == before
    assert all(before[name] for name in ("runs", "nodes", "resolutions", "tasks", "attempts", "calls", "results"))


def test_from_segments(root: Path) -> None:
    """Journals that became segments count the same."""
    rebuild.build(root / FILE)
    write_journal(root, labels().entries)
    fold_in_pieces(root, 5)
    before = tables(root / FILE)
    (log,) = list_journals(root)
    segments.write(root, log.journal_id, log.path.read_bytes())
    log.path.unlink()
    rebuild.build(root / FILE)
    assert tables(root / FILE) == before


def test_only_what_is_new(root: Path) -> None:
    """Catching up folds the new lines of a journal, and nothing when there are none."""
    write_journal(root, labels().entries)
    connection = rebuild.in_memory(root)
    assert rebuild.catch_up(connection, root) == 0
    write_journal(root, labels("r2").entries[:4])
    assert rebuild.catch_up(connection, root) == 4
    connection.close()


def test_a_crash_while_building(root: Path) -> None:
    """What an unfinished build left behind is in nobody's way."""
    write_journal(root, labels().entries)
    (root / f".{FILE}.new").write_bytes(b"half")
    rebuild.build(root / FILE)
    assert not (root / f".{FILE}.new").exists()
    assert tables(root / FILE)["results"]
