"""The plan of a run: for each node how many tasks run, are cached or await, and what that will take.

The walk is `planning`, the arithmetic `estimating`; here they become the rows that are shown, stored and compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from wfkit.core.call import Message, Request
from wfkit.core.estimate import IDLE, MapSize, NodeEstimate, Past
from wfkit.core.events import Resolved
from wfkit.core.plan import Index, Plan, PlanNode
from wfkit.core.promises import Store
from wfkit.core.terms import NodeKind, Reason
from wfkit.engine.asking.corrected import is_answered
from wfkit.engine.asking.line import corrections, request
from wfkit.engine.execute import Session
from wfkit.engine.plans.aligning import since_last
from wfkit.engine.plans.estimating import Outlook, estimate
from wfkit.engine.plans.planning import Walk
from wfkit.engine.plans.rendering import look
from wfkit.engine.preparing.collector import paused
from wfkit.engine.preparing.prepare import Prepared, ReadyNode
from wfkit.engine.preparing.wish import Wish
from wfkit.engine.refusing import Refusing
from wfkit.errors import WfkitError
from wfkit.llm import client


def make_plan(session: Session, prepared: Prepared, wish: Wish = Wish()) -> Plan:  # noqa: B008 (frozen)
    """The plan of every node but the inputs, in order of the graph, with its estimate, and for a sample that of all
    items. Nothing is sent.

    The session keeps the estimate for the run that may follow.
    """
    scope = wish.scope
    if scope.limit is None:
        return _make_plan(session, prepared, wish)
    whole = _make_plan(session, prepared, replace(wish, scope=replace(scope, limit=None, random=False)))
    return replace(_make_plan(session, prepared, wish), whole=whole.estimate)


def _make_plan(session: Session, prepared: Prepared, wish: Wish) -> Plan:
    walk = Walk(session, prepared, wish)
    places = [n for n, ready in enumerate(prepared.ready) if ready.node.kind is not NodeKind.INPUT]
    refusing = Refusing(session.settings, wish.max_usd, wish.cassette)
    jobs = {n: _job(session, walk, n, wish.fresh_replies, refusing) for n in places if not _is_known(walk.resolved[n])}
    past = _past(session, walk.index, [job.spec.name for job in jobs.values() if job.tasks[2] != 0])
    with paused():
        foretold, found = estimate(jobs, past, session.settings)
        nodes = tuple([_plan_node(walk, n, foretold.get(n, IDLE), since_last(session.store, walk, n)) for n in places])
    session.foreseen, session.refusing = (prepared.specs, found), refusing
    wrong = {name: problem for node in nodes if (problem := refusing.problem(name := node.name)) is not None}
    if wrong:
        nodes = tuple([replace(node, problem=node.problem or wrong.get(node.name)) for node in nodes])
    return Plan(prepared.graph.targets, nodes, found, warnings=tuple(refusing.warnings))


def _is_known(resolved: Resolved | None) -> bool:
    """Whether nothing of a node is to be done. What is below one that has something to do awaits that."""
    return resolved is not None and None not in resolved.values


def _past(session: Session, index: Index, names: list[str]) -> list[Past]:
    """What results of these nodes took, asked only where there are some: the question opens the database."""
    seen = names if index.by_key.forgotten else [name for name in names if name in index.newest]
    return session.store.past(seen) if seen else []


def foresee(session: Session, prepared: Prepared, wish: Wish) -> Plan | None:
    """Have an estimate for the run that follows, if its prompts go to a provider, who will want money, and no plan was
    made just before. A run does not fail for want of one; with a limit of its own, `max_usd`, it does.

    Raises ModelUnavailable, OptionError, TemplateError or BudgetRefused for a run that must ask what cannot be asked.
    """
    if wish.max_usd is not None:
        plan = make_plan(session, prepared, wish)
        _refuse(session, prepared)
        return plan
    asks = any(_asks(ready) for ready in prepared.ready)
    planned = session.foreseen is not None and session.foreseen[0] == prepared.specs
    if asks and not (planned and session.refusing is not None and session.refusing.is_clean):
        session.refusing = None
        with suppress(WfkitError):  # the run meets the same error where it can be told, or needs not what is missing
            _make_plan(session, prepared, wish)
    _refuse(session, prepared)
    return None


def _asks(ready: ReadyNode) -> bool:
    return ready.definition.asks or (ready.model is not None and not client.is_local(ready.model.model))


def _refuse(session: Session, prepared: Prepared) -> None:
    refusing, session.refusing = session.refusing, None
    if refusing is not None:
        refusing.refuse()
        prepared.warnings = (*prepared.warnings, *refusing.warnings)


def _job(session: Session, walk: Walk, n: int, fresh_replies: bool, refusing: Refusing) -> Outlook:
    ready, spec, resolved = walk.prepared.ready[n], walk.prepared.specs[n], walk.resolved[n]
    attempts = 1 + spec.retry.retries + (ready.model.repairs if ready.model and ready.schema else 0)
    max_tokens = ready.model.max_tokens if ready.model else None
    turns = ready.model.max_turns if ready.model and ready.tools else 0
    asked: dict[str, Any] = {"turns": turns, "asks": ready.definition.asks, "max_usd": ready.node.options.max_usd}
    if resolved is None:
        tasks, gap = _awaited(session, walk, n)
        if n not in walk.faults:
            known = ready.node.name in walk.index.newest
            refusing.node(ready, answered_before=known)
            if ready.model is not None and tasks[1] and not known:
                refusing.request(ready, request(ready.model, ready.schema, _UNKNOWN))
        return Outlook(spec, tasks, attempts, max_tokens, gap=gap, **asked)
    if len(resolved.values) == 1 and ready.node.kind is NodeKind.PYTHON:  # most nodes
        return Outlook(spec, (1, 1, 1), attempts, max_tokens, **asked)
    todo = _different([n for n, value in enumerate(resolved.values) if value is None], resolved.keys)
    prompts = None
    if todo and ready.node.kind is NodeKind.PROMPT:
        answered = partial(_is_answered, session.store)
        prompts = look(walk, n, todo, _never if fresh_replies else answered, refusing.request)
    return Outlook(spec, (len(todo),) * 3, attempts, max_tokens, prompts, **asked)


_UNKNOWN = (Message("user", ""),)  # the shortest prompt: no other costs less


def _is_answered(store: Store, ready: ReadyNode, request: Request) -> bool:
    return is_answered(store, corrections(ready.model, ready.schema), request)


def _never(_ready: ReadyNode, _request: Request) -> bool:
    return False


def _different(tasks: list[int], keys: tuple[str | None, ...]) -> list[int]:
    """Tasks without those that share the result of an equal item."""
    first = {keys[task] or str(task): task for task in reversed(tasks)}
    return sorted(first.values())


def _awaited(session: Session, walk: Walk, n: int) -> tuple[tuple[int, int | None, int | None], str]:
    """How many tasks a node will have whose inputs are not known; it may turn out that none of them has to run."""
    ready = walk.prepared.ready[n]
    size = _size(walk, n)
    if size is not None:
        return (0, size, size), ""
    known = session.store.sizes(ready.node.name) if ready.node.name in walk.index.newest else []
    before = _nearest(known, walk.wish)
    gap = f"how many items it has is known only when {_over(walk, ready)!r} has run"
    if before is not None and not _is_own(before, walk.wish):
        gap += f" (so many had a node of this name in {before.notebook or before.workflow})"
    return (0, before.items if before is not None else None, None), gap


def _nearest(known: Sequence[MapSize], wish: Wish) -> MapSize | None:
    """The newest of this notebook's own runs, else the newest of any."""
    own = (size for size in known if _is_own(size, wish))
    return next(own, known[0] if known else None)


