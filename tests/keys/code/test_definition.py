"""Definitions of nodes: what changes them, what does not, and what they say when they cannot be digested."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.keys.cells import Notebook, digest_of
from tests.keys.edits import EDITS, LOOKS
from wfkit.core.call import Tool
from wfkit.core.node import Each, Node
from wfkit.core.policy import ModelPolicy
from wfkit.core.terms import NodeKind
from wfkit.errors import CellError
from wfkit.keys.code.definition import Definition, Planning, Sent, define_prompt, define_python
from wfkit.keys.explain import difference


@pytest.mark.parametrize("name", EDITS)
def test_edit_changes_the_key(name: str) -> None:
    """Whatever a node reaches through its helpers counts; the same text again gives the same digest."""
    before, after = EDITS[name]
    assert digest_of(before) == digest_of(before)
    assert digest_of(before) != digest_of(after)


@pytest.mark.parametrize("name", LOOKS)
def test_looks_keep_the_key(name: str) -> None:
    """What no result can depend on does not count."""
    before, after = LOOKS[name]
    assert digest_of(before) == digest_of(after)


def test_own_body() -> None:
    """The body of the node counts without its looks."""
    notebook = Notebook("a = 1")
    assert notebook.digest("label = a + 1") == notebook.digest("# why\nlabel = (a +\n   1)")
    assert notebook.digest("label = a + 1") != notebook.digest("label = a + 2")


def test_function_redefined_in_a_live_kernel() -> None:
    """Running a cell again with another text changes the key; with the same text it does not."""
    notebook = Notebook("def helper(x): return x")
    first = notebook.digest()
    assert notebook.cell("def helper(x): return x").digest() == first
    assert notebook.cell("def helper(x): return -x").digest() != first


def test_changed_in_place() -> None:
    """A global list that was changed in place counts as it is when the plan is made."""
    notebook = Notebook("C = [1]\ndef helper(x): return C")
    first = notebook.digest()
    assert notebook.cell("C.append(2)").digest() != first


def test_snapshot_holds_exactly_what_the_body_needs() -> None:
    """The body runs with its own free names, hints included, and no others; helpers keep their own globals."""
    notebook = Notebook("import math\nRATE = 1\nOTHER = 2\nT = int\ndef helper(x): return OTHER")
    found = notebook.define("x: T = RATE\nlabel = helper(x) + math.pi + len('a')")
    assert sorted(found.globals) == ["RATE", "T", "helper", "math"]


def test_node_wins() -> None:
    """A name that is a node is an input, never a global, even when a variable has that name."""
    notebook = Notebook("reviews = 1\nRATE = 2")
    found = notebook.define("label = reviews * RATE", lambda name: name == "reviews")
    assert list(found.globals) == ["RATE"]
    notebook.namespace["reviews"] = 5
    assert notebook.define("label = reviews * RATE", lambda name: name == "reviews").digest == found.digest


def test_helper_that_reads_a_node_is_an_error() -> None:
    """A helper cannot see a node's value: the error says to pass it."""
    notebook = Notebook("reviews = 1\ndef helper(x): return reviews")
    with pytest.raises(CellError, match=r"label -> helper reads 'reviews', which is a node.*Pass it"):
        notebook.define("label = helper(1)", lambda name: name == "reviews")


def test_helper_may_read_an_input_that_is_a_variable() -> None:
    """A variable that a prompt reads becomes an input; that bars no helper from it."""
    notebook = Notebook("tone = 'dry'\ndef helper(x): return tone")
    planning = Planning(is_step=lambda name: False)
    found = define_python(notebook.node("label = helper(1)"), lambda name: name == "tone", plan=planning)
    assert found.digest


def test_missing_names_are_told() -> None:
    """A name that is nowhere is told; one that only a helper misses is not an error before it runs."""
    notebook = Notebook("def helper(x): return gone")
    assert notebook.define("label = nowhere + helper(1)").missing == ("nowhere",)
    before = notebook.digest()
    assert notebook.cell("gone = 1").digest() != before


def test_item_of_a_map_is_no_global() -> None:
    """The item of a mapped node is given, whatever the notebook calls so."""
    notebook = Notebook("review = 1")
    found = notebook.define("label = review", each=Each("review", "reviews"))
    assert not found.globals
    assert not found.missing
    assert found.digest != notebook.define("label = review").digest


