"""What a run takes on: all items of its maps or a sample, new results only or also old ones. And how the items of two
runs compare.

Frozen data and pure functions; which items a seed picks is in `keys.sample`, what old results may serve in
`engine.keeping`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from wfkit.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run takes on.

    `limit`: of each map at most so many items, the first ones, or with `random` those that `seed` picks. `keep`:
    results of older code stand in, for this run only. `failed`: as `keep`, but what failed last time runs.
    """

    limit: int | None = None
    random: bool = False
    seed: int = 0
    keep: bool = False
    failed: bool = False

    @property
    def takes_old(self) -> bool:
        """Whether results of older code may stand in."""
        return self.keep or self.failed


@dataclass(frozen=True, slots=True)
class Sample:
    """Some of the items of a map: `total` is how many there are, `picked` their places among them, in order. `seed` is
    what picked them, None for the first ones."""

    total: int
    picked: tuple[int, ...]
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Alignment:
    """How the items of two runs compare, by the names that a key column gives them. `moved` are the fewest that must
    have changed place."""

    same: int = 0
    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    moved: int = 0


Named = Sequence[tuple[str, str]]  # name and digest of each item, in order


def align(old: Named, new: Named) -> Alignment:
    """Compare two lists of items whose names are distinct. O(n log n)."""
    before = {name: (place, digest) for place, (name, digest) in enumerate(old)}
    now = dict(new)
    common = [(name, digest) for name, digest in new if name in before]
    places = [before[name][0] for name, _ in common]
    changed = tuple(name for name, digest in common if before[name][1] != digest)
    return Alignment(
        same=len(common) - len(changed),
        changed=changed,
        added=tuple(name for name, _ in new if name not in before),
        removed=tuple(name for name, _ in old if name not in now),
        moved=len(places) - _longest_rising(places),
    )


def _longest_rising(numbers: Sequence[int]) -> int:
    """The length of the longest increasing subsequence (patience sorting; Fredman, Discrete Mathematics 11, 1975)."""
    ends: list[int] = []
    for number in numbers:
        place = bisect_left(ends, number)
        ends[place : place + 1] = [number]
    return len(ends)