def _is_own(size: MapSize, wish: Wish) -> bool:
    """Whether it was a run of the workflow that wishes. Notebooks, whose workflows share a name, differ by file; where
    one of the files is not known, it may be."""
    files = {Path(name).name for name in (size.notebook, wish.notebook) if name}
    return size.workflow == wish.workflow and len(files) <= 1


def _size(walk: Walk, n: int) -> int | None:
    """How many tasks a node has, as far as that is known before it runs: a map over a map has as many."""
    ready, resolved = walk.prepared.ready[n], walk.resolved[n]
    if resolved is not None:
        return len(resolved.keys)
    if ready.over is None:
        return 1
    above = walk.prepared.ready[ready.over]
    return _size(walk, ready.over) if above.over is not None else None


def _over(walk: Walk, ready: ReadyNode) -> str:
    return "" if ready.over is None else walk.prepared.graph.nodes[ready.over].name


def _plan_node(walk: Walk, n: int, foretold: NodeEstimate, items: str) -> PlanNode:
    ready = walk.prepared.ready[n]
    resolved = walk.resolved[n]
    size: int | None = 1
    if resolved is None:
        size = None if ready.over is not None else 1
        reasons = {walk.waiting(n): 1}
    elif len(resolved.reasons) == 1:  # most nodes
        reasons = {Reason(resolved.reasons[0]): 1}
    else:
        size = len(resolved.keys)
        reasons = {Reason(reason): count for reason, count in Counter(resolved.reasons).items()}
    return PlanNode(
        name=ready.node.name,
        kind=ready.node.kind,
        deps=tuple([walk.prepared.graph.nodes[dep].name for dep in ready.deps]),
        mapped=ready.over is not None,
        tasks=size,
        reasons=reasons,
        problem=walk.faults.get(n) or ready.definition.problem,
        estimate=foretold,
        model=ready.model.model if ready.model else None,
        saved_usd=_ZERO if resolved is None else _money(resolved.saved_usd),
        saved_s=0.0 if resolved is None else resolved.saved_s,
        items=items,
    )


_ZERO = Decimal(0)


def _money(text: str | None) -> Decimal | None:
    return None if text is None else _ZERO if text == "0" else Decimal(text)
