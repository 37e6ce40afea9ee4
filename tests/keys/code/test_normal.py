"""The normal form: looks do not count, everything else does."""

from __future__ import annotations

import ast
from itertools import combinations

import pytest

from wfkit.keys.code.normal import normal_form


def form(source: str) -> bytes:
    """The normal form of a text."""
    return normal_form(ast.parse(source))


SAME = [
    ("x = 1", "x   =  1  # why"),
    ("x = (1 +\n     2)", "x = 1 + 2"),
    ("def f(a):\n    'doc'\n    return a", "def f(a):\n\n    return (a)"),
    ("class A:\n    'doc'\n    x = 1", "class A:\n    x = 1"),
    ("def f(a: int, *b: str, c: float = 1, **d: int) -> str:\n    return a", "def f(a, *b, c=1, **d):\n    return a"),
    ("def f():\n    x: int = 1\n    return x", "def f():\n    x = 1\n    return x"),
    ("x: int = 1", "x = 1"),
    ("f(a,b)", "f(a, b,)"),
    ("'a' 'b'", "'ab'"),
    ("x = 0x10", "x = 16"),
    ("x = 'a'", 'x = """a"""'),
    ("async def f():\n    'doc'\n    await g()", "async def f():\n    await g()"),
    ("if a:\n    b\nelif c:\n    d", "if a:\n  b\nelse:\n  if c:\n    d"),
]

DIFFERENT = [
    "x = 1", "x = 1.0", "x = True", "x = '1'", "x = b'1'", "x = None", "x = ...", "y = 1", "x += 1", "x = -1", "x == 1",
    "x = 1; y = 2", "y = 2; x = 1", "def x(): return 1", "async def x(): return 1", "lambda: 1", "lambda a: 1",
    "lambda *a: 1",
    "lambda **a: 1", "lambda a=1: 1", "lambda a, /: 1", "lambda *, a: 1", "[1]", "(1,)", "{1}", "{1: 1}",
    "[x for x in y]",
    "{x for x in y}", "(x for x in y)", "[x async for x in y]", "x[1]", "x.a", "x(a)", "x(a=1)", "x(*a)", "x(**a)",
    "f'{x}'", "f'{x!r}'",
    "f'{x:>3}'", "'x'", "a and b", "a or b", "not a", "a < b", "a <= b", "a < b < c", "a if b else c", "b if a else c",
    "import a",
    "import a as b", "from a import b", "from . import b", "from .. import b", "from a import b as c", "global x",
    "del x", "pass",
    "raise x", "raise x from y", "assert x", "assert x, y", "return", "return None", "yield", "yield x",
    "yield from x", "await x",
    "for a in b: c", "for a in b: c\nelse: d", "while a: b", "with a: b", "with a as b: c", "async with a: b",
    "try: a\nexcept: b",
    "try: a\nexcept b: c", "try: a\nexcept b as c: d", "try: a\nfinally: b", "try: a\nexcept* b: c",
    "a if (b := c) else d",
    "match a:\n case 1: b", "match a:\n case x: b", "match a:\n case [x]: b", "match a:\n case [*x]: b",
    "match a:\n case {'k': x}: b",
    "match a:\n case {**x}: b", "match a:\n case A(x): b", "match a:\n case A(x=1): b", "match a:\n case None: b",
    "match a:\n case 1 | 2: b", "match a:\n case x if y: b", "@a\ndef f(): b", "@b\ndef f(): b", "def f(): b",
    "class f: b",
    "class f(a): b", "class f(metaclass=a): b", "class f:\n    x: int", "class f:\n    x: str",
    "class f:\n    x: int = 1",
    "class f:\n    x = 1", "@a\ndef f(x: int): b", "@a\ndef f(x: str): b", "@a\ndef f(x) -> int: b", "@a\ndef f(x): b",
    "x = 10**2",
    "{**a}", "{'a': b}", "[*a]", "a[1:2]", "a[1:2:3]", "a[::]", "a @ b", "a // b", "a / b", "a >> b", "~a", "+a",
    "'a'; 'b'", "u'c'",
    "x = '\\ud800'", "x = 1j", "continue", "break", "nonlocal x", "x, y = 1", "x = y = 1", "*x, y = 1", "x: int",
    "a: int; x = 1",
]  # fmt: skip


@pytest.mark.parametrize(("one", "two"), SAME)
def test_looks_do_not_count(one: str, two: str) -> None:
    """Layout, comments, docstrings, quotes and hints without effect do not show."""
    assert form(one) == form(two)


def test_everything_else_counts() -> None:
    """No two different pieces of code have one form."""
    forms = [form(source) for source in DIFFERENT]
    for (one, a), (two, b) in combinations(zip(DIFFERENT, forms, strict=True), 2):
        assert a != b, (one, two)


def test_any_depth() -> None:
    """An expression as deep as Python parses has a form."""
    source = "x = " + "+".join(["1"] * 900)
    assert form(source) != form(source + "+1")


def test_huge_numbers() -> None:
    """A number beyond the limit of decimal conversion has a form."""
    assert form("x = 0x" + "f" * 10_000) != form("x = 0x" + "f" * 9_999)
