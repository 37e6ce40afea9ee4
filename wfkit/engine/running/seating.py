"""The seats of a run: how many attempts may be under way in each pool, and no more than its models have use for.

Scheduling by them is `core.decide`; what a model has use for is told by `guards.pressure`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wfkit.core.decide import Seats
from wfkit.core.events import NodeSpec
from wfkit.core.terms import NodeKind
from wfkit.guards.chain import Guards, provider_of
from wfkit.guards.pressure import retries_alone, room, seats


class Seating:
    """The places of every pool by its name, as `decide` takes them, held to what guards let pass."""

    def __init__(
        self, specs: Sequence[NodeSpec], sizes: Mapping[str, int], concurrency: int, guards: Guards | None = None
    ) -> None:
        self.slots: dict[str, Seats] = {}
        self._guards = guards
        self._models: dict[str, dict[str, tuple[str, int]]] = {}  # pool -> lane -> model, places at most
        self._provider: dict[str, str] = {}
        self._open: set[str] = set()  # pools of which an attempt may ask another provider
        for spec in specs:
            size = sizes.get(spec.pool, concurrency)
            pool = self.slots.setdefault(spec.pool, Seats(size, size))
            if spec.lane != spec.pool:
                most = min(size, spec.max_parallel or size)
                pool.lanes[spec.lane] = Seats(most, most)
            if spec.kind is NodeKind.PROMPT and spec.model is not None and guards is not None:
                lanes = self._models.setdefault(spec.pool, {})
                self._provider[spec.pool] = provider_of(spec.model)
                self._open |= {spec.pool} if spec.fallbacks else set()
                if spec.lane != spec.pool and not spec.fallbacks:  # another model would answer at once
                    lanes[spec.lane] = (spec.model, pool.lanes[spec.lane].size)
        self._most = {pool: self.slots[pool].size for pool in self._models}

    def press(self) -> float | None:
        """Hold the places to what can be used now; seconds until more can be, None if that is not known."""
        guards = self._guards
        if guards is None:
            return None
        again_s: list[float] = []
        for pool, lanes in self._models.items():
            places = self.slots[pool]
            held = seats(guards, self._provider[pool])
            now = self._most[pool] if held is None else min(held, self._most[pool])
            if pool not in self._open:
                places.resize(now)
            for lane, (model, most) in lanes.items():
                found = room(guards, model)
                places.lanes[lane].resize(min(most, now, now if found.places is None else found.places))
                places.lanes[lane].alone = retries_alone(guards, model)
                again_s += [] if found.again_s is None else [found.again_s]
        return min(again_s, default=None)
