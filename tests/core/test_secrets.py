"""What counts as a secret: names of variables, values of theirs, known shapes, and nothing else."""

from __future__ import annotations

import pytest

from wfkit.core.secrets import is_named, redact


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "my_token", "DB_PASSWORD", "SECRETS_FILE", "PASSWD"])
def test_names(name: str) -> None:
    """A variable that is named like a secret holds one."""
    assert is_named(name)


@pytest.mark.parametrize("name", ["HOME", "KEYBOARD", "GOOGLE_APPLICATION_CREDENTIALS", "TOKENIZER"])
def test_other_names(name: str) -> None:
    """Parts of words do not count, and neither does a variable that names a file."""
    assert not is_named(name)


def test_errors_quote_pieces_of_keys() -> None:
    """Values of variables, whole tokens, and the shorter pieces that providers quote; short values stay."""
    text = "key sk-proj-abcdefgh12345678 canary-canary, Bearer abcdefghijkl ?key=AIzaSyA1234567890 AKIAABCDEFGHIJKLMNOP"
    told = redact(text, {"MY_TOKEN": "canary-canary"})
    assert told == "key [redacted] [redacted], Bearer [redacted] ?key=[redacted] [redacted]"
    assert redact("a short KEY stays", {"A_KEY": "short"}) == "a short KEY stays"
