"""What counts as a secret: names of variables, values of theirs, known shapes, and nothing else."""

from __future__ import annotations

import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.core.secrets import beginning, is_named, masked, redact, settled


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


def test_secrets_that_overlap_go_as_one() -> None:
    """Of a secret within another, or of two that share a part, nothing is left; neither is of one that is spelled."""
    known = {"A_KEY": "abcdefgh-1234", "B_KEY": "cdefgh-1", "C_KEY": "1234-zyxwv", "D_KEY": 'with "quotes" & more'}
    assert redact("x abcdefgh-1234 y", known) == "x [redacted] y"
    assert redact("x abcdefgh-1234-zyxwv y", known) == "x [redacted] y"
    secret = known["D_KEY"]
    for spelled in (json.dumps(secret), repr(secret), html.escape(secret), quote(secret, safe=""), quote_plus(secret)):
        assert redact(f"a {spelled} b", known).strip("ab \"'") == "[redacted]"
    assert redact("aaaaaaaaaaaa", {"A_KEY": "aaaaaaaa"}) == "[redacted]"


@given(st.text("ab1-", min_size=8, max_size=20), st.text("xy ", max_size=30), st.text("xy ", max_size=30))
def test_no_beginning_of_a_secret_is_told(secret: str, before: str, after: str) -> None:
    """A text that grows letter by letter shows nothing of a secret, not even while its end has not come; what holds
    none comes out unchanged."""
    known = {"A_KEY": secret}
    whole = f"{before}{secret}{after}"
    for end in range(len(whole) + 1):
        shown = settled(whole[:end], known)
        assert not set("ab1-").intersection(shown.replace("[redacted]", ""))
        assert shown.startswith(whole[: min(end, len(before))])
    assert settled(whole, known) == f"{before}[redacted]{after}"


def test_what_is_cut_is_redacted_before() -> None:
    """A text that fits stays as it is: it is redacted where it is written."""
    known = {"A_KEY": "abcdefgh-1234"}
    assert beginning("x abcdefgh-1234", 15, known) == "x abcdefgh-1234"
    assert beginning("x abcdefgh-1234 yyyy", 15, known) == "x [redacted] yy"
    assert masked("x abcdefgh-1234 y", known) == "x ************* y"
