"""Promises of `views/columns.py`: columns line up on a terminal for any text.

No line is longer than asked.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.views.test_markup import HOSTILE
from wfkit.views import columns
from wfkit.views.markup import one_line

TEXT = st.text(max_size=40) | st.sampled_from(HOSTILE)


WIDTHS = [("abc", 3), ("日本", 4), ("🙂", 2), ("e\u0301", 1), ("", 0), ("✓ ok", 4)]
BARS = [(0, "    "), (0.5, "██  "), (1, "████"), (1e-9, "▏   "), (7, "████")]


@pytest.mark.parametrize(("text", "wide"), WIDTHS)
def test_width(text: str, wide: int) -> None:
    """East Asian characters take two columns, combining marks none."""
    assert columns.width(text) == wide


@given(TEXT, st.integers(1, 30), st.sampled_from("<>"))
def test_fit_is_exact(text: str, room: int, side: str) -> None:
    """A cell takes exactly its columns, whatever is in it."""
    assert columns.width(columns.fit(text, room, side)) == room


def test_cut_shows_that_it_cut() -> None:
    """The last column tells that more was there."""
    assert columns.cut("abcdef", 4) == "abc…"
    assert columns.cut("日本語", 4) == "日…"
    assert columns.cut("abcd", 4) == "abcd"


def test_a_name_keeps_its_end() -> None:
    """Names of nodes that differ at their ends still do, and those that differ only in the middle do there."""
    assert columns.cut_middle("summary_in_german", 11) == "summa…erman"
    assert columns.cut_middle("summary", 7) == "summary"
    names = ["reviews_in_german_by_product", "reviews_in_french_by_product", "summary_in_german"]
    assert columns.cut_names(names, 12) == ["re…german_b…", "re…french_b…", "summa…german"]
    assert columns.grid(("", ""), [(name, "1") for name in names], "<>", columns=14) == [
        "re…german_b… 1", "re…french_b… 1", "summa…german 1",
    ]  # fmt: skip


@given(TEXT, st.integers(1, 30))
def test_the_middle_is_cut_to_fit(text: str, room: int) -> None:
    """No text becomes longer than its room, and one that fits stays."""
    shown = columns.cut_middle(text, room)
    assert columns.width(shown) <= room
    assert shown == columns.cut(text, room) or columns.width(one_line(text)) > room


def test_a_long_text_is_cut_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of letters without a blank, as Chinese is written, cost what they are long and not its square."""
    looked: list[str] = []
    one = columns._columns
    monkeypatch.setattr(columns, "_columns", lambda character: (looked.append(character), one(character))[1])
    text = "漢" * 5000
    assert columns.cut_end(text, 9) == columns.cut(text, 9) == columns.wrap(text, 9)[0] == "漢漢漢漢…"
    assert columns.cut_start(text, 9) == "…漢漢漢漢"
    assert len(looked) < 10 * len(text)


@given(st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=5))
def test_grid_keeps_within_80_columns(rows: list[tuple[str, str, str]]) -> None:
    """A line a row under one of heads, none longer than 80 columns, none with blanks at its end."""
    lines = columns.grid(("first", "second", "third"), rows, "<><")
    assert len(lines) == len(rows) + 1
    assert all(columns.width(line) <= 80 and line == line.rstrip() for line in lines)


def test_a_whole_cell_has_a_line_of_its_own() -> None:
    """Where a column must stay whole, what does not fit stands above the rest of its row; the columns line up."""
    rows = [("+", "a long name", "1"), ("+", "short", "2")]
    assert columns.grid(("", "", ""), rows, "<<>", columns=13, whole=1) == [
        "+ a long name", f"{'1':>13}", f"+ short{'2':>6}",
    ]  # fmt: skip


@pytest.mark.parametrize(("asked", "got"), [(1, 40), (60, 60), (500, 140)])
def test_a_terminal_says_how_wide_it_is(asked: int, got: int) -> None:
    """Text is laid out for the terminal it is for, within bounds; afterwards for 80 columns again."""
    with columns.within(asked):
        assert columns.room() == got
        assert max(map(columns.width, columns.wrap("word " * 100))) <= got
    assert columns.room() == columns.WIDTH


def test_grid_lines_up() -> None:
    """Numbers stand to the right, text to the left, and a column without cells takes no room."""
    rows = [("a", "", "1"), ("long name", "", "1,234")]
    assert columns.grid(("", "", ""), rows, "<<>") == ["a              1", "long name  1,234"]


def test_the_last_text_gives_way_first() -> None:
    """Numbers and names stay whole where a long remark is the reason for the lack of room."""
    (line,) = columns.grid(("", "", ""), [("name", "12", "word " * 40)], "<><")
    assert line.startswith("name  12  word word")
    assert line.endswith("…")
    assert columns.width(line) == 80


@pytest.mark.parametrize(("share", "drawn"), BARS)
def test_bar(share: float, drawn: str) -> None:
    """A bar is as long as its share; what is not nothing is seen."""
    assert columns.bar(share, 4) == drawn


@given(TEXT)
def test_wrap_keeps_words_and_width(text: str) -> None:
    """Every line fits."""
    assert all(columns.width(line) <= 30 for line in columns.wrap(text, 30, "  "))
