"""Promises of values in memory: bounded, never shared if they can change, kept as long as somebody needs them."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pandas as pd
import pytest

from tests.engine.lab import Lab, run
from tests.engine.test_interrupt import until
from wfkit.engine.preparing import values as module
from wfkit.engine.preparing.values import Values
from wfkit.errors import ValueFault
from wfkit.keys.values import digest
from wfkit.store.memory import MemoryStore


class Connection:
    """Something that has no digest, and whose end can be seen."""


def test_what_can_change_is_never_shared() -> None:
    """A list is decoded for each reader, even before its event is in the log; a text is one object."""
    store = MemoryStore()
    values = Values(store)
    for value, shared in (([1, 2], False), ({"a": 1}, False), ("text" * 100, True), (12345678, True)):
        name = digest(value)
        values.keep(name, value, store.encode(value, name))
        assert values.get(name) == value
        assert (values.get(name) is values.get(name)) == shared
        assert (values.get(name) is value) == shared
    store.close()


def test_a_frame_that_its_maker_changes() -> None:
    """A frame is kept as it was made, though its maker writes into it afterwards."""
    store = MemoryStore()
    values, frame = Values(store), pd.DataFrame({"a": [1, 2]})
    name = digest(frame)
    values.keep(name, frame, store.encode(frame, name))
    frame.loc[0, "a"] = 99
    assert digest(values.get(name)) == name
    store.close()


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the budget the values kept longest make room, loaded ones too."""
    monkeypatch.setattr(module, "_BUDGET_BYTES", 10_000)
    store = MemoryStore()
    values = Values(store)
    names = []
    for i in range(50):
        text = f"{i:05}" * 200
        names.append(digest(text))
        values.keep(names[-1], text)
    assert values.has(names[-1])
    assert not values.has(names[0])
    assert sum(values.has(name) for name in names) <= 10
    with pytest.raises(ValueFault):
        values.get(names[0])
    store.close()


def test_held_values_go_with_their_run(lab: Lab) -> None:
    """A connection that a node made is there while the outcome is, and goes with it."""
    made: list[Any] = []
    workflow = lab.cells(
        {"connection --ignore made": "made.append(1)\nConnection()"}, {"made": made, "Connection": Connection}
    )
    outcome = run(workflow)
    seen = weakref.ref(outcome["connection"])
    gc.collect()
    assert seen() is not None
    outcome = run(workflow)
    until(lambda: gc.collect() >= 0 and seen() is None, "the thread that made it to let go of it")
    assert outcome["connection"] is not None


def test_equal_values_are_separate_objects(lab: Lab) -> None:
    """Equal items of an outcome are objects of their own."""
    outcome = run(lab.cells({"numbers": "[1, 1]", "pairs --each 'n in numbers'": "[n]"}))
    first, second = outcome["pairs"]
    first.append(2)
    assert second == [1]
