"""Docstrings of every style say the same of the same function."""

from __future__ import annotations

import pytest

from wfkit.define.docstring import Documented, documented

GOOGLE = """Find products.

    The catalogue is that
    of today.

    Args:
        query: what to look for,
            in a few words
        limit (int, optional): at most so many

    Returns:
        names: of products
    """
NUMPY = """
    Find products.

    The catalogue is that
    of today.

    Parameters
    ----------
    query : str
        what to look for,
        in a few words
    limit
        at most so many

    Returns
    -------
    list
    """
REST = """Find products.

    The catalogue is that
    of today.

    :param query: what to look for,
        in a few words
    :param int limit: at most so many
    :returns: names of products
    """


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, REST], ids=["google", "numpy", "rest"])
def test_styles(text: str) -> None:
    """The description ends where the arguments begin; what is said of an argument may take several lines."""
    assert documented(text) == Documented(
        "Find products.\nThe catalogue is that of today.",
        {"query": "what to look for, in a few words", "limit": "at most so many"},
    )


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_nothing(text: str | None) -> None:
    """No docstring, no words."""
    assert documented(text) == Documented("", {})


def test_without_sections() -> None:
    """Words with a colon in them are no section."""
    assert documented("Note: this is slow.\nArgs are many").description == "Note: this is slow. Args are many"
