"""What a task is given: its inputs by name, each with its value digest. What the tasks of a node share is looked up
once.

Values come from memory or the store. Nothing runs here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from wfkit.core.frozen import dataclass
from wfkit.core.terms import NodeKind
from wfkit.engine.preparing.prepare import ReadyNode
from wfkit.engine.running.context import Context, Made
from wfkit.errors import TemplateError, ValueFault
from wfkit.keys.mutation import changed, mark, view
from wfkit.keys.values import digest


@dataclass(frozen=True, slots=True)
class Given:
    """The inputs of a body by name, each with its value digest."""

    values: Mapping[str, tuple[Any, str]]
    marks: Mapping[str, bytes | None]

    def changed(self) -> tuple[str, ...]:
        """Names of inputs that a body has changed in place."""
        return tuple(changed(self.values, self.marks))

    def views(self) -> dict[str, Any]:
        """What the body sees: copy-on-write or read-only where that is cheap."""
        return {name: view(value) for name, (value, _) in self.values.items()}


@dataclass
class Inputs:
    """Looks up the inputs of the tasks of one run."""

    context: Context
    _shared: dict[int, Given] = field(default_factory=dict)

    def of(self, node: int, task: int) -> Given:
        """The inputs of a task. Raises ValueFault when a value is lost, which is then no hit any more."""
        try:
            return self._of(node, task)
        except ValueFault:
            for dep in self.context.prepared.ready[node].deps:
                self.context.forget_lost(dep)
            raise

    def _of(self, node: int, task: int) -> Given:
        each = self.context.prepared.ready[node].node.each
        if each is None:  # asked once an attempt: what is kept here would stay until the run ends
            return self._look_up(node)
        shared = self.shared(node)
        item, name = self.context.item_of(node, task), self.context.inputs_of(node, task)[-1][1]
        # A given-up attempt may still be changing the item: then only its digest tells.
        own = mark(item) if self.context.run.specs[node].timeout_s is None else None
        before = self._before(item, name)
        return Given({**shared.values, each.item: (item, before)}, {**shared.marks, each.item: own})

    def shared(self, node: int) -> Given:
        """What the items of a mapped node are given besides themselves."""
        shared = self._shared.get(node)
        if shared is None:
            shared = self._shared[node] = self._look_up(node)
        return shared

    def items(self, node: int) -> Sequence[Any] | None:
        """The items of a mapped node; None if they are those of another map, which are loaded by their digests."""
        self.context.resolver.prime(node, self.context.done)
        return self.context.resolver.items.get(node)

    def item_digests(self, node: int) -> Sequence[str]:
        """The digests of the items of a mapped node."""
        self.context.resolver.prime(node, self.context.done)
        return self.context.resolver.item_keys[node]

    def renew(self, node: int, given: Given, made: Made | None) -> None:
        """Hand a changed input to nobody else: neither to the next items, nor to the next attempt."""
        mutated = given.changed() if made is None else made.mutated
        if mutated:
            self.drop(node)

    def drop(self, node: int) -> None:
        """Take the inputs of a node anew, because a body has changed one."""
        self._shared.pop(node, None)
        self.context.resolver.renew(node)

    def _before(self, value: Any, name: str) -> str:
        """The digest by which a change is noticed: the name of a value that was not stored says nothing of it."""
        if not self.context.values.is_held(name):
            return name
        try:
            return digest(value)
        except ValueFault:
            return name

    def _look_up(self, node: int) -> Given:
        context = self.context
        ready = context.prepared.ready[node]
        names = ready.node.parameters if ready.node.parameters is not None else ready.node.names
        found = {}
        for dep in ready.deps:
            name = context.prepared.graph.nodes[dep].name
            if name in names:
                value = context.value_of(dep)
                found[name] = (value, self._before(value, context.done(dep).digest))
        if ready.node.kind is NodeKind.PROMPT:
            return Given(_plain(ready, found), {})
        return Given(found, {name: mark(value) for name, (value, _) in found.items()})


def _plain(ready: ReadyNode, found: dict[str, tuple[Any, str]]) -> dict[str, tuple[Any, str]]:
    """Inputs made plain for a template once, not for every item. One that cannot be is told when it is rendered."""
    try:
        plain = ready.template.prepare({name: value for name, (value, _) in found.items()})
    except TemplateError:
        return found
    return {name: (plain.get(name, value), digest) for name, (value, digest) in found.items()}
