"""Words of a growing text: the same however it was cut on its way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wfkit.llm.words import Words, words


@given(st.lists(st.text(alphabet="ab é\n\t中\ud83d.", max_size=40)))
def test_cut_by_rule(pieces: list[str]) -> None:
    """Together the words are the text, and they do not depend on how it was cut on its way."""
    cutter = Words()
    heard = [word for piece in pieces for word in cutter.feed(piece)] + cutter.end()
    text = "".join(pieces)
    assert "".join(heard) == text
    assert heard == words(text)


def test_text_without_blanks() -> None:
    """A text without white space is heard all the same, before it ends."""
    assert Words().feed('{"a":' + "1" * 100)
