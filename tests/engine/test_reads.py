"""Promises of files and variables that bodies read: a change of one runs the node again, whoever made it."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import pandas as pd
import pytest

from tests.engine.lab import Lab, did, run
from wfkit.core.events import Entry, RunEnded
from wfkit.core.terms import RunState
from wfkit.store.disk import open_store

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


ENVIRONMENT = {
    "item": "import os\nos.environ['REGION']",
    "get": "import os\nos.environ.get('REGION')",
    "getenv": "from os import getenv\ngetenv('REG' + 'ION', 'none')",
    "expanded": "import os.path\nos.path.expandvars('$REGION')",
    "membership": "import os\n'south' if os.environ.get('REGION') == 'south' else str('REGION' in os.environ)",
}


@pytest.mark.parametrize("way", ENVIRONMENT)
def test_direct_access_to_a_variable(way: str, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable counts however the body gets at it, literal name or not; others do not."""
    seen = []
    for region, other in (("north", "1"), ("north", "2"), ("south", "2"), ("north", "2")):
        monkeypatch.setenv("REGION", region)
        monkeypatch.setenv("OTHER", other)
        seen.append(did(run(lab.cells({"made": ENVIRONMENT[way]})))["made"])
    assert seen == ["run", "hit", "run", "hit"]


def test_the_mapping_of_the_environment_as_a_name(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """`from os import environ` in the notebook is no obstacle: what is looked up in it counts."""
    import os

    cells = {"made": "helper()"}
    namespace = {"environ": os.environ}
    exec("def helper():\n    return environ['REGION']", namespace)
    seen = []
    for region in ("north", "north", "south"):
        monkeypatch.setenv("REGION", region)
        outcome = run(lab.cells(cells, namespace))
        seen.append((outcome["made"], did(outcome)["made"]))
    assert seen == [("north", "run"), ("north", "hit"), ("south", "run")]


def test_the_whole_environment(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that goes through all variables depends on all of them; their values are nowhere in the store."""
    monkeypatch.setenv("SOME_NAME", "hunter2-hunter2")
    cells = {"made": "import os\nlen(sorted(os.environ.items())) > 0"}
    assert did(run(lab.cells(cells))) == {"made": "run"}
    assert did(run(lab.cells(cells))) == {"made": "hit"}
    monkeypatch.setenv("SOME_NAME", "changed")
    assert did(run(lab.cells(cells))) == {"made": "run"}
    assert all(b"hunter2" not in path.read_bytes() for path in lab.store.rglob("*") if path.is_file())


def test_a_variable_that_the_body_sets(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a body put into the environment itself is no read."""
    monkeypatch.delenv("OWN_NAME", raising=False)
    cells = {"made": "import os\nos.environ['OWN_NAME'] = 'x'\nos.environ['OWN_NAME']"}
    run(lab.cells(cells))
    monkeypatch.setenv("OWN_NAME", "y")
    assert did(run(lab.cells(cells))) == {"made": "hit"}


LOOKS = ["os.path.exists(NAME)", "Path(NAME).exists()", "Path(NAME).is_file()", "os.path.isfile(NAME)"]


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_counts(look: str, lab: Lab) -> None:
    """Whether a file is there counts under any name, and that it is not; what is in it does not."""
    cells = {"made": f"import os\nfrom pathlib import Path\nNAME = STEM + 'out'\n{look}"}
    seen = []
    for text in (None, None, "1", "2"):
        if text is not None:
            Path("ab.out").write_text(text)
        outcome = run(lab.cells(cells, {"STEM": "ab."}))
        seen.append((outcome["made"], did(outcome)["made"]))
    assert seen == [(False, "run"), (False, "hit"), (True, "run"), (True, "hit")]


def test_a_temporary_folder_is_the_bodys_own(lab: Lab) -> None:
    """What a body makes, looks at and removes does not make it run again."""
    cells = {
        "made": (
            "import tempfile\nfrom pathlib import Path\nwith tempfile.TemporaryDirectory() as folder:\n"
            "    inner = Path(folder) / 'sub'\n    inner.mkdir()\n"
            "    found = inner.is_dir(), len(list(Path(folder).iterdir()))\nfound"
        )
    }
    assert not run(lab.cells(cells)).warnings
    assert did(run(lab.cells(cells))) == {"made": "hit"}


def test_a_process_is_told_and_its_arguments_count(lab: Lab) -> None:
    """A body that starts a process says so once; the files that the command names count."""
    cells = {"made": "import subprocess\nsubprocess.run(['cat', STEM + '.txt'], capture_output=True, text=True).stdout"}
    seen = []
    for text in ("1", "1", "2"):
        Path("abc.txt").write_text(text)
        outcome = run(lab.cells(cells, {"STEM": "abc"}))
        seen.append((outcome["made"], did(outcome)["made"], len(outcome.warnings)))
    assert seen == [("1", "run", 1), ("1", "hit", 0), ("2", "run", 1)]
    assert "starts a process" in run(lab.cells(cells, {"STEM": "abc"}), force=True).warnings[0]


def test_a_process_with_a_time_to_live_is_not_told(lab: Lab) -> None:
    """With `cache: 1h` the user has decided."""
    assert not run(lab.cells({"made --cache 1h": "import subprocess\nsubprocess.run(['true']).returncode"})).warnings


def test_the_network_is_told(lab: Lab) -> None:
    """A body that connects somewhere says that it does; its result is cached."""
    body = (
        "import socket\nserver = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname()).close()\nserver.close()\n1"
    )
    assert "asks the network" in run(lab.cells({"made": body})).warnings[0]
    assert did(run(lab.cells({"made": body}))) == {"made": "hit"}


def test_a_reader_that_nobody_sees(lab: Lab) -> None:
    """Code that names a reader without a door is not cached until it names a file; then that file counts."""
    body = "import os\nos.stat(STEM + '.bin').st_size"
    Path("abc.bin").write_text("x")
    outcome = run(lab.cells({"made": body}, {"STEM": "abc"}))
    assert "os.stat" in outcome.warnings[0]
    assert "wfkit.file(path)" in outcome.warnings[0]
    assert did(run(lab.cells({"made": body}, {"STEM": "abc"}))) == {"made": "run"}
    named = {
        "made": body.replace("STEM + '.bin'", "wfkit.file(STEM + '.bin')").replace("import os", "import os, wfkit")
    }
    assert not run(lab.cells(named, {"STEM": "abc"})).warnings
    Path("abc.bin").write_text("xyz")
    assert run(lab.cells(named, {"STEM": "abc"}))["made"] == 3


def test_a_query_that_hides_its_files(lab: Lab) -> None:
    """SQL that puts a path together by itself is not cached, and says what to do."""
    Path("abc.csv").write_text("x\n1\n")
    body = "import duckdb\nduckdb.sql(\"select * from read_csv('ab' || 'c.csv')\").fetchall()"
    outcome = run(lab.cells({"made": body}))
    assert "read_csv() with a path that it puts together" in outcome.warnings[0]
    assert did(run(lab.cells({"made": body}))) == {"made": "run"}


def test_a_huge_file_and_a_pipe(lab: Lab) -> None:
    """A sparse file of 2 GB is digested; a pipe is never waited for."""
    import os

    with Path("huge.raw").open("wb") as file:
        file.truncate(2 << 30)
    os.mkfifo("pipe.txt")
    body = "import os\nimport numpy as np\nint(np.memmap('huge.raw', mode='r')[-1]), os.path.exists('pipe.txt')"
    assert run(lab.cells({"made": body}))["made"] == (0, True)
    assert did(run(lab.cells({"made": body}))) == {"made": "hit"}


def test_a_body_that_starts_a_run(lab: Lab) -> None:
    """A run inside a body is refused with what to do; it does not hang."""
    workflow = lab.workflow()
    namespace = {"workflow": workflow}
    from wfkit.define.cell import parse_cell

    workflow.add(parse_cell("other", "1", namespace))
    workflow.add(parse_cell("made --ignore workflow", "workflow.run('other')['other']", namespace))
    outcome = workflow.run("made")
    assert "a node's body cannot start a run" in outcome.failures[0].failure.message


def test_what_wfkit_does_is_charged_to_no_body(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a body has left a file behind, wfkit asks for the folder of temporary files, which Python finds out by
    making one there: another body that runs meanwhile has read nothing."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    wait = "import tempfile, time\nbegun.set()\nwhile tempfile.tempdir is None:\n    time.sleep(0.01)\n1"
    write = "begun.wait()\nopen('left.txt', 'w').close()"
    cells = {"writes --ignore begun": write, "waits --ignore begun": wait}
    workflow = lab.cells(cells, {"begun": threading.Event()})
    assert "wrote 'left.txt'" in run(workflow).warnings[0]
    assert workflow.sql("select reads from results where node = 'waits'")["reads"].tolist() == ["[]"]


def test_a_store_that_no_workflow_uses(lab: Lab, tmp_path: Path) -> None:
    """A store is written and folded on threads of its own, and closed by whoever has it: a body that runs meanwhile has
    read nothing, wherever the store is."""
    other = open_store(tmp_path / "other")
    seconds = iter(range(10_000))

    def append() -> None:
        other.append([Entry("run", next(seconds), 0, RunEnded(RunState.SUCCESS, 5.0))], durable=True).wait()

    append()  # whoever makes the journal writes a file
    body = "import time\nappend()\nwhile pending():\n    time.sleep(0.01)\n1"
    workflow = lab.cells(
        {"waits --ignore append,pending": body}, {"append": append, "pending": lambda: other._tails.pending}
    )
    assert did(run(workflow)) == {"waits": "run"}
    assert workflow.sql("select reads from results where node = 'waits'")["reads"].tolist() == ["[]"]
    other.close()


def test_a_store_behind_a_link(lab: Lab, tmp_path: Path) -> None:
    """A store is known by each of its names."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    lab.root = tmp_path / "link"
    workflow = lab.cells({"reads": "from pathlib import Path\nPath('real', '.wfkit', 'format').read_text()"})
    assert did(run(workflow)) == {"reads": "run"}
    assert workflow.sql("select reads from results where node = 'reads'")["reads"].tolist() == ["[]"]
