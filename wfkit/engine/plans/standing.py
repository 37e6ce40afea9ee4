"""How the nodes of a workflow stand: of a live one through the walk of a plan, of one that is gone from its last runs.

Nothing runs and nothing is written. The data is in `core.standing`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from wfkit.core.apply import replay
from wfkit.core.events import NodeSpec
from wfkit.core.plan import Index
from wfkit.core.promises import Store
from wfkit.core.result import Known, Read
from wfkit.core.run import Run
from wfkit.core.standing import NodeStanding, Standing
from wfkit.core.terms import NodeKind
from wfkit.engine.execute import Session
from wfkit.engine.plans.planning import Walk
from wfkit.engine.preparing.prepare import Prepared
from wfkit.engine.preview import preview
from wfkit.keys.task import task_key

_READS = 200


def standing(session: Session, prepared: Prepared) -> tuple[NodeStanding, ...]:
    """Every node as it stands now: its keys, and the values that the store has for them."""
    walk = Walk(session, prepared)
    return tuple(_live(walk, n) for n in range(len(prepared.ready)))


def _live(walk: Walk, n: int) -> NodeStanding:
    ready, resolved = walk.prepared.ready[n], walk.resolved[n]
    keys = resolved.keys if resolved is not None else ()
    values = resolved.values if resolved is not None else ()
    parts, problem = tuple(ready.definition.parts), None
    if ready.node.kind is NodeKind.INPUT:
        digest = walk.resolver.input_digest(ready)
        values, parts = (digest,), ((ready.node.name, digest or "", preview(ready.node.value)),)
        problem = None if digest else "its value cannot be digested"
    return NodeStanding(
        name=ready.node.name,
        kind=str(ready.node.kind),
        mapped=ready.over is not None,
        definition=ready.definition.digest,
        deps=tuple(walk.prepared.graph.nodes[dep].name for dep in ready.deps),
        keys=keys,
        values=values,
        parts=parts,
        reads=_reads(_known(walk.index, keys, values)),
        problem=problem or walk.faults.get(n) or ready.definition.problem,
    )


def _known(index: Index, keys: Sequence[str | None], values: Sequence[str | None]) -> Iterator[Known]:
    for key, value in zip(keys, values, strict=True):
        yield from [known for known in index.by_key.get(key or "", ()) if known.digest == value][:1]


def _reads(found: Iterable[Known]) -> tuple[tuple[str, str, str], ...]:
    reads: dict[Read, None] = {}
    for known in found:
        reads.update(dict.fromkeys(known.reads))
        if len(reads) >= _READS:
            break
    return tuple((read.kind, read.name, read.digest) for read in list(reads)[:_READS])


def remembered(store: Store, run_ids: Sequence[str], wanted: Collection[str]) -> Standing:
    """The nodes of past runs, newest run first, each as in the newest run that had it.

    Nodes that only older runs had must be `wanted`: others may have been deleted since, on purpose.
    """
    runs = [replay(store.entries(run_id)) for run_id in run_ids]
    index = Index(store.known({spec.name for run in runs for spec in run.specs}))
    nodes: dict[str, NodeStanding] = {}
    for run in runs:
        for n, spec in enumerate(run.specs):
            if spec.name not in nodes and (run is runs[0] or spec.name in wanted):
                nodes[spec.name] = _past(store, run, n, index)
    return Standing(tuple(nodes.values()))


def _past(store: Store, run: Run, n: int, index: Index) -> NodeStanding:
    spec = run.specs[n]
    keys = tuple(run.key[task] for task in run.tasks(n))
    values = tuple(run.value[task] for task in run.tasks(n))
    defined = store.definition(spec.definition) if spec.definition else None
    parts = defined.parts if defined is not None else ()
    if spec.kind is NodeKind.INPUT:
        values, parts = _of_input(store, spec, values)
    return NodeStanding(
        name=spec.name,
        kind=str(spec.kind),
        mapped=spec.over is not None,
        definition=spec.definition,
        deps=tuple(run.specs[dep].name for dep in spec.deps),
        keys=keys,
        values=values,
        parts=tuple(parts),
        reads=_reads(_known(index, keys, values)),
        problem=None if spec.definition else "its definition could not be digested",
    )


def _of_input(
    store: Store, spec: NodeSpec, values: tuple[str | None, ...]
) -> tuple[tuple[str | None, ...], tuple[tuple[str, str, str], ...]]:
    """The value of an input of a past run, with what it looked like if it was kept."""
    digest = values[0] if values else None
    if digest is None:
        return (None,), ()
    key = task_key(str(spec.definition), (("value", digest),))
    result = store.result(key)
    return (digest,), ((spec.name, digest, result.preview if result is not None else ""),)
