"""Drift: code or variables of the notebook that a body changed while a run went on.

A node's key was made from what its code reached when the run was planned. If that is no longer so when the run ends,
its results may have been made from something else: they are forgotten, with a warning that names what changed.
"""

from __future__ import annotations

from collections.abc import Iterator

from wfkit.core.events import Forgotten, NotKept
from wfkit.core.terms import NodeKind, TaskState
from wfkit.engine.preparing.prepare import ReadyNode
from wfkit.engine.preparing.unkept import drifted as lost_by_drift
from wfkit.engine.running.context import Context
from wfkit.keys.code.definition import Planning, define_python
from wfkit.keys.explain import difference


def drifted(context: Context, now: float) -> Iterator[tuple[Forgotten | NotKept, str]]:
    """For each node that ran and whose definition is not what it was: what to log, and what to tell the user."""
    prepared, run = context.prepared, context.run
    position = prepared.graph.position
    planning = Planning(is_step=lambda name: name in position and _is_step(prepared.ready[position[name]]))
    for n, ready in enumerate(prepared.ready):
        if not _may_drift(ready):
            continue
        keys = tuple(key for task in run.tasks(n) if run.state[task] is TaskState.SUCCESS and (key := run.key[task]))
        if not keys:
            continue
        held = (ready.returns.json, ready.returns.cls) if ready.returns else None
        again = define_python(ready.node, position.__contains__, plan=planning, returns=held)
        if again.digest == ready.definition.digest:
            continue
        paths = ", ".join(change.path for change in difference(ready.definition.parts, again.parts))
        what = f"node {ready.node.name!r}: {paths or 'what its code reaches'} changed while the run went on"
        yield Forgotten(ready.node.name, keys, now), f"{what}; its results are not cached"
        told = lost_by_drift(run, n, keys, paths or "what its code reaches", now)
        yield told, f"{what}; its results are not cached"


def _is_step(ready: ReadyNode) -> bool:
    return ready.node.kind is not NodeKind.INPUT


def _may_drift(ready: ReadyNode) -> bool:
    """Whether the code reaches anything of the notebook at all."""
    if ready.node.kind is not NodeKind.PYTHON or ready.definition.digest is None:
        return False
    return bool(ready.definition.globals) or ready.node.function is not None
