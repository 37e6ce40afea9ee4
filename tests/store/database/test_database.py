"""The database file: shared, given away, broken, held by others, on a full disk. Answers never stop and never lie."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.engine.lab import PATIENCE_S
from tests.interrupting import interrupt
from tests.store.database.store_folder import Process, lines_of, open_database, tables, write_journal
from tests.store.database.stories import START, labels
from wfkit.errors import StoreFault
from wfkit.store.database import door, opening, session
from wfkit.store.database.database import FILE, Database
from wfkit.store.database.lease import Lease
from wfkit.store.database.opening import Trouble

HOLDER = """
import sys
from pathlib import Path
from tests.store.database.store_folder import lines_of, open_database
root = Path(sys.argv[1])
database = open_database(root)
database.fold(lines_of(root))
print("ready", flush=True)
sys.stdin.readline()
database.close()
"""
STRANGER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
connection.close()
"""
LONG = "select sum(a.range * b.range) from range(10000000) a, range(10000000) b"
LONG_QUERY = f"""
import sys
from pathlib import Path
from tests.store.database.store_folder import open_database
database = open_database(Path(sys.argv[1]))
database.runs()
try:
    print("ready", flush=True)
    database.sql("{LONG}")
except KeyboardInterrupt:
    print("interrupted", flush=True)
print(len(database.sql("select 1")), flush=True)
database.close()
"""
FOLDER = """
import sys
from pathlib import Path
from tests.store.database.store_folder import lines_of, open_database
root = Path(sys.argv[1])
database = open_database(root)
lines = lines_of(root)
for start in range(0, len(lines), 3):
    print("ready", flush=True)
    database.fold(lines[start : start + 3])
print("done", flush=True)
"""


@pytest.fixture
def stored(root: Path) -> Path:
    """A store with a run in a journal, and a database that has it."""
    write_journal(root, labels().entries)
    database = open_database(root)
    assert database.fold(lines_of(root))
    database.close()
    return root


def run_ids(database: Database) -> list[str]:
    return [row.run_id for row in database.runs()]


def test_made_when_first_needed(root: Path) -> None:
    """A store without a database gets one with everything that the journals say, for its owner's eyes only."""
    write_journal(root, labels().entries)
    database = open_database(root)
    assert run_ids(database) == ["r1"]
    assert database.notice is None
    database.close()
    assert (root / FILE).stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in root.iterdir()) == ["journal", "store.lock", FILE]


def test_threads_share_it(stored: Path) -> None:
    """Eight threads ask and fold at once, and each gets its own answers."""
    database = open_database(stored)
    keys = [item.key for item in database.known(["label", "table", "reviews"])]
    wrong: list[object] = []

    def ask(number: int) -> None:
        for i in range(25):
            key = keys[(number + i) % len(keys)]
            found = database.result(key)
            if found is None or found.key != key or not database.fold(lines_of(stored)):
                wrong.append(found)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.close()
    assert wrong == []


def test_closed_and_opened_again(stored: Path) -> None:
    """After `close` another process may have the file; the next question opens it again."""
    database, other = open_database(stored), open_database(stored)
    assert run_ids(database) == ["r1"]
    database.close()
    assert run_ids(other) == ["r1"]
    assert other.notice is None
    other.close()
    assert run_ids(database) == ["r1"]
    database.close()


