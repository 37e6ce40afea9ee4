"""Results of older code that stand in for this run: fix and continue (`run --keep`), and what failed last time
(`run --failed`).

An older result is found under the key that older code would have had with the very inputs of now, and only if what it
read is unchanged. It is never stored under the new key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property

from wfkit.core.frozen import dataclass
from wfkit.core.plan import Asked, Index, look_up
from wfkit.core.result import Known, Read
from wfkit.core.terms import Reason

_REPLACED = frozenset(
    {
        Reason.NEVER_RUN,
        Reason.CODE_CHANGED,
        Reason.PROMPT_CHANGED,
        Reason.SETTINGS_CHANGED,
        Reason.INPUT_CHANGED,
        Reason.FAILED_BEFORE,
    }
)
KeysOf = Callable[[str], Sequence[str | None]]  # the keys of a node's tasks, had it this definition


@dataclass(slots=True)
class Found:
    """What was looked up of a node, a column each: results that serve, reasons, and which code made what stands in."""

    known: list[Known | None]
    reasons: list[str]
    made_by: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Failures:
    """What failed in a run: of each such node the definition it had then, and the keys of all tasks that failed."""

    definitions: Mapping[str, str] = field(default_factory=dict)
    keys: frozenset[str] = frozenset()


@dataclass
class Keeping:
    """How older results are looked for. What is in `failed` runs, whatever older code made of it."""

    index: Index
    unchanged: Callable[[Read], bool]
    failed: Failures = Failures()

    @cached_property
    def definitions(self) -> dict[str, list[str]]:
        """The definitions that each node's results were made by, the newest first."""
        newest: dict[tuple[str, str], float] = {}
        for results in self.index.by_key.values():
            for known in results:
                made = known.node, known.definition
                newest[made] = max(known.created_at, newest.get(made, 0.0))
        found: dict[str, list[str]] = {}
        for node, definition in sorted(newest, key=lambda made: -newest[made]):
            found.setdefault(node, []).append(definition)
        return found

    def older(self, node: str, definition: str | None) -> list[str]:
        """Other definitions that may have served a node: first the one that failed, then the newest."""
        last = self.failed.definitions.get(node)
        others = [*([last] if last is not None else []), *self.definitions.get(node, ())]
        return [other for other in dict.fromkeys(others) if other != definition]

    def fill(self, found: Found, asked: Asked, keys_of: KeysOf, now: float) -> Found:
        """What was found, with older results where there is none."""
        open_ = [i for i, known in enumerate(found.known) if known is None and found.reasons[i] in _REPLACED]
        if asked.definition is None or not open_:
            return found
        known, reasons = list(found.known), list(found.reasons)
        made_by: list[str | None] = [None] * len(known)
        for definition in (asked.definition, *self.older(asked.node, asked.definition)):
            older, left = replace(asked, definition=definition), []
            keys = keys_of(definition)
            for i in open_:
                if keys[i] in self.failed.keys:
                    reasons[i] = Reason.FAILED_BEFORE
                    continue
                hit = look_up(keys[i], older, self.index, self.unchanged, now)[0]
                if hit is None:
                    left.append(i)
                    continue
                known[i], reasons[i], made_by[i] = hit, Reason.KEPT_OLD_CODE, definition
            open_ = left
        return Found(known, reasons, tuple(made_by) if any(made_by) else ())
