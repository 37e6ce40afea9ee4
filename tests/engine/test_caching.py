"""Promises of the cache within runs: what is not stored flows all the same, and nobody can spoil what others read."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.engine.lab import Lab, did, run
from wfkit.keys.values import digest
from wfkit.store.payloads import codecs
from wfkit.store.payloads.codecs import decode
from wfkit.store.payloads.objects import ObjectFiles

MUTATIONS = {
    "list": ([3, 1, 2], "thing.sort()\nthing[0]", "thing[0]"),
    "dict": ({"a": 1}, "thing['a'] = 9\nthing['a']", "thing['a']"),
    "nested": ({"a": [1]}, "thing['a'].append(2)\nlen(thing['a'])", "len(thing['a'])"),
    "an equal value of another type": ([1], "thing[0] = True\nrepr(thing)", "repr(thing)"),
    "a set within": ({"a": {1, 2}}, "thing['a'].add(3)\nlen(thing['a'])", "len(thing['a'])"),
    "frame of objects": (
        pd.DataFrame({"a": pd.Series([[1], [2]], dtype=object)}),
        "thing['a'][0].append(5)\nlen(thing['a'][0])",
        "len(thing['a'][0])",
    ),
}


def test_an_unchanged_value_stops_the_wave(any_lab: Lab) -> None:
    """A node that ran again and made the same value causes nothing below it to run."""
    cells = {"a": "VERSION // 10", "b": "a + 1", "c": "b + 1"}
    run(any_lab.cells(cells, {"VERSION": 20}))
    assert did(run(any_lab.cells(cells, {"VERSION": 21}))) == {"a": "run", "b": "hit", "c": "hit"}
    assert did(run(any_lab.cells(cells, {"VERSION": 30}))) == {"a": "run", "b": "run", "c": "run"}


UNDIGESTABLE = {
    "connection": "import sqlite3\nconnection = sqlite3.connect(':memory:', check_same_thread=False)\nconnection",
    "generator": "(n for n in [1, 2, 3])",
    "lock": "import threading\nthreading.Lock()",
}
USES = {"connection": "made.execute('select 6').fetchone()[0]", "generator": "sum(made)", "lock": "made.locked() + 6"}


@pytest.mark.parametrize("kind", UNDIGESTABLE)
def test_what_has_no_digest_flows_in_memory(kind: str, lab: Lab) -> None:
    """A value that cannot be digested is used below all the same; its node and those that read it are not cached, and
    the node is named in a warning."""
    workflow = lab.cells({"made": UNDIGESTABLE[kind], "used": USES[kind], "below": "used + 1"})
    for below in ("run", "hit"):
        outcome = run(workflow)
        assert outcome["below"] == 7
        assert did(outcome) == {"made": "run", "used": "run", "below": below}
        assert any(warning.startswith("node 'made':") for warning in outcome.warnings)
    if kind == "connection":
        outcome["made"].close()


def test_the_value_of_another_run_is_never_served_for_it(lab: Lab) -> None:
    """What a node made of an undigestable value is not taken for what it makes of the next one."""
    cells = {"made": "iter([VERSION])", "used": "next(made)"}
    assert run(lab.cells(cells, {"VERSION": 1}))["used"] == 1
    assert run(lab.cells(cells, {"VERSION": 2}))["used"] == 2


@pytest.mark.parametrize("kind", MUTATIONS)
def test_an_input_changed_in_place_is_named(kind: str, lab: Lab) -> None:
    """The node and the argument are named, the result is not cached, and all other readers see the value as it was
    made, before and after."""
    value, mutation, reading = MUTATIONS[kind]
    cells = {
        "before --priority 9": reading,
        "mutator --priority 5": mutation,
        "after": reading,
        "late --needs mutator": reading,
    }
    workflow = lab.cells({"thing": "VALUE", **cells}, {"VALUE": value})
    workflow.config("threads", 1)
    outcome = run(workflow)
    assert outcome["after"] == outcome["late"] == outcome["before"]
    assert outcome["mutator"] != outcome["before"]
    assert outcome.warnings == (
        "node 'mutator': its body changed its input 'thing' in place: work on a copy; the result is not cached",
    )
    assert did(run(workflow)) == {"thing": "hit", "before": "hit", "mutator": "run", "after": "hit", "late": "hit"}


def test_strict(lab: Lab) -> None:
    """With the setting `strict` a body that changes its input fails, and the input is what it was."""
    workflow = lab.cells({"thing": "[1]", "mutator --priority 5": "thing.append(2)\n1", "after": "len(thing)"})
    workflow.config("strict", "on")
    workflow.config("threads", 1)
    outcome = run(workflow)
    assert did(outcome) == {"thing": "run", "mutator": "failed", "after": "run"}
    assert "changed its input 'thing' in place" in outcome.failures[0].failure.message
    assert outcome["after"] == 1


def test_arrays_are_read_only(lab: Lab) -> None:
    """Writing into an array raises in the very line that does it."""
    outcome = run(lab.cells({"thing": "VALUE", "mutator": "thing[0] = 9\n1"} | {"after": "int(thing[0])"},
                            {"VALUE": np.arange(3)}), "mutator", "after")  # fmt: skip
    assert did(outcome) == {"thing": "run", "mutator": "failed", "after": "run"}
    assert "read-only" in outcome.failures[0].failure.message
    assert outcome["after"] == 0


def test_frames_are_copied_on_write(lab: Lab) -> None:
    """A body may write into a frame: it has its own, and its result is cached."""
    frame = pd.DataFrame({"a": [1, 2]})
    workflow = lab.cells({"more": "frame['b'] = 1\nint(frame.sum().sum())", "same": "int(frame.a.sum())"})
    outcome = run(workflow, inputs={"frame": frame})
    assert (outcome["more"], outcome["same"]) == (5, 3)
    assert list(frame.columns) == ["a"]
    assert did(run(workflow, inputs={"frame": frame})) == {"more": "hit", "same": "hit"}


BACK_DOORS = {
    "base of an array": (
        "import numpy as np\nnp.arange(3.0)",
        (
            "base = thing\nwhile isinstance(base.base, np.ndarray):\n    base = base.base\n"
            "base.flags.writeable = True\nbase[0] = 9"
        ),
        "float(thing.sum())",
    ),
    "values of a frame": (
        "import pandas as pd\npd.DataFrame({'a': [1.0, 2], 'b': [3.0, 4]})",
        (
            "for part in (thing['a'], thing):\n    values = part.values\n"
            "    values.flags.writeable = True\n    values[0] = 9"
        ),
        "float(thing.sum().sum())",
    ),
    "array of a column": (
        "import pandas as pd\npd.DataFrame({'a': [1, 2], 'c': pd.Categorical(['x', 'y']), 'n': pd.array([1, 2])})",
        "for name in thing:\n    thing[name].array[0] = thing[name].array[1]",
        "str(thing)",
    ),
    "buffer of a table": (
        "import pyarrow as pa\npa.table({'a': [1, 2]})",
        "buffer = thing.column(0).chunk(0).buffers()[1]\nnp.frombuffer(buffer, 'i8')[0] = 9",
        "str(thing)",
    ),
    "a polars frame": ("import polars as pl\npl.DataFrame({'a': [1, 2]})", "thing[0, 'a'] = 9", "str(thing)"),
    "name of an index": ("import pandas as pd\npd.Index([1, 2])", "thing.name = 'n'", "str(thing)"),
    "an array in a list": ("import numpy as np\n[np.arange(3.0)]", "thing[0][0] = 9", "float(thing[0].sum())"),
}


@pytest.mark.parametrize("kind", BACK_DOORS)
def test_back_doors_lead_nowhere(kind: str, lab: Lab) -> None:
    """Whatever way a body finds to the memory of its input: no other reader sees it, now or later, nor the user."""
    made, poke, reading = BACK_DOORS[kind]
    lines = "\n".join(f"    {line}" for line in poke.splitlines())
    poker = f"import numpy as np\ntry:\n{lines}\nexcept (ValueError, TypeError):\n    pass\n1"
    cells = {"thing": made, "before --priority 9": reading, "poker --priority 5": poker, "after": reading}
    workflow = lab.cells({**cells, "late --needs poker": reading})
    workflow.config("threads", 1)
    outcome = run(workflow, "before", "poker", "after", "late")
    assert not outcome.failures
    assert outcome["after"] == outcome["late"] == outcome["before"]
    scope = {"thing": outcome["thing"], "np": np}
    with suppress(ValueError, TypeError):
        exec(poke, scope)  # the user does it to a value that was handed out
    again = lab.cells({"thing": made, "before": reading + "  # again\n"})
    again.__dict__["session"] = workflow.session
    assert run(again, force=True)["before"] == outcome["before"]
    assert digest(run(workflow, "thing")["thing"]) == digest(outcome["thing"])


def test_memory_that_the_maker_keeps(lab: Lab) -> None:
    """A table over memory that its maker goes on writing to is what it was when it was returned."""
    held: list[Any] = []
    cells = {
        "made --ignore held": "import numpy as np, pyarrow\nheld.append(np.arange(3))\npyarrow.table({'a': held[-1]})",
        "spoiler --needs made --ignore held --cache off": "held[-1][:] = 9\n0",
        "used --needs spoiler": "str(made['a'].to_pylist())",
    }
    assert run(lab.cells(cells, {"held": held}))["used"] == "[0, 1, 2]"


def test_what_nobody_reads_is_never_loaded(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cached node whose value nobody needs is not read from the store: neither its file nor its bytes."""
    cells = {"large": "list(range(50_000))", "size": "len(large)", "twice": "size * 2"}
    workflow = lab.cells(cells)
    run(workflow, "twice")
    workflow.close()
    loads: list[str] = []
    monkeypatch.setattr(codecs, "decode", lambda codec, *rest: (loads.append(codec), decode(codec, *rest))[1])
    monkeypatch.setattr(ObjectFiles, "get", lambda *_: pytest.fail("a file was read"))
    outcome = run(lab.cells(cells), "twice")
    assert did(outcome) == {"large": "hit", "size": "hit", "twice": "hit"}
    assert loads == []
    assert outcome["twice"] == 100_000
    assert len(loads) == 1


