"""Promises of `views/layout.py`: layers, room between nodes, the same picture for the same graph, no recursion.

Properties over random graphs, and a few graphs whose picture is known.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.views.layout import layered, spread


@st.composite
def graphs(draw: st.DrawFn) -> list[list[int]]:
    """Positions of what each of up to 30 nodes needs."""
    size = draw(st.integers(0, 30))
    return [draw(st.lists(st.integers(0, node - 1), max_size=3)) if node else [] for node in range(size)]


@given(graphs())
def test_nodes_stand_below_what_they_need_and_apart(deps: list[list[int]]) -> None:
    """Every line runs down; no two nodes of a layer are closer than 1; nothing stands outside the picture."""
    layout = layered(deps)
    for node, needed in enumerate(deps):
        assert all(layout.points[dep][1] < layout.points[node][1] for dep in needed)
    for layer in range(layout.depth):
        row = sorted(across for across, at in layout.points if at == layer)
        assert row
        assert all(right - left >= 1 for left, right in pairwise(row))
    assert all(0 <= across <= layout.width for across, _ in layout.points)


@given(graphs())
def test_every_edge_has_its_bends(deps: list[list[int]]) -> None:
    """A line begins at one node, ends at the other, and goes down layer by layer between them."""
    layout = layered(deps)
    assert set(layout.bends) == {(dep, node) for node, needed in enumerate(deps) for dep in needed}
    for (dep, node), points in layout.bends.items():
        assert (points[0], points[-1]) == (layout.points[dep], layout.points[node])
        assert all(upper[1] < lower[1] for upper, lower in pairwise(points))


@given(graphs())
def test_the_same_graph_gets_the_same_picture(deps: list[list[int]]) -> None:
    """Positions depend on the graph alone."""
    assert layered(deps) == layered([list(needed) for needed in deps])


def test_a_tree_has_no_crossing_and_straight_lines() -> None:
    """Two chains side by side stay side by side."""
    layout = layered([[], [], [0], [1], [2], [3]])
    assert [across for across, _ in layout.points] == [0, 1, 0, 1, 0, 1]


def test_lines_are_untangled() -> None:
    """Nodes that were given in a crossing order change places."""
    layout = layered([[], [], [1], [0]])
    first, second, third, fourth = (across for across, _ in layout.points)
    assert (first < second) == (fourth < third)


def test_a_late_input_stands_near_its_user() -> None:
    """A source moves down to the layer above its first user."""
    assert layered([[], [0], [1], [], [2, 3]]).points[3][1] == 2


def test_no_recursion() -> None:
    """A chain of 10,000 nodes is placed: many more than Python has frames."""
    layout = layered([[node - 1] if node else [] for node in range(10_000)])
    assert (layout.depth, layout.width) == (10_000, 0)


def test_long_edges_cannot_cost_more_than_linear_room() -> None:
    """A node that feeds every one of a chain of 1,000 bends only near it; the other lines run straight."""
    layout = layered([[], *([0, node - 1] for node in range(1, 1000))])
    assert sum(len(points) for points in layout.bends.values()) < 3 * 1000 + 3 * 2000


def test_nothing_is_an_empty_picture() -> None:
    """A graph without nodes has no size."""
    assert layered([]).points == ()


@pytest.mark.parametrize(
    ("wanted", "got"),
    [([], []), ([5], [5]), ([0, 0, 0], [-1, 0, 1]), ([0, 0, 0, 5], [-1, 0, 1, 5]), ([3, 1], [1.5, 2.5])],
)
def test_spread(wanted: list[float], got: list[float]) -> None:
    """Positions are at least 1 apart and as near to the wanted ones as can be."""
    assert spread(wanted) == pytest.approx(got)
