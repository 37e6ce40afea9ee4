"""Texts of other files in a prompt: `{% include "prompts/rules.txt" %}` stands for what is in the file.

Where files are looked for is in `project_text`; what the text then means is `template`'s business.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from wfkit.core.node import Node
from wfkit.core.terms import NodeKind
from wfkit.define import project_text, template
from wfkit.define.dependencies import outside_names
from wfkit.errors import TemplateError

_INCLUDE = re.compile(r"""\{%[-+]?\s*include\s+(?:'([^']+)'|"([^"]+)")\s*[-+]?%\}""")
_DEEPEST = 20


def has_includes(source: str) -> bool:
    """Whether a prompt takes in other files."""
    return "include" in source and _INCLUDE.search(source) is not None


def inlined(source: str, label: str) -> str:
    """The prompt with the texts of the files that it includes. Raises TemplateError."""
    if not has_includes(source):
        return source
    folders = project_text.folders(Path.cwd())
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
        try:
            path = project_text.find(name, folders)
            if path in within or len(within) > _DEEPEST:
                raise TemplateError(f"{place}: the file includes itself, or {_DEEPEST} files deep")
            text = project_text.read(path).removesuffix("\n")
        except project_text.NoText as error:
            raise TemplateError(f"{place}: {error}") from None
        return _inline(text, label, folders, (*within, path))

    return _INCLUDE.sub(text_of, source)
