"""Promises of the tutorial notebooks: they run to their end without a key, twice costs nothing, and they are shipped
without outputs.

Real kernels, and for prices the local provider that the notebooks start themselves.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.benchmarks import drill
from tests.cli.test_main import last_object, shell
from tests.rooms.source import ROOT

TUTORIALS = sorted(path.name for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))


def outputs(folder: Path, name: str) -> dict[str, str]:
    """The text of each executed cell, by the id of the cell."""
    notebook = nbformat.read(folder / "wfkit-out" / name, as_version=4)
    return {cell.id: "\n".join(map(_text, cell.get("outputs", []))) for cell in notebook.cells}


def _text(output: Any) -> str:
    data = output.get("data", {})
    return str(output.get("text") or data.get("text/plain") or output.get("evalue") or "")


@pytest.mark.parametrize("name", TUTORIALS)
def test_it_is_shipped_without_outputs(name: str) -> None:
    """What a reader sees is what their own run makes."""
    notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)
    assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in notebook.cells)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_edit_why_plan(tmp_path: Path) -> None:
    """The sample, the page that breaks the helper, the mended rest: no page is asked about twice, another prompt has a
    price before it is run, a fresh kernel gives the same; a second execution asks for nothing."""
    name = "02_edit_why_plan.ipynb"
    (tmp_path / ".wfkit").mkdir(mode=0o700)
    shutil.copy(ROOT / "notebooks" / name, tmp_path)
    first = shell(tmp_path, "run", name, "--json")
    assert first.returncode == 0, first.stderr
    told = outputs(tmp_path, name)
    assert "20" in told["asked-sample"]
    assert "IndexError" in told["rest"]
    assert "opening" in told["why"]
    assert "+" in told["why-2"]
    pages = int(told["pages"].split()[0])
    calls = last_object(first)["model_calls"]
    assert f"requests so far: {calls}, for {pages} pages" in told["asked-all"]
    assert pages <= calls < pages + 10
    assert "no calls" in told["run-back"]
    assert "equal" in told["verify"]
    again = shell(tmp_path, "run", name, "--json")
    assert (again.returncode, last_object(again)["model_calls"]) == (0, 0)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_under_failure(tmp_path: Path) -> None:
    """Every ticket is answered on a bad day, the outage and the wait for its end can be seen, and the large table is
    there; no request too many."""
    name = "03_under_failure.ipynb"
    (tmp_path / ".wfkit").mkdir(mode=0o700)
    for file in (name, "drill.json"):
        shutil.copy(ROOT / "notebooks" / file, tmp_path)
    done = shell(tmp_path, "run", name, "--json")
    assert done.returncode == 0, done.stderr
    told = outputs(tmp_path, name)
    assert "200 of 200 tickets answered" in told["sent"]
    assert all(outcome in told["sent"] for outcome in ("503", "not_json", "wrong_schema", "529", "reset"))
    assert "breaker" in told["guards"]
    assert all(contestant in told["table"] for contestant in drill.CONTESTANTS)
    assert last_object(done)["model_calls"] < 1.2 * 600


def test_the_table_of_the_drill() -> None:
    """The table in the README is made of the figures that the notebook plots, and these are what was to be reached."""
    rows = json.loads((ROOT / "notebooks" / "drill.json").read_text("utf-8"))
    assert drill.show(rows) in (ROOT / "README.md").read_text("utf-8")
    (ours,) = (row for row in rows if row["name"] == "wfkit")
    assert ours["tickets"] == 10_000
    assert ours["success_percent"] >= 99.9
    assert ours["requests_per_ideal"] <= 1.2
