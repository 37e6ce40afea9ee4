"""What survives a collection: a pure function of what the journals hold and what the user wished.

A run goes whole, with the results that no surviving run made or used; replies of models stay unless their going was
asked for. Nothing is read or removed here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from wfkit.errors import UsageFault
from wfkit.store.collection.survey import Facts, Made, RunFacts, Use

NEWEST = 10
_SPANS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True, slots=True)
class Wish:
    """What may go: runs last at work at or before `until` (Unix seconds), and the least recently used beyond `bytes`
    in all. The `newest` runs stay. `replies`: those of collected runs go too, and are bought again when needed."""

    until: float | None = None
    bytes: float | None = None
    newest: int = NEWEST
    replies: bool = False


@dataclass(frozen=True, slots=True)
class Fate:
    """What goes. `kept` says for each protected run why it stays; `used` are the results that surviving runs need."""

    gone: frozenset[str]
    kept: Mapping[str, str]
    used: frozenset[Use]
    definitions: frozenset[str]
    nodes: frozenset[str] = frozenset()  # of runs at work: all their results stay
    replies: bool = False
    keys: frozenset[str] = field(default=frozenset(), repr=False)

    def keeps(self, run_id: str, node: str, use: Use) -> bool:
        """Whether a result stays."""
        return run_id not in self.gone or use in self.used or node in self.nodes


def decide(facts: Facts, wish: Wish, kept: Mapping[str, str]) -> Fate:
    """Which runs and results go. `kept` are runs that must stay, each with the reason."""
    why = protected(facts, wish, kept)
    until = _cutoff(facts, wish, why)
    gone = frozenset(name for name, run in facts.runs.items() if name and name not in why and run.last_at <= until)
    stay = [run for name, run in facts.runs.items() if name not in gone]
    fate = Fate(
        gone=gone,
        kept=why,
        used=frozenset(use for run in stay for use in run.used),
        definitions=frozenset(digest for run in stay for digest in run.definitions),
        nodes=_at_work(facts),
        replies=wish.replies,
        keys=frozenset(facts.keys),
    )
    extra = frozenset(made.definition for made in facts.made if fate.keeps(made.run_id, made.node, made.use))
    return Fate(gone, why, fate.used, fate.definitions | extra, fate.nodes, wish.replies, fate.keys)


def protected(facts: Facts, wish: Wish, kept: Mapping[str, str]) -> dict[str, str]:
    """The runs that must stay, each with the reason."""
    started = sorted((run for run in facts.runs.values() if run.started), key=lambda run: run.last_at, reverse=True)
    why = {run.run_id: "among the newest" for run in started[: wish.newest]}
    why.update((name, reason) for name, reason in kept.items() if name in facts.runs)
    why.update((name, "in a live journal") for name, run in facts.runs.items() if name and not run.movable)
    return why


def span(text: str | float) -> float:
    """Seconds of `30d`, `12h`, `90m`. Raises UsageFault."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", str(text).strip())
    if found is None:
        raise UsageFault(f"an age is a number with s, m, h, d or w like 30d, not {text!r}")
    return float(found[1]) * _SPANS[found[2]]


def amount(text: str | float) -> float:
    """Bytes of `2GB`, `500MB`. Raises UsageFault."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?B)", str(text).strip().upper())
    if found is None:
        raise UsageFault(f"a size is a number with B, KB, MB, GB or TB like 2GB, not {text!r}")
    return float(found[1]) * _UNITS[found[2]]


def _at_work(facts: Facts) -> frozenset[str]:
    """Nodes of runs that go on now: they may have found any result of theirs."""
    busy = [run for run in facts.runs.values() if run.started and run.unfinished and not run.movable]
    return frozenset(name for run in busy for name in run.nodes)


def _cutoff(facts: Facts, wish: Wish, why: Mapping[str, str]) -> float:
    until = -math.inf if wish.until is None else wish.until
    return until if wish.bytes is None else max(until, _cutoff_of_size(facts, wish.bytes, why))


def _cutoff_of_size(facts: Facts, most: float, why: Mapping[str, str]) -> float:
    """Up to when the last use of what goes must lie, so that about `most` bytes remain."""
    last = _last_uses(facts.runs.values(), why)
    weights = [(math.inf if run.run_id in why else run.last_at, run.line) for run in facts.runs.values()]
    objects: dict[str, tuple[float, int]] = {}
    for made in facts.made:
        at = max(last.get(made.use, -math.inf), _last_at(facts, made, why))
        weights.append((at, made.line))
        if made.payload is not None:
            objects[made.payload] = (max(at, objects.get(made.payload, (at, 0))[0]), made.size)
    total = facts.fixed
    for at, size in sorted([*weights, *objects.values()], reverse=True):
        total += size
        if total > most and at < math.inf:
            return at
    return -math.inf


def _last_uses(runs: Iterable[RunFacts], why: Mapping[str, str]) -> dict[Use, float]:
    last: dict[Use, float] = {}
    for run in runs:
        at = math.inf if run.run_id in why else run.last_at
        for use in run.used:
            last[use] = max(at, last.get(use, at))
    return last


def _last_at(facts: Facts, made: Made, why: Mapping[str, str]) -> float:
    return math.inf if made.run_id in why else facts.runs[made.run_id].last_at