PROBLEMS = {
    "a generator": ("c = (x for x in [1])\ndef helper(x): return c", "c", "global 'c' (generator)"),
    "in a container": ("T = {'m': [object()]}\ndef helper(x): return T", "T", "['m'][0]: object cannot be digested"),
    "in a closure": ("def make(o): return lambda x: o\nhelper = make(object())", "o", "label -> helper (closure o)"),
    "in a default": ("def helper(x, o=object()): return o", "o", "label -> helper (default o)"),
    "an instance": ("import random\na = random.Random(1)\ndef helper(x): return a", "a", "global 'a' (random.Random)"),
    "globals()": ("def helper(x): return globals()['R']", "globals", "calls globals()"),
    "eval": ("def helper(x): return eval(x)", "eval", "calls eval()"),
}  # fmt: skip


@pytest.mark.parametrize("name", PROBLEMS)
def test_what_cannot_be_digested_is_named(name: str) -> None:
    """The node is uncacheable, loudly: the problem names the variable, its type, and what to do."""
    cell, variable, words = PROBLEMS[name]
    notebook = Notebook(cell)
    found = notebook.define("label = helper(1)")
    assert found.digest is None
    assert found.problem is not None
    assert words in found.problem
    assert f"ignore: [{variable}]" in found.problem
    assert notebook.digest(ignore=(variable,))


def test_ignored_global_is_still_given() -> None:
    """What is left out of the key is there when the body runs."""
    notebook = Notebook("conn = object()")
    found = notebook.define("label = conn", ignore=("conn",))
    assert found.digest
    assert list(found.globals) == ["conn"]


def test_path_to_the_change() -> None:
    """Only the part that was edited has another digest: the path to it and a diff can be shown."""
    before = Notebook("RATE = 1\ndef inner(x): return x * RATE\ndef helper(x): return inner(x)").define(
        "label = helper(1)"
    )
    after = Notebook("RATE = 2\ndef inner(x): return x * RATE\ndef helper(x): return inner(x)").define(
        "label = helper(1)"
    )
    (change,) = difference(before.parts, after.parts)
    assert (change.path, change.kind, change.diff) == ("label -> helper -> inner -> RATE", "changed", "-1\n+2")


def test_versions_of_packages_count() -> None:
    """A package is a part with its version; the standard library is not."""
    found = Notebook("import numpy as np, json\ndef helper(x): return np.mean(json.loads(x))").define(
        "label = helper(1)"
    )
    assert [text for path, _, text in found.parts if path == "package numpy"] == [
        f"numpy {sys.modules['numpy'].__version__}"
    ]
    assert not any("json" in path for path, _, _ in found.parts if path.startswith("package"))


def test_large_global_is_digested_once_in_a_plan() -> None:
    """Nodes of one plan that read the same object share its digest."""
    notebook = Notebook("big = [[1] * 10, object]")
    planning = Planning()
    define_python(notebook.node("label = big"), lambda _: False, plan=planning)
    assert not planning.values.known  # it refers to code, which is of one walk alone
    notebook.cell("big = [{1, 2}]")
    define_python(notebook.node("label = big"), lambda _: False, plan=planning)
    assert [value for value, _ in planning.values.known.values()] == [notebook.namespace["big"]]


def function_node(function: Any, **more: Any) -> Node:
    """A node made from a function."""
    return Node(
        "label", NodeKind.PYTHON, "", (), ("reviews",), function=function, namespace=function.__globals__, **more
    )


def test_function_node() -> None:
    """A node made from a function counts by the function object; a node that it reads as a global is an error; it may
    call itself.
    """
    cells = "RATE = {}\ndef label(reviews): return [label([]), RATE]"
    found = [
        define_python(function_node(Notebook(cells.format(rate)).namespace["label"]), lambda n: n == "label")
        for rate in (1, 1, 2)
    ]
    assert found[0].digest == found[1].digest != found[2].digest
    assert found[0].globals == {}
    with pytest.raises(CellError, match="label reads 'RATE', which is a node"):
        define_python(function_node(Notebook(cells.format(1)).namespace["label"]), lambda name: name == "RATE")


def test_syntax_error_is_a_cell_error() -> None:
    """A body that does not parse is told with its line."""
    node = Node("label", NodeKind.PYTHON, "x = 1\ny = (", namespace={})
    with pytest.raises(CellError, match="node 'label', line 2"):
        define_python(node, lambda _: False)


