"""The eight staleness probes at the level of keys: edit something, define the node again in a new process, compare.

Each is run from a notebook file and project modules on disk; a probe that must hit has an equal digest, one that must
run another.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, linecache, pathlib, sys
sys.path.insert(0, sys.argv[1])
from wfkit.core.node import Node
from wfkit.core.terms import NodeKind
from wfkit.keys.code.definition import define_python
from wfkit.keys.reads import ReadChecker, recording
from wfkit.define.names import free_names

project = pathlib.Path(sys.argv[1])
cell, body = (project / "cell.txt").read_text(), (project / "body.txt").read_text()
linecache.cache["<cell>"] = (len(cell), None, cell.splitlines(True), "<cell>")
space = {"__name__": "__main__"}
exec(compile(cell, "<cell>", "exec"), space)
node = Node("label", NodeKind.PYTHON, body, tuple(free_names(body).reads), namespace=space)
found = define_python(node, lambda name: False)
if found.problem:
    sys.exit(found.problem)
with recording(project, found.files) as recorder:
    exec(compile(body, "<body>", "exec"), dict(found.globals))
reads, problem = recorder.finish()
print(json.dumps([found.digest, [[read.kind, read.name, read.digest] for read in reads], problem]))
"""
CELL = """
import shapes
RATE = 2
def scale(x, by=3):
    return x * by * RATE
"""
BODY = """
import pathlib
text = pathlib.Path("data.csv").read_text()
label = scale(shapes.area(2)) + len(text)
"""
MODULE = "import sizes\nK = 2\ndef area(x):\n    return sizes.square(x) * K\n"
INNER = "def square(x):\n    return x * x\n"

PROBES = [
    ("identical rerun", "cell.txt", "", "", True),
    ("own code", "body.txt", "+ len(text)", "- len(text)", False),
    ("comment", "body.txt", "label =", "# why\nlabel =", True),
    ("helper in the notebook", "cell.txt", "x * by * RATE", "x + by * RATE", False),
    ("comment in a helper", "cell.txt", "    return", "    # why\n    return", True),
    ("constant", "cell.txt", "RATE = 2", "RATE = 4", False),
    ("helper in a project module", "shapes.py", "* K", "+ K", False),
    ("comment in a project module", "shapes.py", "K = 2", "# why\nK = 2", True),
    ("constant of a project module", "shapes.py", "K = 2", "K = 3", False),
    ("helper two modules away", "sizes.py", "x * x", "x ** 2", False),
    ("default argument", "cell.txt", "by=3", "by=5", False),
    ("content of a file that is read", "data.csv", "a", "b", False),
]


def state(project: Path) -> list[object]:
    """Digest, reads and problem of the node, as a fresh process finds them."""
    (project / "probe.py").write_text(SCRIPT)
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONDONTWRITEBYTECODE": "1",  # two edits within a second would be one
    }
    command = [sys.executable, project / "probe.py", project]
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(("name", "file", "old", "new", "hits"), PROBES, ids=[probe[0] for probe in PROBES])
def test_probe(name: str, file: str, old: str, new: str, hits: bool, tmp_path: Path) -> None:
    """A new process serves the old result exactly when nothing changed that it depends on."""
    files = {"cell.txt": CELL, "body.txt": BODY, "shapes.py": MODULE, "sizes.py": INNER, "data.csv": "a,b\n"}
    for path, text in files.items():
        (tmp_path / path).write_text(text)
    before = state(tmp_path)
    assert old in files[file]
    (tmp_path / file).write_text(files[file].replace(old, new))
    after = state(tmp_path)
    assert before[2] is None
    assert (before == after) == hits
    assert ["file", "data.csv"] in [read[:2] for read in before[1]]
