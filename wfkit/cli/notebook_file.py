"""Notebooks as files: read one or say why it is none, put parameters in, save it whole or not at all.

Nothing is executed here. nbformat loads on first use (it takes half a second).
"""

from __future__ import annotations

import ast
import contextlib
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from wfkit.errors import UsageFault
from wfkit.store.secrets import Secrets

PARAMETERS: Final = "parameters"
INJECTED: Final = "injected-parameters"


def read_notebook(path: Path) -> Any:
    """The notebook of a file, in the newest format. Raises UsageFault that says what is wrong with it."""
    import nbformat  # half a second: only who executes a notebook pays for it

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UsageFault(f"notebook not found: {path}{_others(path.parent)}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageFault(f"not a notebook: {path} ({getattr(error, 'strerror', None) or error})") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # missing cell ids and the like: they are mended on reading
            notebook = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    except AttributeError as error:  # it is JSON, but no object
        raise UsageFault(f"not a notebook: {path} (it is a list or a number, not an object with cells)") from error
    except (ValueError, KeyError, TypeError, nbformat.ValidationError) as error:
        raise UsageFault(f"not a notebook: {path} ({_first_line(error)})") from error
    if not isinstance(notebook.get("cells"), list):
        raise UsageFault(f"not a notebook: {path} (it has no list of cells)")
    if not any(cell.cell_type == "code" and cell.source.strip() for cell in notebook.cells):
        raise UsageFault(f"nothing to execute: {path} has no code cells")
    return notebook


def inject(notebook: Any, params: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Add a cell that sets these names after the one tagged `parameters`, and return the values.

    A value that is a Python literal is one, any other text is a string. Raises UsageFault for a name that the tagged
    cell does not set.
    """
    import nbformat.v4  # half a second: only who executes a notebook pays for it

    notebook.cells = [cell for cell in notebook.cells if INJECTED not in _tags(cell)]
    values = {name: _value(text) for name, text in params}
    if not values:
        return values
    place = next((index for index, cell in enumerate(notebook.cells) if PARAMETERS in _tags(cell)), None)
    if place is None:
        raise UsageFault(f"the notebook takes no parameters: no cell is tagged `{PARAMETERS}`")
    known = _assigned(notebook.cells[place].source)
    for name in values:
        if name not in known:
            raise UsageFault(f"the notebook has no parameter {name!r}; it has: {', '.join(known) or 'none'}")
    lines = ["# set by `wfkit run -p`", *(f"{name} = {value!r}" for name, value in values.items())]
    cell = nbformat.v4.new_code_cell(  # type: ignore[no-untyped-call]
        "\n".join(lines), metadata={"tags": [INJECTED]}
    )
    notebook.cells.insert(place + 1, cell)
    return values


def save_notebook(notebook: Any, path: Path) -> None:
    """Replace a notebook file in one step: a reader never sees half of one. Outputs are written without secrets.

    Raises UsageFault if that fails.
    """
    import nbformat  # half a second: only who executes a notebook pays for it

    secrets = Secrets()
    for cell in notebook.cells:
        if cell.get("outputs"):
            cell["outputs"] = _without(secrets, cell["outputs"])
    text = nbformat.writes(notebook, version=4)  # type: ignore[no-untyped-call]
    write_whole(path, text if text.endswith("\n") else text + "\n")


def _without(secrets: Secrets, part: Any) -> Any:
    """Outputs as nbformat has them, every text redacted."""
    if isinstance(part, str):
        return secrets.redact(part)
    if isinstance(part, list):
        return [_without(secrets, each) for each in part]
    if isinstance(part, dict):
        for name, each in part.items():
            part[name] = _without(secrets, each)
    return part


def make_folder(folder: Path) -> None:
    """Make the folder for outputs, before anything is executed in vain. Raises UsageFault if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageFault(f"cannot make the folder {folder}: {error.strerror}; choose another") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageFault(f"cannot write into the folder {folder}: choose another, or make it writable")


def write_whole(path: Path, text: str) -> None:
    """Replace a text file in one step. Raises UsageFault when it cannot be written."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise UsageFault(f"cannot write {path}: {error.strerror}") from error


def _others(folder: Path) -> str:
    """The notebooks that are there instead."""
    found = sorted(path.name for path in folder.glob("*.ipynb"))[:5] if folder.is_dir() else []
    place = "this folder" if folder == Path() else str(folder)
    return f"; notebooks in {place}: {', '.join(found)}" if found else f"; {place} holds no notebook"


def _tags(cell: Any) -> list[str]:
    return list(cell.metadata.get("tags", []))


def _value(text: str) -> Any:
    try:
        value = ast.literal_eval(text)
        return value if ast.literal_eval(repr(value)) == value else text
    except (ValueError, SyntaxError, MemoryError, RecursionError):  # among them 1e400, whose repr is a name
        return text


def _assigned(source: str) -> list[str]:
    """The names that a cell sets at its top level, in order."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise UsageFault(
            f"the cell tagged `{PARAMETERS}` is not plain Python (line {error.lineno}: {error.msg})"
        ) from error
    targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in tree.body if isinstance(node, ast.AnnAssign)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
