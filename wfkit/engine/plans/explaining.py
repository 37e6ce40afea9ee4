"""Why a node runs, or does not: the reasons of its tasks, and what changed since the result before, as paths and
diffs.

Where a value is served, also why it was made when it was. Sentences are in `telling`, comparisons in `comparing`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from wfkit.core.frozen import dataclass
from wfkit.core.graph import near
from wfkit.core.result import Known
from wfkit.core.terms import Reason
from wfkit.engine.execute import Session
from wfkit.engine.plans.aligning import since_last
from wfkit.engine.plans.comparing import Change, definition_changes, given_now, given_then, input_changes
from wfkit.engine.plans.planning import Walk
from wfkit.engine.plans.telling import Case, leading, told
from wfkit.engine.preparing.prepare import Prepared, ReadyNode
from wfkit.errors import UsageFault

_CHANGED = frozenset({Reason.CODE_CHANGED, Reason.PROMPT_CHANGED, Reason.SETTINGS_CHANGED})
_NAMED = 5  # items that a sentence names


@dataclass(frozen=True, slots=True)
class Explanation:
    """`reasons` counts the node's tasks. `changes` are (path, kind, diff) of what is new in the definition or the
    inputs. `detail` says the rest in a sentence; `from_run` and `made_at` (Unix seconds) tell where a cached value was
    made, `made_because` why it ran there; `waits_for` names the nodes whose results must come first."""

    node: str
    reason: Reason
    reasons: dict[str, int]
    detail: str
    changes: tuple[Change, ...] = ()
    from_run: str | None = None
    made_at: float | None = None
    made_because: str | None = None
    waits_for: tuple[str, ...] = ()
    item: int | None = None


def explain(session: Session, prepared: Prepared, name: str, item: int | None = None) -> Explanation:
    """The explanation of one node, or of one item of it. Raises UsageFault for an unknown node or item."""
    if name not in prepared.graph.position:
        raise UsageFault(f"no node is named {name!r}{near(name, prepared.graph.position)}")
    n = prepared.graph.position[name]
    walk = Walk(session, prepared)
    ready, resolved = prepared.ready[n], walk.resolved[n]
    if resolved is None:
        return _awaiting(walk, n, ready)
    chosen = choose(name, len(resolved.keys), item)
    counts = Counter(Reason(resolved.reasons[task]) for task in chosen)
    reason = leading(counts)
    tasks = [task for task in chosen if resolved.reasons[task] == reason]
    keys = [resolved.keys[task] for task in tasks]
    look = (walk.resolver.unchanged, walk.digest_now)
    case = Case(name, reason, keys, walk.index, ready.node.options.cache, *look, ready.definition.problem)
    counted = {str(reason): count for reason, count in counts.items()}
    since = since_last(session.store, walk, n) if item is None else ""
    if reason is Reason.CACHED and (hit := case.hit()):
        served = _served(session, walk, n, item, (case, hit, counted))
        return replace(served, detail=_joined(served.detail, since))
    detail = _joined(told(case) + _which(tasks, len(chosen), ready), since)
    changes = _changes(session, walk, n, tasks[0] if tasks else 0, reason)
    return Explanation(name, reason, counted, detail, changes, item=item)


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def choose(name: str, tasks: int, item: int | None) -> range:
    """The tasks that are asked about. Raises UsageFault for an item that there is not."""
    if item is None:
        return range(tasks)
    if not 0 <= item < tasks:
        has = f"has items 0 to {tasks - 1}" if tasks else "has no items"
        raise UsageFault(f"node {name!r} {has}, not {item}")
    return range(item, item + 1)


def _awaiting(walk: Walk, n: int, ready: ReadyNode) -> Explanation:
    waits = tuple(walk.prepared.graph.nodes[dep].name for dep in ready.deps if not walk.is_known(dep))
    detail = walk.faults.get(n) or f"its key needs the result of {', '.join(waits)} first"
    reason = walk.waiting(n)
    if reason is Reason.UPSTREAM_FAILED:
        names = " and ".join(repr(name) for name in walk.failed_above(n))
        detail = f"it waits for {names}, which failed in the run before; it runs when that works"
    return Explanation(ready.node.name, reason, {str(reason): 1}, detail, waits_for=waits)


def _served(
    session: Session, walk: Walk, n: int, item: int | None, found: tuple[Case, Known, dict[str, int]]
) -> Explanation:
    """A hit: where it comes from, and why it was made there."""
    case, hit, counts = found
    ready = walk.prepared.ready[n]
    known = [result for results in walk.index.by_key.values() for result in results if result.node == hit.node]
    earlier = max(
        (result for result in known if result.run_id != hit.run_id and result.created_at < hit.created_at),
        key=lambda result: result.created_at,
        default=None,
    )
    because = _reason_in(session, hit, item)
    changes: tuple[Change, ...] = ()
    if earlier is not None and because in _CHANGED:
        changes = definition_changes(session.store, earlier.definition, ready)
    elif earlier is not None and because == Reason.INPUT_CHANGED:
        then = given_then(session.store, session.values, hit.node, item, earlier.run_id)
        now = given_then(session.store, session.values, hit.node, item, hit.run_id)
        changes = input_changes(hit.node, then, now) if then is not None and now is not None else ()
    return Explanation(
        hit.node, Reason.CACHED, counts, told(case), changes, hit.run_id, hit.created_at, because, item=item
    )


def _reason_in(session: Session, hit: Known, item: int | None) -> str | None:
    """Why the node, or one item of it, ran in the run that made a value."""
    reasons = Counter(session.store.reasons(hit.run_id, hit.node, item))
    ran = [Reason(reason) for reason, _ in reasons.most_common() if reason != Reason.CACHED]
    return ran[0] if ran else None


def _changes(session: Session, walk: Walk, n: int, item: int, reason: Reason) -> tuple[Change, ...]:
    ready = walk.prepared.ready[n]
    name = ready.node.name
    newest = walk.index.newest.get(name)
    last = walk.index.last_not_kept(name)
    if reason in _CHANGED:
        known = newest or last
        return definition_changes(session.store, known.definition, ready) if known is not None else ()
    if reason is not Reason.INPUT_CHANGED or newest is None:
        return ()
    then = given_then(session.store, session.values, name, item if ready.over is not None else None, newest.run_id)
    return () if then is None else input_changes(name, then, given_now(walk, session.values, n, item))


def _which(tasks: list[int], among: int, ready: ReadyNode) -> str:
    """Names the items that a reason holds for, if it does not hold for all."""
    if ready.over is None or len(tasks) == among or not tasks:
        return ""
    named = ", ".join(map(str, tasks[:_NAMED])) + (", …" if len(tasks) > _NAMED else "")
    return f" (item{'s' if len(tasks) > 1 else ''} {named})"