def test_a_shell_reads_while_a_kernel_has_it(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not get the lease answers from the journals, names the holder, sees what is added, and later gets it."""
    monkeypatch.setattr(session, "READ_WAIT_S", 0.05)
    monkeypatch.setattr(door, "_RETRY_S", 0.0)
    with Process(HOLDER, stored) as kernel:
        assert kernel.read() == "ready"
        shell = open_database(stored)
        assert run_ids(shell) == ["r1"]
        assert shell.notice == f"read from journals; PID {kernel.process.pid} holds the database"
        assert not shell.fold(lines_of(stored))
        write_journal(stored, labels("r2", START + 50).entries)
        assert run_ids(shell) == ["r2", "r1"]
        kernel.go()
        assert run_ids(shell) == ["r2", "r1"][1:] or shell.notice is None
        assert shell.fold(lines_of(stored))
        assert shell.notice is None
        assert run_ids(shell) == ["r2", "r1"]
        shell.close()


def test_given_away_when_wanted(stored: Path) -> None:
    """A process that waits for the lease gets it after the holder's next question, without being told to go away."""
    kernel, shell = open_database(stored), open_database(stored)
    assert run_ids(kernel) == ["r1"]
    answers: list[list[str]] = []
    waiter = threading.Thread(target=lambda: answers.append(run_ids(shell)))
    waiter.start()
    while waiter.is_alive():
        kernel.watermarks()
    waiter.join()
    assert answers == [["r1"]]
    shell.close()
    kernel.close()


def test_held_by_a_stranger(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A DuckDB client has the file: answers come from the journals, its PID is named, folding waits."""
    monkeypatch.setattr(door, "_RETRY_S", 0.0)
    with Process(STRANGER, stored / FILE) as stranger:
        assert stranger.read() == "ready"
        database = open_database(stored)
        assert run_ids(database) == ["r1"]
        assert database.notice == f"read from journals; PID {stranger.process.pid} holds the database"
        assert not database.fold(lines_of(stored))
        stranger.go()
        assert database.fold(lines_of(stored))
        assert database.notice is None
        database.close()


@pytest.mark.parametrize("kill_after", [1, 2, 4, 7])
def test_killed_while_folding(root: Path, kill_after: int) -> None:
    """kill -9 in the middle of folding: the next process folds the rest, and has each row once."""
    write_journal(root, labels().entries)
    with Process(FOLDER, root) as folder:
        for _ in range(kill_after):
            assert folder.read() == "ready"
        folder.kill()
    database = open_database(root)
    assert database.fold(lines_of(root))
    database.close()
    undisturbed = root.parent / "undisturbed"
    undisturbed.mkdir()
    (root / "journal").rename(undisturbed / "journal")
    other = open_database(undisturbed)
    other.runs()
    other.close()
    assert tables(root / FILE) == tables(undisturbed / FILE)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for place in range(0, len(data), 4096):
        data[place + 100] ^= 0xFF
    path.write_bytes(data)


def corrupt_wal(path: Path) -> None:
    """A log beside the file that cannot be replayed."""
    connection = duckdb.connect(str(path))
    connection.execute("SET checkpoint_threshold = '1GB'")
    connection.execute("INSERT INTO forgotten (key) SELECT 'k' || range FROM range(1000)")
    os.link(f"{path}.wal", f"{path}.wal2")
    data = bytearray(Path(f"{path}.wal2").read_bytes())
    connection.close()
    Path(f"{path}.wal2").unlink()
    data[len(data) // 2] ^= 0xFF
    Path(f"{path}.wal").write_bytes(data)


BREAK: dict[str, Callable[[Path], object]] = {
    "flipped": flip,
    "garbage": lambda path: path.write_bytes(os.urandom(50_000)),
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:20_000]),
    "a text": lambda path: path.write_text("not a database\n" * 500),
    "corrupt log": corrupt_wal,
}


@pytest.mark.parametrize("damage", BREAK)
def test_a_broken_file_is_set_aside(stored: Path, damage: str) -> None:
    """A file that does not open is kept under another name and made anew from the journals, with a warning."""
    BREAK[damage](stored / FILE)
    bytes_before = (stored / FILE).read_bytes()
    database = open_database(stored)
    with pytest.warns(RuntimeWarning, match=r"is kept as wfkit\.duckdb\.broken-.* made anew from the journals"):
        assert run_ids(database) == ["r1"]
    assert database.notice is not None
    assert "made anew from the journals" in database.notice
    database.close()
    (kept,) = [path for path in stored.glob(f"{FILE}.broken-*") if path.suffix != ".wal"]
    assert kept.read_bytes() == bytes_before
    assert run_ids(database) == ["r1"]
    assert database.notice is None
    database.close()


def test_broken_while_it_is_open(stored: Path) -> None:
    """A block that turns out to be corrupt at its first scan: the same, and the question is answered."""
    database = open_database(stored)
    broken = [True]

    def ask(cursor: duckdb.DuckDBPyConnection) -> object:
        if broken.pop() if broken else False:
            raise duckdb.Error("Corrupt database file: computed checksum 1 does not match stored checksum 2")
        return cursor.execute("SELECT count(*) FROM runs_latest").fetchall()

    with pytest.warns(RuntimeWarning, match="made anew"):
        assert database.session.run(ask) == [(1,)]
    database.close()


def test_an_invalid_instance_is_opened_again(stored: Path) -> None:
    """After a fatal error of DuckDB the file is opened again and the question asked again; nothing is set aside."""
    database = open_database(stored)
    fatal = [True]

    def ask(cursor: duckdb.DuckDBPyConnection) -> object:
        if fatal.pop() if fatal else False:
            raise duckdb.FatalException("database has been invalidated because of a previous fatal error")
        return cursor.execute("SELECT count(*) FROM runs_latest").fetchall()

    assert database.session.run(ask) == [(1,)]
    assert not list(stored.glob("*.broken-*"))
    database.close()


def test_a_full_disk(stored: Path) -> None:
    """When the disk is full folding says so and gives up; answers go on, and later it folds again."""
    database = open_database(stored)

    def full(_: duckdb.DuckDBPyConnection) -> None:
        raise duckdb.TransactionException('Failed to commit: Could not write file "x": No space left on device')

    assert database.session.run_on_file(full) is None
    assert database.notice == "the disk is full: the journals keep what is recorded; free space"
    assert run_ids(database) == ["r1"]
    with pytest.raises(StoreFault, match="disk is full"):
        database.session.run(full)
    assert database.fold(lines_of(stored))
    assert database.notice is None
    database.close()


def test_ctrl_c_in_a_long_query(stored: Path) -> None:
    """SIGINT reaches the user while a query would go on for hours; the next one is answered."""
    with Process(LONG_QUERY, stored) as shell:
        assert shell.read() == "ready"
        shell.process.send_signal(signal.SIGINT)
        assert [shell.read(), shell.read()] == ["interrupted", "1"]


def test_ctrl_c_at_any_step(stored: Path) -> None:
    """A Ctrl-C before, while and after a query is handed to its thread ends it, and keeps nobody from closing."""
    database = open_database(stored)
    database.sql("select 1")
    places: list[str | None] = []
    while places[-4:] != ["interrupts.py:wait"] * 4:  # there it waits for the answer
        places.append(interrupt(lambda: database.sql(LONG), len(places) + 1))
        assert not [
            frame
            for frame in sys._current_frames().values()
            if frame.f_code.co_name == "_answer" and "sql.py" in frame.f_code.co_filename
        ]
        if str(places[-1]).startswith("session.py"):
            closing = threading.Thread(target=database.close)
            closing.start()
            closing.join(PATIENCE_S)
            assert not closing.is_alive(), places
    assert {"session.py:_enter", "sql.py:_check"} <= set(places)
    assert len(database.sql("select 1")) == 1
    database.close()


def test_an_interrupted_query(stored: Path) -> None:
    """DuckDB's RuntimeError for a SIGINT reaches the user as what it was."""
    database = open_database(stored)

    def interrupted(_: duckdb.DuckDBPyConnection) -> None:
        raise RuntimeError("Query interrupted")

    with pytest.raises(KeyboardInterrupt):
        database.session.run(interrupted)
    assert run_ids(database) == ["r1"]
    database.close()


def test_a_newer_format_is_refused(stored: Path) -> None:
    """A database that a newer wfkit wrote is left alone, with what to do."""
    connection = opening.connect(stored / FILE)
    connection.execute("UPDATE store_format SET version = 99")
    connection.close()
    database = open_database(stored)
    with pytest.raises(StoreFault, match=r"format 99.*update wfkit"):
        database.runs()
    assert Lease(stored).acquire()


def test_an_older_format_is_made_anew(stored: Path) -> None:
    """A database without our tables, or of an older format, is replaced by one from the journals."""
    (stored / FILE).unlink()
    duckdb.connect(str(stored / FILE)).close()
    database = open_database(stored)
    assert run_ids(database) == ["r1"]
    database.close()


def test_after_a_fork(stored: Path) -> None:
    """A child does not touch the connection that it inherits: it answers from the journals."""
    database = open_database(stored)
    assert run_ids(database) == ["r1"]
    link = database.session._link
    assert link is not None
    link.pid = -1  # as a child sees it
    assert database.session.door.lease.held
    assert run_ids(database) == ["r1"]
    assert database.session._link is not link
    link.close()
    database.close()


ERRORS = [
    (duckdb.IOException("Could not set lock on file: Conflicting lock is held in python (PID 12)"), Trouble.HELD),
    (duckdb.TransactionException("Failed to commit: No space left on device"), Trouble.FULL),
    (duckdb.IOException("Cannot open file: Permission denied"), Trouble.DENIED),
    (duckdb.IOException("Trying to read a database file with version number 99"), Trouble.NEWER),
    (duckdb.IOException("The file exists, but it is not a valid DuckDB database file!"), Trouble.CORRUPT),
    (duckdb.Error("Failure while replaying WAL file: Corrupt WAL file"), Trouble.CORRUPT),
    (duckdb.FatalException("database has been invalidated"), Trouble.INVALID),
    (duckdb.BinderException("no such column"), Trouble.OTHER),
]


@pytest.mark.parametrize(("error", "trouble"), ERRORS, ids=lambda each: getattr(each, "name", ""))
def test_what_an_error_means(error: Exception, trouble: Trouble) -> None:
    """DuckDB's errors are told apart by what must be done about them."""
    assert opening.judge(error) is trouble
