"""Names: what a body needs from outside, decided as Python itself decides it.

The second half compares with Python's own symbol tables on real code.
"""

from __future__ import annotations

import ast
import builtins
import json
import symtable
import sys
import textwrap
from pathlib import Path

import pytest

from wfkit.define.names import free_names, names_of_function
from wfkit.errors import CellError

READS = {
    "x": "x",
    "a + b": "a b",
    "x.y.z[k]": "x k",
    "f(a, *b, c=d, **e)": "f a b d e",
    "f'{a} {b!r:>{c}}'": "a b c",
    "'x'": "",
    # assignment and order
    "x = 1\nx": "",
    "x = x + 1": "x",
    "y = x\nx = 1": "x",
    "x += 1": "x",
    "x = 1\nx += 1": "",
    "x: int = 1\nx": "int",
    "x: int\nx": "int x",
    "a.b = c": "c a",
    "a[b] = c": "c a b",
    "a, (b, *c) = d\na, b, c": "d",
    "x = y = z\ny": "z",
    "(x := y) + x": "y",
    "x + (x := y)": "x y",
    "del x": "x",
    "x = 1\ndel x\nx": "x",
    # branches: a name bound on some path counts as the body's own
    "if c:\n x = 1\nx": "c",
    "if c:\n x = 1\nelse:\n x": "c x",
    "if c:\n pass\nelif (y := d):\n pass\nelse:\n y": "c d",
    "if c:\n x = 1\nelif x:\n pass": "c x",
    "for i in xs:\n t = i\nt, i": "xs",
    "for i in xs:\n t = t + i": "xs t",
    "for x in x:\n x": "x",
    "while c:\n c = n\nelse:\n c": "c n",
    "try:\n x = f()\nexcept E as e:\n e, x\nelse:\n x\nfinally:\n x": "f E",
    "try:\n pass\nexcept E as e:\n pass\ne": "E e",
    "try:\n pass\nexcept* E as e:\n e": "E",
    "with o(p) as q, r(q) as (s, t):\n s\nq": "o p r",
    "match m:\n case 1: x = 1\n case _: x": "m x",
    "match m:\n case [a, *b]: a, b\n case {'k': v, **r}: v, r": "m",
    "match m:\n case P(x, y=z) if g: x, z\n case Q.R | None: n\n case o: o": "m P g Q n",
    # Imports bind.
    "import a.b, c as d\na, d": "",
    "from a import b as c, d\nb, c, d": "b",
    # Functions run when everything is bound, and have locals.
    "def f(a, b=c, *d, e: t = g, **h) -> r:\n return a, b, d, e, h, i\nf": "c g t r i",
    "def f():\n return x\nx = 1\nf()": "",
    "def f():\n x\n x = 1": "",
    "def f():\n return f()\nf()": "",
    "def f():\n def g():\n  return a, b, c\n a = 1\n return g\nc = 1": "b",
    "def f():\n x = 1\n def g():\n  nonlocal x\n  x = y\n return g": "y",
    "def f():\n global x\n x = 1\nf()\nx": "",
    "def f():\n global x\n x += 1\nf()": "x",
    "def f():\n for i in a:\n  j = i\n return i, j": "a",
    "def f():\n import m\n with o() as p:\n  return m, p": "o",
    "def f():\n try:\n  pass\n except E as e:\n  e": "E",
    "def f():\n del x": "",
    "def f():\n x: int = 1\n return x": "",
    "@d(e)\ndef f():\n pass": "d e",
    "async def f():\n return await g()\nawait f()": "g",
    "lambda a, b=c: (a, b, d)": "c d",
    "[lambda: x for x in y]": "y",
    # comprehensions have their own scope; their first iterable has not
    "[x for x in x]": "x",
    "[x for x in xs]\nx": "xs x",
    "[y for x in xs for y in x if y > z]": "xs z",
    "{k: v for k, v in d.items()}": "d",
    "{f(x) for x in xs}": "xs f",
    "list(x for x in xs)": "list xs",
    "[(y := x) for x in xs]\ny": "xs",
    "[[a for a in b] for b in c]": "c",
    "[x for x in y if (lambda: x + z)()]": "y z",
    # classes run at once, and methods do not see their names
    "class A(B, metaclass=M):\n x = 1\n y = x + z\n def m(self):\n  return x, self, __class__": "B M z x",
    "class A:\n x = x": "x",
    "class A:\n xs = [1]\n n = 2\n ys = [n for _ in xs]": "n",
    "class A:\n class B:\n  pass\n class C:\n  b = B": "B",
    "class A:\n def m(self):\n  return A": "",
    "class A:\n b: B = c": "B c",
    "class A:\n def m(self):\n  return __x, self.__y": "_A__x",
    "class A:\n global g\n g = 1\ng": "",
    "def f():\n x = 1\n class A:\n  y = x\n return A": "",
    # annotations that are never run
    "from __future__ import annotations\ndef f(a: T) -> T: ...\nclass T: ...": "",
    "from __future__ import annotations\ndef f(a: T) -> T: ...": "T",
    # given by the interpreter
    "__name__, __doc__": "",
    "print(x)": "print x",
}


