"""The walk over parts: any depth, no cycles, linear in size, and a path to whatever cannot be digested."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wfkit.errors import ValueFault
from wfkit.keys.content import parts, plain
from wfkit.keys.content.plain import nest
from wfkit.keys.values import digest


def nested(depth: int, inner: Any, wrap: Any) -> Any:
    """`inner` within so many containers."""
    for _ in range(depth):
        inner = wrap(inner)
    return inner


WRAPS = [lambda part: [part], lambda part: (part,), lambda part: {"k": part}, lambda part: [1, part, "x"]]


@pytest.mark.parametrize("wrap", WRAPS)
def test_any_depth(wrap: Any) -> None:
    """10,000 levels are digested, plain or not, and each level counts."""
    for inner in (1, Path("x")):
        deep = nested(10_000, inner, wrap)
        assert digest(deep) == digest(nested(10_000, inner, wrap))
        assert digest(deep) != digest(nested(9_999, inner, wrap))


def test_depth_just_around_the_limit_of_the_fast_path() -> None:
    """Nothing special happens where the fast path ends: all depths differ."""
    found = {digest(nested(depth, 1, WRAPS[0])) for depth in range(240, 270)}
    assert len(found) == 30


def test_sharing_in_deep_values_does_not_count() -> None:
    """A deep value with a shared part equals one with two equal parts."""
    part = [1, [2]]
    shared = nested(300, [part, part], WRAPS[0])
    assert digest(shared) == digest(nested(300, [[1, [2]], [1, [2]]], WRAPS[0]))


def test_deep_and_heavy_is_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long chain of records with text is written out, as far as that goes, once in many levels and not for each."""
    tried: list[int] = []

    def counted(value: Any) -> tuple[bytes | None, bool]:
        tried.append(id(value))
        return nest(value)

    for module in (parts, plain):
        monkeypatch.setattr(module, "nest", counted)
    digest(nested(20_000, None, lambda part: {"text": "x" * 500, "next": part}))
    assert 0 < len(tried) < 20_000 / 50


def test_cycle_is_refused() -> None:
    """A value that contains itself is refused, with the place."""
    loop: dict[str, Any] = {"a": [1]}
    loop["a"].append(loop)
    with pytest.raises(ValueFault, match=r"value\['a'\]\[1\]: dict cannot be digested: it contains itself"):
        digest(loop)


def test_path_of_a_deep_part_is_short() -> None:
    """The path to a part that is very deep is cut in the middle."""
    with pytest.raises(ValueFault) as fault:
        digest(nested(1000, object(), WRAPS[0]))
    assert "levels" in str(fault.value)
    assert len(str(fault.value)) < 200
