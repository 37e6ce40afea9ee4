"""A text file that a cell names: a part of a prompt, a schema.

A name is relative to the notebook, else to the folders above it up to the project; nothing outside is read, nor
through a link that leads outside. What the text means is not known here.
"""

from __future__ import annotations

from pathlib import Path

from wfkit.errors import DefinitionError

_PROJECT = ("pyproject.toml", ".git", ".wfkit")
_LARGEST = 1_000_000


class NoText(DefinitionError):
    """A file that is not there, lies outside the project, or holds no text; the message begins with `:` or a verb."""


def folders(start: Path) -> list[Path]:
    """The folder of the notebook and those above it, up to the project; only the first if there is no project."""
    found = []
    for folder in (start, *start.parents):
        found.append(folder)
        if any((folder / sign).exists() for sign in _PROJECT):
            return found
    return [start]


def find(name: str, among: list[Path]) -> Path:
    """The path of a file named in a cell. Raises NoText."""
    if Path(name).is_absolute() or ".." in Path(name).parts or name.startswith("~"):
        raise NoText("name the file from the notebook or the project, without `..`")
    root = among[-1].resolve()
    for folder in among:
        path = (folder / name).resolve()
        if path.is_file():
            if not path.is_relative_to(root):
                raise NoText("the file is a link that leads out of the project")
            return path
    raise NoText(f"there is no such file in {among[0]} or above it in the project")


def read(path: Path) -> str:
    """The text of a file, with LF line ends. Raises NoText."""
    try:
        if path.stat().st_size > _LARGEST:
            raise NoText(f"the file is larger than {_LARGEST:,} bytes: that is no text for a cell")
        return path.read_text("utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise NoText(f"the file cannot be read as UTF-8 text ({error})") from None
