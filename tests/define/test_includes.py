"""Files in a prompt: their text stands for the include, and nothing outside the project is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.lab import Lab, did, run
from wfkit.define.cell import parse_cell
from wfkit.errors import TemplateError


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project" / "deep").mkdir(parents=True)
    (tmp_path / "project" / "pyproject.toml").write_text("")
    (tmp_path / "project" / "rules.txt").write_text("Be brief about {{ topic }}.\n")
    (tmp_path / "outside.txt").write_text("secret")
    monkeypatch.chdir(tmp_path / "project" / "deep")


CELL = 'system:\n{% include "rules.txt" %}\nuser:\nSay {{ word }}.'


def test_names_of_the_file_are_names_of_the_prompt() -> None:
    """A variable in the file is a dependency like any other; the file is found above the notebook, in the project."""
    assert parse_cell("said --model offline", CELL, {}).names == ("topic", "word")


def test_an_edited_file_changes_the_prompt(tmp_path: Path) -> None:
    """The text of the file is part of the key; `why` shows what is new in it."""
    lab = Lab(tmp_path)
    workflow = lab.cells({"said --model offline": CELL}, {"topic": "tea", "word": "hello"})
    seen = [did(run(workflow))["said"], did(run(workflow))["said"]]
    Path("../rules.txt").write_text("Be long about {{ topic }} and {{ word }}.\n")
    assert "+Be long about" in workflow.why("said").text()
    seen += [did(run(workflow))["said"]]
    lab.close()
    assert seen == ["run", "hit", "run"]


FAULTS = {
    "missing": ("gone.txt", "there is no such file"),
    "above the project": ("../../outside.txt", "without `..`"),
    "absolute": ("/etc/hostname", "without `..`"),
    "a link outwards": ("link.txt", "leads out of the project"),
    "itself": ("loop.txt", "includes itself"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_included(fault: str) -> None:
    """A clear error when the prompt is defined, which names the file and where it was looked for."""
    name, words = FAULTS[fault]
    Path("link.txt").symlink_to("../../outside.txt")
    Path("loop.txt").write_text('{% include "loop.txt" %}')
    with pytest.raises(TemplateError, match=words.replace(".", r"\.")) as caught:
        parse_cell("said --model offline", f"{{% include '{name}' %}}", {})
    assert name in str(caught.value)
