"""The keys of tasks: one short hash over digests that are already known. No value is looked at here.

Adding to what a key is made of changes every key: then `SCHEME` must change, so that old results are misses and not
lies.
"""

from __future__ import annotations

from collections.abc import Sequence

from blake3 import blake3

SCHEME = "wf1"


def task_key(definition: str, inputs: Sequence[tuple[str, str]]) -> str:
    """The key of a task as 32 hex characters: digest of its definition and of the (name, value digest) pairs that go
    in.

    The order of the pairs does not matter; names must be distinct.
    """
    pairs = inputs if len(inputs) < 2 else sorted(inputs)
    text = "\x00".join([SCHEME, "task", definition, *[part for pair in pairs for part in pair]])
    return blake3(text.encode("utf-8", "surrogatepass")).hexdigest(length=16)


def task_keys(definition: str, inputs: Sequence[tuple[str, str]], name: str, digests: Sequence[str]) -> list[str]:
    """`task_key` for many tasks that differ in one input, each with its digest of it."""
    if any(other == name for other, _ in inputs):  # their order is that of the digests
        return [task_key(definition, [*inputs, (name, digest)]) for digest in digests]
    before = [part for pair in sorted(inputs) if pair[0] < name for part in pair]
    after = [part for pair in sorted(inputs) if pair[0] > name for part in pair]
    head = "\x00".join([SCHEME, "task", definition, *before, name, ""]).encode("utf-8", "surrogatepass")
    tail = "".join(f"\x00{part}" for part in after).encode("utf-8", "surrogatepass")
    return [blake3(head + digest.encode() + tail).digest(16).hex() for digest in digests]


def map_digest(item_digests: Sequence[str]) -> str:
    """The value digest of a mapped node: of the digests of its items, in order. Cheap at 100,000 items, and no value
    is needed.
    """
    text = "\x00".join([SCHEME, "map", *item_digests])
    return blake3(text.encode("ascii")).hexdigest(length=16)