def test_variables_are_views_too(lab: Lab) -> None:
    """A body that changes a frame of the notebook changes a copy of its own: the notebook's frame, what other nodes see
    and what they are keyed by stay as they are. An array cannot be changed at all."""
    namespace = {"frame": pd.DataFrame({"x": [1, 2]}), "array": np.array([1, 2])}
    cells = {
        "change": "frame.loc[0, 'x'] = 99\nint(frame.x.sum())",
        "look": "change\nint(frame.x.sum())",
        "write": "array[0] = 99\n1",
    }
    workflow = lab.cells(cells, namespace)
    outcome = workflow.run()
    assert (outcome["change"], outcome["look"]) == (101, 3)
    assert "read-only" in outcome.failures[0].failure.message
    assert namespace["frame"].x.tolist() == namespace["array"].tolist() == [1, 2]
    assert did(workflow.run()) == {"change": "hit", "look": "hit", "write": "failed"}


def test_a_shared_input_of_a_map(lab: Lab) -> None:
    """An item that changes what it shares with the others spoils it for none of them."""
    cells = {"numbers": "[1, 2, 3]", "seen": "[]", "counts --each 'n in numbers'": "seen.append(n)\nlen(seen)"}
    workflow = lab.cells(cells)
    workflow.config("threads", 1)
    outcome = run(workflow)
    assert outcome["counts"] == [1, 1, 1]
    assert "'seen'" in outcome.warnings[0]
    assert did(run(workflow))["counts"] == "run"


