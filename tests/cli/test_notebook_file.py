"""Promises of notebooks as files: what is none is told in a sentence, parameters go where they belong, saving is whole.

Real files; nothing is executed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat.v4
import pytest

from wfkit.cli.notebook_file import INJECTED, inject, read_notebook, save_notebook
from wfkit.errors import UsageFault


def notebook(*sources: str, tagged: int | None = None) -> Any:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    if tagged is not None:
        cells[tagged].metadata["tags"] = ["parameters"]
    return nbformat.v4.new_notebook(cells=cells)


NO_NOTEBOOKS = [
    ("", "not a notebook"),
    ("{", "not a notebook"),
    ("[]", "not a notebook"),
    ("3", "not a notebook"),
    ("null", "not a notebook"),
    ('"text"', "not a notebook"),
    ("{}", "not a notebook"),
    ('{"cells": 3, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "not a notebook"),
    ('{"cells": [{}], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "not a notebook"),
    ('{"cells": [3], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "not a notebook"),
    ('{"nbformat": 99, "cells": [], "metadata": {}}', "not a notebook"),
    ('{"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "has no code cells"),
    ("print('hello')\n", "not a notebook"),
]


@pytest.mark.parametrize(("text", "message"), NO_NOTEBOOKS)
def test_what_is_no_notebook_is_told(tmp_path: Path, text: str, message: str) -> None:
    """One sentence with the file's name; exit code 2."""
    path = tmp_path / "x.ipynb"
    path.write_text(text)
    with pytest.raises(UsageFault) as caught:
        read_notebook(path)
    assert message in str(caught.value)
    assert "x.ipynb" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_not_found_and_not_a_file(tmp_path: Path) -> None:
    """A missing file and a folder are told apart."""
    with pytest.raises(UsageFault, match="notebook not found"):
        read_notebook(tmp_path / "missing.ipynb")
    with pytest.raises(UsageFault, match="not a notebook"):
        read_notebook(tmp_path)
    (tmp_path / "binary.ipynb").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageFault, match="not a notebook"):
        read_notebook(tmp_path / "binary.ipynb")


def test_an_old_notebook_is_read(tmp_path: Path) -> None:
    """A notebook without cell ids (before format 4.5) is mended without a warning."""
    old = {
        "cells": [{"cell_type": "code", "source": ["x = 1"], "metadata": {}, "outputs": [], "execution_count": None}],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 2,
    }
    (tmp_path / "old.ipynb").write_text(json.dumps(old))
    read = read_notebook(tmp_path / "old.ipynb")
    save_notebook(read, tmp_path / "new.ipynb")
    assert read_notebook(tmp_path / "new.ipynb").cells[0].source == "x = 1"


def test_parameters_follow_the_tagged_cell() -> None:
    """Values that are Python literals keep their type, others are text; the cell says where it comes from."""
    made = notebook("import os", "limit = 3\nmodel: str = 'a'\nflags = None", "limit", tagged=1)
    assert inject(made, [("limit", "4"), ("model", "openai/x"), ("flags", "['a', 1]")]) == {
        "limit": 4,
        "model": "openai/x",
        "flags": ["a", 1],
    }
    cell = made.cells[2]
    assert cell.metadata["tags"] == [INJECTED]
    scope: dict[str, Any] = {}
    exec(cell.source, scope)
    assert (scope["limit"], scope["model"], scope["flags"]) == (4, "openai/x", ["a", 1])


def test_parameters_are_not_piled_up() -> None:
    """An executed notebook can be executed again: the former values go."""
    made = notebook("limit = 3", "limit", tagged=0)
    inject(made, [("limit", "4")])
    inject(made, [("limit", "5")])
    assert [cell.source.splitlines()[-1] for cell in made.cells] == ["limit = 3", "limit = 5", "limit"]
    inject(made, [])
    assert len(made.cells) == 2


def test_an_unknown_parameter_is_refused() -> None:
    """The message lists what there is."""
    with pytest.raises(UsageFault, match=r"no parameter 'limt'; it has: limit, model"):
        inject(notebook("limit = 3\nmodel = 'x'", tagged=0), [("limt", "4")])
    with pytest.raises(UsageFault, match="no cell is tagged `parameters`"):
        inject(notebook("limit = 3"), [("limit", "4")])
    with pytest.raises(UsageFault, match="not plain Python"):
        inject(notebook("%matplotlib inline", tagged=0), [("limit", "4")])


@pytest.mark.parametrize(
    "text", ["1e400", "-0.0", "{1: 2}", "", " ", "'", "\\", "a\nb", "(" * 300, "é𝄞", "__import__('os')"]
)
def test_any_text_is_a_value(text: str) -> None:
    """Whatever is typed becomes a value, and the injected cell gives it back."""
    made = notebook("x = 0", tagged=0)
    value = inject(made, [("x", text)])["x"]
    scope: dict[str, Any] = {}
    exec(made.cells[1].source, scope)
    assert scope["x"] == value


def test_saving_is_whole_or_not_at_all(tmp_path: Path) -> None:
    """A place that cannot be written is told, and nothing is left beside it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageFault, match="cannot write"):
        save_notebook(notebook("x"), tmp_path / "file" / "x.ipynb")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageFault, match="cannot write"):
        save_notebook(notebook("x"), tmp_path / "folder")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
    save_notebook(notebook("x"), tmp_path / "new" / "x.ipynb")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["x.ipynb"]
