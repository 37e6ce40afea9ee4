"""Modules of the project: attributes that are used, whole modules, imports inside bodies, edits on disk and reloads."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.keys.cells import Notebook
from wfkit.keys.code.modules import imported_sources
from wfkit.keys.origin import PACKAGE, PROJECT


class Project:
    """A folder of modules that is on the path of this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: set[str] = set()

    def write(self, name: str, text: str) -> Project:
        """Write a module's source; it is not loaded by that."""
        path = self.folder.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        self.names.add(name.partition(".")[0])
        importlib.invalidate_caches()
        return self

    def load(self, name: str) -> Any:
        """Load a module, or load it again."""
        loaded = sys.modules.get(name)
        if loaded is None:
            return importlib.import_module(name)
        for cached in self.folder.rglob("*.pyc"):
            cached.unlink()
        return importlib.reload(loaded)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = Project(tmp_path)
    yield made
    for name in [name for name in sys.modules if name.partition(".")[0] in made.names]:
        del sys.modules[name]


def test_only_used_attributes_count(project: Project) -> None:
    """`mod.helper` counts with what it reaches; the rest of the module does not."""
    project.write("pk_used", "R = 1\ndef helper(x): return x * R\ndef other(x): return 1\n")
    notebook = Notebook("import pk_used as mod\ndef helper(x): return mod.helper(x)")
    first = notebook.digest()
    project.write("pk_used", "R = 1\ndef helper(x): return x * R\ndef other(x): return 2\nMORE = 1\n").load("pk_used")
    assert notebook.digest() == first
    project.write("pk_used", "R = 2\ndef helper(x): return x * R\ndef other(x): return 2\n").load("pk_used")
    assert notebook.digest() != first


def test_submodules_and_names_under_another_name(project: Project) -> None:
    """Attributes are followed through packages; `from ... import ... as` is the same thing."""
    project.write("pk_pack.__init__", "").write("pk_pack.sub", "CONST = 1\ndef f(): return CONST\n")
    notebook = Notebook(
        "import pk_pack.sub\nfrom pk_pack.sub import f as g\ndef helper(x): return pk_pack.sub.CONST, g()"
    )
    found = notebook.define("label = helper(1)")
    paths = [path for path, _, _ in found.parts]
    assert paths == [
        "label",
        "label -> helper",
        "label -> helper -> pk_pack.sub.CONST",
        "label -> helper -> g",
        "label -> helper -> g -> CONST",
    ]
    sys.modules["pk_pack.sub"].CONST = 2
    assert notebook.define("label = helper(1)").digest != found.digest


def test_module_as_a_whole(project: Project) -> None:
    """A module that is used otherwise than by attribute counts whole."""
    project.write("pk_whole", "A = 1\ndef f(): return 1\n")
    notebook = Notebook("import pk_whole\ndef helper(x): return getattr(pk_whole, x)")
    first = notebook.digest()
    project.write("pk_whole", "A = 1\ndef f(): return 2\n").load("pk_whole")
    second = notebook.digest()
    sys.modules["pk_whole"].A = 2
    assert len({first, second, notebook.digest()}) == 3


def test_edited_but_not_loaded_again(project: Project) -> None:
    """The key is of the code that would run: an edit on disk changes nothing until the module is loaded again."""
    project.write("pk_edit", "def f(x): return x\n")
    notebook = Notebook("import pk_edit\ndef helper(x): return pk_edit.f(x)")
    first = notebook.digest()
    project.write("pk_edit", "def f(x): return -x\n")
    assert notebook.digest() == first
    project.load("pk_edit")
    assert notebook.digest() != first


def test_edited_before_the_first_look(project: Project) -> None:
    """Source that was edited before it was ever read is not taken for the loaded code: that is digested itself, and a
    note says so.
    """
    project.write("pk_late", "def f(x): return x\n").load("pk_late")
    project.write("pk_late", "def f(x): return -x\n")
    notebook = Notebook("import pk_late\ndef helper(x): return pk_late.f(x)")
    stale = notebook.define("label = helper(1)")
    assert stale.notes == ("f is not what its file says now: load pk_late.py again",)
    project.load("pk_late")
    fresh = notebook.define("label = helper(1)")
    assert not fresh.notes
    assert stale.digest != fresh.digest


def test_import_in_a_body(project: Project) -> None:
    """A module that the body itself imports counts by its source and by that of what it imports, loaded or not."""
    project.write("pk_outer", "import pk_inner\ndef f(): return pk_inner.K\n").write("pk_inner", "K = 1\n")
    notebook = Notebook("")
    body = "import pk_outer\nlabel = pk_outer.f()"
    first = notebook.define(body)
    assert {Path(path).name for path in first.files} == {"pk_outer.py", "pk_inner.py"}
    project.load("pk_outer")
    assert notebook.digest(body) == first.digest
    project.write("pk_inner", "K = 1  # why\n")
    assert notebook.digest(body) == first.digest


def test_import_in_a_body_that_disagrees(project: Project) -> None:
    """A loaded module that is not what its file says makes the node uncacheable until it is loaded again."""
    project.write("pk_differs", "K = 1\ndef f(): return K\n").load("pk_differs")
    notebook = Notebook("")
    body = "from pk_differs import f\nlabel = f()"
    first = notebook.digest(body)
    project.write("pk_differs", "K = 2\ndef f(): return K\n")
    found = notebook.define(body)
    assert found.digest is None
    assert "its K is not what its file says: load it again" in str(found.problem)
    project.write("pk_differs", "K = 1\ndef f(): return -K\n")
    assert "edited after it was loaded" in str(notebook.define(body).problem)
    project.load("pk_differs")
    assert notebook.digest(body) != first


def test_import_in_a_helper(project: Project) -> None:
    """Imports inside helpers count like those of bodies."""
    project.write("pk_lazy", "K = 1\n")
    notebook = Notebook("def helper(x):\n    from pk_lazy import K\n    return K")
    first = notebook.digest()
    project.write("pk_lazy", "K = 2\n")
    assert notebook.digest() != first


def test_relative_imports(project: Project) -> None:
    """Packages count with their __init__ and what they import relatively."""
    project.write("pk_rel.__init__", "").write("pk_rel.a", "from .b import K\nfrom . import c\n")
    project.write("pk_rel.b", "K = 1\n").write("pk_rel.c", "")
    found = imported_sources([(0, "pk_rel.a", "")], "")
    assert [module.name for module in found] == ["pk_rel", "pk_rel.a", "pk_rel.b", "pk_rel.c"]
    assert {module.origin.kind for module in found} == {PROJECT}


def test_imports_from_outside() -> None:
    """Packages count by version, loaded or not; the standard library does not count."""
    found = imported_sources(
        [(0, "numpy.linalg", ""), (0, "json", ""), (0, "yaml", "safe_load"), (0, "os.path", "")], ""
    )
    assert {module.origin.kind for module in found} == {PACKAGE}
    assert {module.origin.name.lower() for module in found} == {"numpy", "pyyaml"}
    assert all(module.origin.version for module in found)


def test_module_with_syntax_error(project: Project) -> None:
    """A module that does not parse makes the node uncacheable and is named."""
    project.write("pk_broken", "def (")
    found = Notebook("").define("import pk_broken\nlabel = 1")
    assert "imports 'pk_broken': its source cannot be read (SyntaxError)" in str(found.problem)
