"""The plain tokenizer counts and cuts consistently."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wfkit.llm import tokens


@given(st.text(max_size=60), st.integers(0, 30))
def test_cut_is_what_count_counts(text: str, limit: int) -> None:
    """What is cut at n has n pieces, or all of them if there are fewer."""
    assert tokens.count(tokens.cut(text, limit)) == min(limit, tokens.count(text))
    assert text.startswith(tokens.cut(text, limit))
