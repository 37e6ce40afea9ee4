"""Promises of `wfkit verify`: a fresh kernel against the last runs, the first difference by name, and nothing changed.

Real kernels and the real command; each test starts two or three.
"""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest

import wfkit
from tests.cli.test_main import FLOW, last_object, shell, write
from tests.engine.clock import FAR_S, Clock
from wfkit.cli.main import main
from wfkit.define.cell import parse_cell

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # several kernels a test


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".wfkit").mkdir(mode=0o700)
    return tmp_path


def ran(folder: Path, *cells: str, size: int = 3, params: str = "{}") -> None:
    """Leave a run of these cells in the store, as a notebook would, without a kernel."""
    namespace: dict[str, Any] = {"size": size}
    with contextlib.chdir(folder):
        workflow = wfkit.Workflow("notebook", store=folder / ".wfkit", namespace=namespace)
        for cell in cells:
            line, _, body = cell.partition("\n")
            if line.startswith("%%wf_node "):
                workflow.add(
                    parse_cell(line.removeprefix("%%wf_node "), f"{body}\n", namespace)
                )  # as IPython hands it over
        done = workflow.run(trigger="notebook", notebook="flow.ipynb", params=params)
        workflow.close()
    assert done.status == "success"


def verified(folder: Path, *words: str, code: int) -> dict[str, Any]:
    ran = shell(folder, "verify", "flow.ipynb", *words, "--json")
    assert ran.returncode == code, ran.stderr
    return last_object(ran)


def likeness(found: dict[str, Any]) -> dict[str, str]:
    return {row["node"]: row["likeness"] for row in found["nodes"]}


def test_equal_then_edited(folder: Path) -> None:
    """With the parameters of the run it is equal, and the file is not touched. After an edit the first difference is
    the edited node, also for the second time, and what needs it follows."""
    path = write(folder / "flow.ipynb", *FLOW, parameters="size = 3")
    ran(folder, *FLOW, size=4, params='{"size": 4}')
    before = path.read_bytes()
    found = verified(folder, code=0)
    assert (found["status"], set(likeness(found).values()), path.read_bytes()) == ("equal", {"equal"}, before)
    assert len(likeness(found)) == 4
    write(folder / "flow.ipynb", *[cell.replace("n * 2", "n * 3") for cell in FLOW], parameters="size = 3")
    for _ in range(2):
        found = verified(folder, code=1)
        assert found["first"] == "double: not the same: double"
        assert likeness(found) == {"numbers": "equal", "double": "differs", "said": "equal", "total": "follows"}
    assert "+n * 3" in found["changes"][0]["diff"]


def test_a_body_with_chance_in_it(folder: Path) -> None:
    """Equal as long as its body need not run again; `--force` finds it, and the store serves what it served."""
    cells = ("%load_ext wfkit", "%%wf_node dice\nimport random\nrandom.random()", "%wf run")
    write(folder / "flow.ipynb", *cells)
    ran(folder, *cells)
    found = verified(folder, "--force", code=1)
    assert "the same key gives another value when its body is run again" in found["first"]
    assert found["changes"][0]["diff"].count("0.") == 2
    assert verified(folder, code=0)["status"] == "equal"
    again = shell(folder, "verify", "flow.ipynb", "--rerun", "dcie")
    assert (again.returncode, "did you mean" in again.stderr) == (2, True)


def test_a_file_that_nobody_saw(folder: Path) -> None:
    """Another program reads it: when the file changes, the body is run again and the file is named."""
    path = folder / "data" / "points.txt"
    path.parent.mkdir()
    path.write_text("1")
    told = "import os; os.chdir('data'); print(open('points.txt').read(), end='')"
    body = f'import subprocess, sys\nsubprocess.check_output([sys.executable, "-c", "{told}"], text=True)'
    write(folder / "flow.ipynb", "%load_ext wfkit", f"%%wf_node points\n{body}", "%wf run")
    ran(folder, f"%%wf_node points\n{body}")
    time.sleep(0.02)  # a file system may keep times in steps
    path.write_text("2")
    found = verified(folder, code=1)
    assert "data/points.txt" in found["first"]
    assert found["changes"][0]["diff"] == "-1\n+2"


def test_a_notebook_that_does_not_run(
    folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that is gone, a cell that hangs, a kernel that dies: the cell is named, the nodes until then compared."""
    ran(folder, *FLOW[1:3], size=2)
    write(folder / "flow.ipynb", "%load_ext wfkit", *FLOW[1:3], "%wf run")
    found = verified(folder, code=1)
    assert (found["status"], "'size', which is neither a node nor a variable" in found["first"]) == ("failed", True)
    write(folder / "flow.ipynb", "%load_ext wfkit", "import os; os._exit(1)")
    found = verified(folder, code=1)
    assert "the kernel died" in found["first"]
    hangs = "import time; open('began', 'w').close(); time.sleep(600)"
    write(folder / "flow.ipynb", "%load_ext wfkit\nsize = 2", *FLOW[1:3], hangs, "%wf run")
    monkeypatch.chdir(folder)
    clock.forward_when((folder / "began").exists)
    assert main(["verify", "flow.ipynb", "--timeout", f"{FAR_S:g}", "--json"]) == 1
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["first"] == "cell 4/5: took longer than 60 s and was stopped (--timeout)"
    assert likeness(found) == {"numbers": "equal", "double": "equal"}


def test_nothing_is_bought(folder: Path) -> None:
    """A request that the call log does not have is refused before a key is looked for."""
    cells = ["%load_ext wfkit", "size = 3", "%%wf_node said --model openai/gpt-5-mini\nSay {{ size }}", "%wf run"]
    ran(folder, cells[2].replace("openai/gpt-5-mini", "offline"))
    write(folder / "flow.ipynb", *cells)
    found = verified(folder, code=1)
    assert "NotBought" in found["first"]
    assert likeness(found) == {"size": "equal", "said": "differs"}


def test_nothing_to_compare_with(folder: Path) -> None:
    """A notebook that never ran here, one that is none, a timeout that is none: one sentence, exit code 2."""
    write(folder / "flow.ipynb", *FLOW)
    ran = shell(folder, "verify", "flow.ipynb")
    assert (ran.returncode, "holds no run of flow.ipynb" in ran.stderr) == (2, True)
    (folder / "broken.ipynb").write_text(json.dumps([1]))
    assert shell(folder, "verify", "broken.ipynb").returncode == 2
    assert shell(folder, "verify", "missing.ipynb").returncode == 2
