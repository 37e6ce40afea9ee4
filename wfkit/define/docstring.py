"""What a docstring says of a function and of its arguments, in the style of Google, NumPy or reST.

Texts only: whether a function has these arguments is not asked here. A docstring without sections is all description.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence

from wfkit.core.frozen import dataclass

_GOOGLE = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_NUMPY = re.compile(r"^(\w+)\s*(?::.*)?()$")
_REST = re.compile(r"^:param\s+(?:[^:]*\s)?(\w+)\s*:\s*(.*)$")
_SECTION = re.compile(
    r"^(args|arguments|parameters|params|returns?|yields?|raises|examples?|notes?|see also|references|warns)\s*:?\s*$",
    re.IGNORECASE,
)
_ARGUMENTS = ("args", "arguments", "param")
_RULE = re.compile(r"^-{3,}\s*$")


@dataclass(frozen=True, slots=True)
class Documented:
    """`description` is what stands before the first section, `arguments` what is said of each, both without layout."""

    description: str
    arguments: dict[str, str]


def documented(docstring: str | None) -> Documented:
    """The parts of a docstring; empty for none."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    heads = [n for n in range(len(lines)) if _begins(lines, n)]
    arguments: dict[str, str] = {}
    for head, end in zip(heads, [*heads[1:], len(lines)], strict=False):
        if lines[head].startswith(":"):
            arguments |= _entries(lines[head:end], _REST)
        elif lines[head].lower().startswith(_ARGUMENTS):
            has_rule = head + 1 < end and _RULE.match(lines[head + 1])
            block = lines[head + 2 : end] if has_rule else lines[head + 1 : end]
            arguments |= _entries(block, _NUMPY if has_rule else _GOOGLE)
    told = lines[: heads[0]] if heads else lines
    paragraphs = "\n".join(line.strip() for line in told).strip().split("\n\n")
    return Documented("\n".join(" ".join(paragraph.split()) for paragraph in paragraphs), arguments)


def _begins(lines: Sequence[str], n: int) -> bool:
    """Whether a section begins at this line: a known heading over a rule or with a colon, or a field of reST."""
    line = lines[n]
    if line.startswith(":"):
        return re.match(r"^:\w+[^:]*:", line) is not None
    ruled = n + 1 < len(lines) and _RULE.match(lines[n + 1]) is not None
    return _SECTION.match(line) is not None and (ruled or line.rstrip().endswith(":"))


def _entries(block: Sequence[str], pattern: re.Pattern[str]) -> dict[str, str]:
    """The entries of a block: each begins at its margin, and its further lines stand further right."""
    margin = min((_indent(line) for line in block if line.strip()), default=0)
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in block:
        entry = pattern.match(line.strip()) if _indent(line) == margin else None
        if entry is not None:
            current = found.setdefault(entry[1], [])
            current.append(entry[2])
        else:
            current.append(line)
    return {name: " ".join(" ".join(parts).split()) for name, parts in found.items()}


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
