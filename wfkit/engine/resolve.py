"""The keys of a node's tasks, once its inputs are known, and whether a known result answers them. The same code
plans and runs.

It reads values only where a map must see its items.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from decimal import Decimal
from typing import Any

from wfkit.core.events import NodeDefined, Resolved
from wfkit.core.frozen import dataclass
from wfkit.core.plan import Asked, Index, look_up
from wfkit.core.result import Known, Read
from wfkit.core.terms import NodeKind, Reason
from wfkit.define.each import items_of
from wfkit.engine.prepare import DEFAULT, Prepared, ReadyNode
from wfkit.engine.values import Values
from wfkit.errors import ValueFault
from wfkit.keys.explain import difference
from wfkit.keys.task import task_key
from wfkit.keys.values import digest, item_digests


@dataclass(frozen=True, slots=True)
class NodeValue:
    """What a node that ended hands on: the digest of its value; for a map also the digests of its items, in order,
    failed ones left out or
    given as digests of holes."""

    digest: str
    items: tuple[str, ...] | None = None


def _unknown_text(digest: str) -> None:  # noqa: ARG001 - stands for a look-up
    return None


@dataclass
class Resolver:
    """Makes keys and looks them up.

    `shared[n]` are, per node, the (name, digest) pairs that all its tasks share; `items[n]` the item values of a map
    over a plain list or frame, taken from the value `sources[n]`, `item_keys[n]` their digests. `at_hand` are values by
    digest that were not stored yet; `text_of` gives the text of an old definition.
    """

    prepared: Prepared
    index: Index
    values: Values
    unchanged: Callable[[Read], bool]
    run_id: str
    forced: frozenset[str] = frozenset()
    shared: dict[int, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    items: dict[int, Sequence[Any]] = field(default_factory=dict)
    item_keys: dict[int, Sequence[str]] = field(default_factory=dict)
    sources: dict[int, str] = field(default_factory=dict)
    at_hand: dict[str, Any] = field(default_factory=dict)
    text_of: Callable[[str], NodeDefined | None] = _unknown_text

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
        hits: list[Known] = []
        reasons: list[str] = []
        values: list[str | None] = []
        for key in keys:
            known, reason = look_up(key, asked, self.index, self.unchanged, now)
            reasons.append(reason)
            values.append(known.digest if known is not None else None)
            if known is not None:
                hits.append(known)
        if Reason.PROMPT_CHANGED in reasons and self._only_settings(ready):
            reasons = [Reason.SETTINGS_CHANGED if why == Reason.PROMPT_CHANGED else why for why in reasons]
        return Resolved(node, tuple(keys), tuple(reasons), tuple(values), now, *_saved(hits))

    def _only_settings(self, ready: ReadyNode) -> bool:
        """Whether a prompt for the default model is as it was, but for the model that the settings name."""
        declared = ready.node.options.model
        newest = self.index.newest.get(ready.node.name)
        if declared is None or declared.model != DEFAULT or newest is None:
            return False
        old = self.text_of(newest.definition)
        changed = difference(old.parts, ready.definition.parts) if old is not None else ()
        return [change.path for change in changed] == [f"{ready.node.name} -> model"]

    def prime(self, node: int, done: Callable[[int], NodeValue]) -> None:
        """Make sure that the inputs of a node are at hand that was resolved by an earlier owner of the run."""
        ready = self.prepared.ready[node]
        if node not in self.shared and ready.node.kind is not NodeKind.INPUT:
            self._keys(node, ready, done)

    def renew(self, node: int) -> None:
        """Take the items of a map anew from the value they came from: a body has changed one in place."""
        over = self.prepared.ready[node].over
        if node in self.items and over is not None:
            self.items[node] = items_of(self.values.get(self.sources[node]))

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
        digests = None if ready.over is None else self._items(node, done(ready.over))
        self.shared[node] = tuple(pairs)  # last: whoever finds it may read the items too
        ignored = [pair for pair in pairs if pair[0] not in ready.node.options.ignore]
        definition = ready.definition.digest
        if digests is None:
            return [None if definition is None else task_key(definition, ignored)]
        if definition is None:
            return [None] * len(digests)
        name = ready.node.each.item if ready.node.each else "item"
        return [task_key(definition, [*ignored, (name, item)]) for item in digests]

    def _items(self, node: int, over: NodeValue) -> Sequence[str]:
        """Digests of the items of a map; their values are kept unless the mapped node is a map itself."""
        if over.items is not None:
            self.item_keys[node] = over.items
            return over.items
        value = self.at_hand[over.digest] if over.digest in self.at_hand else self.values.get(over.digest)
        self.items[node] = items = items_of(value)
        self.sources[node] = over.digest
        self.item_keys[node] = _digests(items, self.run_id, over.digest)
        return self.item_keys[node]


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


def _saved(hits: Sequence[Known]) -> tuple[str | None, float | None, str | None]:
    """What the hits would have cost (dollars as text, seconds), None where one of them is unknown, and the run of
    the first."""
    if not hits:
        return "0", 0.0, None
    costs = [hit.cost_usd for hit in hits]
    seconds = [hit.run_s for hit in hits]
    usd = None if None in costs else str(sum((cost for cost in costs if cost is not None), Decimal(0)))
    total = None if None in seconds else sum(second for second in seconds if second is not None)
    return usd, total, hits[0].run_id
