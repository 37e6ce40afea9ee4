"""Edits of a notebook: those that must change the key of a node that calls `helper`, and those that must not.

Data only; `test_code` goes through it.
"""

from __future__ import annotations

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
    "hints that a decorator reads": (
        "def deco(f): return lambda x: f.__annotations__['x'](x)\n@deco\ndef helper(x: int): return x",
        "def deco(f): return lambda x: f.__annotations__['x'](x)\n@deco\ndef helper(x: str): return x",
    ),
    "description of a model": (
        "import pydantic\nclass M(pydantic.BaseModel):\n    'one'\n    a: int\ndef helper(x): return M.model_json_schema()",
        "import pydantic\nclass M(pydantic.BaseModel):\n    'two'\n    a: int\ndef helper(x): return M.model_json_schema()",
    ),
    "a type adapter": (
        "import pydantic\nT = pydantic.TypeAdapter(list[int])\ndef helper(x): return T.validate_python(x)",
        "import pydantic\nT = pydantic.TypeAdapter(list[str])\ndef helper(x): return T.validate_python(x)",
    ),
    "a constraint within a type": (
        "import pydantic, typing\nclass M(pydantic.BaseModel):\n    a: list[typing.Annotated[int, pydantic.Field(gt=1)]]\ndef helper(x): return M",
        "import pydantic, typing\nclass M(pydantic.BaseModel):\n    a: list[typing.Annotated[int, pydantic.Field(gt=2)]]\ndef helper(x): return M",
    ),
    "a pattern within a type": (
        "import pydantic, typing\nclass M(pydantic.BaseModel):\n    a: typing.Annotated[str, pydantic.StringConstraints(pattern='a')]\ndef helper(x): return M",
        "import pydantic, typing\nclass M(pydantic.BaseModel):\n    a: typing.Annotated[str, pydantic.StringConstraints(pattern='b')]\ndef helper(x): return M",
    ),
    "a hint in a class": ("class A:\n    x: int = 1\ndef helper(x): return A", "class A:\n    x: str = 1\ndef helper(x): return A"),
    "a docstring that is read": (
        "def g():\n    'one'\ndef helper(x): return g.__doc__",
        "def g():\n    'two'\ndef helper(x): return g.__doc__",
    ),
    "an address": (
        "import pydantic\nU = pydantic.HttpUrl('https://a.example')\ndef helper(x): return U",
        "import pydantic\nU = pydantic.HttpUrl('https://b.example')\ndef helper(x): return U",
    ),
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
