"""Keys of tasks: a function of definition and inputs alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wfkit.keys.task import map_digest, task_key, task_keys

HEX = st.text("0123456789abcdef", min_size=32, max_size=32)
PAIRS = st.dictionaries(st.text(max_size=5).filter(lambda name: "\x00" not in name), HEX, max_size=4)


@given(HEX, PAIRS, st.text(max_size=5).filter(lambda name: "\x00" not in name), st.lists(HEX, max_size=3))
def test_keys_of_items(definition: str, inputs: dict[str, str], name: str, digests: list[str]) -> None:
    """The keys of many items are those that each has alone."""
    pairs = list(inputs.items())
    assert task_keys(definition, pairs, name, digests) == [task_key(definition, [*pairs, (name, d)]) for d in digests]


@given(HEX, PAIRS, HEX, PAIRS)
def test_key_tells_apart(definition: str, inputs: dict[str, str], other: str, others: dict[str, str]) -> None:
    """Equal definition and inputs, in any order, make the key; anything else another one."""
    key = task_key(definition, list(inputs.items()))
    assert key == task_key(definition, list(reversed(inputs.items())))
    assert len(key) == 32
    same = (definition, inputs) == (other, others)
    assert (key == task_key(other, list(others.items()))) == same


@given(st.lists(HEX, max_size=4), st.lists(HEX, max_size=4))
def test_map_digest_keeps_order(one: list[str], two: list[str]) -> None:
    """The digest of a mapped value says which items, and in which order."""
    assert (map_digest(one) == map_digest(two)) == (one == two)
