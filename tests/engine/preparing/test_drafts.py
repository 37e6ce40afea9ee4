"""Promises of drafts: a graph that was prepared before is the same graph, and never an old one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.lab import Lab, did, run
from wfkit.core.node import Node
from wfkit.define.cell import parse_cell
from wfkit.engine.preparing import drafts
from wfkit.errors import DefinitionError, GraphError, UsageFault
from wfkit.workflow import Workflow

CELLS = {"a": "1", "b": "len([a])", "c": "b + step", "d": "size + a"}


@pytest.fixture
def again(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each preparing took over the graph of the last one."""
    seen: list[bool] = []
    real = drafts._Last.fits

    def fits(self: Any, *given: Any) -> bool:
        seen.append(real(self, *given))
        return seen[-1]

    monkeypatch.setattr(drafts._Last, "fits", fits)
    return seen


def test_nothing_edited(lab: Lab, again: list[bool]) -> None:
    """Definitions, specs and bodies of cells that reach nothing are taken over; every node is a hit."""
    workflow = lab.cells(CELLS, {"step": 1, "size": 2})
    run(workflow)
    first, second = workflow.prepare(), workflow.prepare()
    assert again == [True, True]
    assert first.shape is second.shape
    assert first.ready[0] is second.ready[0]
    assert did(run(workflow)) == dict.fromkeys(CELLS, "hit")


def test_globals_are_digested_again(lab: Lab, again: list[bool]) -> None:
    """A global that was bound anew, or changed in place, runs the nodes that read it and no other."""
    namespace: dict[str, Any] = {"step": 1, "size": 2}
    workflow = lab.cells({**CELLS, "e": "sum(many)"}, {**namespace, "many": [1]})
    live = workflow.nodes["a"].namespace
    run(workflow)
    live["step"] = 10
    live["many"].append(5)
    outcome = run(workflow)
    assert did(outcome) == {"a": "hit", "b": "hit", "c": "run", "d": "hit", "e": "run"}
    assert (outcome["c"], outcome["e"]) == (11, 6)
    assert again == [True]


def test_a_builtin_is_shadowed(lab: Lab, again: list[bool]) -> None:
    """A variable with the name of a builtin is reached from then on."""
    workflow = lab.cells({"b": "len([1])"})
    assert run(workflow)["b"] == 1
    workflow.nodes["b"].namespace["len"] = _nine
    assert run(workflow)["b"] == 9
    assert again == [False]


def _nine(_: object) -> int:
    return 9


def test_a_variable_becomes_a_node(lab: Lab, again: list[bool]) -> None:
    """A name that was a global and is a node now is a dependency, whoever was defined first."""
    workflow = lab.cells({"c": "base + 1"}, {"base": 1})
    assert run(workflow)["c"] == 2
    workflow.add(parse_cell("base", "10", workflow.nodes["c"].namespace))
    assert run(workflow)["c"] == 11
    assert again == [False]


def test_a_cell_is_defined_again(lab: Lab) -> None:
    """The new text counts, and old text that comes back is a hit."""
    workflow = lab.cells({"a": "1", "b": "a + 1"})
    namespace = workflow.nodes["a"].namespace
    for text, value, what in (("2", 3, "run"), ("1", 2, "hit")):
        run(workflow)
        workflow.add(parse_cell("a", text, namespace))
        outcome = run(workflow)
        assert outcome["b"] == value
        assert did(outcome)["a"] == what


def test_inputs_are_looked_at_again(lab: Lab, again: list[bool]) -> None:
    """A list that was handed in, or taken from the notebook, counts as it is now; one that is gone is missed."""
    namespace: dict[str, Any] = {"words": ["x"]}
    workflow = lab.cells({"loud --each 'word in words'": "word.upper()", "every --each 'n in given'": "n"}, namespace)
    given = [1]
    run(workflow, inputs={"given": given})
    namespace["words"].append("y")
    given.append(2)
    outcome = run(workflow, inputs={"given": given})
    assert (outcome["loud"], outcome["every"]) == (["X", "Y"], [1, 2])
    assert again == [True]
    del namespace["words"]
    with pytest.raises(GraphError, match="'words'"):
        workflow.run(inputs={"given": given})


def test_values_are_not_kept(lab: Lab) -> None:
    """What is remembered of a graph holds no input that somebody could change: it may be large."""
    workflow = lab.cells({"loud --each 'word in words'": "word.upper()"}, {"words": ["x"]})
    workflow.prepare(), workflow.prepare()
    last = workflow.drafts._last
    assert last is not None
    assert [ready.node.value for ready in last.prepared.ready] == [None, None]


