"""Python bodies: which value they have, how they run, what a traceback shows."""

from __future__ import annotations

import ast
import asyncio
import inspect
import traceback
from typing import Any

import pytest

from wfkit.core.node import Node
from wfkit.core.terms import NodeKind
from wfkit.define import body as module
from wfkit.define.body import compile_body, outline_of
from wfkit.define.cell import parse_cell
from wfkit.errors import CellError


def run(source: str, name: str = "n", **values: Any) -> Any:
    body = compile_body(Node(name, NodeKind.PYTHON, source))
    value = body.run(dict(values))
    return asyncio.run(value) if body.is_async else value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("3", 3),
        ("x = 2\nx + 1", 3),
        ("x = 2\nx + 1;", 3),
        ("n = 5", 5),
        ("n = 5\nn + 1", 5),
        ("n: int = 5", 5),
        ("n, m = 5, 6", 5),
        ("(n := 5)", 5),
        ("for n in range(3):\n    pass", 2),
        ("if True:\n    n = 1\nelse:\n    n = 2", 1),
        ("def n(x):\n    return x + 1\nn(2)", 3),
        ("'only a string'", "only a string"),
        ("print('x')", None),
        ("from __future__ import annotations\n1", 1),
        ("[a * 2 for a in given]", [2, 4]),
        ("def f():\n    return given\nf()", [1, 2]),
        ("class A:\n    x = given\nA.x", [1, 2]),
    ],
)
def test_value(source: str, value: object) -> None:
    """The variable named like the node if the body assigns it, else the last expression."""
    assert run(source, given=[1, 2]) == value


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "the body is empty"),
        ("# only a comment\n\n", "the body is empty"),
        ("x = 1", "end it with a line `x`, or assign `n`"),
        ("x = 1\nfor i in []:\n    i", "line 2: the body has no value: end it with an expression"),
        ("def n():\n    return 1", "`n` is a function, class or module here"),
        ("import n", "`n` is a function, class or module here"),
        ("pass", "has no value"),
        ("del x", "has no value"),
        ("from os import *\n1", "import them by name"),
    ],
)
def test_no_value(source: str, message: str) -> None:
    """A body without a value is refused when it is defined, with what to write."""
    with pytest.raises(CellError, match=message):
        compile_body(Node("n", NodeKind.PYTHON, source))


def test_a_way_without_a_value_is_an_error_when_gone() -> None:
    """A variable assigned on some ways only is found out by the way that misses it."""
    assert run("if go:\n    n = 1", go=True) == 1
    with pytest.raises(CellError, match="without having assigned `n`"):
        run("if go:\n    n = 1", go=False)


def test_a_body_may_end_in_an_error() -> None:
    """A body that raises at its end needs no value."""
    with pytest.raises(LookupError, match="boom"):
        run("if False:\n    1\nraise LookupError('boom')")


@pytest.mark.parametrize(
    "source",
    [
        "import asyncio\nn = await asyncio.sleep(0, 3)",
        "import asyncio\nx = 1\nawait asyncio.sleep(0, 3)",
        "import asyncio\n[await asyncio.sleep(0, i) for i in [3]][0]",
    ],
)
def test_await_at_top_level(source: str) -> None:
    """A body that awaits gives an awaitable; the value is found in the same way."""
    assert run(source) == 3


def test_a_body_is_compiled_once() -> None:
    """Running again, or defining the same text again, compiles nothing."""
    node = Node("n", NodeKind.PYTHON, "x + 1", label="<wf_node n>")
    assert compile_body(node).code is compile_body(Node("n", NodeKind.PYTHON, "x + 1", label="<wf_node n>")).code
    assert [compile_body(node).run({"x": x}) for x in (1, 2)] == [2, 3]


class Known(dict[str, str]):
    """Facts in a dict."""

    def recall(self, subject: str) -> str | None:
        return self.get(subject)

    def remember(self, subject: str, fact: str) -> None:
        self[subject] = fact


