"""The graph: order, targets, and errors that show the way out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.core.graph import build, near, needed
from wfkit.core.node import Each, Node
from wfkit.core.policy import Options
from wfkit.core.terms import NodeKind
from wfkit.errors import GraphError


def node(name: str, *names: str, each: Each | None = None, **more: object) -> Node:
    """A Python node that reads these names."""
    return Node(name, NodeKind.PYTHON, "", names=names, each=each, **more)


def nodes(*some: Node) -> dict[str, Node]:
    return {n.name: n for n in some}


@st.composite
def acyclic(draw: st.DrawFn) -> dict[str, Node]:
    """Nodes that need some of those before them, defined in any order."""
    size = draw(st.integers(1, 12))
    some = []
    for i in range(size):
        deps = draw(st.sets(st.integers(0, i - 1), max_size=4)) if i else set()
        some.append(node(f"n{i}", *(f"n{dep}" for dep in sorted(deps))))
    return nodes(*draw(st.permutations(some)))


@given(acyclic(), st.data())
def test_order(known: dict[str, Node], data: st.DataObject) -> None:
    """Every node stands after those it needs, once, and nothing is there that the targets do not need."""
    targets = data.draw(st.lists(st.sampled_from(sorted(known)), unique=True, max_size=3))
    graph = build(known, targets)
    for i, n in enumerate(graph.nodes):
        assert {graph.nodes[dep].name for dep in graph.deps[i]} == set(n.names)
        assert all(dep < i for dep in graph.deps[i])
        assert graph.position[n.name] == i
    wanted: set[str] = set()
    stack = list(graph.targets)
    while stack:
        name = stack.pop()
        wanted.add(name)
        stack += known[name].names
    assert sorted(n.name for n in graph.nodes) == sorted(wanted)


@given(acyclic())
def test_default_targets(known: dict[str, Node]) -> None:
    """Without targets they are the nodes that nobody needs, in order of definition, and all nodes are in the graph."""
    graph = build(known)
    used = {dep for n in known.values() for dep in n.names}
    assert list(graph.targets) == [name for name in known if name not in used]
    assert len(graph.nodes) == len(known)


@given(acyclic())
def test_order_is_stable(known: dict[str, Node]) -> None:
    """The same definitions give the same graph."""
    assert build(known) == build(dict(known))


def test_what_a_node_needs() -> None:
    """Names that are nodes, the mapped node and declared needs, each once; neither its item nor ordinary variables."""
    known = nodes(node("a"), node("x"), node("c"), node("late"))
    mapped = node("b", "x", "c", "helper", "a", each=Each("x", "a"), options=Options(needs=("late", "c")))
    assert needed(mapped, known) == ("c", "a", "late")


def test_an_input_is_no_default_target() -> None:
    """Values handed in are not what a run is for."""
    known = nodes(Node("given", NodeKind.INPUT, ""), node("a"))
    assert build(known).targets == ("a",)


def test_position_of_the_mapped_node() -> None:
    """`over` is the position of the node that is mapped over, None for others."""
    graph = build(nodes(node("b", "x", each=Each("x", "a")), node("a")))
    assert [n.name for n in graph.nodes] == ["a", "b"]
    assert graph.over == (None, 0)


def test_a_cycle_is_shown_as_a_path() -> None:
    """The path begins and ends with the same node and leaves out those that only hang on the cycle."""
    known = nodes(node("a", "c"), node("b", "a"), node("c", "b"), node("tail", "a"), node("free"))
    with pytest.raises(GraphError, match=r"cycle: (a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c)"):
        build(known)


def test_a_cycle_is_found_beside_what_is_fine() -> None:
    """The path leads along the cycle, not to a dependency that is none of it."""
    known = nodes(node("fine"), node("a", "fine", "b"), node("b", "fine", "a"))
    with pytest.raises(GraphError, match=r"cycle: (a -> b -> a|b -> a -> b);"):
        build(known)


def test_a_node_that_needs_itself() -> None:
    """The shortest cycle."""
    with pytest.raises(GraphError, match="a -> a"):
        build(nodes(node("a", "a")))


def test_unknown_names_bring_near_ones() -> None:
    """An unknown target, or one to map over, is named, with the name that was probably meant."""
    known = nodes(node("reviews"), node("label", each=Each("r", "review")))
    with pytest.raises(GraphError, match=r"'labels' \(did you mean 'label'\?\)"):
        build(known, ["labels"])
    with pytest.raises(GraphError, match=r"'label' needs 'review'.*did you mean 'reviews'"):
        build(known, ["label"])
    assert near("zzz", known) == ""


def test_only_what_targets_need_is_checked() -> None:
    """A broken node elsewhere does not stop the run of a target."""
    known = nodes(node("a"), node("broken", each=Each("r", "nowhere")), node("x", "y"), node("y", "x"))
    assert [n.name for n in build(known, ["a"]).nodes] == ["a"]


def test_a_long_chain() -> None:
    """20,000 nodes in reverse order of need: no recursion, and a cycle through all of them is found too."""
    size = 20_000
    chain = [node(f"n{i}", f"n{i + 1}") for i in range(size)]
    graph = build(nodes(*chain, node(f"n{size}")))
    assert graph.targets == ("n0",)
    assert [n.name for n in graph.nodes[:2]] == [f"n{size}", f"n{size - 1}"]
    with pytest.raises(GraphError, match="n0 -> n19999"):
        build(nodes(*chain[:-1], node(f"n{size - 1}", "n0")), ["n0"])
