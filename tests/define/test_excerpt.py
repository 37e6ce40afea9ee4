"""Excerpts: the caret stands below the right letter."""

from __future__ import annotations

import pytest

from wfkit.define.excerpt import excerpt


@pytest.mark.parametrize(
    ("line", "column", "width", "expected"),
    [
        ("x = = 1", 4, 1, "    x = = 1\n        ^"),
        ("x = = 1", 4, 3, "    x = = 1\n        ^^^"),
        ("\tx", 1, 1, "    \tx\n    \t^"),
        ("äö = )", 5, 1, "    äö = )\n         ^"),
        ("x", 9, 9, "    x\n     ^"),
        ("x\n", None, 1, "    x"),
        ("", 0, 1, "    \n    ^"),
    ],
)
def test_points(line: str, column: int | None, width: int, expected: str) -> None:
    """Tabs and letters beyond ASCII do not shift the caret; a place outside of the line is drawn at its end."""
    assert excerpt(line, column, width) == expected


def test_long_lines_are_cut_around_the_place() -> None:
    """A line of thousands of letters shows the place and no more than a screen's width."""
    text = excerpt("a" * 5000 + "!" + "b" * 5000, 5000)
    line, caret = text.split("\n")
    assert len(line) < 200
    assert line[caret.index("^")] == "!"
