"""Promises of files and variables that bodies read: a change of one runs the node again, whoever made it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.engine.lab import Lab, did, run

READERS = {
    "open": "with open('data.csv') as file:\n    text = file.read()\ntext",
    "pathlib": "from pathlib import Path\nPath('data.csv').read_text()",
    "pandas": "import pandas as pd\npd.read_csv('data.csv').to_csv()",
    "duckdb": "import duckdb\nstr(duckdb.sql(\"select * from 'data.csv'\").fetchall())",
    "arrow": "import pyarrow.csv\nstr(pyarrow.csv.read_csv('data.csv').to_pydict())",
    "given path": "path.read_text()",
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("reader", READERS)
def test_a_changed_file_runs_its_reader(reader: str, lab: Lab) -> None:
    """Whatever opens the file, its content counts: changed it runs the node, set back it is a hit on the old result."""
    data = Path("data.csv")
    cells = {"made": READERS[reader]}
    namespace = {"path": data.absolute()}
    seen = []
    for text, expected in (("a\n1\n", "run"), ("a\n1\n", "hit"), ("a\n22\n", "run"), ("a\n1\n", "hit")):
        data.write_text(text)
        outcome = run(lab.cells(cells, namespace))
        assert did(outcome) == {"made": expected}
        seen.append(outcome["made"])
    assert seen[0] == seen[1] == seen[3] != seen[2]


def test_parquet(lab: Lab) -> None:
    """A file that is opened in C and named by a variable counts as well."""
    cells = {"rows": "import pandas as pd\nlen(pd.read_parquet(SOURCE))"}
    for size in (2, 3):
        pd.DataFrame({"a": range(size)}).to_parquet("data.parquet")
        assert run(lab.cells(cells, {"SOURCE": "data.parquet"}))["rows"] == size


def test_a_file_that_appears(lab: Lab) -> None:
    """That a file was not there is something that was read."""
    cells = {"found": "from pathlib import Path\nPath('late.txt').read_text() if Path('late.txt').exists() else ''"}
    assert run(lab.cells(cells))["found"] == ""
    Path("late.txt").write_text("here")
    assert run(lab.cells(cells))["found"] == "here"


def test_a_file_that_changes_under_the_body(lab: Lab) -> None:
    """If the file changes while its reader runs, nobody knows what was read: it is not cached, and is said."""
    Path("data.txt").write_text("1")
    cells = {
        "made": "from pathlib import Path\ntext = Path('data.txt').read_text()\nPath('data.txt').write_text('2')\ntext"
    }
    workflow = lab.cells(cells)
    outcome = run(workflow)
    assert "data.txt" in outcome.warnings[0]
    assert did(run(workflow)) == {"made": "run"}


def test_one_node_writes_what_another_reads(lab: Lab) -> None:
    """A node that writes a file which a later node reads: the reader follows the file, within one run too."""
    cells = {
        "written": "from pathlib import Path\nPath('out.txt').write_text(str(VERSION))\nVERSION",
        "told --needs written": "from pathlib import Path\nPath('out.txt').read_text()",
    }
    assert run(lab.cells(cells, {"VERSION": 1}))["told"] == "1"
    assert did(run(lab.cells(cells, {"VERSION": 1}))) == {"written": "hit", "told": "hit"}
    assert run(lab.cells(cells, {"VERSION": 2}))["told"] == "2"
    Path("out.txt").write_text("by hand")
    assert run(lab.cells(cells, {"VERSION": 2}))["told"] == "by hand"


def test_a_variable_of_the_environment(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """`wfkit.env` reads a variable that counts."""
    cells = {"made": "import wfkit\nwfkit.env('REGION', 'none')"}
    seen = []
    for region in ("north", "south", "north"):
        monkeypatch.setenv("REGION", region)
        outcome = run(lab.cells(cells))
        seen.append((outcome["made"], did(outcome)["made"]))
    monkeypatch.delenv("REGION")
    seen.append((run(lab.cells(cells))["made"], "?"))
    assert seen == [("north", "run"), ("south", "run"), ("north", "hit"), ("none", "?")]


def test_items_read_their_own_files(lab: Lab) -> None:
    """Of a map over file names, only the item whose file has changed runs."""
    for name in "abc":
        Path(f"{name}.txt").write_text(name)
    cells = {
        "names": "['a.txt', 'b.txt', 'c.txt']",
        "texts --each 'name in names'": "from pathlib import Path\nPath(name).read_text()",
    }
    run(lab.cells(cells))
    Path("b.txt").write_text("new")
    outcome = run(lab.cells(cells))
    assert outcome["texts"] == ["a", "new", "c"]
    assert outcome.report.nodes[-1].tasks == {"cached": 2, "success": 1}


def test_an_interrupted_run_is_not_taken_up_with_old_files(lab: Lab) -> None:
    """A file that changed since the interrupt runs its reader again: what was done before it no longer holds."""
    Path("data.txt").write_text("1")
    cells = {
        "made": "from pathlib import Path\nPath('data.txt').read_text()",
        "slow --ignore state --needs made": (
            "import os, signal, threading\n"
            "if not state:\n    state.append(1)\n    os.kill(os.getpid(), signal.SIGINT)\n"
            "    threading.Event().wait(0.5)\n"
            "made + '!'"
        ),
    }
    state: list[int] = []
    workflow = lab.cells(cells, {"state": state})
    with pytest.raises(KeyboardInterrupt):
        workflow.run()
    Path("data.txt").write_text("2")
    assert run(workflow)["slow"] == "2!"
