"""Where the nodes of a graph stand: layers by longest path, order by barycenter sweeps, positions by pulling towards
neighbours.

Positions only (Sugiyama, Tagawa and Toda, IEEE Trans. SMC 11(2), 1981); nothing is drawn. The same graph always gets
the same picture.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import floor

_SWEEPS = 8
_PULLS = 6
_DUMMIES_A_NODE = 3  # long edges beyond this many bends run straight, so that no graph costs more than linear time
_COUNTED_EDGES = 1500  # above, crossings are not counted: the last sweep is taken

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """`points[i]` is (across, layer) of node i, `bends[(i, j)]` the points of the edge from i to j, both ends
    included.

    `across` starts at 0 and grows to `width`; nodes of one layer are at least 1 apart. `layer` is a whole number from
    0 to `depth` - 1.
    """

    points: tuple[Point, ...]
    bends: dict[tuple[int, int], tuple[Point, ...]]
    width: float
    depth: int


@dataclass(slots=True)
class _Work:
    """Nodes and, after them, the dummies that long edges pass through; `up` and `down` are neighbours in the next
    layers.
    """

    layer: list[int]
    rows: list[list[int]] = field(default_factory=list)
    up: list[list[int]] = field(default_factory=list)
    down: list[list[int]] = field(default_factory=list)
    across: list[float] = field(default_factory=list)
    chains: dict[tuple[int, int], list[int]] = field(default_factory=dict)


def layered(deps: Sequence[Sequence[int]]) -> Layout:
    """Place nodes 0..n-1; `deps[i]` are those that node i needs, all of which stand before it."""
    if not deps:
        return Layout((), {}, 0.0, 0)
    work = _Work(_layers(deps))
    _chains(work, deps)
    _order(work)
    _place(work)
    points = [(work.across[n], float(work.layer[n])) for n in range(len(work.layer))]
    bends = {edge: tuple(points[n] for n in chain) for edge, chain in work.chains.items()}
    return Layout(tuple(points[: len(deps)]), bends, max(work.across), len(work.rows))


def _layers(deps: Sequence[Sequence[int]]) -> list[int]:
    """Longest path from a source; sources move down to just above their first user, which shortens their edges."""
    layer = [0] * len(deps)
    first_user = [len(deps)] * len(deps)
    for node, needed in enumerate(deps):
        layer[node] = max((layer[dep] + 1 for dep in needed), default=0)
    for node, needed in enumerate(deps):
        for dep in needed:
            first_user[dep] = min(first_user[dep], layer[node])
    for node, needed in enumerate(deps):
        if not needed and first_user[node] < len(deps):
            layer[node] = first_user[node] - 1
    return layer


def _chains(work: _Work, deps: Sequence[Sequence[int]]) -> None:
    """Cut every edge into steps of one layer, shortest edges first while dummies last."""
    edges = sorted({(dep, node) for node, needed in enumerate(deps) for dep in needed})
    edges.sort(key=lambda edge: work.layer[edge[1]] - work.layer[edge[0]])
    left = _DUMMIES_A_NODE * len(deps)
    for dep, node in edges:
        between = range(work.layer[dep] + 1, work.layer[node])
        chain = [dep]
        if len(between) <= left:
            left -= len(between)
            chain += range(len(work.layer), len(work.layer) + len(between))
            work.layer.extend(between)
        work.chains[dep, node] = [*chain, node]
    work.up = [[] for _ in work.layer]
    work.down = [[] for _ in work.layer]
    for chain in work.chains.values():
        for upper, lower in pairwise(chain):
            work.down[upper].append(lower)
            work.up[lower].append(upper)
    work.rows = [[] for _ in range(max(work.layer) + 1)]
    for node in _depth_first(work):
        work.rows[work.layer[node]].append(node)


def _depth_first(work: _Work) -> list[int]:
    """A start order in which connected nodes are near each other, so that separate parts of a graph stay apart."""
    seen = [False] * len(work.layer)
    order: list[int] = []
    for start in range(len(work.layer)):
        stack = [start]
        while stack:
            node = stack.pop()
            if seen[node]:
                continue
            seen[node] = True
            order.append(node)
            stack.extend(reversed(work.up[node]))
            stack.extend(reversed(work.down[node]))
    return order


def _order(work: _Work) -> None:
    """Sweep down and up; each row is sorted by the mean place of its neighbours. The order with the fewest crossings
    is kept.
    """
    counted = sum(map(len, work.down)) <= _COUNTED_EDGES
    best, fewest = [list(row) for row in work.rows], _crossings(work) if counted else None
    for sweep in range(_SWEEPS):
        rows = work.rows if sweep % 2 == 0 else work.rows[::-1]
        _sweep(rows, work.up if sweep % 2 == 0 else work.down)
        if fewest is None:
            best = work.rows
            continue
        crossings = _crossings(work)
        if crossings < fewest:
            best, fewest = [list(row) for row in work.rows], crossings
        if crossings == 0:
            break
    work.rows = best


def _sweep(rows: list[list[int]], neighbours: list[list[int]]) -> None:
    place: dict[int, int] = {}
    for row in rows:
        keys = {}
        for at, node in enumerate(row):
            near = [place[other] for other in neighbours[node] if other in place]
            keys[node] = sum(near) / len(near) if near else float(at)
        row.sort(key=keys.__getitem__)
        place = {node: at for at, node in enumerate(row)}


def _crossings(work: _Work) -> int:
    total = 0
    for row in work.rows[1:]:
        above = {node: at for at, node in enumerate(work.rows[work.layer[row[0]] - 1])}
        passed: list[int] = []
        for node in row:
            ends = [above[upper] for upper in work.up[node] if upper in above]
            total += sum(len(passed) - bisect_right(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return total


def _place(work: _Work) -> None:
    """Give positions across: begin with the order, then pull each row towards its neighbours without coming closer
    than 1.
    """
    work.across = [0.0] * len(work.layer)
    widest = max(map(len, work.rows))
    for row in work.rows:
        for at, node in enumerate(row):
            work.across[node] = at + (widest - len(row)) / 2
    for pull in range(_PULLS):
        rows, near = (work.rows, work.up) if pull % 2 == 0 else (work.rows[::-1], work.down)
        for row in rows:
            _pull(row, near, work.across)
    least = min(work.across)
    # Halves keep rows at least 1 apart and make lines that are nearly straight straight.
    work.across = [floor((across - least) * 2 + 0.5) / 2 for across in work.across]


def _pull(row: list[int], neighbours: list[list[int]], across: list[float]) -> None:
    wanted = []
    for node in row:
        near = [across[other] for other in neighbours[node]]
        wanted.append(sum(near) / len(near) if near else across[node])
    for node, position in zip(row, spread(wanted), strict=True):
        across[node] = position


def spread(wanted: Sequence[float]) -> list[float]:
    """Positions at least 1 apart, in the order given, that are as near to the wanted ones as can be (least squares).

    Pool adjacent violators (Barlow et al., Statistical Inference under Order Restrictions, 1972) on `wanted[i] - i`.
    """
    blocks: list[tuple[float, int]] = []
    for at, want in enumerate(wanted):
        total, size = want - at, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / size:
            above, more = blocks.pop()
            total, size = total + above, size + more
        blocks.append((total, size))
    result: list[float] = []
    for total, size in blocks:
        first = len(result)
        result.extend(total / size + first + step for step in range(size))
    return result
