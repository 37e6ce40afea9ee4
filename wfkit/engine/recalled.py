"""Plan and reasons without the nodes at hand: a shell asks what a rerun of the newest run would do, as its nodes
were defined then.

Keys come from the log of that run; files and variables are looked at as they are now.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from wfkit.core.events import NodeSpec
from wfkit.core.frozen import dataclass
from wfkit.core.graph import near
from wfkit.core.plan import Asked, Index, Plan, PlanNode, look_up
from wfkit.core.policy import CachePolicy
from wfkit.core.promises import Store
from wfkit.core.run import Run, replay
from wfkit.core.terms import NodeKind, Reason
from wfkit.engine.explaining import Explanation
from wfkit.errors import UsageFault
from wfkit.keys.reads import ReadChecker


@dataclass(frozen=True, slots=True)
class Recalled:
    """The newest run of a store, replayed, with what is known of its nodes now."""

    run: Run
    index: Index
    checker: ReadChecker

    def reasons(self, node: int) -> list[Reason]:
        """For each task of a node, why it would run or not; empty for one whose keys were never made."""
        spec, now = self.run.specs[node], time.time()
        asked = Asked(spec.name, spec.kind, spec.definition, CachePolicy())
        keys = [self.run.key[task] for task in self.run.tasks(node)]
        return [look_up(key, asked, self.index, self.checker.unchanged, now)[1] for key in keys]


def recall(store: Store, project: Path, run_id: str | None = None) -> Recalled:
    """The newest run of the store, or the one named. Raises UsageFault when there is none."""
    runs = store.runs(1)
    if run_id is None and not runs:
        raise UsageFault("this store holds no run yet: run a notebook first (`wfkit run FILE.ipynb`)")
    run = replay(store.entries(run_id or runs[0].run_id))
    index = Index(store.known([spec.name for spec in run.specs]))
    return Recalled(run, index, ReadChecker(project))


def recalled_plan(recalled: Recalled) -> Plan:
    """What a rerun would do if no cell were edited."""
    run = recalled.run
    nodes = tuple(_node(recalled, n, spec) for n, spec in enumerate(run.specs) if spec.kind is not NodeKind.INPUT)
    return Plan(run.started.targets, nodes)


def _node(recalled: Recalled, n: int, spec: NodeSpec) -> PlanNode:
    reasons = recalled.reasons(n)
    return PlanNode(
        name=spec.name,
        kind=spec.kind,
        deps=tuple(recalled.run.specs[dep].name for dep in spec.deps),
        mapped=spec.over is not None,
        tasks=len(reasons) or None,
        reasons={**Counter(reasons)} or {Reason.AWAITS: 1},
    )


def recalled_why(recalled: Recalled, name: str, item: int | None = None) -> Explanation:
    """Why a node of the newest run would run again or not. Raises UsageFault for an unknown node or item."""
    names = [spec.name for spec in recalled.run.specs]
    if name not in names:
        raise UsageFault(f"no node of the newest run is named {name!r}{near(name, names)}")
    reasons = recalled.reasons(names.index(name))
    if item is not None:
        if not 0 <= item < len(reasons):
            raise UsageFault(f"node {name!r} has items 0 to {len(reasons) - 1}, not {item}")
        reasons = [reasons[item]]
    counts = Counter(reasons) or Counter({Reason.AWAITS: 1})
    reason = next((reason for reason, _ in counts.most_common() if reason is not Reason.CACHED), Reason.CACHED)
    newest = recalled.index.newest.get(name)
    from_run = newest.run_id if newest is not None and reason is Reason.CACHED else None
    detail = f"as the node was defined in run {recalled.run.started.run_id[:8]}"
    return Explanation(name, reason, {str(known): count for known, count in counts.items()}, detail, from_run=from_run)
