"""Sources of loaded functions: found, proved, or honestly absent."""

from __future__ import annotations

import linecache
from typing import Any

import pytest

from tests.keys.cells import Notebook
from wfkit.keys.code.sources import source_of


def function(source: str, name: str = "f") -> Any:
    """A function from a cell."""
    return Notebook(source).namespace[name]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("def f(x):\n    return x", "def f(x):\n    return x"),
        ("@staticmethod\ndef g(): pass\nf = g.__func__", "@staticmethod\ndef g(): pass"),
        ("if True:\n    def f(x):\n        return x", "def f(x):\n    return x"),
        ("f = lambda x: x", "f = lambda x: x"),
        ("class A:\n    def m(self):\n        return 1\nf = A.m", "def m(self):\n    return 1"),
        ("def outer():\n    def f(): return 1\n    return f\nf = outer()", "def f(): return 1"),
        ("from __future__ import annotations\ndef f(x: int): return x", "def f(x: int): return x"),
        ("async def f(): return 1", "async def f(): return 1"),
    ],
)
def test_proved_source(source: str, text: str) -> None:
    """The text of a function is its own, without what stands around it."""
    found = source_of(function(source).__code__)
    assert found.proved
    assert found.text == text


def test_same_line_lambdas_are_told_apart() -> None:
    """Two lambdas on one line have their own digests, even within one another."""
    a, b = function("f = (lambda x: x + 1, lambda x: x + 2)")
    assert source_of(a.__code__).analysis.digest != source_of(b.__code__).analysis.digest
    outer = function("f = lambda x: lambda y: x")
    assert source_of(outer.__code__).proved
    assert source_of(outer(1).__code__).proved


def test_lying_source_is_not_believed() -> None:
    """A text that does not compile to the code is no source of it."""
    label = "<ipython-input-keys-lie>"
    space: dict[str, Any] = {}
    exec(compile("def f(x): return x + 1", label, "exec"), space)
    linecache.cache[label] = (0, None, ["def f(x): return x + 2\n"], label)
    assert not source_of(space["f"].__code__).proved


def test_without_source_the_code_counts() -> None:
    """Functions from `exec` have digests of their compiled code: names, constants, instructions and inner functions."""
    texts = [
        "return x",
        "return x + 1",
        "return x + 2",
        "return x + y",
        "return x + 1.0",
        "return lambda: 1",
        "return lambda: 2",
    ]
    found = []
    for text in [*texts, *texts]:
        space: dict[str, Any] = {}
        exec(f"def f(x): {text}", space)
        found.append(source_of(space["f"].__code__))
    digests = [source.analysis.digest for source in found]
    assert not any(source.proved for source in found)
    assert digests[:7] == digests[7:]
    assert len(set(digests)) == 7
    assert ("y",) in found[3].analysis.uses


def test_ipython_cells() -> None:
    """Functions of real IPython cells have proved sources."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shell.run_cell("import functools\nRATE = 1\ndef f(x):\n    # why\n    return [RATE for _ in x]\ng = lambda x: x\n")
    for name in ("f", "g"):
        assert source_of(shell.user_ns[name].__code__).proved