def test_settings_and_targets(lab: Lab, again: list[bool]) -> None:
    """Other targets, inputs or settings are another graph."""
    workflow = lab.cells({"a": "1", "b": "2"})
    for targets, inputs in ((("a",), {}), (("a",), {}), (("b",), {}), ((), {}), ((), {"more": 1})):
        workflow.prepare(targets, inputs)
    workflow.config("threads", 2)
    workflow.prepare((), {"more": 1})
    assert again == [True, False, False, False, False]


def test_defaults_of_functions(lab: Lab, again: list[bool]) -> None:
    """A graph with a function whose defaults may become dependencies is prepared anew each time."""
    workflow = lab.workflow({})

    @workflow.node
    def first(start: int = 1) -> int:
        return start

    assert run(workflow)["first"] == 1
    workflow.add(parse_cell("start", "5", {}))
    assert run(workflow)["first"] == 5
    assert again == []


def test_drafts_of_another_node(tmp_path: Path) -> None:
    """A definition made ahead is that of this very node, not of another one with its name."""
    made = drafts.Drafts({})
    old: Node = parse_cell("a", "1", {})
    made.add(old)
    assert made._known(old) is not None
    assert made._known(parse_cell("a", "2", {})) is None


def test_a_schema_is_looked_up_again(lab: Lab) -> None:
    """A schema that is a variable of the notebook counts as it is now."""
    shape = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    workflow = lab.cells({"p --model offline --schema shape": "Seven"}, {"shape": shape})
    before, same = workflow.prepare(), workflow.prepare()
    workflow.nodes["p"].namespace["shape"] = {**shape, "title": "Other"}
    after = workflow.prepare()
    assert before.ready[0].definition.digest == same.ready[0].definition.digest
    assert after.ready[0].definition.digest != before.ready[0].definition.digest
    assert after.shape.digest != before.shape.digest


def redefine(workflow: Workflow, line: str, cell: str) -> str:
    """Define a node as a cell does, and what that raises."""
    with pytest.raises((DefinitionError, UsageFault)) as caught, workflow.drafts.defining(line.split(maxsplit=1)[0]):
        workflow.add(parse_cell(line, cell, workflow.namespace))
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "cell"), [("a", "x = ("), ("a --retrie 2", "1"), ("a --model offline", "{{ x"), ("a", "x = 1")]
)
def test_nothing_runs_with_a_definition_that_failed(lab: Lab, line: str, cell: str) -> None:
    """The error says that the former definition stands; until it is defined anew, what needs the node is refused, with
    why, and all else runs."""
    workflow = lab.cells({"a": "1", "b": "a + 1", "other": "3"})
    run(workflow)
    assert "The former definition of `a` still stands" in redefine(workflow, line, cell)
    for targets in ((), ("b",), ("a",)):
        with pytest.raises(GraphError, match="latest definition of `a` failed"):
            workflow.run(*targets)
    with pytest.raises(GraphError, match="until `a` is defined anew, or `%wf forget a` takes it away"):
        workflow.plan("b")
    assert workflow.run("other")["other"] == 3
    workflow.add(parse_cell("a", "5", workflow.namespace))
    assert workflow.run("b")["b"] == 6


def test_a_first_definition_that_failed(lab: Lab) -> None:
    """It has no former one: what needs it says that, a variable of its name does not stand in, and the rest runs."""
    workflow = lab.cells({"b": "a + 1", "other": "3"})
    assert "former" not in redefine(workflow, "a", "x = (")
    for bound in ({}, {"a": 7}):
        vars_of(workflow).update(bound)
        with pytest.raises(GraphError, match="latest definition of `a` failed"):
            workflow.run("b")
    assert workflow.run("other")["other"] == 3
    assert workflow.run("b", inputs={"a": 1})["b"] == 2


def test_forgetting_takes_it_away(lab: Lab) -> None:
    """Afterwards there is no such node; of one that is well only results are forgotten."""
    workflow = lab.cells({"a": "1", "b": "2"})
    run(workflow)
    redefine(workflow, "a", "x = (")
    assert "its definition is gone too" in workflow.forget("a").text()
    assert list(workflow.nodes) == ["b"]
    assert "definition" not in workflow.forget("b").text()
    assert workflow.run().values() == {"b": 2}


def test_a_function_that_cannot_be_a_node(lab: Lab) -> None:
    """The same holds for `@node`."""
    workflow = lab.cells({"b": "a + 1"})

    def a() -> int:
        return 1

    workflow.node(a)
    assert workflow.run("b")["b"] == 2
    with pytest.raises(DefinitionError, match="former definition of `a` still stands"):
        workflow.node(retrie=2)(a)
    with pytest.raises(GraphError, match="latest definition of `a` failed"):
        workflow.run("b")


def vars_of(workflow: Workflow) -> dict[str, Any]:
    """The live namespace of its cells."""
    namespace = workflow.nodes["b"].namespace
    assert isinstance(namespace, dict)
    return namespace
