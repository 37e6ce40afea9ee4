"""Promises of `core/scope.py`: the items of two runs are held side by side by their names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wfkit.core.scope import Alignment, align

NAMED = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("12")).map(lambda found: [*found.items()])


def test_each_kind_of_difference() -> None:
    """An item is the same, changed, added or removed; of those that stayed the fewest that can have moved did."""
    old = [("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")]
    new = [("d", "1"), ("a", "1"), ("b", "2"), ("x", "1")]
    assert align(old, new) == Alignment(same=2, changed=("b",), added=("x",), removed=("c",), moved=1)
    assert align(old, old) == Alignment(same=4)
    assert align([], new).added == ("d", "a", "b", "x")
    assert align(old[::-1], old).moved == 3


@given(NAMED, NAMED)
def test_nothing_is_lost(old: list[tuple[str, str]], new: list[tuple[str, str]]) -> None:
    """Every item of either list is in exactly one place, and the other way round new and gone change sides."""
    found, back = align(old, new), align(new, old)
    assert found.same + len(found.changed) + len(found.added) == len(new)
    assert found.same + len(found.changed) + len(found.removed) == len(old)
    assert (found.same, found.moved, set(found.changed)) == (back.same, back.moved, set(back.changed))
    assert (set(found.added), set(found.removed)) == (set(back.removed), set(back.added))
    assert found.moved <= max(0, found.same + len(found.changed) - 1)
