"""kill -9 in the middle of a map of 10,000 items: no item that was acknowledged runs again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.story.map_child import COUNT
from wfkit.core.events import results_of
from wfkit.keys.values import digest
from wfkit.store.journals.journal import list_journals, read_entries

PATIENCE_S = 250.0


def _start(root: Path) -> subprocess.Popen[bytes]:
    env = {**os.environ, "EFFECTS": str(root / "effects")}
    command = [sys.executable, "-m", "tests.story.map_child", str(root / "store"), str(root / "result")]
    return subprocess.Popen(command, env=env)


def _acknowledged(store: Path) -> set[int]:
    """The items whose results are in the journals: each value is twice its item."""
    found = [
        result
        for log in list_journals(store)
        for _, _, entry in read_entries(log.path, on_damage=lambda _: None)
        for result in results_of(entry.event)
        if result.node == "told"
    ]
    return {int(result.value.inline or "") // 2 for result in found}


def _effects(root: Path) -> list[int]:
    return [int(line) for line in (root / "effects").read_text("utf-8").split()]


def test_nothing_acknowledged_runs_again(tmp_path: Path) -> None:
    """After kills at about a tenth and two thirds of the way the rest runs, and what was acknowledged does not.

    The judge is a log that the bodies write, outside the store.
    """
    (tmp_path / "effects").touch()
    for enough in (COUNT // 10, 2 * COUNT // 3):
        with _start(tmp_path) as process:
            deadline = time.monotonic() + PATIENCE_S
            while process.poll() is None and len(_effects(tmp_path)) < enough:
                assert time.monotonic() < deadline
                time.sleep(0.002)  # without a pause this loop takes a core from the child
            process.kill()
        _judge(tmp_path)
    with _start(tmp_path) as process:
        assert process.wait(PATIENCE_S) == 0
    _judge(tmp_path)
    assert _acknowledged(tmp_path / "store") == set(range(COUNT))
    value = digest([2 * n for n in range(COUNT)])
    assert (tmp_path / "result").read_text("utf-8") == f"success {value}"


def _judge(root: Path) -> None:
    """Every item that ran after a kill was not acknowledged at that kill; what is acknowledged did run."""
    seen = root / "seen"
    before = int(seen.read_text("utf-8")) if seen.exists() else 0
    effects, kept = _effects(root), root / "acknowledged"
    old = set(map(int, kept.read_text("utf-8").split())) if kept.exists() else set()
    assert not old.intersection(effects[before:])
    assert not [item for item, times in Counter(effects[before:]).items() if times > 1]
    acknowledged = _acknowledged(root / "store")
    assert old <= acknowledged <= set(effects)
    seen.write_text(str(len(effects)), encoding="utf-8")
    kept.write_text(" ".join(map(str, acknowledged)), encoding="utf-8")
