"""The lock of whoever changes a store as a whole: one at a time, and plans wait for the end."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from wfkit.errors import StoreFault
from wfkit.store.collection import upkeep


def test_one_at_a_time(tmp_path: Path) -> None:
    """A second one is told to try again; afterwards the lock is gone."""
    with upkeep.exclusive(tmp_path), pytest.raises(StoreFault, match="another process"), upkeep.exclusive(tmp_path):
        raise AssertionError("two at once")
    with upkeep.exclusive(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [upkeep.LOCK]
    assert list(tmp_path.iterdir()) == []


def test_a_plan_waits(tmp_path: Path) -> None:
    """Whoever plans meanwhile goes on when it is done, and not before; a lock left by the dead stops nobody."""
    done = threading.Event()
    with upkeep.exclusive(tmp_path):
        waiter = threading.Thread(target=lambda: (upkeep.wait_until_done(tmp_path), done.set()))
        waiter.start()
        assert not done.wait(0.05)
    waiter.join(60)
    assert done.is_set()
    (tmp_path / upkeep.LOCK).touch()
    upkeep.wait_until_done(tmp_path)


def test_a_plan_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while the user is told what is going on."""
    monkeypatch.setattr(upkeep, "PATIENCE_S", 0.01)
    with upkeep.exclusive(tmp_path), pytest.raises(StoreFault, match="run again when it is done"):
        upkeep.wait_until_done(tmp_path)
