"""What all attempts of one run share: the run, its ready, values, store and settings, and how results become events.

A bundle, no scheduling: that is `loop`.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from wfkit.core.call import CallRecord, Failure
from wfkit.core.events import Entry, Event, Forgotten, ToolEnded, ToolStarted
from wfkit.core.frozen import dataclass
from wfkit.core.promises import Store, Ticket
from wfkit.core.result import NOTHING_SPENT, Output, Read, Result, Spent, Stored
from wfkit.core.run import Run
from wfkit.core.terms import FailureKind, OnError, TaskState
from wfkit.engine.preparing.prepare import Prepared, ReadyNode
from wfkit.engine.preparing.resolve import NodeValue, Resolver, provenance_digest
from wfkit.engine.preparing.unkept import lost
from wfkit.engine.preparing.values import Held, Values
from wfkit.engine.preview import preview
from wfkit.engine.running.drawing import drawn
from wfkit.engine.running.live import Live
from wfkit.engine.running.map_value import MapValue, hole
from wfkit.engine.running.places import Places
from wfkit.errors import ValueFault
from wfkit.keys.pickled import pickled_digest
from wfkit.keys.recorder import unwatched
from wfkit.keys.task import map_digest
from wfkit.keys.values import Classes, digest


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where bodies run: names of files are relative to `project`, output beyond `limit_kb` is dropped; `strict`: who
    changes an input fails. `counted` are the settings that a value may depend on."""

    project: Path
    limit_kb: int
    strict: bool = False
    counted: Mapping[str, str] = field(default_factory=dict)


# By task, turn and place: the calls of tools that were begun or have ended, while the task has not.
ToolMemory = dict[int, dict[tuple[str, int], ToolStarted | ToolEnded]]
_HINT = "return data, make it where it is used, or give the node `codec: pickle` if it can be pickled"


@dataclass
class Made:
    """What a body left behind, before it becomes a result."""

    value: Any
    reads: tuple[Read, ...] = ()
    problem: str | None = None
    outputs: tuple[Output, ...] = ()
    run_s: float = 0.0
    spent: Spent = NOTHING_SPENT
    mutated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    failure: Failure | None = None  # of the answer for which it stands


