"""A walk over a graph without running it: the same resolver finds keys and hits, but nothing is started or written.

What a plan says of it is `foreseeing`.
"""

from __future__ import annotations

import time

from wfkit.core.events import Resolved
from wfkit.core.plan import Index
from wfkit.core.result import Read
from wfkit.core.terms import NodeKind, OnError, Reason
from wfkit.engine.execute import Session, load_index, resolver_for
from wfkit.engine.preparing.prepare import Prepared, ReadyNode
from wfkit.engine.preparing.resolve import NodeValue, Resolver
from wfkit.engine.preparing.wish import Wish
from wfkit.keys.reads import ReadChecker
from wfkit.keys.task import map_digest


class Walk:
    """One pass over a graph. `resolved[n]` is None for a node that awaits an upstream result; `faults[n]` tells why
    a node cannot run."""

    def __init__(self, session: Session, prepared: Prepared, wish: Wish = Wish()) -> None:  # noqa: B008 (frozen)
        self.prepared, self.wish = prepared, wish
        self._project, self._settings = session.project, session.settings.counted()
        self.index: Index = load_index(session, prepared)
        self.resolver: Resolver = resolver_for(session, prepared, self.index, "plan", wish)
        self.resolved: list[Resolved | None] = []
        self.faults: dict[int, str] = {}
        self._values: dict[int, NodeValue] = {}
        self._stopped: set[int] = set()  # nodes below one that failed
        now = time.time()
        for node, ready in enumerate(prepared.ready):
            self.resolved.append(self._visit(node, ready, now))
            if any(dep in self._stopped or self._failed(dep) for dep in ready.deps):
                self._stopped.add(node)

    def _visit(self, node: int, ready: ReadyNode, now: float) -> Resolved | None:
        if ready.node.kind is NodeKind.INPUT:
            return self._input(node, ready, now)
        if any(dep not in self._values for dep in ready.deps):
            return None
        try:
            resolved = self.resolver.resolve(node, self._values.__getitem__, now)
        except Exception as error:  # the run will fail here with the same words
            self.faults[node] = str(error)
            return None
        self._remember(node, ready, resolved)
        return resolved

    def value_of(self, node: int) -> NodeValue | None:
        """What a node hands on, if that is known."""
        return self._values.get(node)

    def digest_now(self, read: Read) -> str:
        """The digest of something outside as it is now."""
        return ReadChecker(self._project, self._settings).digest(read)

    def waiting(self, node: int) -> Reason:
        """Why a node has no keys yet."""
        return Reason.UPSTREAM_FAILED if node in self._stopped else Reason.AWAITS

    def failed_above(self, node: int) -> list[str]:
        """Names of nodes above this one, near ones first, that failed in the run before and stop it."""
        level = dict.fromkeys(self.prepared.ready[node].deps)
        seen = set(level)
        while level:
            found = [self.prepared.graph.nodes[dep].name for dep in level if self._failed(dep)]
            if found:
                return found
            above = dict.fromkeys(dep for below in level for dep in self.prepared.ready[below].deps)
            level = dict.fromkeys(dep for dep in above if dep not in seen)
            seen.update(level)
        return []

    def _failed(self, node: int) -> bool:
        """Whether a node failed in the run before, and stops those that need it."""
        resolved = self.resolved[node]
        if resolved is None or Reason.FAILED_BEFORE not in resolved.reasons:
            return False
        spec = self.prepared.specs[node]
        return spec.over is None or spec.on_error is OnError.FAIL

    def is_known(self, node: int) -> bool:
        """Whether the whole value of a node is known without running anything."""
        return node in self._values

    def _input(self, node: int, ready: ReadyNode, now: float) -> Resolved:
        """An input is at hand even if it was never stored: its value digest is known, and a map may look at its
        items."""
        resolved = self.resolver.resolve(node, self._values.__getitem__, now)
        digest = self.resolver.input_digest(ready)
        if digest is not None:
            self.resolver.at_hand[digest] = ready.node.value
            self._values[node] = NodeValue(digest)
        return resolved

    def _remember(self, node: int, ready: ReadyNode, resolved: Resolved) -> None:
        digests = [value for value in resolved.values if value is not None]
        if len(digests) < len(resolved.values):
            return
        if ready.over is None:
            self._values[node] = NodeValue(digests[0])
        else:
            labels, sample = self.resolver.labels.get(node), self.resolver.samples.get(node)
            self._values[node] = NodeValue(map_digest(digests), tuple(digests), labels, sample)
