"""Whether code asks models is told before it runs, whatever it calls wfkit, and not of other names."""

from __future__ import annotations

from typing import Any

import pytest

import wfkit
from wfkit import ask
from wfkit.define.cell import parse_cell
from wfkit.keys.code.definition import define_python


def helper(text: str) -> Any:
    return ask(text)


def embed(text: str) -> str:
    return text


NAMES = {"wfkit": wfkit, "w": wfkit, "ask": ask, "helper": helper, "embed": embed, "q": wfkit.embed}


@pytest.mark.parametrize(
    ("body", "asks"),
    [
        ("await wfkit.ask('a')", True),
        ("await w.embed(['a'])", True),
        ("await ask('a')", True),
        ("q(['a']).result()", True),
        ("import wfkit as mine\nawait mine.ask('a')", True),
        ("from wfkit import ask as other\nawait other('a')", True),
        ("await helper('a')", True),
        ("[helper]", True),
        ("embed('a')", False),
        ("wfkit.env('HOME')", False),
        ("'wfkit.ask'", False),
        ("import json\njson.ask", False),
        ("def ask(): return 1\nask()", False),
    ],
)
def test_seen_before_it_runs(body: str, asks: bool) -> None:
    """A node asks if it, or a helper of it, names a door to models."""
    node = parse_cell("told", body, NAMES)
    assert define_python(node, lambda _: False).asks is asks
