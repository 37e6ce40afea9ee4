"""The doctor: what is wrong with a store is found and said, with what to do; rebuilding gives an equal database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.database.store_folder import Process, lines_of, open_database, tables, write_journal
from tests.store.database.stories import START, Story, labels, result
from tests.store.database.test_database import HOLDER
from wfkit.core import events as e
from wfkit.core.events import Entry
from wfkit.core.result import Stored
from wfkit.errors import StoreFault
from wfkit.store.database import rebuild, session
from wfkit.store.database.database import FILE
from wfkit.store.doctor import Finding, doctor
from wfkit.store.journals.journal import list_journals
from wfkit.store.payloads.objects import ObjectFiles, payload_digest


def find(root: Path, subject: str, **options: bool) -> list[Finding]:
    return [finding for finding in doctor(root, **options).findings if finding.subject == subject]


def test_a_store_that_is_well(root: Path) -> None:
    """Nothing to complain of, and the versions, sizes and counts that a bug report needs."""
    write_journal(root, labels().entries)
    health = doctor(root)
    assert health.ok
    assert "1 run, 4 results" in health.text()
    assert [finding.subject for finding in health.findings if finding.level != "ok"] == []


def test_rebuild(root: Path) -> None:
    """The database is made anew and equal, beside a process that has the store open."""
    write_journal(root, labels().entries)
    database = open_database(root)
    assert database.fold(lines_of(root)[:5])
    assert database.fold(lines_of(root))
    before = tables_of_open(root, database)
    (found,) = [each for each in doctor(root, rebuild=True, database=database).findings if each.subject == "rebuild"]
    assert found.level == "ok"
    assert len(database.runs()) == 1
    database.close()
    assert tables(root / FILE) == before


def tables_of_open(root: Path, database: object) -> dict[str, list[str]]:
    database.close()
    return tables(root / FILE)


def test_no_rebuild_while_somebody_has_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process has the database: it is named, and nothing is replaced under it."""
    monkeypatch.setattr(session, "READ_WAIT_S", 0.05)
    write_journal(root, labels().entries)
    with Process(HOLDER, root) as kernel:
        assert kernel.read() == "ready"
        health = doctor(root, rebuild=True)
        kernel.go()
    assert [each.level for each in health.findings if each.subject == "rebuild"] == ["error"]
    assert f"PID {kernel.process.pid} holds the database" in health.text()


def test_no_rebuild_that_would_lose_rows(root: Path) -> None:
    """If folded journals are gone, the database is the only record of them and is kept."""
    write_journal(root, labels().entries)
    rebuild.build(root / FILE)
    (log,) = list_journals(root)
    log.path.unlink()
    (found,) = find(root, "rebuild", rebuild=True)
    assert found.level == "error"
    assert "keep it, do not rebuild" in found.advice
    assert tables(root / FILE)["results"]


def test_damaged_and_torn_lines(root: Path) -> None:
    """A damaged line is an error and named by its place; a line cut off by a crash is not."""
    write_journal(root, labels().entries)
    (log,) = list_journals(root)
    data = log.path.read_bytes()
    lines = data.splitlines(keepends=True)
    lines[3] = lines[3].replace(b"r1", b"r9", 1)
    log.path.write_bytes(b"".join(lines) + b'12345678 {"cut')
    (damaged,) = find(root, "damaged line")
    assert damaged.detail.startswith(f"{log.journal_id}, byte {sum(map(len, lines[:3]))}: ")
    (torn,) = find(root, "torn line")
    assert "14 bytes" in torn.detail


def test_missing_and_damaged_objects(root: Path) -> None:
    """Values whose objects are gone or changed are named, with their node."""
    objects = ObjectFiles(root)
    entries = []
    for number, payload in enumerate((b"good" * 9, b"gone" * 9, b"changed" * 9)):
        name = payload_digest(payload)
        objects.put(name, payload)
        stored = Stored(f"{number:032x}", "bytes", name, len(payload))
        entries.append(Entry("", 0, number, e.Succeeded(0, 1, result(f"n{number}", value=stored), START)))
    write_journal(root, entries)
    paths = {path.read_bytes()[:4]: path for path in (root / "objects").rglob("*") if path.is_file()}
    paths[b"gone"].unlink()
    paths[b"chan"].write_bytes(b"other")
    bad = find(root, "object")
    assert sorted(each.detail.split("'")[1] for each in bad) == ["n1", "n2"]
    assert not doctor(root).ok


def test_an_interrupted_run(root: Path) -> None:
    """A run whose process is gone is told, with how to take it up again."""
    story = Story(labels().specs)
    story.resolve(0)
    write_journal(root, story.entries)
    (found,) = find(root, "interrupted run")
    assert (found.detail, found.level) == ("r1", "warning")


def test_no_store(tmp_path: Path) -> None:
    """Without a store there is one clear error."""
    with pytest.raises(StoreFault, match="there is no store"):
        doctor(tmp_path / "nowhere")


def test_others_may_read_it(root: Path) -> None:
    """A folder that others may read is a warning with the command that mends it."""
    root.chmod(0o755)
    (found,) = find(root, "folder")
    assert found.advice == f"chmod 700 {root}"
