"""The columns of a slice while they are filled: the values of items become `core.columns.Items`.

Values are digested and encoded one by one as they are made. Running bodies is not done here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from wfkit.core.columns import Items, pick
from wfkit.core.events import SliceSucceeded
from wfkit.core.promises import Payloads
from wfkit.core.result import Output, Read
from wfkit.engine.attempts.bodies import merge_reads, told
from wfkit.engine.preparing.prepare import ReadyNode
from wfkit.engine.preview import preview
from wfkit.engine.running.context import Context
from wfkit.engine.running.map_value import MapValue
from wfkit.errors import ValueFault
from wfkit.keys.places import absolute
from wfkit.keys.reads import Recorder
from wfkit.keys.values import digest


class Ended(NamedTuple):
    """What an item left behind besides its value."""

    task: int
    item: Any
    run_s: float
    outputs: tuple[Output, ...]
    recorder: Recorder


class Columns:
    """Takes items of one node that ended well, without a problem."""

    def __init__(self, context: Context, node: int, attempt: int, inputs: Sequence[str]) -> None:
        self._context, self._node, self._attempt, self._inputs = context, node, attempt, inputs
        self._ready = context.prepared.ready[node]
        self._batch = context.store.batch(self._ready.node.options.codec)
        self._ended: list[Ended] = []
        self._values: list[Any] = []
        self._digests: list[str] = []
        self._reads: dict[int, tuple[Read, ...]] = {}
        self._previews: list[tuple[int, str]] = []

    def add(self, ended: Ended, value: Any) -> bool:
        """Take an item. False if it has a problem: a file changed, or its value is none to be stored."""
        reads: tuple[Read, ...] = ()
        if not ended.recorder.is_empty:
            reads, problem = told(self._ready, ended.recorder, value, self._context.warn)
            if problem is not None:
                return False
        if self._ready.definition.unseen:
            return False
        if type(value) is MapValue:  # a body that hands on what it was given
            value = list(value)
        try:
            name = digest(value)
            is_text = self._batch.add(value, name)
        except ValueFault:
            return False
        if not is_text:
            self._previews.append((len(self._ended), preview(value)))
        if reads:
            self._reads[len(self._ended)] = reads
        self._ended.append(ended)
        self._values.append(value)
        self._digests.append(name)
        return True

    def add_named(self, named: Callable[[Any], Iterable[Read]]) -> None:
        """Files that came to be named while the slice ran are reads of its items, but not of those that wrote them."""
        project = self._context.around.project
        for i, ended in enumerate(self._ended):
            own = ended.recorder.is_own
            found = tuple(read for read in named(ended.item) if not own(absolute(read.name, project)))
            if found:
                self._reads[i] = merge_reads(self._reads.get(i, ()), found)

    def finish(self) -> tuple[SliceSucceeded | None, list[tuple[Ended, Any]]]:
        """The event, None if there is nothing to tell; and the items whose values must not be stored."""
        payloads = self._batch.finish()
        odd = [(self._ended[i], self._values[i]) for i in payloads.refused]
        kept = [i for i in range(len(self._ended)) if i not in payloads.refused]
        if not kept:
            return None, odd
        items = self._items(payloads)
        if odd:
            items = pick(items, kept)
        self._context.values.keep_items(items)
        return SliceSucceeded(tuple([self._ended[i].task for i in kept]), self._attempt, items, items.created_at), odd

    def _items(self, payloads: Payloads) -> Items:
        context, node, ready = self._context, self._node, self._ready
        first = context.run.first[node]
        tasks = [ended.task for ended in self._ended]
        keys = [context.run.key[task] for task in tasks]
        reads, read_of = _distinct(self._reads, len(tasks))
        return Items(
            node=ready.node.name,
            definition=ready.definition.digest or "",
            run_id=context.run.started.run_id,
            created_at=time.time(),
            keys="".join([key or "" for key in keys]),
            digests="".join(self._digests),
            run_s=tuple([ended.run_s for ended in self._ended]),
            item=item_name(context, node),
            inputs="".join([self._inputs[task - first] for task in tasks]),
            payloads="".join(payloads.names),
            codecs=tuple(dict.fromkeys(payloads.codecs)) if len(set(payloads.codecs)) == 1 else tuple(payloads.codecs),
            sizes=tuple(payloads.sizes),
            inlines=tuple(payloads.inlines),
            shared=context.resolver.shared.get(node, ()),
            reads=reads,
            read_of=read_of,
            outputs=tuple([(i, ended.outputs) for i, ended in enumerate(self._ended) if ended.outputs]),
            previews=tuple(self._previews),
            cacheable=_may_cache(context, ready) and keys[0] is not None,
        )


def item_name(context: Context, node: int) -> str:
    """The name under which the body of a mapped node has its item."""
    each = context.prepared.ready[node].node.each
    return each.item if each is not None else ""


def _may_cache(context: Context, ready: ReadyNode) -> bool:
    """Whether results that have no problem of their own are cached; the user is told if not."""
    problem = ready.definition.problem
    if problem is not None:
        context.warn(f"node {ready.node.name!r}: {problem}; the result is not cached")
    for note in ready.definition.notes:
        context.warn(f"node {ready.node.name!r}: {note}")
    return problem is None and ready.node.options.cache.enabled


def _distinct(reads: dict[int, tuple[Read, ...]], size: int) -> tuple[tuple[tuple[Read, ...], ...], tuple[int, ...]]:
    """Each set of reads once, and which one each item has."""
    if not reads:
        return (), ()
    numbers: dict[tuple[Read, ...], int] = {}
    which = tuple([numbers.setdefault(reads.get(i, ()), len(numbers)) for i in range(size)])
    return tuple(numbers), which if len(numbers) > 1 else ()
