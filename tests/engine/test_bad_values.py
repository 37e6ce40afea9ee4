"""Promises for values that behave badly: each has a clear outcome, the run goes on, and nothing wrong is cached."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.engine.lab import Lab, did, run
from wfkit.errors import ValueFault
from wfkit.keys.values import digest
from wfkit.store.payloads import codecs


@dataclasses.dataclass(eq=False, repr=False)
class Rude:
    """Raises when it is compared, hashed, shown, pickled, or asked for what it has not."""

    x: int

    def _raise(self, *_: object) -> Any:
        raise RuntimeError("leave me alone")

    __eq__ = __hash__ = __repr__ = __reduce__ = __getattr__ = __bool__ = __len__ = _raise


def test_items_that_raise_whatever_they_are_asked(any_lab: Lab) -> None:
    """Items whose own methods raise are digested, mapped over, cached and told apart all the same."""
    cells = {"rude": "[Rude(1), Rude(2), Rude(1)]", "xs --each 'r in rude'": "r.x", "same --each 'r in rude'": "r"}
    workflow = any_lab.cells(cells, {"Rude": Rude})
    outcome = run(workflow)
    assert not outcome.failures
    assert not outcome.warnings
    assert outcome["xs"] == [1, 2, 1]
    assert [item.x for item in outcome["same"]] == [1, 2, 1]
    assert did(run(workflow)) == {"rude": "hit", "xs": "hit", "same": "hit"}


def test_pickling_that_raises(lab: Lab) -> None:
    """With `codec: pickle` a value whose `__reduce__` raises is used, not cached, and its error is told."""

    class Secretive:
        """Has no digest, and does not let itself be pickled."""

        def __init__(self) -> None:
            self.lines = (line for line in "ab")

        def __reduce__(self) -> Any:
            raise RuntimeError("not me")

    outcome = run(
        lab.cells({"made --codec pickle": "Secretive()", "used": "type(made).__name__"}, {"Secretive": Secretive})
    )
    assert outcome["used"] == "Secretive"
    assert "RuntimeError: not me" in outcome.warnings[0]


@dataclasses.dataclass
class Restless:
    """Another value each time somebody looks."""

    x: int

    def __getattribute__(self, name: str) -> Any:
        if name == "x":
            inside = object.__getattribute__(self, "__dict__")
            inside["x"] += 1
        return object.__getattribute__(self, name)


def test_a_value_that_changes_by_itself(lab: Lab) -> None:
    """What is another value each time is never served as a hit to what reads it, and the reader is named."""
    workflow = lab.cells({"made": "Restless(1)", "used": "type(made).__name__"}, {"Restless": Restless})
    outcome = run(workflow)
    assert outcome["used"] == "Restless"
    assert any("'used'" in warning and "changed its input 'made'" in warning for warning in outcome.warnings)
    assert did(run(workflow))["used"] == "run"


def _digest_or_fault(value: Any) -> str:
    """A digest, or as many characters when the value was caught changing: both are right."""
    try:
        return digest(value)
    except ValueFault as fault:
        return "?" * 32 if "changed size" in str(fault) else str(fault)


def test_a_container_that_changes_while_it_is_digested() -> None:
    """A set that another thread fills is refused or digested as it was, never half."""
    growing: set[Any] = {Path(str(number)) for number in range(200)}
    stop = threading.Event()

    def grow() -> None:
        while not stop.is_set():
            growing.symmetric_difference_update({Path("more"), Path("and more")})

    thread = threading.Thread(target=grow, daemon=True)
    thread.start()
    try:
        for _ in range(20):
            assert len(_digest_or_fault(growing)) == 32
    finally:
        stop.set()
        thread.join()


def test_labels_twice_the_same(lab: Lab) -> None:
    """A frame with two columns of one name goes through a run, a hit and a map, both columns kept."""
    frame = pd.DataFrame([[1, 2.5], [3, 4.5]], columns=["a", "a"])
    cells = {"same": "frame", "total": "float(same.to_numpy().sum())"}
    outcome = run(lab.cells(cells), "same", "total", inputs={"frame": frame})
    pd.testing.assert_frame_equal(outcome["same"], frame)
    assert outcome["total"] == 11.0
    again = run(lab.cells(cells), "same", "total", inputs={"frame": frame})
    assert did(again) == {"same": "hit", "total": "hit"}
    assert digest(again["same"]) == digest(frame)


def notebook_class(body: str) -> Any:
    """A class as a cell of a notebook defines it."""
    scope: dict[str, Any] = {"__name__": "__main__", "dataclasses": dataclasses}
    exec(f"@dataclasses.dataclass\nclass Point:\n    x: int\n{body}", scope)
    return scope["Point"]


def test_a_class_that_is_defined_again(lab: Lab) -> None:
    """An instance of the class as it was is another value than one of the class as it is; each keeps its behaviour."""
    cells = {"made": "Point(2)", "told": "made.twice()", "old": "point.twice()"}
    first = notebook_class("    def twice(self): return self.x * 2")
    kept = first(5)
    outcome = run(lab.cells(cells, {"Point": first, "point": kept}))
    assert (outcome["told"], outcome["old"]) == (4, 10)
    second = notebook_class("    def twice(self): return self.x * 3")
    outcome = run(lab.cells(cells, {"Point": second, "point": kept}))
    assert (outcome["told"], outcome["old"]) == (6, 10)
    assert did(outcome) == {"made": "run", "told": "run", "old": "hit"}
    third = notebook_class("    y: int = 1\n    def twice(self): return self.x * 3 + self.y")
    assert run(lab.cells(cells, {"Point": third, "point": third(1)}))["told"] == 7


def test_a_lambda_in_a_default(lab: Lab) -> None:
    """A default that is a lambda counts with what it reaches."""

    def make(factor: int) -> Any:
        def scale(x: int, by: Any = lambda x: x * factor) -> int:
            return int(by(x))

        return scale

    assert run(lab.cells({"a": "scale(2)"}, {"scale": make(2)}))["a"] == 4
    assert did(run(lab.cells({"a": "scale(2)"}, {"scale": make(2)}))) == {"a": "hit"}
    assert run(lab.cells({"a": "scale(2)"}, {"scale": make(3)}))["a"] == 6


def test_deep_values(lab: Lab) -> None:
    """A value 10,000 levels deep goes through a run and a hit."""
    cells = {
        "deep": "v = [1]\nfor _ in range(10_000):\n    v = [v, (2,)]\nv",
        "left": "n = deep\nwhile len(n) > 1:\n    n = n[0]\nn",
    }
    workflow = lab.cells(cells)
    assert run(workflow)["left"] == [1]
    assert did(run(workflow)) == {"deep": "hit", "left": "hit"}


def test_what_is_too_large_is_not_stored(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value beyond the limit is used below, not cached; the warning says how large it is and what to do."""
    monkeypatch.setattr(codecs, "LARGEST_BYTES", 1 << 20)
    outcome = run(lab.cells({"large": "import numpy as np\nnp.zeros(1 << 18)", "n": "len(large)"}))
    assert outcome["n"] == 1 << 18
    assert "too large to be stored" in outcome.warnings[0]
    assert "return the file's path" in outcome.warnings[0]


@pytest.mark.slow
def test_an_array_beyond_two_gigabytes(tmp_path: Path) -> None:
    """A sparse file of 2.5 GB is digested without a copy in memory, and refused before a payload is made."""
    value = np.memmap(tmp_path / "x", "u1", "w+", shape=(5 << 29,))
    before = digest(value)
    value[-1] = 1
    assert digest(value) != before
    with pytest.raises(ValueFault, match=r"2\.5 GB is too large"):
        codecs.encode(value)