def prompt(source: str = "Label {{ review.text }}", model: ModelPolicy | None = None, **more: Any) -> str:
    """The definition digest of a prompt."""
    node = Node("label", NodeKind.PROMPT, source, ("review",), each=Each("review", "reviews"), namespace={})
    sent = Sent((more["json"], more.get("cls")) if "json" in more else None)
    found = define_prompt(node, model or ModelPolicy("m"), sent, lambda _: False)
    assert found.digest
    return found.digest


def test_prompt() -> None:
    """Template, model, each parameter and the schema count; one left out is not zero; repairs do not count."""
    found = [
        prompt(), prompt("Label: {{ review.text }}"), prompt(model=ModelPolicy("n")),
        prompt(model=ModelPolicy("m", temperature=0)),
        prompt(model=ModelPolicy("m", temperature=0.0)), prompt(model=ModelPolicy("m", temperature=1)),
        prompt(model=ModelPolicy("m", top_p=1)),
        prompt(model=ModelPolicy("m", max_tokens=1)), prompt(model=ModelPolicy("m", seed=1)), prompt(json="{}"),
        prompt(json='{"type": "object"}'),
    ]  # fmt: skip
    assert len(set(found)) == len(found)
    assert prompt(model=ModelPolicy("m", repairs=3)) == prompt()


def test_validators_of_a_schema_count() -> None:
    """Two schema classes with equal JSON Schema and different validators differ."""
    cell = """
    import pydantic
    class L(pydantic.BaseModel):
        a: int
        @pydantic.field_validator('a')
        def v(cls, x): return x + {}
    """
    classes = [Notebook(cell.format(number)).namespace["L"] for number in (1, 1, 2)]
    found = [prompt(json="{}", cls=cls) for cls in classes]
    assert found[0] == found[1] != found[2]


def told(cell: str, words: str = "Finds.", turns: int = 8) -> Definition:
    """The definition of a prompt with the tool `find` of a notebook."""
    space = Notebook(cell).namespace
    node = Node("label", NodeKind.PROMPT, "Find it", namespace=space)
    sent = Sent(tools=((Tool("find", words, "{}"), space["find"]),))
    return define_prompt(node, ModelPolicy("m", max_turns=turns), sent, lambda name: name == "clean")


def test_tools_count() -> None:
    """The code of a tool, what it reaches, what a model is told of it and how often it may be called."""
    cell = """
    PRICES = {{"kettle": {}}}
    def price(name): return PRICES[name]
    def find(name: str): return price(name)
    """
    found = [told(cell.format(5)), told(cell.format(6)), told(cell.format(5), "Looks."), told(cell.format(5), turns=2)]
    assert len({each.digest for each in found}) == len(found)
    assert found[0].digest == told(cell.format(5)).digest
    assert prompt() == prompt(model=ModelPolicy("m", max_turns=2))
    assert [part[0] for part in found[0].parts if "PRICES" in part[0]] == ["label -> find -> price -> PRICES"]


def test_a_tool_reads_no_node() -> None:
    """A tool sees variables of the notebook, not values of nodes, as any helper."""
    with pytest.raises(CellError, match="label -> find reads 'clean', which is a node"):
        told("clean = 1\ndef find(name: str): return clean")


def test_a_tool_with_a_connection() -> None:
    """A tool that reaches what cannot be digested makes its prompt uncacheable, and says what."""
    found = told("lines = (n for n in ())\ndef find(name: str): return lines")
    assert found.digest is None
    assert found.problem is not None
    assert "label -> find -> lines" in found.problem


def test_whole_chain_of_helpers(tmp_path: Path) -> None:
    """A chain of 3,000 helpers is walked without recursion."""
    text = "\n".join(f"def f{n}(x): return f{n + 1}(x)" for n in range(3000)) + "\ndef f3000(x): return {}\nhelper = f0"
    assert digest_of(text.format(1)) != digest_of(text.format(2))


def test_body_with_await() -> None:
    """Top-level await is part of a body as anything else."""
    notebook = Notebook("async def helper(x): return x")
    assert notebook.digest("label = await helper(1)") != notebook.digest("label = await helper(2)")
    assert textwrap.dedent("x") == "x"
