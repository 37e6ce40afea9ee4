"""Cells as people write them, each with the body of a node that needs all of it, for edits at random.

Data only. No loop depends on a condition, so that an edit may make it wrong but not endless.
"""

from __future__ import annotations

ROWS = "ROWS = [{'id': i, 'text': f'item {i} ok', 'price': 1.5 * i, 'tags': ['a', 'b'][: i % 3]} for i in range(6)]\n"

CORPUS: dict[str, tuple[str, str]] = {
    "clean": (ROWS + "import re\nSPACES = re.compile(r'\\s+')\ndef clean(text, lower=True):\n    found = SPACES.sub(' ', text).strip()\n    return found.lower() if lower else found\n", "label = [clean(row['text']) for row in ROWS]"),
    "total": (ROWS + "TAX = 0.2\ndef net(row):\n    return row['price'] * (1 - TAX)\ndef total(rows):\n    return round(sum(net(row) for row in rows), 2)\n", "label = total(ROWS)"),
    "group": (ROWS + "from collections import defaultdict\ndef group(rows, size=2):\n    found = defaultdict(list)\n    for row in rows:\n        found[row['id'] % size].append(row['price'])\n    return {key: max(values) for key, values in found.items()}\n", "label = group(ROWS)"),
    "score": ("WEIGHTS = {'good': 2, 'bad': -3}\ndef score(text):\n    points = 0\n    for word in text.split():\n        points += WEIGHTS.get(word, 0)\n    return points\ndef verdict(text):\n    found = score(text)\n    if found > 1:\n        return 'up'\n    elif found < 0:\n        return 'down'\n    return 'flat'\n", "label = [verdict(t) for t in ('good good', 'bad', 'so so', 'good')]"),
    "parse": ("def parse(line):\n    name, _, rest = line.partition('=')\n    try:\n        return name, int(rest)\n    except ValueError:\n        return name, None\n", "label = dict(parse(line) for line in ('a=1', 'b=x', 'c=3'))"),
    "retry": ("def flaky(n):\n    if n < 2:\n        raise ValueError(n)\n    return n * 10\ndef retry(f, times=3):\n    for n in range(times):\n        try:\n            return f(n)\n        except ValueError:\n            continue\n    return -1\n", "label = retry(flaky)"),
    "closure": ("def scale(by):\n    offset = by + 1\n    def inner(x):\n        return x * by + offset\n    return inner\ndouble = scale(2)\n", "label = [double(x) for x in range(4)]"),
    "memo": ("from functools import lru_cache\n@lru_cache(maxsize=None)\ndef fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\n", "label = fib(12)"),
    "model": ("from dataclasses import dataclass, field\n@dataclass\nclass Item:\n    name: str\n    price: float = 2.5\n    tags: list = field(default_factory=lambda: ['new'])\n    def gross(self):\n        return self.price * 1.2 + len(self.tags)\n", "label = [Item('a').gross(), Item('b', 3).gross(), Item('c').tags]"),
    "shape": ("class Shape:\n    sides = 0\n    def area(self):\n        return 0\n    def text(self):\n        return f'{self.sides}:{self.area()}'\nclass Square(Shape):\n    sides = 4\n    def __init__(self, a):\n        self.a = a\n    def area(self):\n        return self.a ** 2\n", "label = [Square(3).text(), Shape().text()]"),
    "wraps": ("import functools\ndef logged(prefix):\n    def deco(f):\n        @functools.wraps(f)\n        def inner(*args):\n            return prefix + str(f(*args))\n        return inner\n    return deco\n@logged('got ')\ndef add(a, b):\n    return a + b\n", "label = add(2, 3)"),
    "context": ("from contextlib import contextmanager\n@contextmanager\ndef scaled(x):\n    yield x * 3\ndef run(x):\n    with scaled(x) as y:\n        return y - 1\n", "label = run(5)"),
    "dispatch": ("from functools import singledispatch\n@singledispatch\ndef show(x):\n    return '?'\n@show.register\ndef _(x: int):\n    return x + 1\n@show.register\ndef _(x: str):\n    return x * 2\n", "label = [show(1), show('a'), show(None)]"),
    "partial": ("from functools import partial, reduce\nimport operator\ndef power(base, exponent):\n    return base ** exponent\nsquare = partial(power, exponent=2)\n", "label = reduce(operator.add, map(square, range(5)))"),
    "pipeline": ("def strip(x):\n    return x.strip()\ndef upper(x):\n    return x.upper()\nSTEPS = [strip, upper]\ndef apply(x, steps=STEPS):\n    for step in steps:\n        x = step(x)\n    return x\n", "label = apply('  ab ')"),
    "generator": ("def windows(xs, size=2):\n    for i in range(len(xs) - size + 1):\n        yield xs[i:i + size]\ndef means(xs):\n    return [sum(w) / len(w) for w in windows(xs)]\n", "label = means([1, 2, 4, 8])"),
    "match": ("def kind(x):\n    match x:\n        case {'type': 'a', 'n': n}:\n            return n + 1\n        case [first, *rest]:\n            return first * len(rest)\n        case _:\n            return None\n", "label = [kind({'type': 'a', 'n': 1}), kind([3, 1, 1]), kind(0)]"),
    "walrus": ("LIMIT = 4\ndef long(words):\n    return [n for w in words if (n := len(w)) >= LIMIT]\n", "label = long(['tea', 'milk', 'coffee'])"),
    "nested": ("CONFIG = {'a': {'rate': 2, 'names': ['x', 'y']}, 'b': {'rate': 3, 'names': []}}\ndef rates(key):\n    part = CONFIG[key]\n    return part['rate'] * len(part['names'])\n", "label = {key: rates(key) for key in CONFIG}"),
    "recursion": ("def depth(tree):\n    if not isinstance(tree, list):\n        return 0\n    return 1 + max([depth(part) for part in tree], default=0)\n", "label = depth([1, [2, [3, [4]]]])"),
    "mutual": ("def even(n):\n    return True if n == 0 else odd(n - 1)\ndef odd(n):\n    return False if n == 0 else even(n - 1)\n", "label = [even(7), odd(7), even(4)]"),
    "numpy": ("import numpy as np\nBASE = np.arange(6).reshape(2, 3)\ndef norm(a, axis=0):\n    return (a - a.mean(axis=axis)) / 2\n", "label = norm(BASE).tolist()"),
    "pandas": ("import pandas as pd\nF = pd.DataFrame({'k': ['a', 'b', 'a'], 'v': [1, 2, 3]})\ndef summary(f, by='k'):\n    return f.groupby(by)['v'].sum().sort_index().to_dict()\n", "label = summary(F)"),
    "property": ("class Box:\n    unit = 2\n    def __init__(self, n):\n        self.n = n\n    @property\n    def size(self):\n        return self.n * self.unit\n    @staticmethod\n    def half(x):\n        return x / 2\n    @classmethod\n    def of(cls, n):\n        return cls(n + 1)\n", "label = [Box.of(2).size, Box.half(9)]"),
    "object": ("class Model:\n    def __init__(self, weight, bias=1):\n        self.weight = weight\n        self.bias = bias\n    def __call__(self, x):\n        return self.weight * x + self.bias\nmodel = Model(3)\n", "label = [model(x) for x in (0, 1, 5)]"),
    "star": ("def join(*parts, sep='-', **marks):\n    return sep.join(parts) + ''.join(f'{k}{v}' for k, v in marks.items())\nARGS = ('a', 'b')\n", "label = join(*ARGS, sep='/', x=1, y=2)"),
    "enum": ("import enum\nclass Level(enum.Enum):\n    LOW = 1\n    HIGH = 3\n    def next(self):\n        return Level.HIGH if self is Level.LOW else None\n", "label = [Level.LOW.next().value, Level.HIGH.next(), [l.name for l in Level]]"),
    "slices": ("def chunks(xs, n=3):\n    return [xs[i:i + n] for i in range(0, len(xs), n)]\ndef last(xs):\n    return xs[-1], xs[::-1][:2]\n", "label = [chunks('abcdefg'), last('xyz')]"),
    "sorting": (ROWS + "def key(row):\n    return (-len(row['tags']), row['price'])\ndef best(rows, n=3):\n    return [row['id'] for row in sorted(rows, key=key)[:n]]\n", "label = best(ROWS)"),
    "logic": ("def allow(age, member, banned=False):\n    return (age >= 18 or member) and not banned\n", "label = [allow(a, m, b) for a in (17, 18) for m in (True, False) for b in (True, False)]"),
    "text": ("TEMPLATE = 'Dear {name}, you owe {amount:.2f}.'\ndef letter(name, amount, currency='EUR'):\n    head = TEMPLATE.format(name=name.title(), amount=amount * 1.1)\n    return f'{head} ({currency!r})'\n", "label = letter('ann', 20)"),
    "nonlocal": ("def counter(start=0):\n    n = start\n    def step(by=1):\n        nonlocal n\n        n += by\n        return n\n    return step\n", "step = counter(5)\nlabel = [step(), step(2), step()]"),
}  # fmt: skip
