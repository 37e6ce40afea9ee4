"""The `#| option: value` lines at the top of a cell, and where the body below them begins.

The lines together are one YAML mapping (as in Quarto). PyYAML takes 20 ms to import, so mappings of simple values are
read here, with exactly YAML's meaning, and only others go to PyYAML. What options mean is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from wfkit.core.frozen import dataclass
from wfkit.define.excerpt import excerpt
from wfkit.errors import OptionError

LARGEST = 64 * 1024
MARK = "#|"

SIMPLE = re.compile(r"([A-Za-z_][\w-]*):[ ]+(\S.*?)[ ]*", re.ASCII)
# Text that YAML 1.1 reads as a string whatever follows: it starts with a letter and has no indicator in it.
TEXT = re.compile(r"[A-Za-z_](?:[\w./+, -]|:(?=[\w./]))*", re.ASCII)
SPAN = re.compile(r"[1-9]\d*(?:ms|[smhdw])", re.ASCII)
WHOLE = re.compile(r"-?(?:0|[1-9]\d{0,17})", re.ASCII)
NUMBER = re.compile(r"-?\d{1,15}\.\d{1,15}", re.ASCII)
WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False, "null": None}
UNSURE = frozenset({"y", "n"})  # booleans in YAML 1.1, text in PyYAML: let PyYAML say


@dataclass(frozen=True, slots=True)
class Parts:
    """A cell below its magic line: `pairs` are (option, value, line of the cell), `first_line` is the line where
    `body` begins.
    """

    pairs: tuple[tuple[str, Any, int], ...]
    body: str
    first_line: int


def split_cell(cell: str) -> Parts:
    """Options and body of a cell whose magic line is line 1.

    Raises OptionError for `#|` lines that are not `option: value`.
    """
    text = cell.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    last = 0
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith(MARK):
            last = number
        elif line.strip():
            break
    head = [line.lstrip()[len(MARK) :] if line.strip() else "" for line in lines[:last]]
    return Parts(tuple(_pairs(head)), "\n".join(lines[last:]), last + 2)


def late_directive(body: str, first_line: int, known: Sequence[str]) -> int | None:
    """The line of a `#|` line with a known option below the start of the body, where it would not count."""
    if MARK not in body:
        return None
    pattern = re.compile(rf"[ \t]*#\|[ ]?(?:{'|'.join(known)}):")
    for number, line in enumerate(body.split("\n"), first_line):
        if pattern.match(line):
            return number
    return None


def _pairs(head: Sequence[str]) -> Iterator[tuple[str, Any, int]]:
    if not any(line.strip() for line in head):
        return iter(())
    if sum(map(len, head)) > LARGEST:
        raise OptionError(f"the #| lines are longer than {LARGEST // 1024} KB (line 2): keep prose in the body")
    simple = [_simple(line) for line in head]
    if all(pair is not None for pair, line in zip(simple, head, strict=True) if line.strip()):
        return ((*pair, number) for number, pair in enumerate(simple, 2) if pair is not None)
    return iter(_yaml_pairs(head))


def _simple(line: str) -> tuple[str, Any] | None:
    match = SIMPLE.fullmatch(line.removeprefix(" "))
    if not match:
        return None
    key, text = match[1], match[2]
    if key.lower() in WORDS or key in UNSURE:
        return None
    if WHOLE.fullmatch(text):
        return key, int(text)
    if NUMBER.fullmatch(text):
        return key, float(text)
    if text in WORDS:
        return key, WORDS[text]
    is_text = SPAN.fullmatch(text) or (TEXT.fullmatch(text) and text.lower() not in WORDS and text not in UNSURE)
    return (key, text) if is_text else None


def _yaml_pairs(head: Sequence[str]) -> list[tuple[str, Any, int]]:
    import yaml  # loads on first use: 20 ms, and most cells do without

    text = "\n".join(line.removeprefix(" ") for line in head)
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise OptionError("the #| lines use a YAML alias (*name): write the value out")  # aliases can explode
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise OptionError(_not_a_mapping(head))
        return [
            (_key(key, head), loader.construct_object(value, deep=True), key.start_mark.line + 2)
            for key, value in root.value
        ]
    except yaml.YAMLError as error:
        raise OptionError(_yaml_problem(error, head)) from None
    except RecursionError:
        raise OptionError("the #| lines are nested too deep (line 2)") from None
    except ValueError as error:  # such as a date that is none
        raise OptionError(f"the #| lines hold a value that is none ({error}): put it in quotes") from None


def _key(node: Any, head: Sequence[str]) -> str:
    if isinstance(node.value, str):
        return node.value
    raise OptionError(_not_a_mapping(head, node.start_mark.line))


def _not_a_mapping(head: Sequence[str], index: int | None = None) -> str:
    at = next(i for i, line in enumerate(head) if line.strip()) if index is None else index
    return f"an option line is `#| option: value` (line {at + 2}):\n{excerpt(MARK + head[at])}"


def _yaml_problem(error: Any, head: Sequence[str]) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error).split("\n", maxsplit=1)[0]
    at = min(mark.line, len(head) - 1) if mark else 0
    column = len(MARK) + head[at].startswith(" ") + (mark.column if mark else 0)
    return (
        f"the #| lines are not valid YAML: {problem} (line {at + 2}):\n"
        f"{excerpt(MARK + head[at], column)}\nput values with : # or quotes in quotes"
    )
