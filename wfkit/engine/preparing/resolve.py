"""The keys of a node's tasks, once its inputs are known, and whether a known result answers them. The same code
plans and runs.

It reads values only where a map must see its items.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from decimal import Decimal
from functools import cached_property
from typing import Any

from wfkit.core.events import NodeDefined, Resolved
from wfkit.core.frozen import dataclass
from wfkit.core.plan import Asked, Index, Looked, look_up, look_up_all
from wfkit.core.result import Known, Read
from wfkit.core.scope import Sample, Scope
from wfkit.core.terms import NodeKind, Reason
from wfkit.define.each import items_of
from wfkit.define.labels import labels_of
from wfkit.engine.preparing.keeping import Failures, Found, Keeping
from wfkit.engine.preparing.models import DEFAULT
from wfkit.engine.preparing.prepare import Prepared, ReadyNode
from wfkit.engine.preparing.values import Values
from wfkit.errors import ValueFault
from wfkit.keys.explain import difference
from wfkit.keys.sample import picks
from wfkit.keys.task import task_key, task_keys
from wfkit.keys.values import digest, item_digests


@dataclass(frozen=True, slots=True)
class NodeValue:
    """What a node that ended hands on: the digest of its value; for a map also the digests of its items, in order,
    failed ones left out or
    given as digests of holes, and their names if a key column gives them. `sample` says which of the items these are if
    they are not all."""

    digest: str
    items: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    sample: Sample | None = None


def _unknown_text(_digest: str) -> None:
    return None


@dataclass
class Resolver:
    """Makes keys and looks them up.

    `shared[n]` are, per node, the (name, digest) pairs that all its tasks share; `items[n]` the item values of a map
    over a plain list or frame, taken from the value `sources[n]`, `item_keys[n]` their digests. `at_hand` are values by
    digest that were not stored yet; `text_of` gives the text of an old definition. `labels[n]` and `samples[n]` are the
    names of the items and which they are, where there is something to say.
    """

    prepared: Prepared
    index: Index
    values: Values
    unchanged: Callable[[Read], bool]
    run_id: str
    forced: frozenset[str] = frozenset()
    scope: Scope = Scope()
    failed: Failures = Failures()
    shared: dict[int, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    items: dict[int, Sequence[Any]] = field(default_factory=dict)
    item_keys: dict[int, Sequence[str]] = field(default_factory=dict)
    sources: dict[int, str] = field(default_factory=dict)
    at_hand: dict[str, Any] = field(default_factory=dict)
    text_of: Callable[[str], NodeDefined | None] = _unknown_text
    labels: dict[int, tuple[str, ...]] = field(default_factory=dict)
    samples: dict[int, Sample] = field(default_factory=dict)

    @cached_property
    def keeping(self) -> Keeping:
        """How older results are looked for."""
        return Keeping(self.index, self.unchanged, self.failed)

    def resolve(self, node: int, done: Callable[[int], NodeValue], now: float) -> Resolved:
        """Keys, reasons and cached values of all tasks of a node whose dependencies have ended well."""
        ready = self.prepared.ready[node]
        if ready.node.kind is NodeKind.INPUT:
            keys: list[str | None] = [ready.input_key]
        else:
            keys = self._keys(node, ready, done)
        definition = ready.definition.digest
        options = ready.node.options
        asked = Asked(ready.node.name, ready.node.kind, definition, options.cache, ready.node.name in self.forced)
        if len(keys) == 1 and ready.over is None and not self.scope.takes_old:
            known, why = look_up(keys[0], asked, self.index, self.unchanged, now)
            if known is not None or why is not Reason.PROMPT_CHANGED:
                return _of_one(node, keys[0], known, why, now)
        found, made_by = self._look_up(node, keys, asked, now)
        labels = self.labels.get(node, ())
        return Resolved(
            node,
            tuple(keys),
            tuple(found.reasons),
            tuple(found.digests),
            now,
            *_saved_all(found),
            labels=labels,
            items=tuple(self.item_keys[node]) if labels else (),
            sample=self.samples.get(node),
            made_by=made_by,
        )

    def _look_up(
        self, node: int, keys: Sequence[str | None], asked: Asked, now: float
    ) -> tuple[Looked, tuple[str | None, ...]]:
        """What serves the tasks of a node, and which code made what stands in for a result of now."""
        ready = self.prepared.ready[node]
        takes_old = self.scope.takes_old and ready.node.kind is not NodeKind.INPUT
        if ready.over is not None and not takes_old:
            looked = look_up_all(keys, asked, self.index, self.unchanged, now)
            looked.reasons = _told(self, ready, looked.reasons)
            return looked, ()
        pairs = [look_up(key, asked, self.index, self.unchanged, now) for key in keys]
        found = Found([known for known, _ in pairs], _told(self, ready, [reason for _, reason in pairs]))
        if takes_old:
            found = self.keeping.fill(found, asked, lambda older: self._keys_of(node, ready, older), now)
        digests = [known.digest if known is not None else None for known in found.known]
        return Looked(found.reasons, digests, [known for known in found.known if known is not None]), found.made_by

    def prime(self, node: int, done: Callable[[int], NodeValue]) -> None:
        """Make sure that the inputs of a node are at hand that was resolved by an earlier owner of the run."""
        ready = self.prepared.ready[node]
        if node not in self.shared and ready.node.kind is not NodeKind.INPUT:
            self._keys(node, ready, done)

    def renew(self, node: int) -> None:
        """Take the items of a map anew from the value they came from: a body has changed one in place."""
        over = self.prepared.ready[node].over
        if node in self.items and over is not None:
            items = items_of(self.values.get(self.sources[node]))
            self.items[node] = self._picked(node, items)

    def input_digest(self, ready: ReadyNode) -> str | None:
        """The value digest of an input, None when it cannot be digested."""
        try:
            return digest(ready.node.value)
        except ValueFault:
            return None

    def _keys(self, node: int, ready: ReadyNode, done: Callable[[int], NodeValue]) -> list[str | None]:
        pairs: list[tuple[str, str]] = []
        for dep in ready.deps:
            if dep == ready.over and not ready.reads_over:
                continue
            pairs.append((self.prepared.graph.nodes[dep].name, done(dep).digest))
        if ready.over is not None:
            self._take_items(node, ready, done(ready.over))
        self.shared[node] = tuple(pairs)  # last: whoever finds it may read the items too
        return self._keys_of(node, ready, ready.definition.digest)

    def _keys_of(self, node: int, ready: ReadyNode, definition: str | None) -> list[str | None]:
        """The keys that the tasks of a node have, or would have with another definition."""
        shared, ignore = self.shared[node], ready.node.options.ignore
        ignored = [pair for pair in shared if pair[0] not in ignore] if ignore else shared
        if ready.over is None:
            return [None if definition is None else task_key(definition, ignored)]
        if definition is None:
            return [None] * len(self.item_keys[node])
        name = ready.node.each.item if ready.node.each else "item"
        return [*task_keys(definition, ignored, name, self.item_keys[node])]

    def _take_items(self, node: int, ready: ReadyNode, over: NodeValue) -> None:
        """Digests and names of the items of a map, all or a sample; their values are kept unless the mapped node is a
        map itself."""
        items: Sequence[Any] | None = None
        digests: Sequence[str] | None = over.items
        if digests is None:
            value = self.at_hand[over.digest] if over.digest in self.at_hand else self.values.get(over.digest)
            items = items_of(value)
            digests = _digests(items, self.run_id, over.digest)
        labels = self._labels(ready, over, items)
        sample = _sample(self.scope, ready.node.options.limit, digests)
        if sample is not None:
            self.samples[node] = sample
        self.item_keys[node] = self._picked(node, digests)
        if labels is not None:
            self.labels[node] = tuple(self._picked(node, labels))
        if items is not None:
            self.items[node], self.sources[node] = self._picked(node, items), over.digest

    def _labels(self, ready: ReadyNode, over: NodeValue, items: Sequence[Any] | None) -> tuple[str, ...] | None:
        """The names of all items: by the node's own key column, else those that the mapped node gave them."""
        column = ready.node.options.key
        if column is None:
            return over.labels
        return labels_of(self.values.get_many(over.items or ()) if items is None else items, column)

    def _picked(self, node: int, column: Sequence[Any]) -> Sequence[Any]:
        """What of a column over all items belongs to those that are taken."""
        sample = self.samples.get(node)
        return column if sample is None else [column[place] for place in sample.picked]


