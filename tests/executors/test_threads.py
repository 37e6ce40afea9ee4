"""Promises of the worker threads: a job waits only while all threads work, and none is lost."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator
from functools import partial

import pytest

from tests.interrupting import interrupt
from wfkit.executors.threads import Threads

PATIENCE_S = 120.0


@pytest.fixture
def two() -> Iterator[Threads]:
    """Two threads, of which none is left for the next test to count."""
    threads = Threads(2, name="test")
    yield threads
    threads.close()
    ended()


def alive() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("test-")]


def ended() -> None:
    """Wait until they have ended; fails if one does not."""
    for thread in alive():
        thread.join(PATIENCE_S)
    assert alive() == []


def test_threads_start_when_they_are_needed(two: Threads) -> None:
    """No job, no thread; an idle thread is used again."""
    assert alive() == []
    for _ in range(5):
        done = threading.Event()
        two.submit(done.set)
        assert done.wait(PATIENCE_S)
    assert len(alive()) <= 2


def test_every_job_runs(two: Threads) -> None:
    """More jobs than threads: all of them run."""
    done = threading.Semaphore(0)
    for _ in range(1000):
        two.submit(done.release)
    for _ in range(1000):
        assert done.acquire(timeout=PATIENCE_S)
    assert len(alive()) <= 2


def test_jobs_that_need_each_other(two: Threads) -> None:
    """Up to `size` jobs are under way at once, whatever ran before."""
    for _ in range(20):
        both = threading.Barrier(2, timeout=PATIENCE_S)
        ended = threading.Semaphore(0)
        for _ in range(2):
            two.submit(lambda both=both, ended=ended: (both.wait(), ended.release()))
        assert ended.acquire(timeout=PATIENCE_S)
        assert ended.acquire(timeout=PATIENCE_S)


def test_an_idle_thread_lets_go(two: Threads) -> None:
    """A thread that waits for its next job keeps nothing alive of the last one."""
    kept = [threading.Event()]
    gone, done = weakref.ref(kept[0]), kept[0].set
    two.submit(done)
    assert kept[0].wait(PATIENCE_S)
    del done
    kept.clear()
    until = time.monotonic() + PATIENCE_S
    while gone() is not None:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_replaced_thread(two: Threads) -> None:
    """With all threads held by bodies that were given up, and as many replaced, a job runs all the same; also when jobs
    had waited for a thread before."""
    done = threading.Semaphore(0)
    for _ in range(100):
        two.submit(done.release)
    for _ in range(100):
        assert done.acquire(timeout=PATIENCE_S)
    let_go = threading.Event()
    began = threading.Barrier(3, timeout=PATIENCE_S)
    for _ in range(2):
        two.submit(lambda: (began.wait(), let_go.wait(PATIENCE_S)))
    began.wait()
    two.replace()
    two.submit(done.release)
    assert done.acquire(timeout=PATIENCE_S)
    let_go.set()


def test_more_threads(two: Threads) -> None:
    """`grow` lets more jobs run at once; it never takes threads away."""
    two.grow(4)
    two.grow(1)
    four = threading.Barrier(4, timeout=PATIENCE_S)
    ended = threading.Semaphore(0)
    for _ in range(4):
        two.submit(lambda: (four.wait(), ended.release()))
    for _ in range(4):
        assert ended.acquire(timeout=PATIENCE_S)


def test_closing(two: Threads) -> None:
    """After `close` the threads end, and a later job starts a new one."""
    done = threading.Event()
    two.submit(done.set)
    assert done.wait(PATIENCE_S)
    two.close()
    ended()
    again = threading.Event()
    two.submit(again.set)
    assert again.wait(PATIENCE_S)


def test_closing_before_a_thread_has_begun(two: Threads, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that comes to its first job only after `close` does it, and ends like the others."""
    closed, done, begin = threading.Event(), threading.Event(), threading.Thread.run

    def late(thread: threading.Thread) -> None:
        assert closed.wait(PATIENCE_S)
        begin(thread)

    monkeypatch.setattr(threading.Thread, "run", late)
    two.submit(done.set)
    two.close()
    closed.set()
    assert done.wait(PATIENCE_S)
    ended()


def test_ctrl_c_at_any_step() -> None:
    """A job that is handed over while the user interrupts is done once, or was never taken; the next one is done."""
    step, place = 1, ""
    while place is not None:
        threads, done, over = Threads(1, name="test"), [], threading.Event()
        place = interrupt(partial(threads.submit, partial(done.append, "first")), step)
        threads.submit(over.set)
        assert over.wait(PATIENCE_S)
        assert done in ([], ["first"])
        threads.close()
        ended()
        step += 1
    assert step > 10