@pytest.mark.parametrize("source", ["a + b", "n = a + b\na", "import asyncio\nn = a + await asyncio.sleep(0, b)"])
def test_a_known_body_is_not_read(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another process found out is the same here, and nothing is parsed or compiled before it runs."""
    facts = Known()
    monkeypatch.setattr(module, "_known", {})
    made = outline_of("n", source, "", 1, facts)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_known", {})
        patch.setattr(module, "read_body", None)
        assert outline_of("n", source, "", 1, facts) == made
        body = compile_body(Node("n", NodeKind.PYTHON, source))
        assert (body.is_async, body.value_name) == (made.is_async, made.value_name)
    value: Any = body.run({"a": 1, "b": 2})
    assert (asyncio.run(value) if body.is_async else value) == 3


@pytest.mark.parametrize("source", ["x = 1", "x = = 1", "from os import *\n1", "return 1"])
def test_a_bad_body_is_told_each_time(source: str) -> None:
    """Only good bodies are remembered."""
    facts = Known()
    told = []
    for _ in range(2):
        with pytest.raises(CellError) as caught:
            outline_of("n", source, "", 3, facts)
        told.append(str(caught.value))
    assert told[0] == told[1]
    assert not facts


def test_a_body_known_under_another_name_is_read() -> None:
    """Whether a body has a value depends on the name of its node."""
    facts = Known()
    assert outline_of("known_as_x", "known_as_x = 1", "", 1, facts).value_name == "known_as_x"
    with pytest.raises(CellError):
        outline_of("known_as_y", "known_as_x = 1", "", 1, facts)


def test_nothing_leaks_between_runs_or_out_of_the_namespace() -> None:
    """A body sees what is in its namespace and builtins, nothing of the module that runs it."""
    body = compile_body(Node("n", NodeKind.PYTHON, "x = 1\nsorted(k for k in globals() if not k.startswith('__'))"))
    assert body.run({"a": 1}) == ["a", "x"]
    with pytest.raises(NameError):
        run("compile_body")


def test_classes_of_a_body_work_like_those_of_a_notebook() -> None:
    """Dataclasses with text annotations and pydantic models find a module."""
    source = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\nimport typing\n"
        "@dataclass\nclass P:\n    x: int\n    y: typing.ClassVar[int] = 2\nP(given).x"
    )
    assert run(source, given=3) == 3


def test_tracebacks_show_the_cell() -> None:
    """Line numbers and text are those of the cell, the magic line being line 1."""
    node = parse_cell("broken --retries 1", "#| timeout: 3s\n\nx = 1\ndef f():\n    return x / 0\nf()\n", {})
    with pytest.raises(ZeroDivisionError) as caught:
        compile_body(node).run({})
    frames = [
        frame for frame in traceback.extract_tb(caught.value.__traceback__) if frame.filename == "<wf_node broken>"
    ]
    assert [(frame.lineno, frame.line) for frame in frames] == [(7, "f()"), (6, "return x / 0")]


def test_inspect_finds_functions_of_a_cell() -> None:
    """A function that a body defines has its source."""
    node = parse_cell("shown", "#| priority: 1\ndef f(a):\n    return a\nf", {})
    function = compile_body(node).run({})
    assert inspect.getsource(function) == "def f(a):\n    return a\n"
    assert function.__code__.co_firstlineno == 3


def test_functions_run_with_their_parameters() -> None:
    """A node made from a function is called with what the namespace holds of its parameters."""

    def add(a: int, b: int = 10) -> int:
        return a + b

    async def wait(a: int) -> int:
        return a

    node = Node("add", NodeKind.PYTHON, "", parameters=("a", "b"), function=add)
    assert compile_body(node).run({"a": 1, "c": 3}) == 11
    late = compile_body(Node("wait", NodeKind.PYTHON, "", parameters=("a",), function=wait))
    assert late.is_async
    assert asyncio.run(late.run({"a": 4})) == 4


def test_defining_runs_nothing() -> None:
    """Parsing and compiling a body with effects has none."""
    calls: list[int] = []
    compile_body(Node("n", NodeKind.PYTHON, "calls.append(1)\nimport does_not_exist\n1/0", namespace={"calls": calls}))
    assert calls == []
    assert ast.parse("1/0")
