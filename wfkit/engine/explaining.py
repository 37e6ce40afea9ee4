"""Why a node runs, or does not: the reasons of its tasks, and what changed since its newest result, as a path and a
diff."""

from __future__ import annotations

from collections import Counter

from wfkit.core.frozen import dataclass
from wfkit.core.graph import near
from wfkit.core.result import Known
from wfkit.core.terms import Reason
from wfkit.engine.execute import Session
from wfkit.engine.planning import Walk
from wfkit.engine.prepare import Prepared, ReadyNode
from wfkit.errors import UsageFault
from wfkit.keys.explain import difference


@dataclass(frozen=True, slots=True)
class Explanation:
    """`reasons` counts the node's tasks. `changes` are (path, kind, diff) of what is new in the definition. `detail`
    says the rest in a
    sentence; `from_run` is where a cached value was made; `waits_for` names the nodes whose results must come first."""

    node: str
    reason: Reason
    reasons: dict[str, int]
    detail: str
    changes: tuple[tuple[str, str, str], ...] = ()
    from_run: str | None = None
    waits_for: tuple[str, ...] = ()


def explain(session: Session, prepared: Prepared, name: str, item: int | None = None) -> Explanation:
    """The explanation of one node, or of one item of it. Raises UsageFault for an unknown node or item."""
    if name not in prepared.graph.position:
        raise UsageFault(f"no node is named {name!r}{near(name, prepared.graph.position)}")
    n = prepared.graph.position[name]
    walk = Walk(session, prepared)
    ready, resolved = prepared.ready[n], walk.resolved[n]
    if resolved is None:
        return _awaiting(walk, n, ready)
    reasons = list(resolved.reasons)
    if item is not None:
        if not 0 <= item < len(reasons):
            raise UsageFault(f"node {name!r} has items 0 to {len(reasons) - 1}, not {item}")
        reasons = [reasons[item]]
    counts = Counter(reasons)
    reason = Reason(next((reason for reason, _ in counts.most_common() if reason != Reason.CACHED), Reason.CACHED))
    newest = walk.index.newest.get(name)
    changes = _changes(session, ready, newest)
    from_run = newest.run_id if newest is not None and reason is Reason.CACHED else None
    return Explanation(name, reason, dict(counts), _detail(walk, n, reason, item), changes, from_run)


def _awaiting(walk: Walk, n: int, ready: ReadyNode) -> Explanation:
    waits = tuple(walk.prepared.graph.nodes[dep].name for dep in ready.deps if not walk.is_known(dep))
    detail = walk.faults.get(n) or f"its key needs the result of {', '.join(waits)} first"
    return Explanation(ready.node.name, Reason.AWAITS, {Reason.AWAITS: 1}, detail, waits_for=waits)


def _changes(session: Session, ready: ReadyNode, newest: Known | None) -> tuple[tuple[str, str, str], ...]:
    if newest is None or newest.definition == ready.definition.digest:
        return ()
    old = session.store.definition(newest.definition)
    if old is None:
        return ()
    return tuple((change.path, change.kind, change.diff) for change in difference(old.parts, ready.definition.parts))


def _detail(walk: Walk, n: int, reason: Reason, item: int | None) -> str:
    ready = walk.prepared.ready[n]
    stale = _stale_read(walk, n, item) if reason in (Reason.FILE_CHANGED, Reason.ENVIRONMENT_CHANGED) else None
    texts = {
        Reason.NEVER_RUN: "it has no result yet",
        Reason.CODE_CHANGED: "its code, or something that its code reaches, is not what it was",
        Reason.PROMPT_CHANGED: "its prompt, model, parameters or schema are not what they were",
        Reason.INPUT_CHANGED: "its definition is the same, but what goes in is not",
        Reason.FILE_CHANGED: f"{stale} is not what it was when the result was made",
        Reason.ENVIRONMENT_CHANGED: f"the environment variable {stale} is not what it was",
        Reason.EXPIRED: f"its results are older than {ready.node.options.cache.ttl_s or 0:g} s (option cache)",
        Reason.FORCED: "it was forced",
        Reason.UNCACHEABLE: ready.definition.problem
        or "its results are not cached (option cache: off, or an input has no digest)",
        Reason.CACHED: "definition, inputs and everything it read are unchanged",
    }
    return texts.get(reason, reason.value.replace("_", " "))


def _stale_read(walk: Walk, n: int, item: int | None) -> str | None:
    resolved = walk.resolved[n]
    assert resolved is not None
    keys = resolved.keys if item is None else (resolved.keys[item],)
    known = [result for key in keys for result in walk.index.by_key.get(key or "", ())]
    stale = (read for result in known for read in result.reads if not walk.resolver.unchanged(read))
    return next((repr(read.name) for read in stale), None)
