"""Ctrl-C held back is heard, once and late; a milestone is waited for by many, and a Ctrl-C takes nothing from it."""

from __future__ import annotations

import os
import signal
import threading
from functools import partial
from types import FrameType

import pytest

from tests.engine.lab import PATIENCE_S
from tests.interrupting import interrupt
from wfkit.interrupts import Milestone, held_back


def test_heard_when_the_block_ends() -> None:
    """Nothing is raised inside, KeyboardInterrupt after it; then SIGINT does what it did before."""
    done: list[str] = []

    def work() -> None:
        with held_back():
            signal.raise_signal(signal.SIGINT)
            done.append("whole")
        done.append("never")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["whole"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_within_another_block() -> None:
    """The outermost block is the one that ends."""
    done: list[str] = []

    def work() -> None:
        with held_back():
            with held_back():
                signal.raise_signal(signal.SIGINT)
            done.append("whole")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["whole"]


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_what_raises_nothing_stays(handler: signal.Handlers) -> None:
    """A process that ignores SIGINT, or ends of it, is left as it is."""
    before = signal.signal(signal.SIGINT, handler)
    try:
        with held_back():
            assert signal.getsignal(signal.SIGINT) == handler
        assert signal.getsignal(signal.SIGINT) == handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_handler_of_the_user() -> None:
    """Whoever set a handler, as a loop does, gets the signal."""
    heard: list[int] = []

    def handler(number: int, frame: FrameType | None) -> None:
        heard.append(number)

    before = signal.signal(signal.SIGINT, handler)
    try:
        with held_back():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            assert heard == []
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]


def test_on_other_threads() -> None:
    """No other thread can set a handler, and none is interrupted."""
    done: list[str] = []

    def work() -> None:
        with held_back():
            done.append("whole")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(PATIENCE_S)
    assert done == ["whole"]


def test_a_milestone() -> None:
    """All who wait go on when it comes, and whoever comes later does not wait; a wait that ends before says so."""
    milestone, seen = Milestone(), []
    assert not milestone.wait(0.001)
    assert not milestone.is_set()
    threads = [threading.Thread(target=lambda: seen.append(milestone.wait(PATIENCE_S))) for _ in range(5)]
    for thread in threads:
        thread.start()
    milestone.set()
    milestone.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert seen == [True] * 5
    assert milestone.wait()
    assert milestone.wait(0.0)


def test_a_milestone_and_ctrl_c_at_any_step() -> None:
    """A wait that is interrupted, anywhere, keeps nobody else waiting."""
    for step in range(1, 8):
        milestone = Milestone()
        interrupt(partial(milestone.wait, 0.001), step)
        milestone.set()
        interrupt(milestone.wait, step)
        assert milestone.wait(PATIENCE_S)


@pytest.mark.parametrize("asleep", [False, True])
def test_a_milestone_that_a_handler_reaches(asleep: bool) -> None:
    """A handler that ends a wait of its own thread ends it, as the wait begins and while it sleeps."""
    milestone = Milestone()
    before = signal.signal(signal.SIGINT, lambda *_: milestone.set())
    timer = threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGINT])
    try:
        if asleep:
            timer.start()
        interrupt(milestone.wait, 1 << 30 if asleep else 1)
    finally:
        signal.signal(signal.SIGINT, before)
        timer.cancel()
    assert milestone.is_set()
