"""Locks are lost by letting go or by dying, and by nothing else; a lease gives way, a flight is one's alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from wfkit.errors import StoreFault
from wfkit.store import locks
from wfkit.store.database.lease import Lease
from wfkit.store.flight import Flights

HOLDER = """
import sys
from wfkit.store.locks import take
lock = take(sys.argv[1])
print(bool(lock), flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
sys.stdin.readline()
"""
FORKER = """
import os, sys, time
from wfkit.store.locks import take
lock = take(sys.argv[1])
if os.fork() == 0:
    print("child", flush=True)
    time.sleep(60)
sys.stdin.readline()
"""
FLIER = """
import os, sys, time
from pathlib import Path
from wfkit.store import locks
from wfkit.store.flight import Flights
if sys.stdin.readline() == "False\\n":
    locks._OFD_SETLK = None
flights = Flights(Path(sys.argv[1]))
flight = flights.take("e" * 32)
if os.fork() == 0:
    flight.release()  # it is the parent's
    print("child", flights.take("e" * 32) is None, flush=True)
    time.sleep(60)
sys.stdin.readline()
"""


@contextmanager
def process(code: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", code, str(path)]
    started = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    with started:
        try:
            yield started
        finally:
            with suppress(ProcessLookupError):  # killed by the test
                os.killpg(started.pid, signal.SIGKILL)


def line(of: subprocess.Popen[str]) -> str:
    assert of.stdout
    return of.stdout.readline().strip()


def test_held_by_a_process(tmp_path: Path) -> None:
    """A lock that another process holds is not to be had until it lets go."""
    path = tmp_path / "lock"
    with process(HOLDER, path) as holder:
        assert line(holder) == "True"
        assert locks.take(path) is None
        assert not locks.is_free(path)
        print(file=holder.stdin, flush=True)
        assert line(holder) == "released"
        lock = locks.take(path)
        assert lock is not None
        lock.release()


def test_freed_by_death(tmp_path: Path) -> None:
    """kill -9 of the holder frees its lock."""
    path = tmp_path / "lock"
    with process(HOLDER, path) as holder:
        assert line(holder) == "True"
        holder.kill()
        holder.wait()
        assert locks.is_free(path)


def test_not_inherited(tmp_path: Path) -> None:
    """A child forked by a holder does not keep the lock when its parent dies."""
    path = tmp_path / "lock"
    with process(FORKER, path) as forker:
        assert line(forker) == "child"
        assert not locks.is_free(path)
        forker.kill()
        forker.wait()
        assert locks.is_free(path)


def test_threads_exclude_each_other(tmp_path: Path) -> None:
    """Of threads that take the same lock, one has it at a time, though its file comes and goes."""
    path, inside, worst = tmp_path / "lock", [0], [0]

    def work() -> None:
        done = 0
        while done < 50:
            lock = locks.take(path)
            if lock is None:
                continue
            inside[0] += 1
            worst[0] = max(worst[0], inside[0])
            inside[0] -= 1
            lock.release(unlink=True)
            done += 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert worst == [1]


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A lock file that is a link is refused."""
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        locks.take(tmp_path / "link")
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files cannot be locked, the fault says so and what to do."""

    def refuse(fd: int, how: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with pytest.raises(StoreFault, match=r"cannot be locked.*local disk \(WFKIT_STORE\)"):
        locks.take(tmp_path / "lock")


def test_lease_is_one_process_at_a_time(tmp_path: Path) -> None:
    """The lease is had by one, can be asked for again, and its holder is known."""
    mine, other = Lease(tmp_path), Lease(tmp_path)
    assert mine.acquire(0.0)
    assert mine.acquire(0.0)
    assert not other.acquire(0.0)
    assert (mine.held, other.held) == (True, False)
    assert other.holder() == os.getpid()
    assert not mine.wanted()
    mine.release()
    mine.release()
    assert other.holder() is None
    assert other.acquire(0.0)
    other.release()


def test_lease_is_given_way(tmp_path: Path) -> None:
    """Who waits for the lease is seen by its holder, and gets it when the holder gives way."""
    mine, other = Lease(tmp_path), Lease(tmp_path)
    assert mine.acquire()
    got: list[bool] = []
    waiting = threading.Thread(target=lambda: got.append(other.acquire(60.0)))
    waiting.start()
    while not mine.wanted():
        pass
    mine.release()
    waiting.join()
    assert got == [True]
    assert not other.wanted()
    other.release()


def test_lease_wait_runs_out(tmp_path: Path) -> None:
    """A wait for the lease ends, and then nobody wants it any more."""
    mine, other = Lease(tmp_path), Lease(tmp_path)
    assert mine.acquire()
    assert not other.acquire(0.05)
    assert locks.is_free(tmp_path / "want.lock")
    mine.release()


@pytest.fixture(params=["bytes of one file", "a file each"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "a file each":
        monkeypatch.setattr(locks, "_OFD_SETLK", None)
    elif locks._OFD_SETLK is None:
        pytest.skip("this system has no locks of an open file")
    return tmp_path


def test_flight_is_one_s_alone(folder: Path) -> None:
    """Of two who have the flights of a store open one gets a key, the other when it is released; twice is harmless."""
    one, two = Flights(folder), Flights(folder)
    flight = one.take("f" * 32)
    assert flight is not None
    assert one.take("f" * 32) is None
    assert two.take("f" * 32) is None
    neighbour = two.take("f" * 31 + "e")
    assert neighbour is not None
    flight.release()
    flight.release()
    again = two.take("f" * 32)
    assert again is not None
    flight.release()
    assert one.take("f" * 32) is None
    one.close()
    assert one.take("f" * 32) is None
    two.close()
    assert one.take("f" * 32) is not None
    one.close()
    assert list(folder.glob("flights/*")) == []


def test_flight_ends_with_its_process(folder: Path) -> None:
    """The flights of a process that was killed can be taken, though a child that it forked lives on."""
    flights = Flights(folder)
    with process(FLIER, folder) as flier:
        print(locks._OFD_SETLK is not None, file=flier.stdin, flush=True)
        assert line(flier) == "child True"
        assert flights.take("e" * 32) is None
        flier.kill()
        flier.wait()
        other = flights.take("e" * 32)
        assert other is not None
        other.release()
    flights.close()


def test_where_bytes_cannot_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system without such locks a flight is a file."""

    def refuse(*_: object) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(locks.fcntl, "fcntl", refuse)
    flight = Flights(tmp_path).take("f" * 32)
    assert flight is not None
    assert [path.name for path in (tmp_path / "flights").iterdir()] == ["f" * 32]
    flight.release()
    assert list((tmp_path / "flights").iterdir()) == []