@pytest.mark.parametrize(
    "value", [[1, 2], {"a": [1]}, pd.DataFrame({"a": [1, 2]}), np.arange(3)], ids=lambda v: type(v).__name__
)
def test_values_handed_out_cannot_spoil_the_cache(value: Any, lab: Lab) -> None:
    """What a user does to a value of an outcome, or to what was handed in, changes nothing that is stored."""
    workflow = lab.cells({"size": "len(thing)", "same": "thing", "text": "str(thing)"})
    first = run(workflow, inputs={"thing": value})
    text = first["text"]
    spoil(first["same"])
    assert str(first["same"]) == text
    assert str(run(workflow, inputs={"thing": first["same"]})["same"]) == text
    equal = first["same"]
    spoil(value)
    workflow.nodes.pop("text")
    again = lab.cells({"told": "str(thing)"})
    again.__dict__["session"] = workflow.session
    assert run(again, inputs={"thing": equal})["told"] == text


def spoil(value: Any) -> None:
    if isinstance(value, list):
        value.append(9)
    elif isinstance(value, dict):
        value["a"].append(9)
    elif isinstance(value, pd.DataFrame):
        value.loc[0, "a"] = 99
    else:
        value[0] = 99


def test_what_a_body_keeps_of_its_value(lab: Lab) -> None:
    """A body that returns something it holds on to cannot change it for others later."""
    held: list[Any] = []
    cells = {
        "made --ignore held": "held.append([1, 2])\nheld[-1]",
        "spoiler --needs made --ignore held --cache off": "held[-1].append(3)\n0",
        "used --needs spoiler": "sum(made)",
    }
    assert run(lab.cells(cells, {"held": held}))["used"] == 3


