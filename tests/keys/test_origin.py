"""Where modules come from."""

from __future__ import annotations

import json
import sys
import types

import numpy as np
import pytest

from wfkit.keys.origin import Origin, importable, installed, origin
from wfkit.traces import PACKAGE, PROJECT, STANDARD, kind_of_file

FILES = [
    (json.__file__, STANDARD),
    (np.__file__, PACKAGE),
    ("/home/me/x.py", PROJECT),
    ("/home/me/.venv/lib/python3.12/site-packages/x.py", PACKAGE),
    ("/usr/lib/python3/dist-packages/x.py", PACKAGE),
    ("C:\\venv\\Lib\\site-packages\\x.py", PACKAGE),
    ("<frozen importlib._bootstrap>", STANDARD),
    ("<ipython-input-1>", PROJECT),
]


@pytest.mark.parametrize(("path", "kind"), FILES)
def test_kind_of_file(path: str, kind: str) -> None:
    """A file is the project's unless it is installed or of the standard library."""
    assert kind_of_file(path) == kind


def test_origin() -> None:
    """Packages are known by distribution and version, wfkit counts like the standard library."""
    assert origin("numpy.linalg") == Origin(PACKAGE, "numpy", np.__version__)
    assert origin("yaml").name.lower() == "pyyaml" or "yaml" not in sys.modules
    assert origin("json").kind == origin("builtins").kind == origin("wfkit.core").kind == STANDARD
    assert origin("__main__").kind == origin("nowhere_at_all").kind == origin(None).kind == PROJECT
    assert origin(__name__).kind == PROJECT
    assert installed("yaml").version


def test_made_modules_are_of_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module without a file was made by the user."""
    monkeypatch.setitem(sys.modules, "keys_made", types.ModuleType("keys_made"))
    assert origin("keys_made").kind == PROJECT


def test_importable() -> None:
    """Only what its module calls by its name is known by it."""
    assert importable(json.dumps)
    assert not importable(lambda: 1)
