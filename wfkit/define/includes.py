"""Texts of other files in a prompt: `{% include "prompts/rules.txt" %}` stands for what is in the file.

A name is relative to the notebook, else to the folders above it up to the project; nothing outside is read, nor
through a link that leads outside. What the text then means is `template`'s business.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from wfkit.core.node import Node
from wfkit.core.terms import NodeKind
from wfkit.define import template
from wfkit.define.dependencies import outside_names
from wfkit.errors import TemplateError

_INCLUDE = re.compile(r"""\{%[-+]?\s*include\s+(?:'([^']+)'|"([^"]+)")\s*[-+]?%\}""")
_PROJECT = ("pyproject.toml", ".git", ".wfkit")
_DEEPEST = 20
_LARGEST = 1_000_000


def has_includes(source: str) -> bool:
    """Whether a prompt takes in other files."""
    return "include" in source and _INCLUDE.search(source) is not None


def inlined(source: str, label: str) -> str:
    """The prompt with the texts of the files that it includes. Raises TemplateError."""
    if not has_includes(source):
        return source
    folders = _folders(Path.cwd())
    return _inline(source, label, folders, ())


def refreshed(node: Node) -> Node:
    """A prompt as its files are now; any other node as it is. Raises TemplateError."""
    if node.kind is not NodeKind.PROMPT or not has_includes(node.source):
        return node
    text = inlined(node.source, node.name)
    names = template.parse(text, node.name, node.first_line).names
    return replace(node, source=text, names=outside_names(node.name, NodeKind.PROMPT, names, node.each))


def _inline(source: str, label: str, folders: list[Path], within: tuple[Path, ...]) -> str:
    def text_of(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        place = f"prompt `{label}`: `{{% include {name!r} %}}`"
        path = _find(name, place, folders)
        if path in within or len(within) > _DEEPEST:
            raise TemplateError(f"{place}: the file includes itself, or {_DEEPEST} files deep")
        try:
            if path.stat().st_size > _LARGEST:
                raise TemplateError(f"{place}: the file is larger than {_LARGEST:,} bytes: that is no prompt")
            text = path.read_text("utf-8").replace("\r\n", "\n").removesuffix("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise TemplateError(f"{place}: the file cannot be read as UTF-8 text ({error})") from None
        return _inline(text, label, folders, (*within, path))

    return _INCLUDE.sub(text_of, source)


def _find(name: str, place: str, folders: list[Path]) -> Path:
    if Path(name).is_absolute() or ".." in Path(name).parts or name.startswith("~"):
        raise TemplateError(f"{place}: name the file from the notebook or the project, without `..`")
    root = folders[-1].resolve()
    for folder in folders:
        path = (folder / name).resolve()
        if path.is_file():
            if not path.is_relative_to(root):
                raise TemplateError(f"{place}: the file is a link that leads out of the project")
            return path
    raise TemplateError(f"{place}: there is no such file in {folders[0]} or above it in the project")


def _folders(start: Path) -> list[Path]:
    """The folder of the notebook and those above it, up to the project; only the first if there is no project."""
    found = []
    for folder in (start, *start.parents):
        found.append(folder)
        if any((folder / sign).exists() for sign in _PROJECT):
            return found
    return [start]
