"""Previews are short, quick and harmless."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from wfkit.keys.preview import LIMIT, preview


class Rude:
    """An object whose repr raises."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


class Shapeless:
    """An object that raises when it is looked at."""

    @property
    def shape(self) -> None:
        raise RuntimeError("no")


SHOWN: list[tuple[Any, str]] = [
    (1.5, "1.5"),
    ("text", "'text'"),
    ({"a": [1, 2]}, "{'a': [1, 2]}"),
    (pd.DataFrame({"a": [1, 2]}), "<DataFrame 2 × 1>"),
    (np.zeros((3, 4)), "<ndarray 3 × 4>"),
    (Rude(), "<Rude instance>"),
    (Shapeless(), "<Shapeless; its repr raises RuntimeError>"),
]


@pytest.mark.parametrize(("value", "text"), SHOWN)
def test_shown(value: Any, text: str) -> None:
    """Values look as Python shows them, large ones by their shape; a repr that raises is told."""
    assert preview(value) == text


def test_never_long() -> None:
    """500 characters at most, and no addresses that differ each time."""
    assert all(
        len(preview(value)) <= LIMIT
        for value in ("x" * 10_000, list(range(10_000)), {"k": "v" * 10_000}, [[["x"] * 99] * 99] * 99)
    )
    assert "0x" not in preview([object()])
