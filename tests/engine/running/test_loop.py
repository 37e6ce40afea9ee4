"""Promises of the loop: what is due starts, whenever its alarm rings."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.attempts.test_attempt import quick_retries
from tests.engine.clock import FAR_S, Clock
from tests.engine.lab import PATIENCE_S, Lab
from wfkit.core import backoff
from wfkit.core.policy import RetryPolicy
from wfkit.core.terms import RunState
from wfkit.engine.running.loop import Loop, Posted
from wfkit.engine.running.seating import Seating
from wfkit.engine.thread import shared


def test_an_alarm_that_nobody_hears(lab: Lab, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """An alarm that rings too early (the clock was set back), or while another thread is at the run, is not lost: the
    retry it was set for begins all the same."""
    real, early = shared.call_at, [True]

    def call_at(delay_s: float, call: Callable[[], Any]) -> None:
        if early and early.pop():
            call()  # at once, while the thread that sets it has the lock of the run
            return
        real(delay_s, call)
        real(0.0, clock.forward)  # once the loop has the alarm

    monkeypatch.setattr(shared, "call_at", call_at)
    monkeypatch.setattr(backoff, "roll", lambda *_: 0.9)
    workflow = lab.cells({"a": "raise ValueError('no')"})
    quick_retries(workflow, "a", RetryPolicy(1, base_s=FAR_S, max_delay_s=FAR_S))
    outcomes: list[Any] = []
    thread = threading.Thread(target=lambda: outcomes.append(workflow.run()), daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    assert outcomes, "the run hangs"
    assert outcomes[0].status is RunState.FAILED
    assert not early
    assert len(outcomes[0]._context.run.failures[0]) == 2


def test_a_clock_that_is_set_back(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A retry begins when its wait is over, also where the clock was set back by an hour meanwhile."""
    real, wall, back_s = shared.call_at, time.time, [0.0]

    def call_at(delay_s: float, call: Callable[[], Any]) -> None:
        back_s.append(3600.0)
        real(delay_s, call)

    monkeypatch.setattr(time, "time", lambda: wall() - back_s[-1])

    monkeypatch.setattr(shared, "call_at", call_at)
    monkeypatch.setattr(backoff, "roll", lambda *_: 0.9)
    workflow = lab.cells({"a": "raise ValueError('no')"})
    quick_retries(workflow, "a", RetryPolicy(1, base_s=0.1, max_delay_s=0.1))
    outcomes: list[Any] = []
    thread = threading.Thread(target=lambda: outcomes.append(workflow.run()), daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    assert outcomes, "the run waits for an hour"
    assert len(outcomes[0]._context.run.failures[0]) == 2


def test_alarms_that_were_overtaken_set_no_others(lab: Lab) -> None:
    """An earlier alarm overtakes a later one; when that rings at last, it sets none: they would double at each ring."""
    context = lab.cells({"a": "1"}).run()._context
    alarms: list[int] = []
    loop = Loop(context, Seating((), {}, 1), lambda delay_s, number: alarms.append(number))
    now = time.time()
    loop._wake(now + 50)
    loop._wake(now + 10)
    loop._accept(Posted((), rings=2), [], [])
    loop._wake(now + 30)
    assert alarms == [1, 2, 3]
    loop._accept(Posted((), rings=1), [], [])
    loop._wake(now + 30)
    assert alarms == [1, 2, 3]
