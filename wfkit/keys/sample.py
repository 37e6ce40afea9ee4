"""Which items a seed picks: always the same ones of the same items, wherever they stand.

An item's rank is a hash of the seed and its digest. So a larger sample holds the smaller one, and items that are added
or moved leave most of a sample as it was. No values are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

from blake3 import blake3


def picks(digests: Sequence[str], size: int, seed: int) -> tuple[int, ...]:
    """The places of `size` of the items with these digests, in order. Equal items are picked from the front."""
    start = blake3(f"sample\x00{seed}\x00".encode())

    def rank(place: int) -> tuple[bytes, int]:
        hashed = start.copy()
        hashed.update(digests[place].encode())
        return hashed.digest(length=16), place

    return tuple(sorted(sorted(range(len(digests)), key=rank)[:size]))
