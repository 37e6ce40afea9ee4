"""Probes of functions: what a function is made of, and how one is reached."""

from __future__ import annotations

from tests.story.probes.probe import Must, Probe, probe

RUN = Must.RUN

PROBES: list[Probe] = [
    probe(RUN, "own code", "The text of the node itself counts.", "", "x = 2\nx * 3", ("x * 3", "x * 4")),
    probe(RUN, "helper", "A function that the node calls counts.",
          "def helper(x):\n    return x + 1", "helper(1)", ("x + 1", "x + 2")),
    probe(RUN, "helper of a helper", "What a helper calls counts, however deep.",
          "def deep(x):\n    return x * 2\ndef middle(x):\n    return deep(x)\ndef helper(x):\n    return middle(x)",
          "helper(1)", ("x * 2", "x * 3")),
    probe(RUN, "recursion", "A function that calls itself counts once and is no endless walk.",
          "def fact(n):\n    return n * fact(n - 1) if n > 1 else 1", "fact(4)", ("else 1", "else 2")),
    probe(RUN, "mutual recursion", "Functions that call each other count, wherever the walk begins.",
          """
          def even(n):
              return True if n == 0 else odd(n - 1)
          def odd(n):
              return False if n == 0 else even(n - 1)
          """, "even(3)", ("return False if", "return None if")),
    probe(RUN, "lambda", "A lambda counts by its own text.",
          "helper = lambda x: x + 1", "helper(1)", ("x + 1", "x + 2")),
    probe(RUN, "two lambdas on a line", "Lambdas of one line are told apart.",
          "one, two = lambda x: x + 1, lambda x: x + 2", "two(1)", ("x + 2", "x + 3")),
    probe(RUN, "closure with another cell", "Two closures of equal text differ by what they closed over.",
          "def make(n):\n    return lambda x: x + n\nhelper = make(1)", "helper(1)", ("make(1)", "make(2)")),
    probe(RUN, "one of two closures", "Which of two closures of equal text is called counts.",
          "def make(n):\n    return lambda x: x + n\none, two = make(1), make(2)\nhelper = one",
          "helper(1)", ("helper = one", "helper = two")),
    probe(RUN, "closure over a function", "A function in a cell of a closure counts by its code.",
          "def inner(x):\n    return x + 1\ndef make(f):\n    return lambda x: f(x)\nhelper = make(inner)",
          "helper(1)", ("x + 1", "x + 2")),
    probe(RUN, "closure that moved on", "What a closure holds now counts, not what it began with.",
          """
          def counter():
              n = 0
              def step():
                  nonlocal n
                  n += 1
              def now():
                  return n
              return step, now
          step, now = counter()
          for _ in range(2):
              step()
          """, "now()", ("range(2)", "range(3)")),
    probe(RUN, "decorator", "The wrapper that a decorator put around a function counts.",
          "def deco(f):\n    return lambda x: f(x) + 1\n@deco\ndef helper(x):\n    return x",
          "helper(1)", ("f(x) + 1", "f(x) + 2")),
    probe(RUN, "function below functools.wraps", "The function below a wrapper counts.",
          """
          import functools
          def deco(f):
              @functools.wraps(f)
              def wrapper(x):
                  return f(x)
              return wrapper
          @deco
          def helper(x):
              return x + 1
          """, "helper(1)", ("x + 1", "x + 2")),
    probe(RUN, "wrapper above functools.wraps", "A wrapper that pretends to be its function counts by its own code.",
          """
          import functools
          def deco(f):
              @functools.wraps(f)
              def wrapper(x):
                  return f(x) + 1
              return wrapper
          @deco
          def helper(x):
              return x
          """, "helper(1)", ("f(x) + 1", "f(x) + 2")),
    probe(RUN, "argument of a decorator", "What a decorator was given counts.",
          """
          def times(n):
              def deco(f):
                  return lambda x: f(x) * n
              return deco
          @times(2)
          def helper(x):
              return x
          """, "helper(1)", ("@times(2)", "@times(3)")),
    probe(RUN, "order of decorators", "The order in which decorators stand counts.",
          """
          def add(f):
              return lambda x: f(x) + 1
          def double(f):
              return lambda x: f(x) * 2
          @add
          @double
          def helper(x):
              return x
          """, "helper(1)", ("@add\n@double", "@double\n@add")),
    probe(RUN, "lru_cache", "A function behind functools.lru_cache counts.",
          "import functools\n@functools.lru_cache(maxsize=8)\ndef helper(x):\n    return x + 1",
          "helper(1)", ("x + 1", "x + 2")),
    probe(RUN, "contextmanager", "A generator behind contextlib.contextmanager counts.",
          "import contextlib\n@contextlib.contextmanager\ndef given():\n    yield 1",
          "with given() as found:\n    pass\nfound", ("yield 1", "yield 2")),
    probe(RUN, "singledispatch", "An implementation that is registered counts.",
          """
          import functools
          @functools.singledispatch
          def helper(x):
              return 0
          @helper.register
          def _(x: int):
              return 1
          """, "helper(1)", ("return 1", "return 2")),
    probe(RUN, "singledispatch, one more", "An implementation that is registered later counts.",
          """
          import functools
          @functools.singledispatch
          def helper(x):
              return 0
          def for_int(x):
              return 1
          """, "helper(1)", ("    return 1", "    return 1\nhelper.register(int, for_int)")),
    probe(RUN, "singledispatchmethod", "An implementation registered for a method counts.",
          """
          import functools
          class A:
              @functools.singledispatchmethod
              def m(self, x):
                  return 0
              @m.register
              def _(self, x: int):
                  return 1
          """, "A().m(1)", ("return 1", "return 2")),
    probe(RUN, "partial, positional", "Arguments held by functools.partial count.",
          "from functools import partial\ndef add(a, b):\n    return a + b\nhelper = partial(add, 1)",
          "helper(1)", ("partial(add, 1)", "partial(add, 2)")),
    probe(RUN, "partial, keyword", "Keywords held by functools.partial count.",
          "from functools import partial\ndef add(a, b=0):\n    return a + b\nhelper = partial(add, b=1)",
          "helper(1)", ("b=1", "b=2")),
    probe(RUN, "partial, its function", "The function held by functools.partial counts.",
          "from functools import partial\ndef add(a, b):\n    return a + b\nhelper = partial(add, 1)",
          "helper(1)", ("a + b", "a - b")),
    probe(RUN, "default of the node", "A default argument of the node itself counts.", "", "# parameters: by=2\nby * 3",
          ("by=2", "by=3"), forms=("function", "module")),
    probe(RUN, "default", "A default argument of a helper counts.",
          "def helper(x, by=2):\n    return x * by", "helper(1)", ("by=2", "by=3")),
    probe(RUN, "keyword-only default", "A default of a keyword-only argument counts.",
          "def helper(x, *, by=2):\n    return x * by", "helper(1)", ("by=2", "by=3")),
    probe(RUN, "default by value", "A default counts by what it holds, not by its text.",
          "LEVELS = [1, 2]\ndef helper(x, levels=LEVELS):\n    return sum(levels)",
          "helper(1)", ("[1, 2]", "[1, 3]")),
    probe(RUN, "default set later", "A default that was set from outside counts.",
          "def helper(x=1):\n    return x\nhelper.__defaults__ = (2,)", "helper()", ("(2,)", "(3,)")),
    probe(RUN, "attribute of a function", "An attribute that a function carries counts.",
          "def helper():\n    return helper.rate\nhelper.rate = 1", "helper()", ("rate = 1", "rate = 2")),
    probe(RUN, "generator", "A generator counts.",
          "def helper():\n    yield 1\n    yield 2", "list(helper())", ("yield 2", "yield 3")),
    probe(RUN, "generator expression in a helper", "A name that only an expression inside a helper reads counts.",
          "K = 2\ndef helper(xs):\n    return sum(x * K for x in xs)", "helper([1, 2])", ("K = 2", "K = 3")),
    probe(RUN, "async helper", "A coroutine function counts.",
          "async def helper(x):\n    return x + 1", "await helper(1)", ("x + 1", "x + 2")),
    probe(RUN, "async generator", "An asynchronous generator counts.",
          "async def helper():\n    yield 1\nasync def collect():\n    return [x async for x in helper()]",
          "await collect()", ("yield 1", "yield 2")),
    probe(RUN, "comprehension", "A constant that only a comprehension reads counts.",
          "K = 2", "[x * K for x in range(3)]", ("K = 2", "K = 3")),
    probe(RUN, "nested comprehension", "Names in the inner of two comprehensions count.",
          "K = [1, 2]", "[[x + y for y in K] for x in range(2)]", ("[1, 2]", "[1, 3]")),
    probe(RUN, "walrus", "A constant that is read into a name by := counts.",
          "K = 2\ndef helper(xs):\n    return [n for x in xs if (n := x * K)]", "helper([1])", ("K = 2", "K = 3")),
    probe(Must.UNCACHED, "global statement", "A node that sets a global is not cached: the next run begins elsewhere.",
          """
          RATE = 1
          def set_rate():
              global RATE
              RATE = 5
          def helper():
              set_rate()
              return RATE
          """, "helper()", ("RATE = 5", "RATE = 6")),
    probe(RUN, "star arguments", "Lists and dicts that are spread into a call count.",
          "ARGS, OPTIONS = (1, 2), {'c': 3}\ndef helper(a, b, c):\n    return a, b, c",
          "helper(*ARGS, **OPTIONS)", ("{'c': 3}", "{'c': 4}")),
    probe(RUN, "function defined inside a helper", "A function within a function counts.",
          "def helper(x):\n    def inner(y):\n        return y + 1\n    return inner(x)", "helper(1)", ("y + 1", "y + 2")),
    probe(RUN, "function handed to another", "A function that is only passed on counts.",
          "def key(x):\n    return x", "sorted([2, 1, 3], key=key)", ("return x", "return -x")),
    probe(RUN, "functions in a list", "Functions in a list count by code and order.",
          "STEPS = [str.strip, str.title]", "text = ' ab '\nfor step in STEPS:\n    text = step(text)\ntext",
          ("str.title", "str.upper")),
    probe(RUN, "functions in a table", "A function in a dict counts.",
          "def one():\n    return 1\nTABLE = {'one': [one]}", "TABLE['one'][0]()", ("return 1", "return 2")),
    probe(RUN, "operator", "An itemgetter, and the like, counts by its arguments.",
          "import operator\nget = operator.itemgetter(0)", "get([1, 2])", ("itemgetter(0)", "itemgetter(1)")),
    probe(RUN, "methodcaller", "A methodcaller counts by name and arguments.",
          "import operator\ncall = operator.methodcaller('split', ',')", "call('a,b;c')", ("','", "';'")),
    probe(RUN, "pipeline of itertools", "A pipeline counts by the functions that it is made of.",
          """
          import itertools, operator
          def keep(x):
              return x % 2
          def pipeline(xs):
              return itertools.accumulate(filter(keep, xs), operator.add)
          """, "list(pipeline(range(6)))", ("operator.add", "operator.mul")),
    probe(RUN, "function patched", "A function that another one was put in place of counts as it is now.",
          "def helper(x):\n    return x\ndef other(x):\n    return x + 1\nhelper = other",
          "helper(1)", ("helper = other", "pass")),
    probe(RUN, "builtin hidden", "A global that hides a builtin counts.",
          "def len(x):\n    return 1\ndef helper(x):\n    return len(x)", "helper([1, 2])", ("return 1", "return 3")),
    probe(RUN, "code put into a function", "The code that a function has now counts.",
          "def helper():\n    return 1\ndef other():\n    return 2\nhelper.__code__ = other.__code__",
          "helper()", ("return 2", "return 3")),
    probe(RUN, "builtin module patched", "A function put into a module of the standard library counts.",
          "import colorsys\ncolorsys.rgb_to_hsv = lambda x: 'one'", "colorsys.rgb_to_hsv(1)", ("'one'", "'two'"), forms=("cell",)),
    probe(RUN, "class of the library patched", "A method put into a class of the library counts where the class is named.",
          "import fractions\nfractions.Fraction.twice = lambda self: self * 2", "str(fractions.Fraction(1).twice())",
          ("self * 2", "self * 3"), forms=("cell",)),
    probe(Must.UNCACHED, "ufunc made from a function", "A function that numpy wrapped is refused: numpy does not say which it is.",
          "import numpy as np\nhelper = np.frompyfunc(lambda x: x + 1, 1, 1)", "int(helper(1))", ("x + 1", "x + 2")),
    probe(RUN, "import in code without source", "What a function without a source imports counts.",
          "exec('def helper():\\n    import colorsys as c, room\\n    return room.f()')", "helper()",
          ("return 1", "return 2"), files={"room.py": "def f():\n    return 1\n"}),
    probe(RUN, "function from exec", "A function without a source counts by its compiled code.",
          "exec('def helper(x):\\n    return x + 1')", "helper(1)", ("x + 1", "x + 2")),
    probe(RUN, "hints read as an attribute", "Type hints count where code reads the hints of functions.",
          "def helper(x: int):\n    return x", "helper.__annotations__['x'].__name__", ("x: int", "x: str")),
    probe(RUN, "hints read by typing", "Type hints count where typing.get_type_hints is used.",
          "import typing\ndef helper(x: int):\n    return x\ndef hints(f):\n    return typing.get_type_hints(f)",
          "str(hints(helper))", ("x: int", "x: str")),
    probe(RUN, "hints read by inspect", "Type hints count where inspect is used.",
          "import inspect\ndef helper(x: int):\n    return x", "str(inspect.signature(helper))", ("x: int", "x: str")),
    probe(RUN, "source read by inspect", "Comments count where inspect is used: it can read them.",
          "import inspect\ndef helper(x):\n    return x  # one", "inspect.getsource(helper)", ("# one", "# two"),
          forms=("cell", "module")),
    probe(RUN, "docstring read", "A docstring counts where code reads docstrings.",
          "def helper():\n    'one'\ndef read(f):\n    return f.__doc__", "read(helper)", ("'one'", "'two'")),
]  # fmt: skip
