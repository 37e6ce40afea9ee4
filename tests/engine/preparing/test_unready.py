"""What the cell of a prompt is told of its tools and schema when it is defined, and what it is not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fresh import printed
from wfkit.define.cell import parse_cell
from wfkit.engine.preparing.unready import unready


class Label:
    """No schema."""


def find(query: str) -> str:
    return query


NAMES = {
    "Label": Label,
    "search": lambda query: query,
    "find": find,
    "things": [1],
    "SHAPE": {"properties": {"label": {}}},
}


@pytest.mark.parametrize(
    ("options", "lack"),
    [
        ("--tools serch", "tool 'serch' is not defined (did you mean 'search'?): define the function"),
        ("--tools find,things", "tool 'things' is a list, and a tool is a function"),
        ("--tools search", "tool 'search' is a lambda, which has no name and no types"),
        ("--schema Lable", "schema 'Lable' is not defined"),
        ("--schema SHAPE --min-confidence 0.5", "min_confidence looks at the field `confidence`, which schema 'SHAPE'"),
    ],
)
def test_what_is_not_there_yet_is_told(options: str, lack: str) -> None:
    """It is told as of now: the cell is defined all the same, and what a later cell brings mends it."""
    assert (unready(parse_cell(f"a --model offline {options}", "Go", NAMES)) or "").startswith(lack)


def test_looking_loads_nothing() -> None:
    """What is wrong in a schema or a type beyond its name is for the plan: a definition takes well under 5 ms."""
    script = (
        "import sys; from wfkit.define.cell import parse_cell; from wfkit.engine.preparing.unready import unready;"
        "known = {'S': {'properties': {'confidence': {}}}, 'find': lambda: 0}; known['find'].__name__ = 'find';"
        "assert unready(parse_cell('a --model m --schema S --tools find --min-confidence 0.5', 'Go', known)) is None;"
        "print(*sorted({'pydantic', 'jsonschema', 'numpy', 'pandas', 'duckdb', 'litellm'} & set(sys.modules)))"
    )
    assert printed(script) == []


def test_what_a_later_cell_brings_is_enough() -> None:
    """Nothing is told of a prompt that has all it needs, also where the function came after the cell."""
    namespace: dict[str, Any] = {}
    node = parse_cell("a --model offline --tools find --schema list[str]", "Go", namespace)
    assert unready(node) is not None
    namespace["find"] = find
    assert unready(node) is None
    assert unready(parse_cell("b", "1", namespace)) is None
