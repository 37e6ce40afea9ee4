"""kill -9 in the middle of a run with paid calls: nothing that was acknowledged is bought or run again."""

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
from wfkit.store.journal import list_journals, read_entries

_KILLS = 20
_CHILD = Path(__file__).with_name("crash_child.py")


def _start(store: Path, provider: Provider, concurrency: int = 8) -> subprocess.Popen[str]:
    env = {**os.environ, "OPENAI_API_BASE": provider.url, "OPENAI_API_KEY": "any", "PYTHONWARNINGS": "default"}
    return subprocess.Popen(
        [sys.executable, str(_CHILD), str(store), str(concurrency)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _acknowledged(store: Path) -> set[str]:
    """Prompts whose reply is in a journal."""
    prompts = set()
    for log in list_journals(store):
        for _, _, entry in read_entries(log.path):
            if isinstance(entry.event, CallEnded) and entry.event.call.reply is not None:
                prompts.add(entry.event.call.request.messages[-1].content)
    return prompts


def _finish(process: subprocess.Popen[str]) -> list[str]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return next(line for line in out.splitlines() if line.startswith("RESULT")).split()


@pytest.mark.slow
def test_killed_at_twenty_random_moments(tmp_path: Path) -> None:
    """After every kill -9 the next process takes the run up: no acknowledged reply is bought twice, and the value is
    that of an undisturbed run."""
    dice = random.Random(20)
    with Provider(Behaviour(latency_s=0.05, jitter_s=0.05)) as provider:
        calm = _finish(_start(tmp_path / "calm", provider))
        store, kills = tmp_path / ".wfkit", 0
        bought_before = len(provider.effects())
        while kills < _KILLS:
            acknowledged, seen = _acknowledged(store), len(provider.effects())
            process = _start(store, provider)
            _wait_for_work(process, provider, seen, dice)
            process.send_signal(signal.SIGKILL)
            out, _ = process.communicate()
            kills += 1
            again = [e for e in provider.effects()[seen:] if e.prompt in acknowledged]
            assert not again, f"bought again after kill {kills}: {again[0].prompt}"
            if "RESULT" in out:
                break
        seen, acknowledged = len(provider.effects()), _acknowledged(store)
        result = _finish(_start(store, provider))
        assert not [e for e in provider.effects()[seen:] if e.prompt in acknowledged]
        bought = Counter(e.prompt for e in provider.effects()[bought_before:])
    assert kills == _KILLS, "the run ended before it was killed often enough"
    assert result[1:3] == calm[1:3]
    assert len(bought) == 200
    assert sum(bought.values()) <= 200 + _KILLS * 8


def _wait_for_work(
    process: subprocess.Popen[str], provider: Provider, seen: int, dice: random.Random
) -> None:
    """Let the child make a few calls, then go on for a random moment."""
    wanted = seen + dice.randint(1, 7)
    deadline = time.monotonic() + 60
    while len(provider.effects()) < wanted and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(dice.random() * 0.02)
