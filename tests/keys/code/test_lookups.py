"""Promises of `keys.code.lookups`: what a module takes of the environment while it is loaded is told by its source."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from tests.ids import stable
from wfkit.keys.code.lookups import looked_up
from wfkit.keys.code.modules import imported_sources
from wfkit.keys.environment import WHOLE

CASES = {
    "import os\nA = os.environ['A']": {"A"},
    "import os as o\nA = int(o.environ.get('A', '1')) + 1": {"A"},
    "from os import environ as e, getenv as g\nx = [e['A'], g('B'), 'C' in e]": {"A", "B", "C"},
    "import wfkit\nA = wfkit.env('A')": {"A"},
    "import os\nclass C:\n    a = os.environ['A']": {"A"},
    "import os\nif os.getenv('A') == '1':\n    X = 1": {"A"},
    "import os\ndef f(x=os.getenv('A')):\n    return os.getenv('B')": {"A"},
    "import os\ndef f():\n    return os.getenv('B')\nX = f()": {"B"},
    "import os\ndef f():\n    return g()\ndef g():\n    return os.getenv('B')\nX = f()": {"B"},
    "import os\nclass C:\n    def __init__(self):\n        self.a = os.getenv('B')\nX = C()": {"B"},
    "import os\nx = lambda: os.getenv('A')": {"A"},
    "import os\ndef f():\n    return os.getenv('B')": set(),
    "import os\nNAME = 'A'\nX = os.environ[NAME]": {WHOLE},
    "import os\nX = dict(os.environ)": {WHOLE},
    "import os\nX = os.environ.items()": {WHOLE},
    "import os\nX = list(map(os.getenv, ['A']))": {WHOLE},
    "import os\nos.environ['A'] = '1'\nos.environ.update(B='1')\ndel os.environ['C']": set(),
    "environ = {'A': 1}\nX = environ['A']": set(),
}


@pytest.mark.parametrize(("text", "expected"), CASES.items(), ids=stable)
def test_variables_that_a_module_takes(text: str, expected: set[str]) -> None:
    """Literal names count one by one, a name that is made up as a look at all, what only a function does not at all."""
    assert looked_up(text, [text]) == expected


def test_a_module_loaded_with_another_value_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that holds an older value of a variable is a problem that says to load it again; then it is none."""
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "lookup_conf.py").write_text("import os\nRATE = os.environ['LOOKUP_RATE']\n")
    (tmp_path / "lookup_made.py").write_text("import os\nRATE = float(os.environ['LOOKUP_RATE']) / 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOOKUP_RATE", "1")
    conf, made = importlib.import_module("lookup_conf"), importlib.import_module("lookup_made")

    def problem(name: str) -> str | None:
        (found,) = imported_sources([(0, name, "")], "")
        assert found.environment == ("LOOKUP_RATE",)
        return found.problem

    try:
        assert problem("lookup_conf") is None
        assert "LOOKUP_RATE" in str(problem("lookup_made"))  # nobody saw with which value it was loaded
        monkeypatch.setenv("LOOKUP_RATE", "2")
        assert "importlib.reload" in str(problem("lookup_conf"))
        importlib.reload(conf)
        assert problem("lookup_conf") is None
    finally:
        for module in (conf, made):
            del sys.modules[module.__name__]
