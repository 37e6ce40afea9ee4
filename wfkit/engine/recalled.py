"""Reasons without the nodes at hand: a shell asks what a rerun of a past run would do, as its nodes were defined then.

Keys come from the log of that run; files and variables are looked at as they are now.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from wfkit.core.frozen import dataclass
from wfkit.core.graph import near
from wfkit.core.plan import Asked, Index, look_up_all
from wfkit.core.promises import Store
from wfkit.core.run import Run, replay
from wfkit.core.terms import Reason, TaskState
from wfkit.engine.explaining import Explanation, choose
from wfkit.engine.telling import Case, leading, told
from wfkit.errors import UsageFault
from wfkit.keys.reads import ReadChecker


@dataclass(frozen=True, slots=True)
class Recalled:
    """A past run, replayed, with what is known of its nodes now."""

    run: Run
    index: Index
    checker: ReadChecker

    def reasons(self, node: int) -> list[Reason]:
        """For each task of a node, why it would run or not; empty for one whose keys were never made."""
        spec, now = self.run.specs[node], time.time()
        asked = Asked(spec.name, spec.kind, spec.definition, spec.cache)
        looked = look_up_all(self.keys(node), asked, self.index, self.checker.unchanged, now)
        return [Reason(reason) for reason in looked.reasons]

    def keys(self, node: int) -> list[str | None]:
        """The keys of the tasks of a node."""
        return [self.run.key[task] for task in self.run.tasks(node)]

    def waiting(self, node: int) -> Reason:
        """Why a node without keys has none: a node before it failed, or it was not its turn."""
        skipped = self.run.node_state[node] is TaskState.SKIPPED
        return Reason.UPSTREAM_FAILED if skipped else Reason.AWAITS


def recall(store: Store, project: Path, run_id: str | None = None) -> Recalled:
    """The newest run of the store, or the one named. Raises UsageFault when there is none."""
    newest = run_id or store.newest_run()
    if newest is None:
        raise UsageFault("this store holds no run yet: run a notebook first (`wfkit run FILE.ipynb`)")
    run = replay(store.entries(newest))
    names = [spec.name for spec in run.specs]
    return Recalled(run, Index(store.known(names), ask_not_kept=lambda: store.not_kept(names)), ReadChecker(project))


def recalled_why(recalled: Recalled, name: str, item: int | None = None) -> Explanation:
    """Why a node of a past run would run again or not. Raises UsageFault for an unknown node or item."""
    names = [spec.name for spec in recalled.run.specs]
    if name not in names:
        raise UsageFault(f"no node of the newest run is named {name!r}{near(name, names)}")
    n = names.index(name)
    as_then = f"as the node was defined in run {recalled.run.started.run_id[:8]}"
    reasons = recalled.reasons(n)
    if not reasons:
        return _unresolved(recalled, n, as_then)
    chosen = choose(name, len(reasons), item)
    counts = Counter(reasons[task] for task in chosen)
    reason = leading(counts)
    keys = recalled.keys(n)
    case = _case(recalled, n, reason, [keys[task] for task in chosen if reasons[task] is reason])
    hit = case.hit() if reason is Reason.CACHED else None
    counted = {str(known): count for known, count in counts.items()}
    found = Explanation(name, reason, counted, f"{told(case)}; {as_then}", item=item)
    return found if hit is None else replace(found, from_run=hit.run_id, made_at=hit.created_at)


def _case(recalled: Recalled, n: int, reason: Reason, keys: Sequence[str | None]) -> Case:
    spec, checker = recalled.run.specs[n], recalled.checker
    problem = None if spec.definition else "something that it depends on has no digest, so it is not cached"
    return Case(spec.name, reason, keys, recalled.index, spec.cache, checker.unchanged, checker.digest, problem)


def _unresolved(recalled: Recalled, n: int, as_then: str) -> Explanation:
    run = recalled.run
    reason = recalled.waiting(n)
    because = run.skipped_for.get(n)
    detail = "it was not its turn before that run ended"
    if n in run.node_failures:
        detail = f"it failed then: {run.node_failures[n].message}"
    elif because is not None:
        detail = f"{run.specs[because].name!r} had failed or was skipped"
    return Explanation(run.specs[n].name, reason, {str(reason): 1}, f"{detail}; {as_then}")
