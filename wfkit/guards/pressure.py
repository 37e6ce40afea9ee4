"""Pressure: how many calls of a model it makes sense to have under way now. More would only wait and keep others off.

Reads the guards and changes nothing; who begins attempts asks this first.
"""

from __future__ import annotations

from wfkit.core.frozen import dataclass
from wfkit.guards.chain import Guards


@dataclass(frozen=True, slots=True)
class Room:
    """At most `places` calls (None: no bound); after `again_s` seconds it may be more by itself (None: it may not)."""

    places: int | None = None
    again_s: float | None = None


FREE = Room()


def room(guards: Guards, model: str) -> Room:
    """Those that are sent, and as many as may be sent now; at least one more, which finds out when to go on."""
    found = [each for each in (guards.breakers.room(model), guards.rates.room(model)) if each is not None]
    if not found:
        return FREE
    again_s = [seconds for _, seconds in found if seconds > 0]
    more = max(1, min(places for places, _ in found))
    return Room(guards.away.get(model, 0) + more, max(again_s, default=None))


def retries_alone(guards: Guards, model: str) -> bool:
    """Whether the model mostly fails, so that its retries go one at a time and others would only wait."""
    return guards.retries.alone(model)


def seats(guards: Guards, provider: str) -> int | None:
    """How many seats a provider has now; None before it was asked."""
    return guards.pools.seats(provider)
