"""A store moves: exported in one folder, imported into another one on a different path, everything is a hit there.

Each project runs in a process of its own, with a file that it reads; the model is offline.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = """
import json, sys
from pathlib import Path
import wfkit
from wfkit.define.cell import parse_cell

CELLS = {
    "rows": "import csv\\nrows = list(csv.DictReader(open('data/rows.csv')))",
    "table": "import pandas as pd\\ntable = pd.DataFrame(rows * 9_000)",
    "label --each 'row in rows' --model offline": "Label {{ row.name }}",
    "total": "len(table) + len(label) + factor()",
}

def factor():
    return 3

workflow = wfkit.Workflow("moving", namespace=globals())
for line, body in CELLS.items():
    workflow.add(parse_cell(line, body, globals()))
outcome = workflow.run("total", "label")
tasks = {row.name: {str(state): count for state, count in row.tasks.items()} for row in outcome.report.nodes}
print(json.dumps([outcome["total"], tasks, outcome.report.run.spent.calls]))
workflow.close()
"""


MAKES = """
import json
from pathlib import Path
import wfkit

workflow = wfkit.Workflow("making")

@workflow.node
def report():
    Path("out").mkdir(exist_ok=True)
    Path("out/small.txt").write_text("small")
    Path("out/large.txt").write_text("large" * 50_000)
    return [wfkit.file("out/small.txt"), wfkit.file("out/large.txt")]

@workflow.node
def size(report):
    return sum(len(path.read_text()) for path in report)

reruns = "file changed" in workflow.plan("report").text()
outcome = workflow.run()
tasks = {row.name: {str(state): count for state, count in row.tasks.items()} for row in outcome.report.nodes}
there = sorted(path.name for path in Path("out").glob("*"))
print(json.dumps([outcome["size"], tasks, there, reruns]))
workflow.close()
"""
MADE = '[250005, {"report": {"success": 1}, "size": {"success": 1}}, ["large.txt", "small.txt"], false]'


def _project(folder: Path) -> Path:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "rows.csv").write_text("name,n\nann,1\nbob,2\n", encoding="utf-8")
    (folder / "pyproject.toml").write_text("", encoding="utf-8")
    (folder / "moving.py").write_text(PROJECT, encoding="utf-8")
    (folder / "making.py").write_text(MAKES, encoding="utf-8")
    return folder


def _run(folder: Path, *words: str) -> str:
    env = {name: value for name, value in os.environ.items() if name != "WFKIT_STORE"}
    env["PYTHONPATH"] = os.pathsep.join([str(Path.cwd()), env.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, *words], check=False, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _wfkit(folder: Path, *words: str) -> str:
    return _run(folder, "-c", "import sys; from wfkit.cli.main import main; sys.exit(main())", *words)


def test_a_hit_there_is_a_hit_here(tmp_path: Path) -> None:
    """Another folder, another process, the same files and cells: all is cached, no model is asked."""
    here, there = _project(tmp_path / "here"), _project(tmp_path / "some" / "where" / "else")
    first = _run(here, "moving.py")
    assert '"success": 2' in first
    assert "exported" in _wfkit(here, "store", "export", "../moved.zip")
    assert "imported" in _wfkit(there, "store", "import", str(tmp_path / "moved.zip"))
    second = _run(there, "moving.py")
    assert second == first.replace("success", "cached").replace(", 2]", ", 0]")
    assert "is here already" in " ".join(_wfkit(there, "store", "import", str(tmp_path / "moved.zip")).split())
    assert "nothing is wrong" in " ".join(_wfkit(there, "doctor").split())


def test_a_shell_keeps_house(tmp_path: Path) -> None:
    """The verbs of housekeeping work in a shell, and what a pin and the newest runs need is a hit afterwards."""
    here = _project(tmp_path / "here")
    _run(here, "moving.py")
    assert "that run stays whole" in _wfkit(here, "pin", "table")
    assert "table" in _wfkit(here, "pin", "--list")
    told = _wfkit(here, "gc", "--older", "0s", "--keep-runs", "0", "--dry-run")
    assert "nothing would go: the store has" in told
    assert "pinned" in told
    assert "nothing had to go" in _wfkit(here, "gc", "--older", "0s", "--keep-runs", "0", "--keep-size", "1GB")
    assert '"cached": 2' in _run(here, "moving.py")
    assert "may be collected now" in _wfkit(here, "pin", "table", "--drop")
    assert "size" in _wfkit(here, "doctor")


def _spoiled(folder: Path) -> Path:
    """A project without the files that its node made."""
    for path in (folder / "out").glob("*"):
        path.unlink()
    return folder


def test_files_that_a_node_made_move_along(tmp_path: Path) -> None:
    """An archive carries them, small and large; there they are hits and are written where they belong."""
    here, there = _project(tmp_path / "here"), _project(tmp_path / "there")
    assert _run(here, "making.py").strip() == MADE
    _wfkit(here, "store", "export", "../made.zip")
    _wfkit(there, "store", "import", "../made.zip")
    assert _run(there, "making.py").strip() == MADE.replace("success", "cached")
    assert (there / "out" / "large.txt").read_text() == "large" * 50_000


def test_an_imported_archive_does_not_write_over_files(tmp_path: Path) -> None:
    """A file of the project with other content is nobody's result: the plan says that the node runs, and it does. The
    import itself, and what only looks, leave it alone.
    """
    here, there = _project(tmp_path / "here"), _project(tmp_path / "there")
    _run(here, "making.py")
    _wfkit(here, "store", "export", "../made.zip")
    (there / "out").mkdir()
    mine = there / "out" / "small.txt"
    mine.write_text("mine", encoding="utf-8")
    _wfkit(there, "store", "import", "../made.zip")
    for look in (("why", "size"), ("plan",), ("history",), ("lineage", "size")):
        _run(there, "-c", "import sys; from wfkit.cli.main import main; main()", *look)
        assert mine.read_text(encoding="utf-8") == "mine"
    told = _run(there, "making.py").strip()
    assert told == MADE.replace('"size": {"success"', '"size": {"cached"').replace("false", "true")


def test_gc_keeps_files_that_are_needed(tmp_path: Path) -> None:
    """What the newest run, or a pinned one, made comes back after a collection; what no run needs goes."""
    here = _project(tmp_path / "here")
    _run(here, "making.py")
    _wfkit(here, "pin", "report")
    newer = MAKES.replace('"large" * 50_000', '"LARGE" * 50_000')
    (here / "making.py").write_text(newer, encoding="utf-8")
    _run(here, "making.py")
    _wfkit(here, "gc", "--older", "0s", "--keep-runs", "1", "--keep-size", "0B")
    for text, large in ((newer, "LARGE"), (MAKES, "large")):
        (_spoiled(here) / "making.py").write_text(text, encoding="utf-8")
        assert _run(here, "making.py").strip() == MADE.replace("success", "cached")
        assert (here / "out" / "large.txt").read_text(encoding="utf-8") == large * 50_000
    _wfkit(here, "pin", "report", "--drop")
    _wfkit(here, "gc", "--older", "0s", "--keep-runs", "0", "--keep-size", "0B")
    assert _run(_spoiled(here), "making.py").strip() == MADE
