"""Promises of preparing: what is wrong with a graph is told before anything runs, inputs find their way."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.engine.lab import Lab, did, run
from wfkit.errors import DefinitionError, GraphError, KeyMissing, ModelUnavailable, WfkitError

WRONG = {
    "cycle": ({"a": "c", "b": "a", "c": "b"}, "the nodes form a cycle: "),
    "missing": ({"a": "nobody"}, "node 'a': its body reads 'nobody'"),
    "no import": ({"a": "wfkit.env('HOME')"}, "its body reads 'wfkit', which is not imported: write `import wfkit`"),
    "near": ({"price": "1", "a": "prise"}, "did you mean 'price'?"),
    "missing over": ({"a --each 'x in absent'": "x"}, "'absent'"),
    "unknown need": ({"a --needs absent": "1"}, "needs 'absent'"),
    "keep without a map": ({"a --on_error keep": "1"}, "on_error: keep is for mapped nodes"),
    "prompt": ({"a --model offline": "About {{ thing }}"}, "node 'a': its prompt reads 'thing'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_told_before_anything_runs(case: str, lab: Lab) -> None:
    """The error says what is wrong and where; no node has run, and no run was begun."""
    cells, words = WRONG[case]
    workflow = lab.cells({"first": "1", **cells})
    with pytest.raises(DefinitionError) as caught:
        workflow.run()
    assert words in str(caught.value)
    assert workflow.store.runs() == []


def test_the_path_of_a_cycle(lab: Lab) -> None:
    """A cycle is told as the path around it."""
    with pytest.raises(GraphError, match=r"a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c"):
        lab.cells({"a": "c", "b": "a", "c": "b"}).run()


def test_unknown_target(lab: Lab) -> None:
    """A target that is no node is told, with the near name."""
    with pytest.raises(WfkitError, match="did you mean 'price'"):
        lab.cells({"price": "1"}).run("prise")


def test_a_missing_key_is_told_before_any_call(lab: Lab) -> None:
    """A provider's key that is not set is told with the node and the variable; no run was begun."""
    workflow = lab.cells({"a --model openai/gpt-4o-mini": "Hello"})
    with pytest.raises(KeyMissing, match=r"node 'a': model 'openai/gpt-4o-mini' needs .* OPENAI_API_KEY"):
        workflow.run()
    assert workflow.store.runs() == []


def test_defaults_are_no_needs(lab: Lab) -> None:
    """A parameter with a default is a dependency only if a node or an input that was handed in has its name."""
    workflow = lab.workflow({"start": 100})

    @workflow.node
    def first() -> int:
        return 1

    @workflow.node
    def total(first: int, start: int = 3, *, factor: int = 2) -> int:
        return (first + start) * factor

    assert run(workflow)["total"] == 8
    assert did(run(workflow)) == {"first": "hit", "total": "hit"}
    assert run(workflow, inputs={"start": 9})["total"] == 20
    assert run(workflow, inputs={"factor": 10})["total"] == 40

    @workflow.node
    def start(first: int) -> int:
        return first + 1

    assert run(workflow)["total"] == 6


def test_inputs_take_the_place_of_nodes(lab: Lab) -> None:
    """A value handed in under the name of a node is used instead; the node does not run."""
    workflow = lab.cells({"slow": "raise RuntimeError", "fast": "slow + 1"})
    outcome = run(workflow, inputs={"slow": 41})
    assert outcome["fast"] == 42
    assert did(outcome) == {"fast": "run"}
    assert did(run(workflow, inputs={"slow": 41})) == {"fast": "hit"}
    assert run(workflow).skipped == {"fast": "slow"}


def test_needs_without_a_value(lab: Lab, tmp_path: Path) -> None:
    """`needs` orders two nodes of which one does not read the other, and makes the key depend on it."""
    flag = tmp_path / "flag"
    cells = {
        "a": f"from pathlib import Path\nPath({str(flag)!r}).write_text('x')\nVERSION",
        "b --needs a": f"from pathlib import Path\nPath({str(flag)!r}).read_text()",
    }
    assert run(lab.cells(cells, {"VERSION": 1}))["b"] == "x"
    assert did(run(lab.cells(cells, {"VERSION": 2}))) == {"a": "run", "b": "run"}


def test_variables_and_nodes_of_one_name(lab: Lab) -> None:
    """If a name is a node and a variable, the node wins."""
    assert run(lab.cells({"a": "1", "b": "a + 1"}, {"a": 100}))["b"] == 2


def test_a_frame_as_an_input(lab: Lab) -> None:
    """A frame handed in is a value like any other: equal content is a hit, other content is not."""
    workflow = lab.cells({"total": "int(sales.amount.sum())"})
    assert run(workflow, inputs={"sales": pd.DataFrame({"amount": [1, 2]})})["total"] == 3
    assert did(run(workflow, inputs={"sales": pd.DataFrame({"amount": [1, 2]})})) == {"total": "hit"}
    assert run(workflow, inputs={"sales": pd.DataFrame({"amount": [1, 3]})})["total"] == 4


def test_unknown_model(lab: Lab) -> None:
    """A model that no provider has is told, and nothing is sent."""
    workflow = lab.cells({"a --model nobody/nothing": "Hello"})
    with pytest.raises(ModelUnavailable, match="nobody/nothing"):
        workflow.run()
    assert workflow.store.runs() == []
