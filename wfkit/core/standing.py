"""How the nodes of a notebook stand in one kernel: definitions, keys and value digests, to be held against another's.

Plain data that travels between processes as JSON. Nothing is compared and nothing is run here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from wfkit.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class NodeStanding:
    """One node. `keys` and `values` have a place a task (None: cannot be known, or is not made yet).

    `parts` are (path, digest, text) of its definition, `reads` (kind, name, digest) of what its results read.
    `problem` says why it has no digest or could not be looked at.
    """

    name: str
    kind: str
    mapped: bool = False
    definition: str | None = None
    deps: tuple[str, ...] = ()
    keys: tuple[str | None, ...] = ()
    values: tuple[str | None, ...] = ()
    parts: tuple[tuple[str, str, str], ...] = ()
    reads: tuple[tuple[str, str, str], ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Rerun:
    """What came of running bodies of a node again: `tasks` were tried, `changed` of them gave another value.

    `item`, `before` and `after` are of the first that changed. `suspects` are files that may be the cause: changed
    since the result was made, named by the code, and not among what the result is known to have read. `fault` says why
    it could not be run again.
    """

    node: str
    tasks: int
    changed: int = 0
    item: int | None = None
    before: str = ""
    after: str = ""
    suspects: tuple[str, ...] = ()
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """All nodes in order of the graph, and the bodies that were run again. `fault`: why there is no whole graph."""

    nodes: tuple[NodeStanding, ...] = ()
    reruns: tuple[Rerun, ...] = ()
    fault: str | None = None

    def dumps(self) -> str:
        """As JSON."""
        nodes = [{name: getattr(node, name) for name in NodeStanding.__slots__} for node in self.nodes]
        reruns = [{name: getattr(rerun, name) for name in Rerun.__slots__} for rerun in self.reruns]
        return json.dumps({"nodes": nodes, "reruns": reruns, "fault": self.fault})


def loads(text: str) -> Standing:
    """The standing that `dumps` wrote."""
    found = json.loads(text)
    nodes = tuple(NodeStanding(**_frozen(node)) for node in found["nodes"])
    reruns = tuple(Rerun(**_frozen(rerun)) for rerun in found["reruns"])
    return Standing(nodes, reruns, found["fault"])


def _frozen(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _tuple(value) for name, value in fields.items()}


def _tuple(value: Any) -> Any:
    return tuple(_tuple(part) for part in value) if isinstance(value, list) else value
