"""The architecture: every rule holds in every file, and every rule can fail.

The rules are in `sizes`, `words` and `imports`; here is only where they hold and one bad sample for each.
"""

from __future__ import annotations

import pytest

from tests.rooms import imports, sizes, words
from tests.rooms.source import Rule, Source, sources

EVERYWHERE: list[Rule] = [sizes.file_lines, words.file_name, words.later, words.swallowed_error]
IN_WFKIT: list[Rule] = [
    sizes.function_lines,
    sizes.class_size,
    sizes.arguments,
    sizes.nesting,
    words.class_name,
    words.module_docstring,
    imports.pure_core,
    imports.hidden_imports,
]


def _name(value: object) -> str:
    return getattr(value, "__name__", "")


def _body(lines: int) -> str:
    return "".join(f"    x{number} = 1\n" for number in range(lines))


BAD = [
    (sizes.file_lines, "x = 1\n" * 401, 401),
    (sizes.function_lines, "def f():\n" + _body(40), 1),
    (sizes.class_size, "class A:\n" + _body(150), 1),
    (sizes.class_size, "class A:\n" + "".join(f"    def m{n}(self): ...\n" for n in range(13)), 1),
    (sizes.arguments, "class A:\n    def m(self, a, b, c, d, *, e, f, g): ...\n", 2),
    (sizes.nesting, "def f(a):\n if a:\n  for b in a:\n   try:\n    a()\n   except E:\n    while b:\n     b()\n", 7),
    (words.later, "x = 1\n# TO" + "DO: y\n", 2),
    (words.class_name, "class TaskManager: ...\n", 1),
    (words.module_docstring, '"""One line."""\nx = 1\n', 1),
    (words.swallowed_error, "try:\n    f()\nexcept:\n    pass\n", 3),
    (words.swallowed_error, "try:\n    f()\nexcept Exception:\n    ...\n", 3),
    (imports.pure_core, "import math\nimport time\n", 2),
    (imports.pure_core, "from wfkit.store import journal\n", 1),
    (imports.pure_core, "x = 1\ny = open('z')\n", 2),
    (imports.hidden_imports, "def f():\n    import json  # a reason\n", 2),
    (imports.hidden_imports, "def f():\n    pass\n    import duckdb\n", 3),
]
GOOD = [
    (sizes.arguments, "def f(a, b, c, d, e, g, *rest, **more): ...\n"),
    (sizes.nesting, "def f(a):\n if a:\n  f(1)\n elif b:\n  for c in b:\n   with c:\n    f(c)\n"),
    (words.swallowed_error, "try:\n    f()\nexcept KeyError:\n    pass\n"),
    (imports.pure_core, "import math\nfrom wfkit.core.terms import Reason\n"),
    (imports.hidden_imports, "def f():\n    import duckdb  # loads on first use: 80 ms\n"),
]


@pytest.mark.parametrize("rule", EVERYWHERE, ids=_name)
def test_holds_everywhere(rule: Rule) -> None:
    """Product and tests keep the rule; a message names file, line and rule."""
    found = [finding for source in sources("wfkit", "tests") for finding in rule(source)]
    assert not found, "\n" + "\n".join(map(str, found))


@pytest.mark.parametrize("rule", IN_WFKIT, ids=_name)
def test_holds_in_wfkit(rule: Rule) -> None:
    """The product keeps the rule; a message names file, line and rule."""
    found = [finding for source in sources("wfkit") for finding in rule(source)]
    assert not found, "\n" + "\n".join(map(str, found))


@pytest.mark.parametrize(("rule", "sample", "line"), BAD, ids=_name)
def test_can_fail(rule: Rule, sample: str, line: int) -> None:
    """A rule that finds nothing in its bad sample would guard nothing."""
    assert [finding.line for finding in rule(Source("wfkit/core/sample.py", sample))] == [line]


@pytest.mark.parametrize(("rule", "sample"), GOOD, ids=_name)
def test_lets_pass(rule: Rule, sample: str) -> None:
    """A rule does not forbid what is close to its limit."""
    assert not list(rule(Source("wfkit/core/sample.py", sample)))


@pytest.mark.parametrize("path", ["wfkit/utils.py", "wfkit/core/_base.py", "wfkit/helpers/x.py"])
def test_file_names_can_fail(path: str) -> None:
    """Neither a file nor a folder is a magnet for what belongs nowhere."""
    assert [str(finding) for finding in words.file_name(Source(path, ""))]


def test_there_is_something_to_check() -> None:
    """A wrong folder would make every rule hold."""
    assert {"wfkit/__init__.py", "tests/rooms/test_rules.py"} <= {source.path for source in sources("wfkit", "tests")}
