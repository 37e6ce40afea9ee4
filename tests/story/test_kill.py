"""kill -9 in the middle of a run with paid calls: nothing that was acknowledged is bought or run again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wfkit import Workflow
from wfkit.core.events import CallEnded
from wfkit.llm.provider import Behaviour, Provider
from wfkit.store.journals.journal import list_journals, read_entries

_KILLS = 20
_CONCURRENCY = 8
_PATIENCE_S = 120.0
Start = Callable[[Path, Path], int]


@contextmanager
def _starter(provider: Provider, errors: Path) -> Iterator[Start]:
    """A function that starts a run on a store and returns its process id."""
    env = {**os.environ, "OPENAI_API_BASE": provider.url, "OPENAI_API_KEY": "any"}
    command = [sys.executable, "-m", "tests.story.crash_child"]
    with (
        errors.open("w") as stderr,
        subprocess.Popen(
            command, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None

        def start(store: Path, result: Path) -> int:
            process.stdin.write(f"{store} {result}\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield start
        process.stdin.close()


def _until(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, f"waited too long for {what}"
        time.sleep(0.002)


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def _acknowledged(store: Path) -> set[str]:
    """Prompts whose reply is in a journal."""
    prompts = set()
    for log in list_journals(store):
        for _, _, entry in read_entries(log.path):
            if isinstance(entry.event, CallEnded) and entry.event.call.reply is not None:
                prompts.add(entry.event.call.request.messages[-1].content)
    return prompts


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_at_twenty_random_moments(tmp_path: Path) -> None:
    """After every kill -9 the next process takes the run up: no acknowledged reply is bought twice, the value is that
    of an undisturbed run, and what the provider has billed is in our books, or listed as possibly billed."""
    dice = random.Random(20)
    calm, store, result = tmp_path / "calm.txt", tmp_path / ".wfkit", tmp_path / "result.txt"
    with (
        Provider(Behaviour(latency_s=0.05, jitter_s=0.05)) as provider,
        _starter(provider, tmp_path / "errors.txt") as start,
    ):
        start(tmp_path / "calm", calm)
        _until(calm.exists, "the undisturbed run")
        first = len(provider.effects())
        for kill in range(_KILLS):
            acknowledged, seen = _acknowledged(store), len(provider.effects())
            child = start(store, result)
            wanted = seen + dice.randint(1, 7)
            _until(lambda wanted=wanted: len(provider.effects()) >= wanted or result.exists(), "calls")
            time.sleep(dice.random() * 0.1)
            os.kill(child, signal.SIGKILL)
            _until(lambda child=child: _gone(child), "the end of a killed process")
            assert not result.exists(), f"the run ended before kill {kill + 1}: make it longer"
            again = [effect.prompt for effect in provider.effects()[seen:] if effect.prompt in acknowledged]
            assert not again, f"bought again after kill {kill}: {again[0]}"
        acknowledged, seen = _acknowledged(store), len(provider.effects())
        start(store, result)
        _until(result.exists, (tmp_path / "errors.txt").read_text() or "the last run")
        assert not [effect for effect in provider.effects()[seen:] if effect.prompt in acknowledged]
        effects = provider.effects()[first:]
    bought = Counter(effect.prompt for effect in effects)
    assert result.read_text().split()[:2] == calm.read_text().split()[:2]
    assert len(bought) == 200
    assert sum(bought.values()) <= 200 + _KILLS * _CONCURRENCY
    _books_agree(store, Counter(_document(effect.prompt) for effect in effects if effect.billed))


def _document(text: str) -> int:
    return int(text.split("number ")[1].split(maxsplit=1)[0])


def _books_agree(store: Path, billed: Counter[int]) -> None:
    """What was billed for each item is at least what we have booked, and at most that and what may be billed."""
    workflow = Workflow("crash", store=store, namespace={})
    replies = (
        "SELECT item, count(*) AS n FROM calls_latest WHERE response_model IS NOT NULL AND NOT served GROUP BY item"
    )
    booked = dict(workflow.sql(replies).itertuples(index=False))
    possible = workflow.sql("SELECT * FROM possibly_billed")
    text = workflow.show("cost").text()
    workflow.close()
    listed = Counter(possible["item"])
    assert len(possible) > 0
    assert set(possible["node"]) == {"told"}
    assert possible["worst_usd"].notna().all()
    assert f"{len(possible)} calls without a reply may be billed too, at most $" in " ".join(text.split())
    for item in range(200):
        assert booked[item] <= billed[item] <= booked[item] + listed[item], item
