"""What a text says of its names: what comes from outside, what is imported, what cannot be known."""

from __future__ import annotations

import pytest

from wfkit.keys.code import syntax
from wfkit.keys.code.syntax import analyse_body

USES = [
    ("a + b.c.d", {("a",), ("b", "c", "d")}),
    ("x = 1\nx", {("x",)}),
    ("def f(a, b=c):\n    return a + d", {("c",), ("d",)}),
    ("[x for x in y if z]", {("y",), ("z",)}),
    ("[[x for x in y] for y in z]", {("z",)}),
    ("lambda a: a + b", {("b",)}),
    ("def f():\n    global g\n    g = 1\n    return g", {("g",)}),
    ("def f():\n    import m\n    return m.x", set()),
    ("def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = 2\n        return x", set()),
    ("class A(b):\n    c = d\n    e = c\n    def f(self): return c", {("b",), ("c",), ("d",)}),
    ("def f():\n for a in b: a\n with c as d: d\n try: e\n except F as g: g", {("b",), ("c",), ("e",), ("F",)}),
    ("def f(x):\n match x:\n  case {'k': a, **r}: a, r\n  case [b, *c]: b, c\n  case D(): d", {("D",), ("d",)}),
    ("def f():\n    [y := x for x in z]\n    return y", {("z",)}),
    ("@a.b\ndef f(): pass", {("a", "b")}),
    ("f(x).y.z", {("f",), ("x",)}),
    ("a.b = c", {("a", "b"), ("c",)}),
    ("def f(x: hint) -> other: return x", set()),
    ("class A:\n    x: field = 1", {("field",)}),
]  # fmt: skip


@pytest.mark.parametrize(("source", "uses"), USES)
def test_uses(source: str, uses: set[tuple[str, ...]]) -> None:
    """Outside names are found with the attributes read from them; local ones are not."""
    assert set(analyse_body(source).uses) == uses


def test_hints_are_needed_but_do_not_count() -> None:
    """Names that only annotations read must be there when the body runs; they are told apart."""
    analysis = analyse_body("x: a.b = 1\ndef f(y: c) -> d: return y")
    assert analysis.hints == ("a", "c", "d")
    assert analysis.digest == analyse_body("x = 1\ndef f(y): return y").digest


def test_imports() -> None:
    """Every import is found, wherever it stands; so is one by a constant name."""
    source = "import a.b\ndef f():\n    from c import d\n    from .e import g\n    importlib.import_module('h.i')"
    assert set(analyse_body(source).imports) == {(0, "a.b", ""), (0, "c", "d"), (1, "e", "g"), (0, "h.i", "")}


@pytest.mark.parametrize("call", ["eval(x)", "exec(x)", "globals()", "__import__(x)", "importlib.import_module(x)"])
def test_dynamic_calls(call: str) -> None:
    """A call that can read anything is told."""
    assert analyse_body(f"y = {call}").dynamic


def test_frame_eval_is_not_dynamic() -> None:
    """Methods that are only named like a builtin are no danger."""
    assert not analyse_body("frame.eval('a + b')").dynamic


def test_lone_text_is_the_value() -> None:
    """A text that opens a cell is a comment, unless it is all there is."""
    assert analyse_body("'a'").digest != analyse_body("'b'").digest
    assert analyse_body("'a'\nx = 1").digest == analyse_body("x = 1").digest


class Known(dict[str, str]):
    """Facts in a dict."""

    def recall(self, subject: str) -> str | None:
        return self.get(subject)

    def remember(self, subject: str, fact: str) -> None:
        self[subject] = fact


SOURCE = """
import math as m
from . import sibling
def f(y: hint) -> d: return m.pi + y.z
x = eval('f')(outer.attribute, name=f)
"""


def test_an_analysis_is_made_once() -> None:
    """An analysis is made once for a text."""
    assert analyse_body("x = 1 + memo_probe") is analyse_body("x = 1 + memo_probe")


def test_an_analysis_comes_back_from_facts_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another process found out is equal to what is found out here, and the text is not parsed again."""
    facts = Known()
    monkeypatch.setattr(syntax, "_known", {})
    made = analyse_body(SOURCE, facts)
    assert made.imports
    assert made.dynamic
    assert made.hints
    monkeypatch.setattr(syntax, "_known", {})
    monkeypatch.setattr(syntax, "_found", None)
    assert analyse_body(SOURCE, facts) == made


def test_bad_source_leaves_no_fact() -> None:
    """A text that does not parse is told each time."""
    facts = Known()
    for _ in range(2):
        with pytest.raises(SyntaxError):
            analyse_body("x = = 1", facts)
    assert not facts
