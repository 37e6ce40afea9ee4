"""Promises of `wfkit run NOTEBOOK --deadline`: every run of the notebook ends in time, with a state that says so.

Real kernels and the real command.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_main import last_object, shell, write

CELLS = (
    "%load_ext wfkit",
    "%%wf_node quick\n1",
    "%%wf_node slow\nimport asyncio, os\nawait asyncio.sleep(600 if os.environ.get('WFKIT_DEADLINE_S') else 0)\n2",
    "%%wf_node after\nslow + quick",
    "%wf run after",
)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_runs_of_a_notebook_end_in_time(tmp_path: Path) -> None:
    """What is under way at the deadline has failed, in words and with exit code 1; what was done is kept
    for the next."""
    (tmp_path / ".wfkit").mkdir(mode=0o700)
    write(tmp_path / "flow.ipynb", *CELLS)
    done = shell(tmp_path, "run", "flow.ipynb", "--deadline", "8s", "--json")
    assert done.returncode == 1, done.stderr
    assert "slow: TimeoutError: no result within 8 s (deadline of the run)" in done.stderr
    found = last_object(done)
    assert (found["tasks"]["run"], found["tasks"]["failed"], found["tasks"]["skipped"]) == (1, 1, 1)
    assert "failed" in shell(tmp_path, "history").stdout
    done = shell(tmp_path, "run", "flow.ipynb", "--json")
    assert (done.returncode, last_object(done)["tasks"]["cached"]) == (0, 1), done.stderr


@pytest.mark.parametrize("said", ["soon", "inf"])
def test_a_deadline_that_is_none(tmp_path: Path, said: str) -> None:
    """It is refused before a kernel starts or a folder is made."""
    write(tmp_path / "flow.ipynb", *CELLS)
    done = shell(tmp_path, "run", "flow.ipynb", f"--deadline={said}")
    assert (done.returncode, [path.name for path in tmp_path.iterdir()]) == (2, ["flow.ipynb"])
    assert "deadline must be a time span above zero like 30, 30s, 2m or 1h" in done.stderr
