"""Pins: made for a run that has a value, listed, taken away, and never guessed when damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.collecting import run
from wfkit.errors import StoreFault, UsageFault
from wfkit.store.collection import pins
from wfkit.store.disk import open_store


def test_from_pin_to_drop(tmp_path: Path) -> None:
    """Without a run it is the newest that has a value; twice is once; dropping takes what was meant."""
    root = tmp_path / ".wfkit"
    first, second = run(root, 1, "large").run_id, run(root, 2, "numbers").run_id
    store = open_store(root)
    assert pins.pin(store, "large", None, 1.0).run_id == first
    assert pins.pin(store, "numbers", None, 2.0).run_id == second
    assert pins.pin(store, "numbers", first[:10], 3.0).run_id == first
    assert pins.pin(store, "numbers", first, 4.0).at == 4.0
    with pytest.raises(UsageFault, match="no value in run"):
        pins.pin(store, "large", second, 1.0)
    with pytest.raises(UsageFault, match="no value in any run"):
        pins.pin(store, "nobody", None, 1.0)
    store.close()
    assert [(each.node, each.run_id) for each in pins.listed(root)] == [
        ("large", first),
        ("numbers", second),
        ("numbers", first),
    ]
    assert [each.run_id for each in pins.drop(root, "numbers", first[:10])] == [first]
    assert [each.run_id for each in pins.drop(root, "numbers")] == [second]
    with pytest.raises(UsageFault, match="nothing of node 'numbers' is pinned"):
        pins.drop(root, "numbers")
    assert [each.node for each in pins.listed(root)] == ["large"]


def test_a_damaged_pin_stops_a_collection(tmp_path: Path) -> None:
    """What it kept is not known, so it is said instead of collected."""
    assert pins.listed(tmp_path) == []
    (tmp_path / pins.FOLDER).mkdir()
    (tmp_path / pins.FOLDER / "a.json").write_bytes(b"{")
    with pytest.raises(StoreFault, match="is damaged"):
        pins.listed(tmp_path)