@dataclass
class Context:
    """See the module. `warn` takes a text for the user, once a node; `classes` are of values digested before."""

    run: Run
    prepared: Prepared
    resolver: Resolver
    values: Values
    store: Store
    around: Surroundings
    fresh_replies: bool = False
    ambient: contextvars.Context = field(default_factory=unwatched)
    warnings: dict[str, None] = field(default_factory=dict)
    node_values: dict[int, NodeValue] = field(default_factory=dict)
    made: dict[str, Result] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    held: list[Held] = field(default_factory=list)
    seq: int = 0
    kept: dict[tuple[int, str], CallRecord] = field(default_factory=dict)
    tool_calls: ToolMemory = field(default_factory=dict)
    places: Places | None = None
    live: Live = field(default_factory=Live)
    problems: dict[str, tuple[int, str]] = field(default_factory=dict)
    classes: Classes = field(default_factory=dict)

    def warn(self, text: str) -> None:
        """Keep a warning for the user."""
        self.warnings.setdefault(text)

    def write(self, events: list[Event], durable: bool = False) -> Ticket:
        """Append events to the log, numbered in this order. Called by one thread at a time."""
        entries = []
        for event in events:
            self.seq += 1
            entries.append(Entry(self.run.started.run_id, self.run.epoch, self.seq, event))
        return self.store.append(entries, durable)

    def done(self, node: int) -> NodeValue:
        """What a node that ended well hands on."""
        found = self.node_values.get(node)
        if found is None:
            found = self.node_values[node] = self._done(node)
        return found

    def _done(self, node: int) -> NodeValue:
        run, spec = self.run, self.run.specs[node]
        if spec.over is None:
            return NodeValue(str(run.value[run.first[node]]))
        digests: list[str] = []
        for task in run.tasks(node):
            if run.state[task] is not TaskState.FAILED:
                digests.append(str(run.value[task]))
            elif spec.on_error is OnError.KEEP:
                digests.append(self.hole(node, task))
        return NodeValue(map_digest(digests), tuple(digests), _names(run, node), run.samples.get(node))

    def hole(self, node: int, task: int) -> str:
        """The digest of the hole that a failed item leaves; its value is kept in memory."""
        run = self.run
        left = hole(task - run.first[node], run.failures[task][-1], run.label(task), run.attempt[task])
        name = digest(left)
        self.held.append(self.values.pin(name, left))
        return name

    def value_of(self, node: int) -> Any:
        """The value of a node that ended well, as a body sees it before views are made."""
        made = self.done(node)
        if made.items is None:
            return self.values.get(made.digest, frozen=True)
        return MapValue(self.values.get_many(made.items), made.sample)

    def item_of(self, node: int, task: int) -> Any:
        """The item that a task of a mapped node works on."""
        resolver = self.resolver
        resolver.prime(node, self.done)
        position = task - self.run.first[node]
        plain = resolver.items.get(node)
        if plain is not None:
            return plain[position]
        return self.values.get(resolver.item_keys[node][position], frozen=True)

    def forget_lost(self, node: int) -> None:
        """The value of a node is missing or damaged in the store: its results are no hits any more, so that the next
        run makes them again."""
        run = self.run
        if node in self.lost:
            return
        self.lost.add(node)
        keys = [
            key
            for task in run.tasks(node)
            if (key := run.key[task]) and (value := run.value[task]) and not self.values.loads(value)
        ]
        if keys:
            now = time.time()
            events = (Forgotten(run.specs[node].name, tuple(keys), now), lost(run, node, keys, now))
            self.store.append([Entry("", 1, 0, event) for event in events], durable=True)

    def result(self, task: int, made: Made) -> Result:
        """Encode a value and tell its story. A value that cannot be digested or stored is kept in memory only, with
        a warning."""
        node = self.run.node_of[task]
        ready = self.prepared.ready[node]
        stored, problem = self._store(ready, task, made)
        key = self.run.key[task]
        if problem is not None:
            self.warn(f"node {ready.node.name!r}: {problem}; the result is not cached")
            if key is not None:
                self.problems[key] = (node, problem)
        for note in (*ready.definition.notes, *made.notes):
            self.warn(f"node {ready.node.name!r}: {note}")
        return Result(
            key=key or "",
            node=ready.node.name,
            definition=ready.definition.digest or "",
            value=stored,
            reads=made.reads,
            inputs=self.inputs_of(node, task),
            preview=preview(made.value),
            outputs=made.outputs,
            run_s=made.run_s,
            spent=made.spent,
            cacheable=key is not None and problem is None and ready.node.options.cache.enabled,
            run_id=self.run.started.run_id,
            created_at=time.time(),
        )

    def _store(self, ready: ReadyNode, task: int, made: Made) -> tuple[Stored, str | None]:
        if type(made.value) is MapValue:  # a body that hands on what it was given
            made.value = list(made.value)
        try:
            made.value = drawn(made.value, ready.node.options.codec)
            name = _name_of(made.value, ready.node.options.codec, self.classes)
            stored = self.store.encode(made.value, name, ready.node.options.codec)
        except ValueFault as fault:
            place = f"{ready.node.name}[{task}]"
            name = provenance_digest(place, f"{self.run.started.run_id}:{self.run.epoch}:{self.run.attempt[task]}")
            self.held.append(self.values.pin(name, made.value))
            return Stored(name, "none", "", 0), str(fault)
        self.values.keep(name, made.value, stored)
        return stored, made.problem or ready.definition.problem

    def inputs_of(self, node: int, task: int) -> tuple[tuple[str, str], ...]:
        """The (name, digest) pairs that went into a task, the item under its own name."""
        self.resolver.prime(node, self.done)
        shared = self.resolver.shared.get(node, ())
        each = self.prepared.ready[node].node.each
        digests = self.resolver.item_keys.get(node)
        if each is None or digests is None:
            return shared
        return (*shared, (each.item, digests[task - self.run.first[node]]))


def _names(run: Run, node: int) -> tuple[str, ...] | None:
    """The names of the items in the value of a map, if they have names: those left out have none there."""
    labels = run.labels.get(node)
    if labels is None or run.specs[node].on_error is OnError.KEEP:
        return labels
    return tuple(
        name for name, task in zip(labels, run.tasks(node), strict=True) if run.state[task] is not TaskState.FAILED
    )


def _name_of(value: Any, codec: str, classes: Classes) -> str:
    """The digest of a value; with `codec: pickle` what has none gets that of its pickle. Raises ValueFault."""
    try:
        return digest(value, classes)
    except ValueFault as fault:
        if codec == "pickle":
            return pickled_digest(value)
        if "hand on" in str(fault) or "codec: pickle" in str(fault):
            raise
        raise ValueFault(f"{fault}; {_HINT}") from fault


def why_unresolvable(ready: ReadyNode, error: Exception) -> Failure:
    """A failure for a node whose keys cannot be made."""
    over = f" (each: {ready.node.each.item} in {ready.node.each.over})" if ready.node.each else ""
    return Failure(FailureKind.EXCEPTION, type(error).__name__, f"node {ready.node.name!r}{over}: {error}")


def unexpected(error: BaseException) -> Failure:
    """A failure for an error of the engine's own, so that a run never hangs on it."""
    return Failure(FailureKind.EXCEPTION, type(error).__name__, f"wfkit itself failed: {error}")
