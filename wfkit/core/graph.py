"""Which node needs which: dependencies, order, targets.

A cycle is told as a path, a missing dependency with near names.
Works on names only and uses no recursion, so a chain of any length is fine. What a name means outside the graph is not
known here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from wfkit.core.frozen import dataclass
from wfkit.core.node import Node
from wfkit.core.terms import NodeKind
from wfkit.errors import GraphError


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which every node comes after those it needs.

    `deps[i]` are positions; `over[i]` the mapped one or None.
    """

    nodes: tuple[Node, ...]
    deps: tuple[tuple[int, ...], ...]
    over: tuple[int | None, ...]
    targets: tuple[str, ...]

    @cached_property
    def position(self) -> dict[str, int]:
        """Position of each node by name."""
        return {node.name: i for i, node in enumerate(self.nodes)}


def needed(node: Node, nodes: Mapping[str, Node]) -> tuple[str, ...]:
    """Names of the nodes that this one depends on.

    In this order: those its body reads, what it is mapped over, declared `needs`. Raises GraphError.
    """
    item = node.each.item if node.each else None
    read = node.parameters if node.parameters is not None else node.names
    found = dict.fromkeys(name for name in read if name in nodes and name != item)
    if node.each:
        found[node.each.over] = None
    found.update(dict.fromkeys(node.options.needs))
    for name in found:
        if name not in nodes:
            raise GraphError(_missing(node, name, nodes))
    return tuple(found)


def build(nodes: Mapping[str, Node], targets: Sequence[str] = ()) -> Graph:
    """The graph of everything the targets need (default: the nodes nobody needs). Raises GraphError."""
    for target in targets:
        if target not in nodes:
            raise GraphError(f"no node is named {target!r}{near(target, nodes)}; `%wf plan` lists the nodes")
    needs: dict[str, tuple[str, ...]] = {}
    whole: list[str] = []
    if not targets:
        needs = {name: needed(node, nodes) for name, node in nodes.items()}
        used = {dep for deps in needs.values() for dep in deps}
        unused = [name for name, node in nodes.items() if name not in used and node.kind is not NodeKind.INPUT]
        whole = _order(list(nodes), needs)  # a cycle beside the rest is nobody's need: it would go unseen
        targets = unused or list(nodes)
    wanted = _closure(nodes, targets, needs)
    order = whole if len(wanted) == len(whole) else _order(wanted, needs)
    position = {name: i for i, name in enumerate(order)}
    return Graph(
        nodes=tuple(nodes[name] for name in order),
        deps=tuple(tuple(position[dep] for dep in needs[name]) for name in order),
        over=tuple(position[each.over] if (each := nodes[name].each) else None for name in order),
        targets=tuple(targets),
    )


def near(name: str, known: Iterable[str]) -> str:
    """A hint: " (did you mean 'x'?)", or nothing. Of names that are equally near, the one that begins alike."""
    close = difflib.get_close_matches(name, list(known), n=3)
    if not close:
        return ""
    best = max(close, key=lambda word: (difflib.SequenceMatcher(None, word, name).ratio(), _alike(word, name)))
    return f" (did you mean {best!r}?)"


def _alike(left: str, right: str) -> int:
    """How many letters two words have in common at their beginning."""
    return next((place for place, pair in enumerate(zip(left, right, strict=False)) if pair[0] != pair[1]), len(left))


def _missing(node: Node, name: str, nodes: Mapping[str, Node]) -> str:
    return (
        f"node {node.name!r} needs {name!r}, which is neither a node nor a variable{near(name, nodes)}:"
        f" define it in a cell that runs before the plan is made, or remove it"
    )


def _closure(nodes: Mapping[str, Node], targets: Sequence[str], needs: dict[str, tuple[str, ...]]) -> list[str]:
    """Names that the targets need, in order of definition; fills `needs` for them."""
    seen: set[str] = set()
    stack = list(targets)
    while stack:
        name = stack.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in needs:
            needs[name] = needed(nodes[name], nodes)
        stack.extend(dep for dep in needs[name] if dep not in seen)
    return [name for name in nodes if name in seen]


def _order(wanted: Sequence[str], needs: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Kahn's algorithm, stable in the order given. Raises GraphError with the path of a cycle."""
    users: dict[str, list[str]] = {name: [] for name in wanted}
    missing = {name: len(needs[name]) for name in wanted}
    for name in wanted:
        for dep in needs[name]:
            users[dep].append(name)
    order = [name for name in wanted if not missing[name]]
    for name in order:
        for user in users[name]:
            missing[user] -= 1
            if not missing[user]:
                order.append(user)
    if len(order) < len(wanted):
        done = set(order)
        path = _cycle([name for name in wanted if name not in done], needs)
        raise GraphError(f"the nodes form a cycle: {' -> '.join(path)}; break it by renaming one")
    return order


def _cycle(rest: Sequence[str], needs: Mapping[str, tuple[str, ...]]) -> list[str]:
    """A cycle among nodes that all wait for one another: walk along needs until a name comes back."""
    left = set(rest)
    path: list[str] = []
    at: dict[str, int] = {}
    name = rest[0]
    while name not in at:
        at[name] = len(path)
        path.append(name)
        name = next(dep for dep in needs[name] if dep in left)
    return [*path[at[name] :], name][::-1]
