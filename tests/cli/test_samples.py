"""Promises of `wfkit run NOTEBOOK` with `--limit`, `--keep` and `--failed`: every run of the notebook is asked so.

Real kernels and the real command, one notebook that is edited between.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.test_main import last_object, shell, write

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # a kernel a run

ROWS = "%%wf_node rows\n[{'id': f'r{i}', 'n': i} for i in range(8)]"
SHARE = "%%wf_node share\n#| each: row in rows\n#| key: id\n#| on_error: keep\n{body}"


def ran(folder: Path, body: str, *words: str, code: int = 0) -> tuple[dict[str, int], subprocess.CompletedProcess[str]]:
    """What the tasks of the notebook with this body of its map came to."""
    write(folder / "flow.ipynb", "%load_ext wfkit", ROWS, SHARE.format(body=body), "%wf run share")
    done = shell(folder, "run", "flow.ipynb", *words, "--json")
    assert done.returncode == code, done.stderr
    return last_object(done)["tasks"], done


def test_a_sample_the_rest_a_fix(tmp_path: Path) -> None:
    """Five items, then all: the five are cached, one of the others fails. After the fix `--failed` makes that one,
    and `--keep` after another edit makes nothing again that older code has made."""
    (tmp_path / ".wfkit").mkdir(mode=0o700)
    tasks, done = ran(tmp_path, "12 // (6 - row['n'])", "--limit", "5")
    assert (tasks["run"], tasks["cached"]) == (6, 0)
    assert "    sample: 5 of 8 items; all of them about " in done.stderr
    tasks, done = ran(tmp_path, "12 // (6 - row['n'])")
    assert (tasks["run"], tasks["cached"], tasks["failed"]) == (2, 6, 1)
    assert "sample:" not in done.stderr
    tasks, _ = ran(tmp_path, "12 // (6 - row['n'] or 1)", "--failed")
    assert (tasks["run"], tasks["cached"], tasks["failed"]) == (1, 8, 0)
    tasks, _ = ran(tmp_path, "12 // (1 if row['n'] == 6 else 6 - row['n'])", "--keep")
    assert (tasks["run"], tasks["cached"]) == (0, 9)
    codes = shell(tmp_path, "sql", "select count(distinct definition) as codes from tasks_latest where node = 'share'")
    assert codes.stdout.split() == ["codes", "0", "2"]  # that of the last edit has made none
