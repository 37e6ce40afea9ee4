"""Names that are a node and a variable at once: the node wins, and the user is told.

What a run itself bound in the notebook is no such variable, and neither is the function that became the node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wfkit.core.terms import NodeKind
from wfkit.engine.preparing.prepare import Prepared


def shadowed(prepared: Prepared, bound: Mapping[str, int]) -> Iterator[str]:
    """A warning for each name that a node reads and that means two things. `bound` are identities (`id`) of what runs
    have bound, by name."""
    told: set[str] = set()
    for ready in prepared.ready:
        namespace = ready.node.namespace
        for dep in ready.deps:
            node = prepared.graph.nodes[dep]
            if node.kind is NodeKind.INPUT or node.name in told or node.name not in namespace:
                continue
            value = namespace[node.name]
            if value is node.function or bound.get(node.name) == id(value):
                continue
            told.add(node.name)
            yield (
                f"{node.name!r} is a node and a variable: {ready.node.name!r} reads the node's value, not the"
                " variable's; rename one of them"
            )
