"""Promises of the loop: what is due starts, whenever its alarm rings."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.lab import PATIENCE_S, Lab
from wfkit.core.terms import RunState
from wfkit.engine.thread import shared


def test_an_alarm_that_nobody_hears(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """An alarm that rings too early (the clock was set back), or while another thread is at the run, is not lost: the
    retry it was set for begins all the same."""
    real, early = shared.call_at, [True]

    def call_at(delay_s: float, call: Callable[[], Any]) -> None:
        if early and early.pop():
            call()  # at once, while the thread that sets it has the lock of the run
            return
        real(delay_s, call)

    monkeypatch.setattr(shared, "call_at", call_at)
    workflow = lab.cells({"a --retries 1": "raise ValueError('no')"})
    outcomes: list[Any] = []
    thread = threading.Thread(target=lambda: outcomes.append(workflow.run()), daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    assert outcomes, "the run hangs"
    assert outcomes[0].status is RunState.FAILED
    assert not early
    assert len(outcomes[0]._context.run.failures[0]) == 2
