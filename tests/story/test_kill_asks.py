"""kill -9 in the middle of a body that asks a hundred questions: the next run pays only for those without a reply."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from wfkit.core.events import CallEnded
from wfkit.llm.provider import Behaviour, Provider
from wfkit.store.journals.journal import list_journals, read_entries

_KILLS, _CONCURRENCY, _PATIENCE_S = 3, 8, 120.0
_ASKED = 100 + 100 // 5


def acknowledged(store: Path) -> set[str]:
    """Questions and texts whose reply is in a journal."""
    entries = (entry.event for log in list_journals(store) for _, _, entry in read_entries(log.path))
    calls = [event.call for event in entries if isinstance(event, CallEnded) and event.call.reply is not None]
    return {message.content for call in calls for message in call.request.messages}


def started(tmp_path: Path, provider: Provider) -> subprocess.Popen[bytes]:
    """A process that runs the body."""
    env = {**os.environ, "OPENAI_API_BASE": provider.url, "OPENAI_API_KEY": "any"}
    command = [sys.executable, "-m", "tests.story.asks_child", str(tmp_path / ".wfkit"), str(tmp_path / "result")]
    return subprocess.Popen(command, env=env)


def killed(process: subprocess.Popen[bytes], provider: Provider, wanted: int) -> None:
    """Kill a process when the provider has seen so many requests."""
    deadline = time.monotonic() + _PATIENCE_S
    while len(provider.effects()) < wanted and process.poll() is None:
        assert time.monotonic() < deadline, "waited too long for calls"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run ended before it was killed: make it longer"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_only_what_has_no_reply_is_bought(tmp_path: Path) -> None:
    """After each kill no acknowledged reply or vector is bought again, and in the end each was, nearly always once: at
    most what was under way at a kill came twice."""
    dice = random.Random(7)
    with Provider(Behaviour(latency_s=0.05, jitter_s=0.05)) as provider:
        for _ in range(_KILLS):
            known, seen = acknowledged(tmp_path / ".wfkit"), len(provider.effects())
            killed(started(tmp_path, provider), provider, seen + dice.randint(15, 25))
            assert not known & {effect.prompt for effect in provider.effects()[seen:]}
        known, seen = acknowledged(tmp_path / ".wfkit"), len(provider.effects())
        assert known
        assert started(tmp_path, provider).wait(_PATIENCE_S) == 0
        assert not known & {effect.prompt for effect in provider.effects()[seen:]}
        bought = Counter(effect.prompt for effect in provider.effects())
    assert (tmp_path / "result").read_text("utf-8").startswith("success ")
    assert {f"question {n}" for n in range(100)} <= set(bought)
    assert _ASKED <= sum(bought.values()) <= _ASKED + _KILLS * (_CONCURRENCY + 1)
