"""Reasons without the nodes at hand: a shell asks what a rerun of a past run would do, as its nodes were defined then.

Keys come from the log of that run; files and variables are looked at as they are now.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from wfkit.core.call import Failure
from wfkit.core.events import NodeSpec, Resolved, RunStarted, Skipped, Unresolvable
from wfkit.core.frozen import dataclass
from wfkit.core.graph import near
from wfkit.core.plan import Asked, Index, look_up_all
from wfkit.core.terms import Reason
from wfkit.engine.execute import Session
from wfkit.engine.plans.explaining import Explanation, choose
from wfkit.engine.plans.telling import Case, leading, told
from wfkit.errors import StoreFault, UsageFault
from wfkit.keys.reads import ReadChecker


@dataclass(frozen=True, slots=True)
class Recalled:
    """A past run in outline, with what is known of its nodes now: their keys, which one was skipped because of which,
    and whose keys could not be made."""

    started: RunStarted
    keys: dict[int, tuple[str | None, ...]]
    skipped: dict[int, int]
    failures: dict[int, Failure]
    index: Index
    checker: ReadChecker

    @property
    def specs(self) -> tuple[NodeSpec, ...]:
        """The nodes of the run."""
        return self.started.nodes

    def reasons(self, node: int) -> list[Reason]:
        """For each task of a node, why it would run or not; empty for one whose keys were never made."""
        spec, now = self.specs[node], time.time()
        asked = Asked(spec.name, spec.kind, spec.definition, spec.cache)
        looked = look_up_all(self.keys.get(node, ()), asked, self.index, self.checker.unchanged, now)
        return cast(list[Reason], looked.reasons)  # members all, and there may be 100,000

    def waiting(self, node: int) -> Reason:
        """Why a node without keys has none: a node before it failed, or it was not its turn."""
        return Reason.UPSTREAM_FAILED if node in self.skipped else Reason.AWAITS


def recall(session: Session, run_id: str | None = None) -> Recalled:
    """The newest run of the store, or the one named. Raises UsageFault when there is none."""
    store = session.store
    newest = run_id or store.newest_run()
    if newest is None:
        raise UsageFault("this store holds no run yet: run a notebook first (`wfkit run FILE.ipynb`)")
    events = [entry.event for entry in store.entries(newest, outline=True)]
    started = events[0] if events else None
    if not isinstance(started, RunStarted):
        raise StoreFault("a run has no beginning in its log: run `wfkit doctor`, which names damaged lines")
    names = [spec.name for spec in started.nodes]
    index = Index(store.known(names), ask_not_kept=lambda: store.not_kept(names))
    found = Recalled(started, {}, {}, {}, index, ReadChecker(session.project, session.settings.counted()))
    for event in events:
        match event:
            case Resolved():
                found.keys[event.node] = event.keys
            case Skipped():
                found.skipped[event.node] = event.because
            case Unresolvable():
                found.failures[event.node] = event.failure
    return found


def recalled_why(recalled: Recalled, name: str, item: int | None = None) -> Explanation:
    """Why a node of a past run would run again or not. Raises UsageFault for an unknown node or item."""
    names = [spec.name for spec in recalled.specs]
    if name not in names:
        raise UsageFault(f"no node of the newest run is named {name!r}{near(name, names)}")
    n = names.index(name)
    as_then = f"as the node was defined in run {recalled.started.run_id[:8]}"
    reasons = recalled.reasons(n)
    if not reasons:
        return _unresolved(recalled, n, as_then)
    chosen = choose(name, len(reasons), item)
    counts = Counter(reasons[task] for task in chosen)
    reason = leading(counts)
    keys = recalled.keys[n]
    case = _case(recalled, n, reason, [keys[task] for task in chosen if reasons[task] is reason])
    hit = case.hit() if reason is Reason.CACHED else None
    counted = {str(known): count for known, count in counts.items()}
    found = Explanation(name, reason, counted, f"{told(case)}; {as_then}", item=item)
    return found if hit is None else replace(found, from_run=hit.run_id, made_at=hit.created_at)


def _case(recalled: Recalled, n: int, reason: Reason, keys: Sequence[str | None]) -> Case:
    spec, checker = recalled.specs[n], recalled.checker
    problem = None if spec.definition else "something that it depends on has no digest, so it is not cached"
    return Case(spec.name, reason, keys, recalled.index, spec.cache, checker.unchanged, checker.digest, problem)


def _unresolved(recalled: Recalled, n: int, as_then: str) -> Explanation:
    reason = recalled.waiting(n)
    because = recalled.skipped.get(n)
    detail = "it was not its turn before that run ended"
    if n in recalled.failures:
        detail = f"it failed then: {recalled.failures[n].message}"
    elif because is not None:
        detail = f"{recalled.specs[because].name!r} had failed or was skipped"
    return Explanation(recalled.specs[n].name, reason, {str(reason): 1}, f"{detail}; {as_then}")
