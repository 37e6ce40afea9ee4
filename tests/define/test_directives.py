"""`#|` lines: YAML with line numbers, read without PyYAML when they are simple, and never to another meaning."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.fresh import printed
from wfkit.define.directives import late_directive, split_cell
from wfkit.errors import OptionError


def test_options_and_body_are_told_apart() -> None:
    """Each option has the line of the cell on which it stands, the body the one it begins on (the magic line is 1)."""
    parts = split_cell("#| each: review in reviews\n\n#| retries: 2\nx = 1\ny\n")
    assert parts.pairs == (("each", "review in reviews", 2), ("retries", 2, 4))
    assert (parts.body, parts.first_line) == ("x = 1\ny\n", 5)


@pytest.mark.parametrize(
    ("cell", "body", "first_line"),
    [
        ("x", "x", 2),
        ("\n\nx\n", "\n\nx\n", 2),
        ("# comment\n#| a: 1\n", "# comment\n#| a: 1\n", 2),
        ("#| a: 1\n", "", 3),
        ("#| a: 1", "", 3),
        ("\n #| a: 1\n\n x", "\n x", 4),
        ("a\r\nb\rc", "a\nb\nc", 2),
        ("\ufeffx", "x", 2),
    ],
)
def test_the_body_is_kept(cell: str, body: str, first_line: int) -> None:
    """The body is byte-equal but for line ends, and begins right below the last option."""
    parts = split_cell(cell)
    assert (parts.body, parts.first_line) == (body, first_line)


def test_yaml_over_several_lines() -> None:
    """Lists and mappings may go over several `#|` lines; each option has the line of its name."""
    parts = split_cell("#| needs:\n#|   - a\n#|   - b\n#| schema: {type: object}\n#| model: 'a: b'\nx")
    assert parts.pairs == (("needs", ["a", "b"], 2), ("schema", {"type": "object"}, 5), ("model", "a: b", 6))


def test_an_option_twice_is_seen_twice() -> None:
    """YAML keeps the last of two equal keys silently; here both are handed on, to be refused."""
    assert [name for name, _, _ in split_cell("#| a: 1\n#| a: [2]\n").pairs] == ["a", "a"]


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("#| a: [\n", r"not valid YAML.*line 2"),
        ("#| a: 1\n#| b: 'x\n", r"not valid YAML.*line [23]"),
        ("#| a: b: c\n", r"mapping values are not allowed.*line 2"),
        ("#| retries\n", r"`#\| option: value` \(line 2\)"),
        ("\n#| - a\n", r"`#\| option: value` \(line 3\)"),
        ("#| a: 1\n#| [b]: 2\n", r"`#\| option: value` \(line 3\)"),
        ("#| a: &x [1]\n#| b: *x\n", "alias"),
        ("#| a: 2026-99-99\n", "in quotes"),
        ("#| a: !!python/object:os.system x\n", "not valid YAML"),
        ("#| a: " + "[" * 5000 + "\n", "too deep|not valid YAML"),
        ("#| a: " + "x" * 70_000 + "\n", "longer than 64 KB"),
    ],
)
def test_what_is_no_option_line(cell: str, message: str) -> None:
    """Bad YAML, aliases that could explode, and huge or deep input end in an error with the line of the cell."""
    with pytest.raises(OptionError, match=message):
        split_cell(cell)


def test_yaml_errors_point_at_the_place() -> None:
    """The line is shown with a caret."""
    with pytest.raises(OptionError) as caught:
        split_cell("#| needs: a\n#| model: a: b\n")
    assert "    #| model: a: b\n               ^" in str(caught.value)


WORDS = """1h 7d 30m 500ms on off On OFF yes No true TRUE null ~ y n 1 -1 007 0x1f 1_000 1.5 -0.5 .5 1. 1e3 1.5e+3 1:30
2026-01-02 .nan .inf openai/gpt-5-mini ollama/llama3:8b a:b a, [a] {a} 'a' "a" - a# #a a@b @a `a %a !a |a >a ?a"""
VALUES = st.one_of(
    st.sampled_from(WORDS.split()), st.text(alphabet="abnoy019.:-+_/, #'[]{}!|>%@\"~", min_size=1, max_size=8)
)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "top_p", "on-error", "on", "y"]), VALUES), min_size=1, max_size=3))
def test_simple_lines_mean_what_yaml_says(pairs: list[tuple[str, str]]) -> None:
    """Whatever is read without PyYAML is what PyYAML would have read, and what it refuses is refused."""
    text = "\n".join(f"{name}: {value}" for name, value in pairs)
    cell = "".join(f"#| {line}\n" for line in text.split("\n"))
    try:
        expected = yaml.safe_load(text)
        clean = isinstance(expected, dict)
    except (yaml.YAMLError, ValueError):
        clean = False
    if not clean:
        with pytest.raises(OptionError):
            split_cell(cell + "x")
        return
    found = {name: value for name, value, _ in split_cell(cell + "x").pairs}
    assert [repr(value) for value in found.values()] == [repr(value) for value in expected.values()]


def test_simple_lines_need_no_yaml() -> None:
    """PyYAML is loaded by the first line that needs it, not before."""
    script = (
        "import sys; from wfkit.define.directives import split_cell;"
        "split_cell('#| each: a in b\\n#| cache: 1h\\n#| model: x/y-5\\nbody'); print('yaml' in sys.modules);"
        "split_cell('#| needs: [a]\\n'); print('yaml' in sys.modules)"
    )
    assert printed(script) == ["False", "True"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [("x\n#| retries: 2\n", 6), ("x\n#| note: 2\n", None), ("x\n# retries: 2\n", None), ("x", None)],
)
def test_late_options_are_found(body: str, expected: int | None) -> None:
    """An option below the first line of the body would not count; other comments are the user's own."""
    assert late_directive(body, 5, ("retries", "model")) == expected