@pytest.mark.parametrize("source", READS, ids=lambda source: source.replace("\n", "; ")[:60])
def test_reads(source: str) -> None:
    """Exactly the names that Python would look up outside of the body."""
    assert sorted(free_names(source).reads) == sorted(READS[source].split())


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters came with Python 3.12")
@pytest.mark.parametrize(
    ("source", "reads"),
    [
        ("def f[T: B](a: T) -> list[T]:\n return a, T", "B list"),
        ("class A[T](C[T]):\n def m(self, a: T) -> T: ...", "C"),
        ("type X[T] = dict[T, Y]\nX", "dict Y"),
        ("type X = list[X]", "list"),
    ],
)
def test_type_parameters(source: str, reads: str) -> None:
    """Type parameters are bound in what they belong to, and nowhere else."""
    assert sorted(free_names(source).reads) == sorted(reads.split())


def test_reads_come_in_order_of_lines() -> None:
    """Dependencies are listed as a reader meets them, with the line of the first read."""
    names = free_names("def f():\n    return late\nb\na\nb")
    assert names.reads == ("late", "b", "a")
    assert names.lines == {"f": 1, "late": 2, "b": 3, "a": 4}


def test_binds_are_the_names_of_the_top_level() -> None:
    """What a body binds, and which of it is more than a definition."""
    names = free_names("import os\ndef f():\n    inner = 1\nx = 1\nfor y in []:\n    pass\nclass C:\n    z = 1\n")
    assert names.binds == ("os", "f", "x", "y", "C")
    assert names.assigns == {"x", "y"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("await x", True),
        ("[await x for x in xs]", True),
        ("[x async for x in xs]", True),
        ("async for x in xs: pass", True),
        ("async with x: pass", True),
        ("(x async for x in xs)", True),
        ("async def f():\n    await x", False),
        ("x", False),
    ],
)
def test_has_await(source: str, expected: bool) -> None:
    """Only an await that the body itself does makes it a coroutine, as the compiler sees it."""
    code = compile(source, "x", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert free_names(source).has_await is expected is bool(code.co_flags & 0x80)


def test_star_import_is_seen() -> None:
    """A star import is reported with its line, because it hides names."""
    assert free_names("x = 1\nfrom os import *").star == 2


def test_deep_code_is_no_problem() -> None:
    """Whatever Python parses is walked: long sums, long chains of elif, nested lambdas and calls."""
    sums = " + ".join(f"x{i}" for i in range(900))
    chain = "if c0: pass\n" + "".join(f"elif c{i}: pass\n" for i in range(1, 300))
    lambdas = "lambda: " * 90 + "x"
    assert len(free_names(sums).reads) == 900
    assert len(free_names(chain).reads) == 300
    assert free_names(lambdas).reads == ("x",)


def test_too_deep_for_python_is_an_error() -> None:
    """A body that Python's parser gives up on ends in a CellError, not in a RecursionError."""
    with pytest.raises(CellError, match=r"nested too deep"):
        free_names("x" + "+x" * 50_000)


def test_names_of_a_function_are_those_of_its_body() -> None:
    """Defaults, annotations and decorators were read when it was defined; only the body counts."""
    source = """
        @decorated(by)
        def f(a: T, b=default) -> R:
            def inner(c):
                return a + b + c + helper(CONSTANT)
            return [inner(x) for x in a]
    """
    function = ast.parse(textwrap.dedent(source)).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert names_of_function(function) == ("helper", "CONSTANT")


FILES = sorted((Path(json.__file__).parent.parent / "importlib").rglob("*.py")) + sorted(
    Path(json.__file__).parent.parent.glob("[a-d]*.py")
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_agrees_with_the_symbol_tables_of_python(path: Path) -> None:
    """On real modules the names that nothing in them binds are those of Python's own analysis.

    It counts annotations of locals, which are never run, as reads; those are types, so builtins are left out.
    """
    source = path.read_text("utf-8")
    reads, bound = _by_symtable(source)
    names = free_names(source)
    outside = {name for name in names.reads if name not in bound and not hasattr(builtins, name)}
    assert outside == {name for name in reads - bound if not hasattr(builtins, name)}


def _by_symtable(source: str) -> tuple[set[str], set[str]]:
    top = symtable.symtable(source, "module", "exec")
    bound = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    reads = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    tables = list(top.get_children())
    while tables:
        table = tables.pop()
        tables.extend(table.get_children())
        symbols = table.get_symbols()
        reads |= {symbol.get_name() for symbol in symbols if symbol.is_global() and symbol.is_referenced()}
        bound |= {symbol.get_name() for symbol in symbols if symbol.is_declared_global() and symbol.is_assigned()}
    return reads - {"__name__", "__doc__", "__debug__"}, bound