def test_a_secret_is_not_stored(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value with a secret in it is used and not stored; the warning names the variable, no file has the text."""
    monkeypatch.setenv("SHOP_TOKEN", "canary-9f3a-5512")
    workflow = lab.cells({"made": "import os\n{'token': os.environ['SHOP_TOKEN']}", "used": "len(made['token'])"})
    outcome = run(workflow)
    assert outcome["used"] == 16
    assert outcome["made"] == {"token": "canary-9f3a-5512"}
    assert any("SHOP_TOKEN" in warning for warning in outcome.warnings)
    workflow.close()
    assert b"canary-9f3a-5512" not in b"".join(path.read_bytes() for path in lab.store.rglob("*") if path.is_file())


def test_cache_off(lab: Lab) -> None:
    """A node with cache off runs each time; what is below it follows its value."""
    workflow = lab.cells({"a --cache off": "1", "b": "a + 1"})
    run(workflow)
    assert did(run(workflow)) == {"a": "run", "b": "hit"}


def test_force_and_forget(lab: Lab) -> None:
    """force runs everything again; what was forgotten has the reason that its value is missing, on request."""
    workflow = lab.cells({"a": "1", "b": "a + 1"})
    run(workflow)
    assert did(run(workflow, force=True)) == {"a": "run", "b": "run"}
    assert did(run(workflow)) == {"a": "hit", "b": "hit"}
    assert "forgot" in workflow.forget("b").text()
    assert "value missing" in workflow.why("b").text()
    assert "forgotten on request" in workflow.why("b").text()
    assert did(run(workflow)) == {"a": "hit", "b": "run"}


def test_pickles(lab: Lab) -> None:
    """With `codec: pickle` a value that no other codec keeps is stored, and is a hit."""
    workflow = lab.cells(
        {"made --codec pickle": "import fractions\n{fractions.Fraction(1, 3): 1}", "used": "len(made)"}
    )
    run(workflow)
    assert did(run(workflow)) == {"made": "hit", "used": "hit"}


class Fitted:
    """An estimator as scikit-learn has them: what it learned is in attributes."""

    def fit(self, rows: list[float]) -> Fitted:
        self.mean_ = sum(rows) / len(rows)
        self.weights_ = np.array(rows)
        return self

    def predict(self, x: float) -> float:
        return x - float(self.mean_)


FITTED = {"model --codec pickle": "Fitted().fit([1.0, 2.0, FIRST])", "told": "model.predict(FIRST * 0 + 5)"}


def test_a_fitted_estimator(lab: Lab) -> None:
    """With `codec: pickle` a fitted estimator is stored, is a hit in another session, and counts below by its state."""
    workflow = lab.cells(FITTED, {"Fitted": Fitted, "FIRST": 3.0})
    outcome = run(workflow)
    assert outcome["told"] == 3.0
    assert not outcome.warnings
    workflow.close()
    again = lab.cells({**FITTED, "more": "model.predict(0)"}, {"Fitted": Fitted, "FIRST": 3.0})
    outcome = run(again)
    assert did(outcome) == {"model": "hit", "told": "hit", "more": "run"}
    assert outcome["more"] == -2.0
    assert did(run(lab.cells(FITTED, {"Fitted": Fitted, "FIRST": 6.0}))) == {"model": "run", "told": "run"}


def test_without_pickle_an_estimator_says_what_to_do(lab: Lab) -> None:
    """An estimator is used below, not cached, and the warning names it and `codec: pickle`."""
    workflow = lab.cells({"model": "Fitted().fit([1.0])", "told": "model.predict(5)"}, {"Fitted": Fitted})
    outcome = run(workflow)
    assert outcome["told"] == 4.0
    (warning,) = outcome.warnings  # and not that `told` had changed it
    assert warning.startswith("node 'model': value: ")
    assert "Fitted cannot be stored" in warning
    assert "codec: pickle" in warning


def test_a_pickle_of_somebody_else(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickle that this user did not sign, or that was changed, is never loaded: its node makes it again, and the
    user is told.
    """
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "mine"))
    cells = {"model --codec pickle": "Fitted().fit([1.0])", "told": "model.predict(5)"}
    workflow = lab.cells(cells, {"Fitted": Fitted})
    run(workflow)
    workflow.close()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "another"))
    workflow = lab.cells({**cells, "told": "model.predict(6)"}, {"Fitted": Fitted})
    first = workflow.run()
    told = " ".join([*first.warnings, *(str(failure) for failure in first.failures)])
    assert "not signed by this user" in told
    second = workflow.run()
    assert second["told"] == 5.0
    assert did(second)["model"] == "run" or did(first)["model"] == "run"


def test_a_large_value(lab: Lab) -> None:
    """A value of megabytes is an object of its own, and comes back."""
    workflow = lab.cells({"made": "list(range(500_000))", "used": "sum(made)"})
    assert run(workflow)["used"] == sum(range(500_000))
    workflow.close()
    workflow = lab.cells({"made": "list(range(500_000))", "other": "made[-1]"})
    outcome = run(workflow)
    assert outcome["other"] == 499_999
    assert did(outcome) == {"made": "hit", "other": "run"}
    assert any(Path(lab.store, "objects").rglob("*"))
