"""The plan of a rerun: what a past run would do if it ran again as its nodes were defined then, and at what cost.

What a shell asks, without executing the notebook. Reasons are looked up by `recalled`.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from wfkit.core.estimate import NodeEstimate
from wfkit.core.plan import Plan, PlanNode
from wfkit.core.promises import Store
from wfkit.core.report import RunRow
from wfkit.core.terms import NodeKind, Reason
from wfkit.engine.execute import Session
from wfkit.engine.plans.estimating import Outlook, estimate
from wfkit.engine.plans.recalled import Recalled, recall
from wfkit.errors import UsageFault

_SEARCHED = 200  # newest runs among which one of a notebook, or with an id, is looked for


def replan(session: Session, of: str | None = None) -> Plan:
    """The plan of the newest run, or the newest of a notebook, or the run with this id (its beginning is enough).

    Raises UsageFault when there is no such run.
    """
    store = session.store
    row = _find(store, of)
    recalled = recall(session, row.run_id if row is not None else None)
    specs = recalled.specs
    reasons = {n: recalled.reasons(n) for n in range(len(specs))}
    jobs = {n: _job(recalled, n, reasons[n]) for n in reasons}
    names = [job.spec.name for job in jobs.values() if job.tasks[2] != 0]
    nodes, whole = estimate(jobs, store.past(names) if names else [], session.settings)
    steps = [n for n, spec in enumerate(specs) if spec.kind is not NodeKind.INPUT]
    planned = tuple(_node(recalled, n, Counter(reasons[n]), nodes[n]) for n in steps)
    started = recalled.started
    return Plan(started.targets, planned, whole, started.run_id, _warnings(of, started.at))


def _find(store: Store, of: str | None) -> RunRow | None:
    """The run that is meant, None for the newest."""
    if of is None:
        return None
    runs = store.runs(_SEARCHED)
    if of.endswith(".ipynb"):
        name = Path(of).name
        found = next((row for row in runs if row.notebook and Path(row.notebook).name == name), None)
        if found is None:
            raise UsageFault(f"no run of {name} is in this store: execute it first (`wfkit run {of}`)")
        return found
    matching = [row for row in runs if row.run_id.startswith(of)] if len(of) >= 4 else []
    if len(matching) != 1:
        many = f"{len(matching)} runs begin with {of!r}" if matching else f"no run begins with {of!r}"
        raise UsageFault(f"{many}; give a notebook (FILE.ipynb) or the id of a run as `wfkit history` shows it")
    return matching[0]


def _warnings(of: str | None, started_at: float) -> tuple[str, ...]:
    """Says that a notebook was edited since: what is in it now is not what was planned."""
    path = Path(of) if of is not None and of.endswith(".ipynb") else None
    if path is None or not path.is_file() or path.stat().st_mtime <= started_at:
        return ()
    edited = datetime.fromtimestamp(path.stat().st_mtime, UTC).astimezone()
    return (f"{path.name} was saved at {edited:%Y-%m-%d %H:%M}, after that run: its cells may not be those planned",)


def _job(recalled: Recalled, n: int, reasons: list[Reason]) -> Outlook:
    spec = recalled.specs[n]
    if spec.kind is NodeKind.INPUT:
        return Outlook(spec, (0, 0, 0))
    attempts = 1 + spec.retry.retries + (1 if spec.kind is NodeKind.PROMPT else 0)
    keys = recalled.keys.get(n)
    if not keys:
        tasks = (0, 1, 1) if spec.over is None else (0, None, None)
        return Outlook(spec, tasks, attempts, gap="how many items it has is not known before what is above it has run")
    cached = Reason.CACHED
    todo = {keys[task] or task for task, reason in enumerate(reasons) if reason is not cached}
    return Outlook(spec, (len(todo), len(todo), len(todo)), attempts)


def _node(recalled: Recalled, n: int, counts: Counter[Reason], foretold: NodeEstimate) -> PlanNode:
    spec = recalled.specs[n]
    return PlanNode(
        name=spec.name,
        kind=spec.kind,
        deps=tuple(recalled.specs[dep].name for dep in spec.deps),
        mapped=spec.over is not None,
        tasks=sum(counts.values()) or None,
        reasons={**counts} or {recalled.waiting(n): 1},
        estimate=foretold,
        model=spec.model,
    )
