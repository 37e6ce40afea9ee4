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


def map_digest(item_digests: Sequence[str]) -> str:
    """The value digest of a mapped node: of the digests of its items, in order. Cheap at 100,000 items, and no value
    is needed.
    """
    text = "\x00".join([SCHEME, "map", *item_digests])
    return blake3(text.encode("ascii")).hexdigest(length=16)