def _told(resolver: Resolver, ready: ReadyNode, reasons: list[str]) -> list[str]:
    """The reasons, where the model that the settings name is told from a prompt that was edited."""
    if Reason.PROMPT_CHANGED in reasons and _only_settings(resolver, ready):
        return [Reason.SETTINGS_CHANGED if why == Reason.PROMPT_CHANGED else why for why in reasons]
    return reasons


def _only_settings(resolver: Resolver, ready: ReadyNode) -> bool:
    """Whether a prompt for the default model is as it was, but for the model that the settings name."""
    declared = ready.node.options.model
    newest = resolver.index.newest.get(ready.node.name)
    if declared is None or declared.model != DEFAULT or newest is None:
        return False
    old = resolver.text_of(newest.definition)
    changed = difference(old.parts, ready.definition.parts) if old is not None else ()
    return [change.path for change in changed] == [f"{ready.node.name} -> model"]


def _sample(scope: Scope, limit: int | None, digests: Sequence[str]) -> Sample | None:
    """Which items are taken, None for all."""
    limits = [bound for bound in (limit, scope.limit) if bound is not None]
    if not limits or min(limits) >= len(digests):
        return None
    if scope.random:
        return Sample(len(digests), picks(digests, min(limits), scope.seed), scope.seed)
    return Sample(len(digests), tuple(range(min(limits))))


