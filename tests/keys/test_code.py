"""Definitions of nodes: what changes them, what does not, and what they say when they cannot be digested."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.keys.cells import Notebook, digest_of
from wfkit.core.node import Each, Node
from wfkit.core.policy import ModelPolicy
from wfkit.core.terms import NodeKind
from wfkit.errors import CellError
from wfkit.keys.code import Planning, define_prompt, define_python
from wfkit.keys.explain import difference

# (what a notebook holds, the same with one edit): the edit must change the key of `label = helper(1)`
EDITS = {
    "own text of a helper": ("def helper(x): return x + 1", "def helper(x): return x + 2"),
    "a constant": ("RATE = 1\ndef helper(x): return x * RATE", "RATE = 2\ndef helper(x): return x * RATE"),
    "type of a constant": ("RATE = 1\ndef helper(x): return x * RATE", "RATE = 1.0\ndef helper(x): return x * RATE"),
    "a constant in a container": ("C = {'a': [1]}\ndef helper(x): return C", "C = {'a': [2]}\ndef helper(x): return C"),
    "a helper of a helper": (
        "def inner(x): return x\ndef helper(x): return inner(x)",
        "def inner(x): return -x\ndef helper(x): return inner(x)",
    ),
    "a default": ("def helper(x, y=1): return x", "def helper(x, y=2): return x"),
    "a default by value": ("D = [1]\ndef helper(x, y=D): return x", "D = [2]\ndef helper(x, y=D): return x"),
    "a keyword default": ("def helper(x, *, y=1): return x", "def helper(x, *, y=2): return x"),
    "a lambda": ("helper = lambda x: x + 1", "helper = lambda x: x + 2"),
    "one of two lambdas on a line": ("a, helper = lambda x: 1, lambda x: 2", "a, helper = lambda x: 1, lambda x: 3"),
    "a closure": (
        "def make(n):\n    return lambda x: x + n\nhelper = make(1)",
        "def make(n):\n    return lambda x: x + n\nhelper = make(2)",
    ),
    "a decorator": (
        "def deco(f): return lambda *a: f(*a)\n@deco\ndef helper(x): return x",
        "def deco(f): return lambda *a: -f(*a)\n@deco\ndef helper(x): return x",
    ),
    "a wrapped function": (
        "import functools\ndef deco(f):\n    @functools.wraps(f)\n    def w(*a): return f(*a)\n    return w\n@deco\ndef helper(x): return 1",
        "import functools\ndef deco(f):\n    @functools.wraps(f)\n    def w(*a): return f(*a)\n    return w\n@deco\ndef helper(x): return 2",
    ),
    "a cached function": (
        "import functools\n@functools.cache\ndef helper(x): return 1",
        "import functools\n@functools.cache\ndef helper(x): return 2",
    ),
    "a partial function": (
        "import functools\ndef f(a, b): return a\nhelper = functools.partial(f, 1)",
        "import functools\ndef f(a, b): return a\nhelper = functools.partial(f, 2)",
    ),
    "a context manager": (
        "import contextlib\n@contextlib.contextmanager\ndef cm(): yield 1\ndef helper(x):\n    with cm() as y: return y",
        "import contextlib\n@contextlib.contextmanager\ndef cm(): yield 2\ndef helper(x):\n    with cm() as y: return y",
    ),
    "a single dispatch": (
        "import functools\n@functools.singledispatch\ndef helper(x): return 1\n@helper.register\ndef _(x: int): return 2",
        "import functools\n@functools.singledispatch\ndef helper(x): return 1\n@helper.register\ndef _(x: int): return 3",
    ),
    "a method": ("class A:\n    def m(self): return 1\ndef helper(x): return A().m()",
                 "class A:\n    def m(self): return 2\ndef helper(x): return A().m()"),
    "a bound method": ("class A:\n    @classmethod\n    def m(cls, x): return 1\nhelper = A.m",
                       "class A:\n    @classmethod\n    def m(cls, x): return 2\nhelper = A.m"),
    "a bound builtin method": ("helper = {1: 1}.get", "helper = {1: 2}.get"),
    "a static method": ("class A:\n    @staticmethod\n    def m(): return 1\ndef helper(x): return A.m()",
                        "class A:\n    @staticmethod\n    def m(): return 2\ndef helper(x): return A.m()"),
    "a property": ("class A:\n    @property\n    def p(self): return 1\ndef helper(x): return A().p",
                   "class A:\n    @property\n    def p(self): return 2\ndef helper(x): return A().p"),
    "a class attribute": ("class A:\n    R = 1\ndef helper(x): return A.R", "class A:\n    R = 2\ndef helper(x): return A.R"),
    "a base class": ("class B:\n    R = 1\nclass A(B): pass\ndef helper(x): return A.R",
                     "class B:\n    R = 2\nclass A(B): pass\ndef helper(x): return A.R"),
    "a class attribute set later": ("class A:\n    R = 1\nA.R = 2\ndef helper(x): return A.R",
                                    "class A:\n    R = 1\nA.R = 3\ndef helper(x): return A.R"),
    "a nested class": ("class A:\n    class B:\n        R = 1\ndef helper(x): return A.B.R",
                       "class A:\n    class B:\n        R = 2\ndef helper(x): return A.B.R"),
    "a metaclass": ("class M(type):\n    def r(cls): return 1\nclass A(metaclass=M): pass\ndef helper(x): return A.r()",
                    "class M(type):\n    def r(cls): return 2\nclass A(metaclass=M): pass\ndef helper(x): return A.r()"),
    "a private constant": ("_A__R = 1\nclass A:\n    def m(self): return __R\ndef helper(x): return A().m()",
                           "_A__R = 2\nclass A:\n    def m(self): return __R\ndef helper(x): return A().m()"),
    "an enum": ("import enum\nclass E(enum.Enum):\n    A = 1\ndef helper(x): return E.A.value",
                "import enum\nclass E(enum.Enum):\n    A = 2\ndef helper(x): return E.A.value"),
    "an enum's method": ("import enum\nclass E(enum.Enum):\n    A = 1\n    def m(self): return 1\ndef helper(x): return E.A.m()",
                         "import enum\nclass E(enum.Enum):\n    A = 1\n    def m(self): return 2\ndef helper(x): return E.A.m()"),
    "a member as a constant": ("import enum\nclass E(enum.Enum):\n    A = 1\n    B = 2\nM = E.A\ndef helper(x): return M",
                               "import enum\nclass E(enum.Enum):\n    A = 1\n    B = 2\nM = E.B\ndef helper(x): return M"),
    "a dataclass default": ("import dataclasses\n@dataclasses.dataclass\nclass P:\n    a: int = 1\ndef helper(x): return P()",
                            "import dataclasses\n@dataclasses.dataclass\nclass P:\n    a: int = 2\ndef helper(x): return P()"),
    "a dataclass factory": (
        "import dataclasses\n@dataclasses.dataclass\nclass P:\n    a: list = dataclasses.field(default_factory=lambda: [1])\ndef helper(x): return P()",
        "import dataclasses\n@dataclasses.dataclass\nclass P:\n    a: list = dataclasses.field(default_factory=lambda: [2])\ndef helper(x): return P()",
    ),
    "a dataclass field": ("import dataclasses\n@dataclasses.dataclass\nclass P:\n    a: int = 1\ndef helper(x): return P()",
                          "import dataclasses\n@dataclasses.dataclass\nclass P:\n    a: int = 1\n    b: int = 1\ndef helper(x): return P()"),
    "options of a dataclass": ("import dataclasses\n@dataclasses.dataclass\nclass P:\n    a: int = 1\ndef helper(x): return P()",
                               "import dataclasses\n@dataclasses.dataclass(order=True)\nclass P:\n    a: int = 1\ndef helper(x): return P()"),
    "a dataclass method": (
        "import dataclasses\n@dataclasses.dataclass\nclass P:\n    a: int = 1\n    def m(self): return 1\ndef helper(x): return P().m()",
        "import dataclasses\n@dataclasses.dataclass\nclass P:\n    a: int = 1\n    def m(self): return 2\ndef helper(x): return P().m()",
    ),
    "an instance of a dataclass": (
        "import dataclasses\n@dataclasses.dataclass\nclass P:\n    a: int\np = P(1)\ndef helper(x): return p.a",
        "import dataclasses\n@dataclasses.dataclass\nclass P:\n    a: int\np = P(2)\ndef helper(x): return p.a",
    ),
    "the class of an instance": (
        "import dataclasses\n@dataclasses.dataclass\nclass P:\n    a: int\n    def m(self): return 1\np = P(1)\ndef helper(x): return p.m()",
        "import dataclasses\n@dataclasses.dataclass\nclass P:\n    a: int\n    def m(self): return 2\np = P(1)\ndef helper(x): return p.m()",
    ),
    "a named tuple": ("import typing\nclass P(typing.NamedTuple):\n    a: int = 1\ndef helper(x): return P()",
                      "import typing\nclass P(typing.NamedTuple):\n    a: int = 2\ndef helper(x): return P()"),
    "fields of a named tuple": ("import collections\nP = collections.namedtuple('P', 'a b')\ndef helper(x): return P(1, 2)",
                                "import collections\nP = collections.namedtuple('P', 'b a')\ndef helper(x): return P(1, 2)"),
    "a typed dict": ("import typing\nclass T(typing.TypedDict):\n    a: int\ndef helper(x): return T",
                     "import typing\nclass T(typing.TypedDict):\n    a: str\ndef helper(x): return T"),
    "a pydantic type": ("import pydantic\nclass M(pydantic.BaseModel):\n    a: int\ndef helper(x): return M",
                        "import pydantic\nclass M(pydantic.BaseModel):\n    a: str\ndef helper(x): return M"),
    "a pydantic default": ("import pydantic\nclass M(pydantic.BaseModel):\n    a: int = 1\ndef helper(x): return M",
                           "import pydantic\nclass M(pydantic.BaseModel):\n    a: int = 2\ndef helper(x): return M"),
    "a pydantic constraint": (
        "import pydantic\nclass M(pydantic.BaseModel):\n    a: int = pydantic.Field(gt=1)\ndef helper(x): return M",
        "import pydantic\nclass M(pydantic.BaseModel):\n    a: int = pydantic.Field(gt=2)\ndef helper(x): return M",
    ),
    "a pydantic pattern": (
        "import pydantic\nclass M(pydantic.BaseModel):\n    a: str = pydantic.Field(pattern='a')\ndef helper(x): return M",
        "import pydantic\nclass M(pydantic.BaseModel):\n    a: str = pydantic.Field(pattern='b')\ndef helper(x): return M",
    ),
    "a pydantic validator": (
        "import pydantic\nclass M(pydantic.BaseModel):\n    a: int\n    @pydantic.field_validator('a')\n    def v(cls, x): return 1\ndef helper(x): return M",
        "import pydantic\nclass M(pydantic.BaseModel):\n    a: int\n    @pydantic.field_validator('a')\n    def v(cls, x): return 2\ndef helper(x): return M",
    ),
    "the mode of a validator": (
        "import pydantic\nclass M(pydantic.BaseModel):\n    a: int\n    @pydantic.field_validator('a')\n    def v(cls, x): return x\ndef helper(x): return M",
        "import pydantic\nclass M(pydantic.BaseModel):\n    a: int\n    @pydantic.field_validator('a', mode='before')\n    def v(cls, x): return x\ndef helper(x): return M",
    ),
    "what a validator reads": (
        "import pydantic\nR = 1\nclass M(pydantic.BaseModel):\n    a: int\n    @pydantic.model_validator(mode='after')\n    def v(self): return R\ndef helper(x): return M",
        "import pydantic\nR = 2\nclass M(pydantic.BaseModel):\n    a: int\n    @pydantic.model_validator(mode='after')\n    def v(self): return R\ndef helper(x): return M",
    ),
    "a pydantic method": (
        "import pydantic\nclass M(pydantic.BaseModel):\n    a: int\n    def m(self): return 1\ndef helper(x): return M",
        "import pydantic\nclass M(pydantic.BaseModel):\n    a: int\n    def m(self): return 2\ndef helper(x): return M",
    ),
    "a nested model": (
        "import pydantic\nclass N(pydantic.BaseModel):\n    b: int\nclass M(pydantic.BaseModel):\n    a: list[N]\ndef helper(x): return M",
        "import pydantic\nclass N(pydantic.BaseModel):\n    b: str\nclass M(pydantic.BaseModel):\n    a: list[N]\ndef helper(x): return M",
    ),
    "an annotated validator": (
        "import pydantic, typing\ndef f(x): return 1\nclass M(pydantic.BaseModel):\n    a: typing.Annotated[int, pydantic.AfterValidator(f)]\ndef helper(x): return M",
        "import pydantic, typing\ndef f(x): return 2\nclass M(pydantic.BaseModel):\n    a: typing.Annotated[int, pydantic.AfterValidator(f)]\ndef helper(x): return M",
    ),
    "config of a model": (
        "import pydantic\nclass M(pydantic.BaseModel):\n    model_config = {'extra': 'allow'}\n    a: int\ndef helper(x): return M",
        "import pydantic\nclass M(pydantic.BaseModel):\n    model_config = {'extra': 'forbid'}\n    a: int\ndef helper(x): return M",
    ),
    "a model instance": ("import pydantic\nclass M(pydantic.BaseModel):\n    a: int\nm = M(a=1)\ndef helper(x): return m",
                         "import pydantic\nclass M(pydantic.BaseModel):\n    a: int\nm = M(a=2)\ndef helper(x): return m"),
    "which of two equal helpers": (
        "def a(): return 1\ndef b(): return 2\ng = a\ndef helper(x): return g(), b()",
        "def a(): return 1\ndef b(): return 2\ng = b\ndef helper(x): return g(), b()",
    ),
    "a mutual recursion": (
        "def helper(x): return other(x - 1) if x else 0\ndef other(x): return helper(x - 1) if x else 1",
        "def helper(x): return other(x - 1) if x else 0\ndef other(x): return helper(x - 1) if x else 2",
    ),
    "a function in a table": ("def f(): return 1\nT = {'f': [f]}\ndef helper(x): return T['f'][0]()",
                              "def f(): return 2\nT = {'f': [f]}\ndef helper(x): return T['f'][0]()"),
    "an attribute of a function": ("def helper(x): return helper.n\nhelper.n = 1", "def helper(x): return helper.n\nhelper.n = 2"),
    "a name under another name": ("from math import sin as f\ndef helper(x): return f(x)", "from math import cos as f\ndef helper(x): return f(x)"),
    "a package under a name": ("import numpy as np\ndef helper(x): return np", "import pandas as np\ndef helper(x): return np"),
    "a builtin that is hidden": ("def helper(x): return len(x)", "len = lambda x: 1\ndef helper(x): return len(x)"),
    "an async helper": ("async def helper(x): return 1", "async def helper(x): return 2"),
    "a generator helper": ("def helper(x): yield 1", "def helper(x): yield 2"),
    "a comprehension in a helper": ("K = 1\ndef helper(x): return [K for _ in x]", "K = 2\ndef helper(x): return [K for _ in x]"),
    "an itemgetter": ("import operator\nhelper = operator.itemgetter(1)", "import operator\nhelper = operator.itemgetter(2)"),
    "a pattern": ("import re\nP = re.compile('a')\ndef helper(x): return P", "import re\nP = re.compile('a', re.I)\ndef helper(x): return P"),
    "a frame": ("import pandas as pd\nF = pd.DataFrame({'a': [1]})\ndef helper(x): return F",
                "import pandas as pd\nF = pd.DataFrame({'a': [2]})\ndef helper(x): return F"),
    "a protocol": ("import typing\nclass P(typing.Protocol):\n    def m(self): return 1\ndef helper(x): return P",
                   "import typing\nclass P(typing.Protocol):\n    def m(self): return 2\ndef helper(x): return P"),
    "an abstract class": ("import abc\nclass A(abc.ABC):\n    @abc.abstractmethod\n    def m(self): return 1\ndef helper(x): return A",
                          "import abc\nclass A(abc.ABC):\n    @abc.abstractmethod\n    def m(self): return 2\ndef helper(x): return A"),
    "slots": ("class A:\n    __slots__ = ('a',)\ndef helper(x): return A", "class A:\n    __slots__ = ('a', 'b')\ndef helper(x): return A"),
    "a cached property": ("import functools\nclass A:\n    @functools.cached_property\n    def p(self): return 1\ndef helper(x): return A().p",
                          "import functools\nclass A:\n    @functools.cached_property\n    def p(self): return 2\ndef helper(x): return A().p"),
    "an alias of types": ("A = list[int]\ndef helper(x): return A", "A = list[str]\ndef helper(x): return A"),
    "a union": ("A = int | None\ndef helper(x): return A", "A = str | None\ndef helper(x): return A"),
    "a typing form": ("import typing\nA = typing.Literal['a']\ndef helper(x): return A", "import typing\nA = typing.Literal['b']\ndef helper(x): return A"),
    "an exception class": ("class E(ValueError):\n    code = 1\ndef helper(x): raise E", "class E(ValueError):\n    code = 2\ndef helper(x): raise E"),
}  # fmt: skip

# (what a notebook holds, the same with one edit): the key must stay
LOOKS = {
    "a comment": ("def helper(x): return x", "# new\ndef helper(x):\n    # why\n    return x  # because"),
    "a docstring": ("def helper(x): return x", "def helper(x):\n    'says'\n    return x"),
    "layout": ("def helper(x): return [x, 1]", "def helper( x ):\n\n    return [\n        x,\n        1,\n    ]"),
    "type hints": ("def helper(x): y = 1; return x", "def helper(x: int) -> int:\n    y: int = 1\n    return x"),
    "order of definitions": ("A = 1\ndef f(): return A\ndef helper(x): return f()", "def helper(x): return f()\ndef f(): return A\nA = 1"),
    "something else": ("def helper(x): return x", "def helper(x): return x\ndef unused(): return 1\nUNUSED = 1"),
    "an unused import": ("def helper(x): return x", "import json, numpy\ndef helper(x): return x"),
    "docstring of a class": ("class A:\n    x = 1\ndef helper(x): return A", "class A:\n    'says'\n    x = 1\ndef helper(x): return A"),
    "another list of equal content": ("C = [1, 2]\ndef helper(x): return C", "C = list(range(1, 3))\ndef helper(x): return C"),
    "a local that hides a global": ("y = 1\ndef helper(x):\n    y = 3\n    return y", "y = 2\ndef helper(x):\n    y = 3\n    return y"),
    "an attribute that is named like a global": ("y = 1\ndef helper(x): return x.y", "y = 2\ndef helper(x): return x.y"),
    "docstring of a model's method": (
        "import pydantic\nclass M(pydantic.BaseModel):\n    a: int\n    def m(self): return 1\ndef helper(x): return M",
        "import pydantic\nclass M(pydantic.BaseModel):\n    a: int\n    def m(self):\n        'says'\n        return 1\ndef helper(x): return M",
    ),
}  # fmt: skip


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
    "a connection": ("import sqlite3\nconn = sqlite3.connect(':memory:')\ndef helper(x): return conn", "conn", "sqlite3.Connection"),
    "in a container": ("T = {'m': [object()]}\ndef helper(x): return T", "T", "['m'][0]: object cannot be digested"),
    "in a closure": ("def make(o): return lambda x: o\nhelper = make(object())", "o", "label -> helper (closure o)"),
    "in a default": ("def helper(x, o=object()): return o", "o", "label -> helper (default o)"),
    "an instance": ("class A: pass\na = A()\ndef helper(x): return a", "a", "global 'a' (A)"),
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
    """A node made from a function counts by the function object; a node that it reads as a global is an error; it may call itself."""
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
    found = define_prompt(node, model or ModelPolicy("m"), more.get("json"), more.get("cls"), lambda _: False)
    assert found.digest
    return found.digest


def test_prompt() -> None:
    """Template, model, each parameter and the schema count; one left out is not zero; repairs do not count."""
    found = [
        prompt(), prompt("Label: {{ review.text }}"), prompt(model=ModelPolicy("n")), prompt(model=ModelPolicy("m", temperature=0)),
        prompt(model=ModelPolicy("m", temperature=0.0)), prompt(model=ModelPolicy("m", temperature=1)), prompt(model=ModelPolicy("m", top_p=1)),
        prompt(model=ModelPolicy("m", max_tokens=1)), prompt(model=ModelPolicy("m", seed=1)), prompt(json="{}"),
        prompt(json='{"type": "object"}'),
    ]  # fmt: skip
    assert len(set(found)) == len(found)
    assert prompt(model=ModelPolicy("m", repairs=3)) == prompt()


def test_validators_of_a_schema_count() -> None:
    """Two schema classes with equal JSON Schema and different validators differ."""
    cell = "import pydantic\nclass L(pydantic.BaseModel):\n    a: int\n    @pydantic.field_validator('a')\n    def v(cls, x): return x + {}"
    classes = [Notebook(cell.format(number)).namespace["L"] for number in (1, 1, 2)]
    found = [prompt(json="{}", cls=cls) for cls in classes]
    assert found[0] == found[1] != found[2]


def test_whole_chain_of_helpers(tmp_path: Path) -> None:
    """A chain of 3,000 helpers is walked without recursion."""
    text = "\n".join(f"def f{n}(x): return f{n + 1}(x)" for n in range(3000)) + "\ndef f3000(x): return {}\nhelper = f0"
    assert digest_of(text.format(1)) != digest_of(text.format(2))


def test_body_with_await() -> None:
    """Top-level await is part of a body as anything else."""
    notebook = Notebook("async def helper(x): return x")
    assert notebook.digest("label = await helper(1)") != notebook.digest("label = await helper(2)")
    assert textwrap.dedent("x") == "x"
