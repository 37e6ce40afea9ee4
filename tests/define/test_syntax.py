"""Python that is none: the line of the cell, the text, a caret, and what to do."""

from __future__ import annotations

import pytest

from wfkit.define.syntax import compile_python, parse_python
from wfkit.errors import CellError

CASES = [
    ("x = (", "was never closed", "    x = (\n        ^"),
    ("ok\nx = = 1", "invalid syntax", "    x = = 1\n        ^"),
    ("ä = 'ö' + ;", "invalid syntax", "    ä = 'ö' + ;\n              ^"),
    ("return x", "end the body with the value", "    return x\n    ^^^^^^^^"),
    ("ä = 'ö'; return x", "end the body with the value", "    ä = 'ö'; return x\n             ^^^^^^^^"),
    ("if a:\n    return x", "end the body with the value", "        return x\n        ^^^^^^^^"),
    ("yield x", "collect what you would yield", "    yield x\n    ^^^^^^^"),
    ("def f():\n  await x", "make the function around it async", "      await x\n      ^^^^^^^"),
    ("break", "outside loop", "    break\n    ^^^^^"),
    ("!ls", "subprocess.run", "    !ls\n    ^"),
    ("files = !ls", "subprocess.run", "    files = !ls\n            ^"),
    ("%time x", "magics do not work in a node", "    %time x\n    ^"),
    ("%%time\nx", "magics do not work in a node", "    %%time\n    ^"),
    ("t = %timeit -o x", "magics do not work in a node", "    t = %timeit -o x\n        ^"),
    ("x?", "help with \\? does not work", "    x?\n     ^"),
    ("system:\nYou label.", "--model default", "    system:"),
    ("Label {{ this }} now", "--model default", "    Label {{ this }} now"),
    ("  x = 1", "unexpected indent", "      x = 1"),
    ("x = 'a", "unterminated string", "    x = 'a\n        ^"),
]


@pytest.mark.parametrize(("source", "message", "shown"), CASES)
def test_errors_show_the_place_and_the_cure(source: str, message: str, shown: str) -> None:
    """The message has the node, the line of the cell, the line's text with a caret, and a hint where there is one."""
    with pytest.raises(CellError, match=message) as caught:
        compile_python(parse_python(source, 4, "n"), source, "<n>", 4, "n")
    text = str(caught.value)
    assert shown in text
    line = 4 + source[: source.index(shown.split("\n", maxsplit=1)[0].strip())].count("\n")
    assert text.startswith(f"node `n`, line {line}: ")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = '\0'", "null bytes"),
        ("\n\nx = '\ud800'", r"line 3: a character that is none"),
        ("(" * 500, "too many nested"),
        ("x" + "+x" * 50_000, "nested too deep"),
    ],
)
def test_what_is_hardly_text(source: str, message: str) -> None:
    """Null bytes, lone surrogates and endless nesting are errors of the cell, not of wfkit."""
    with pytest.raises(CellError, match=message):
        parse_python(source, 1, "n")


def test_modulo_and_not_equal_are_no_magics() -> None:
    """Only lines that Python refuses are taken for magics."""
    compile_python(parse_python("x = (7\n%n)\ny = x\\\n%z"), "", "<n>")


def test_lines_are_those_of_the_cell() -> None:
    """Positions in the tree count from the cell's first line."""
    assert parse_python("x\ny", 5).body[1].lineno == 6
