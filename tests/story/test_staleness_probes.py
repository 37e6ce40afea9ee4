"""The eight staleness probes: edit something, run again in a new process on the same store, and get the right answer.

Both ways to write a node are probed, a cell and a decorated function. What a probe edits is all that changes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ORDINARY_CELL = """\
from pathlib import Path
import rates
FACTOR = 2

def helper(number, extra=10):
    return number * 100 + extra
"""

BODY = """\
# what the node is worth
number = int(Path("data.txt").read_text())
answer = helper(number) * FACTOR + rates.rate()
"""

FUNCTION = """\
import json
from wfkit import Workflow
wf = Workflow("probe", store=".wfkit")
{ordinary}
@wf.node
def answer():
{body}
    return answer

outcome = wf.run()
print(json.dumps([outcome["answer"], outcome.report.nodes[0].tasks]))
wf.close()
"""

CELL = """\
import json
from IPython.core.interactiveshell import InteractiveShell
import wfkit
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "wfkit")
shell.run_cell({ordinary!r}).raise_error()
shell.run_cell("%%wf_node answer\\n" + {body!r}).raise_error()
outcome = wfkit.current().run()
print(json.dumps([outcome["answer"], outcome.report.nodes[0].tasks]))
wfkit.current().close()
"""


@dataclass(frozen=True)
class Notebook:
    """What a user has: a project with a module and a data file, and a notebook beside them."""

    ordinary: str = ORDINARY_CELL
    body: str = BODY
    module: str = "def rate():\n    return 7\n"
    data: str = "5"

    def script(self, form: str) -> str:
        if form == "cell":
            return CELL.format(ordinary=self.ordinary, body=self.body)
        indented = "".join(f"    {line}\n" for line in self.body.splitlines())
        return FUNCTION.format(ordinary=self.ordinary, body=indented)

    def run(self, form: str, project: Path) -> tuple[int, str]:
        """Run it in a process of its own: the value, and whether the task made an attempt (`run`) or not (`hit`)."""
        (project / "pyproject.toml").write_text("")
        (project / "rates.py").write_text(self.module)
        (project / "data.txt").write_text(self.data)
        (project / "notebook.py").write_text(self.script(form))
        # bytecode is off: two edits within a second would share a timestamp, and Python would import the old module
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "notebook.py"], cwd=project, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        value, tasks = json.loads(done.stdout.splitlines()[-1])
        return value, {"success": "run", "cached": "hit"}["".join(tasks)]


FIRST = Notebook()
PROBES = {
    "identical rerun": (FIRST, 1027, "hit"),
    "own code": (Notebook(body=BODY.replace("* FACTOR", "- FACTOR")), 515, "run"),
    "comment only": (Notebook(body=BODY.replace("# what the node is worth", "# the worth of the node")), 1027, "hit"),
    "helper in the notebook": (Notebook(ordinary=ORDINARY_CELL.replace("* 100", "* 10")), 127, "run"),
    "global constant": (Notebook(ordinary=ORDINARY_CELL.replace("FACTOR = 2", "FACTOR = 3")), 1537, "run"),
    "helper in a project module": (Notebook(module="def rate():\n    return 8\n"), 1028, "run"),
    "default argument": (Notebook(ordinary=ORDINARY_CELL.replace("extra=10", "extra=20")), 1047, "run"),
    "content of a data file": (Notebook(data="6"), 1227, "run"),
}


@pytest.fixture(scope="module", params=["cell", "function"])
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A project whose notebook ran once, written in one of the two forms."""
    project = tmp_path_factory.mktemp("ran") / "project"
    project.mkdir()
    assert FIRST.run(request.param, project) == (1027, "run")
    return request.param, project


@pytest.mark.parametrize("probe", PROBES)
def test_staleness_probe(probe: str, ran: tuple[str, Path], tmp_path: Path) -> None:
    """An edit that matters runs the node again, one that does not is a hit; no old answer is served for a new one."""
    form, first = ran
    project = Path(shutil.copytree(first, tmp_path / "project"))
    edited, value, expected = PROBES[probe]
    assert edited.run(form, project) == (value, expected)


def test_set_back(ran: tuple[str, Path], tmp_path: Path) -> None:
    """The notebook set back to what it was, code, module and data file, is a hit on its first result."""
    form, first = ran
    project = Path(shutil.copytree(first, tmp_path / "project"))
    Notebook(body=BODY.replace("* FACTOR", "- FACTOR"), module="def rate():\n    return 8\n", data="6").run(
        form, project
    )
    assert FIRST.run(form, project) == (1027, "hit")
