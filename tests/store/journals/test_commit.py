"""Group commit: what is acknowledged is on the disk, in order, and a refusing disk never leaves half a line."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.engine.lab import PATIENCE_S
from tests.interrupting import interrupt
from wfkit.errors import StoreFault
from wfkit.store.journals import commit
from wfkit.store.journals.commit import GroupCommit


class Disk:
    """A disk that can be full, or busy, or write only a few bytes at a time, and counts how often it was synced."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        self.at_once = 1 << 30
        self.synced: list[int] = []
        self.is_free = threading.Event()
        self.is_free.set()
        self._really_sync = commit._sync
        monkeypatch.setattr(commit, "_sync", self.sync)

    def sync(self, fd: int) -> None:
        assert self.is_free.wait(60)
        self.synced.append(os.fstat(fd).st_size)
        self._really_sync(fd)

    def write(self, fd: int, data: Any) -> int:
        if self.full:
            os.write(fd, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return os.write(fd, data[: self.at_once])


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def group(tmp_path: Path, disk: Disk) -> Iterator[GroupCommit]:
    fd = os.open(tmp_path / "journal", os.O_RDWR | os.O_APPEND | os.O_CREAT)
    made = GroupCommit(fd, "journal x", disk.write)
    yield made
    disk.full = False
    made.close()
    os.close(fd)


def content(tmp_path: Path) -> bytes:
    return (tmp_path / "journal").read_bytes()


def test_durable_when_waited(tmp_path: Path, group: GroupCommit, disk: Disk) -> None:
    """When `wait` returns, the bytes are written and synced."""
    assert group.append(b"one\n", durable=True).wait()
    assert content(tmp_path) == b"one\n"
    assert disk.synced == [4]


def test_one_sync_for_many(tmp_path: Path, group: GroupCommit, disk: Disk) -> None:
    """Appends that nobody waits for share syncs: what comes during one has the next. Waiting for the last waits for all
    before it."""
    disk.is_free.clear()
    tickets = [group.append(b"%d\n" % n) for n in range(1000)]
    disk.is_free.set()
    assert tickets[-1].wait()
    assert tickets[0].wait(0)
    assert content(tmp_path) == b"".join(b"%d\n" % n for n in range(1000))
    assert len(disk.synced) <= 2


def test_nobody_needs_to_wait(group: GroupCommit) -> None:
    """What nobody waits for becomes durable too, and tells who asked to be told, from another thread."""
    told = threading.Event()
    group.append(b"one\n").then(told.set)
    assert told.wait(30)


def test_told_at_once_when_done(group: GroupCommit) -> None:
    """A ticket that is durable already tells at once."""
    ticket = group.append(b"one\n", durable=True)
    ticket.wait()
    told: list[str] = []
    ticket.then(lambda: told.append("now"))
    assert told == ["now"]


def test_a_failing_listener_stops_nothing(group: GroupCommit, caplog: pytest.LogCaptureFixture) -> None:
    """An error of one listener is logged; the next one is told and the journal goes on."""
    told = threading.Event()
    group.append(b"one\n").then(lambda: next(iter(())))
    group.append(b"two\n").then(told.set)
    assert told.wait(30)
    assert group.append(b"three\n").wait(30)
    assert "callback" in caplog.text


def test_many_threads_keep_their_lines(tmp_path: Path, group: GroupCommit) -> None:
    """Lines of many threads are whole, each thread's in its order, and `take_placed` knows where each is."""

    def write(name: int) -> None:
        for n in range(200):
            group.append(b"%d %d\n" % (name, n), note=(name, n))

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    group.wait()
    text = content(tmp_path)
    placed = group.take_placed()
    assert all(text[start:end] == b"%d %d\n" % note for start, end, note in placed)
    assert all([n for _, _, (name, n) in placed if name == mine] == [*range(200)] for mine in range(4))
    assert group.take_placed() == []


def test_short_writes(tmp_path: Path, group: GroupCommit, disk: Disk) -> None:
    """A disk that takes a few bytes at a time gets them all."""
    disk.at_once = 3
    assert group.append(b"0123456789\n", durable=True).wait()
    assert content(tmp_path) == b"0123456789\n"


def test_full_disk(tmp_path: Path, group: GroupCommit, disk: Disk) -> None:
    """A full disk is a StoreFault for who waits, leaves no half line, and loses nothing: it is written when there is
    space again."""
    group.append(b"one\n", durable=True).wait()
    disk.full = True
    ticket, told = group.append(b"two\n", durable=True), threading.Event()
    ticket.then(told.set)
    with pytest.raises(StoreFault, match=r"journal x cannot be written \(No space left on device\): free space"):
        ticket.wait(30)
    assert told.wait(30)
    assert content(tmp_path) == b"one\n"
    disk.full = False
    assert group.append(b"three\n", durable=True).wait(30)
    assert content(tmp_path) == b"one\ntwo\nthree\n"
    assert ticket.wait(0)


def test_full_disk_at_close(tmp_path: Path, disk: Disk) -> None:
    """Closing says when not everything could be written; what was durable is still there."""
    with (tmp_path / "journal").open("ab+") as file:
        group = GroupCommit(file.fileno(), "journal x", disk.write)
        group.append(b"one\n", durable=True).wait()
        disk.full = True
        group.append(b"two\n")
        with pytest.raises(StoreFault, match="No space left"):
            group.close()
    assert content(tmp_path) == b"one\n"


def test_a_disk_that_works_again_at_close(tmp_path: Path, disk: Disk) -> None:
    """What was refused is tried once more when it is closed: nobody asks after that."""
    fd = os.open(tmp_path / "journal", os.O_RDWR | os.O_APPEND | os.O_CREAT)
    made = GroupCommit(fd, "journal x", disk.write)
    disk.full = True
    with pytest.raises(StoreFault):
        made.append(b"one\n", durable=True).wait()
    disk.full = False
    made.close()
    os.close(fd)
    assert content(tmp_path) == b"one\n"


def test_closed(group: GroupCommit) -> None:
    """After closing nothing is taken, and a ticket of before says that it is durable."""
    ticket = group.append(b"one\n")
    group.close()
    assert ticket.wait(0)
    with pytest.raises(StoreFault, match="closed"):
        group.append(b"two\n")


def test_timeout(group: GroupCommit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait that runs out says False and raises nothing."""
    free = threading.Event()
    monkeypatch.setattr(commit, "_sync", lambda fd: free.wait(30))
    ticket = group.append(b"one\n", durable=True)
    assert not ticket.wait(0.01)
    free.set()
    assert ticket.wait(30)


def test_ctrl_c_at_any_step(tmp_path: Path) -> None:
    """Wherever an append and a wait for it are interrupted: the next one becomes durable, and nothing is torn."""

    def append_and_wait(log: GroupCommit) -> None:
        log.append(b"first\n", durable=True).wait(PATIENCE_S)

    step, place = 1, ""
    while place is not None:
        path = tmp_path / str(step)
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        log = GroupCommit(fd, path.name)
        place = interrupt(partial(append_and_wait, log), step)
        assert log.append(b"second\n", durable=True).wait(PATIENCE_S)
        log.close()
        os.close(fd)
        assert path.read_bytes() in (b"first\nsecond\n", b"second\n")
        step += 1
    assert step > 20
