"""The magic line: a name that others can use, and options cut without surprises."""

from __future__ import annotations

import pytest

from wfkit.define.magic_line import line_options, node_name, split_line
from wfkit.errors import DefinitionError, OptionError


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("label", ("label", "")),
        ("  label   --model m ", ("label", "--model m ")),
        ("größe --retries 2", ("größe", "--retries 2")),
        ("ﬁt", ("fit", "")),
        ("license", ("license", "")),
    ],
)
def test_name_and_rest(line: str, expected: tuple[str, str]) -> None:
    """The first word is the name, in the form in which Python compares names."""
    assert split_line(line) == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "needs a name"),
        ("--model m", "needs a name"),
        ("1a", "'1a' cannot be"),
        ("my-node", "for example my_node"),
        ("a.b", "for example a_b"),
        ("class", "'class' cannot be"),
        ("None", "'None' cannot be"),
        ("__secret", "Python and IPython use"),
        ("_", "Python and IPython use"),
        ("___", "Python and IPython use"),
        ("sum", "Python's own `sum` would be hidden.*sum_"),
        ("ValueError", "would be hidden"),
    ],
)
def test_names_that_cannot_be(line: str, message: str) -> None:
    """A name must be a variable that hides nothing of Python."""
    with pytest.raises(DefinitionError, match=message):
        split_line(line)


def test_private_names_are_allowed() -> None:
    """One underscore is a user's own business."""
    assert node_name("_draft") == "_draft"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", []),
        ("--model m --retries=2", [("model", "m"), ("retries", "2")]),
        ("--each review in reviews --cache off", [("each", "review in reviews"), ("cache", "off")]),
        ("--needs a, b", [("needs", "a, b")]),
        ("--seed -5", [("seed", "-5")]),
        ("--model 'a b' --schema \"X\"", [("model", "a b"), ("schema", "X")]),
        ("--model", [("model", None)]),
        ("--model= --cache on", [("model", None), ("cache", "on")]),
        ("--model=a=b", [("model", "a=b")]),
        ("--retries 2 --retries 3", [("retries", "2"), ("retries", "3")]),
    ],
)
def test_options(line: str, expected: list[tuple[str, str | None]]) -> None:
    """Each option has the words up to the next one as its value; what they mean is not decided here."""
    assert list(line_options(line)) == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--model 'm", "a quote is not closed"),
        ('--model "m', "a quote is not closed"),
        ("--model m\\", "a backslash stands at the end"),
        ("m --model m", "unexpected 'm'"),
        ("-m m", "unexpected '-m'"),
    ],
)
def test_lines_that_cannot_be_cut(line: str, message: str) -> None:
    """The error says what is wrong and where such values belong; no traceback of a parser."""
    with pytest.raises(OptionError, match=rf"{message}.*line 1"):
        list(line_options(line))