def _digests(items: Sequence[Any], run_id: str, parent: str) -> Sequence[str]:
    """Digests of items; an item that has none gets one of its provenance, so that its task is never a false hit."""
    try:
        return item_digests(items)
    except ValueFault:
        return [_digest_or_provenance(item, run_id, f"{parent}[{i}]") for i, item in enumerate(items)]


def _digest_or_provenance(item: Any, run_id: str, place: str) -> str:
    try:
        return digest(item)
    except ValueFault:
        return provenance_digest(place, run_id)


def provenance_digest(place: str, run_id: str) -> str:
    """The name of a value that has no digest of its own: where and in which run it was made. Never equal in another
    run."""
    return task_key("provenance", ((place, run_id),))


def _of_one(node: int, key: str | None, known: Known | None, why: Reason, now: float) -> Resolved:
    """What is known of a node with one task, as most have."""
    if known is None:
        return Resolved(node, (key,), (why,), (None,), now)
    return Resolved(node, (key,), (why,), (known.digest,), now, *_saved((known,)))


def _saved_all(found: Looked) -> tuple[str | None, float | None, str | None]:
    """The same of all items of a map."""
    usd, seconds, from_run = _saved(found.hits)
    return usd, None if seconds is None else seconds + found.seconds, from_run or found.from_run


def _saved(hits: Sequence[Known]) -> tuple[str | None, float | None, str | None]:
    """What the hits would have cost (dollars as text, seconds), None where one of them is unknown, and the run of
    the first."""
    if not hits:
        return "0", 0.0, None
    costs = [hit.cost_usd for hit in hits]
    seconds = [hit.run_s for hit in hits]
    if not any(costs) and None not in costs:  # most hits
        usd: str | None = "0"
    else:
        usd = None if None in costs else str(sum((cost for cost in costs if cost is not None), Decimal(0)))
    total = None if None in seconds else sum(second for second in seconds if second is not None)
    return usd, total, hits[0].run_id
