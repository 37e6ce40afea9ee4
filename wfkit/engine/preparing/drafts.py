"""What a workflow remembers of its nodes, so that a graph in which nothing was edited is not digested again.

A definition is taken over only where it cannot have changed: the node is the same object (nodes are frozen), and its
text alone was digested, because every name in it was a node, or nowhere but in builtins; that is asked again each time.
What reaches helpers, globals, imports or classes is walked and digested again for each plan, because functions, modules
and most values can be changed in place and none of them says when; of inputs only values that nobody can change keep
their digest.
"""

from __future__ import annotations

import inspect
import operator
import re
from collections.abc import Collection, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from wfkit.core.facts import Facts
from wfkit.core.frozen import dataclass
from wfkit.core.node import Node
from wfkit.core.terms import NodeKind
from wfkit.define.includes import has_includes
from wfkit.engine.preparing.collector import paused
from wfkit.engine.preparing.prepare import (
    Making,
    Prepared,
    ReadyNode,
    Shape,
    classes_of,
    input_node,
    prepare,
    spec_of,
    wanted_inputs,
)
from wfkit.errors import DefinitionError, GraphError, UsageFault
from wfkit.keys.code.definition import Definition, define_alone
from wfkit.keys.code.syntax import analyse_body
from wfkit.settings import Settings

_LASTING = frozenset({type(None), bool, int, float, complex, str, bytes})
Names = tuple[tuple[Mapping[str, Any], str], ...]


class Drafts:
    """The drafts of one workflow: definitions of cells, the graph that was prepared last, and whose latest definition
    failed. `nodes` are the workflow's own."""

    def __init__(self, nodes: MutableMapping[str, Node]) -> None:
        self._nodes = nodes
        self._alone: dict[str, tuple[Node, Definition | None]] = {}
        self._last: _Last | None = None
        self._failed: dict[str, str] = {}

    @contextmanager
    def defining(self, name: str) -> Iterator[None]:
        """Notes when a definition fails: what stood before under its name is not what the user believes to run.

        The error then says so. A node that is added under the name, or `drop`, ends that.
        """
        try:
            yield
        except (DefinitionError, UsageFault) as error:
            stands = self.fail(name, str(error))
            if not stands:
                raise
            raise type(error)(f"{error}\n{stands}") from None

    def fail(self, name: str, why: str) -> str:
        """Note that a definition failed, and give what is to be said of the one before; nothing if there is none."""
        self._failed[name] = why.split("\n", maxsplit=1)[0]
        if name not in self._nodes:
            return ""
        return f"The former definition of `{name}` still stands, so what needs it does not run {_until(name)}."

    @property
    def names(self) -> Collection[str]:
        """The names of nodes, and of those whose definition failed."""
        return {*self._nodes, *self._failed}

    def drop(self, name: str) -> bool:
        """Take a node away whose latest definition failed, and say whether it is one."""
        if self._failed.pop(name, None) is None:
            return False
        self._nodes.pop(name, None)
        return True

    def add(self, node: Node, facts: Facts | None = None) -> None:
        """Digest the text of a cell when it is defined, so that the first run of a thousand cells need not wait for
        it."""
        self._failed.pop(node.name, None)
        if node.kind is NodeKind.PYTHON and node.function is None:
            analyse_body(node.source, facts)
            self._alone[node.name] = (node, define_alone(node))

    def prepare(
        self, nodes: Mapping[str, Node], targets: Sequence[str], inputs: Mapping[str, Any], settings: Settings
    ) -> Prepared:
        """`prepare.prepare`, with what is known from before. Raises GraphError where the latest definition of a node
        has failed."""
        if not self._failed:
            return self._prepared(nodes, targets, inputs, settings)
        try:
            prepared = self._prepared(nodes, targets, inputs, settings)
        except GraphError as error:
            missing = [name for name in self._failed if name not in nodes and re.search(rf"\b{name}\b", str(error))]
            raise (GraphError(self._told(missing[0])) if missing else error) from None
        for node in prepared.graph.nodes:
            for name in (node.name, *node.names, *(node.parameters or ())):
                if name in self._failed and name not in inputs:
                    raise GraphError(self._told(name))
        return prepared

    def _told(self, name: str) -> str:
        return f"the latest definition of `{name}` failed ({self._failed[name]}): nothing runs with it {_until(name)}"

    def _prepared(
        self, nodes: Mapping[str, Node], targets: Sequence[str], inputs: Mapping[str, Any], settings: Settings
    ) -> Prepared:
        last = self._last
        if last is not None and last.fits(nodes, targets, inputs, settings):
            with paused():
                return last.again(inputs)
        self._last = None
        prepared = prepare(nodes, targets, inputs, settings, self._known)
        if not any(map(_may_change_its_needs, nodes.values())):
            taken = _taken(nodes, inputs)
            free = _free(prepared, {*nodes, *inputs, *(name for _, name in taken)})
            self._last = _Last(dict(nodes), tuple(targets), tuple(inputs), settings, _hollow(prepared), taken, free)
        return prepared

    def _known(self, node: Node) -> Definition | None:
        draft, definition = self._alone.get(node.name, (None, None))
        return definition if draft is node else None


@dataclass
class _Last:
    """A prepared graph without the values of its inputs. `taken` are the names that became inputs, `free` those that
    were in no namespace."""

    nodes: dict[str, Node]
    targets: tuple[str, ...]
    inputs: tuple[str, ...]
    settings: Settings
    prepared: Prepared
    taken: Names
    free: Names

    def fits(
        self, nodes: Mapping[str, Node], targets: Sequence[str], inputs: Mapping[str, Any], settings: Settings
    ) -> bool:
        """Whether the graph has the same nodes and inputs, whatever became of what they reach."""
        return (
            settings is self.settings
            and tuple(targets) == self.targets
            and tuple(inputs) == self.inputs
            and len(nodes) == len(self.nodes)
            and all(map(operator.is_, nodes.values(), self.nodes.values()))
            and all(name in namespace for namespace, name in self.taken)
            and not any(name in namespace for namespace, name in self.free)
            and not any(map(_may_change_its_needs, nodes.values()))
        )

    def again(self, inputs: Mapping[str, Any]) -> Prepared:
        """The graph with inputs as they are now, and with new definitions of all that reaches more than its text."""
        old = self.prepared
        values = {name: namespace[name] for namespace, name in self.taken} | dict(inputs)
        made = {name: input_node(name, value) for name, value in values.items()}
        graph = replace(old.graph, nodes=tuple([made.get(node.name, node) for node in old.graph.nodes]))
        vars(graph)["position"] = old.graph.position
        make = Making(self.nodes | made, self.settings)
        ready, specs, walked = list(old.ready), list(old.specs), False
        for i, known in enumerate(old.ready):
            if known.node.name in made:
                ready[i] = self._input(i, made[known.node.name])
            elif known.definition.alone is None:
                ready[i] = make.ready(graph, i)
                specs[i], walked = spec_of(ready[i]), True
        same = not walked or specs == list(old.specs)
        shape = old.shape if same else Shape(tuple(specs))
        return Prepared(graph, ready, shape, classes_of(ready) if walked else old.classes)

    def _input(self, i: int, node: Node) -> ReadyNode:
        """An input made ready; one with the very value that it had, which nobody can change, is as it was."""
        known = self.prepared.ready[i]
        if type(node.value) in _LASTING and known.node.value is node.value:
            return known
        made = replace(known, node=node)
        lasting = type(node.value) in _LASTING
        self.prepared.ready[i] = made if lasting else replace(known, node=input_node(node.name, None))
        return made


def _until(name: str) -> str:
    return f"until `{name}` is defined anew, or `%wf forget {name}` takes it away"


def _hollow(prepared: Prepared) -> Prepared:
    """The graph without the values of its inputs, but for those that nobody can change: they may be large."""
    graph = prepared.graph
    hollow = {
        node.name: input_node(node.name, None)
        for node in graph.nodes
        if node.kind is NodeKind.INPUT and type(node.value) not in _LASTING
    }
    kept = replace(graph, nodes=tuple([hollow.get(node.name, node) for node in graph.nodes]))
    ready = [
        replace(node, node=hollow[node.node.name]) if node.node.name in hollow else node for node in prepared.ready
    ]
    return replace(prepared, graph=kept, ready=ready)


def _taken(nodes: Mapping[str, Node], inputs: Mapping[str, Any]) -> Names:
    found: dict[str, Mapping[str, Any]] = {}
    for node in nodes.values():
        for name in wanted_inputs(node):
            if name not in nodes and name not in inputs:
                found.setdefault(name, node.namespace)
    return tuple([(namespace, name) for name, namespace in found.items()])


def _free(prepared: Prepared, known: Collection[str]) -> Names:
    found: dict[tuple[int, str], Mapping[str, Any]] = {}
    for ready in prepared.ready:
        for name in ready.definition.alone or ():
            if name not in known:
                found[id(ready.node.namespace), name] = ready.node.namespace
    return tuple([(namespace, name) for (_, name), namespace in found.items()])


def _may_change_its_needs(node: Node) -> bool:
    """Whether a parameter with a default, or a file that a prompt includes, may be a dependency at one time and none at
    another."""
    if node.kind is NodeKind.PROMPT and has_includes(node.source):
        return True
    function = inspect.unwrap(node.function) if node.function is not None else None
    return bool(getattr(function, "__defaults__", None) or getattr(function, "__kwdefaults__", None))
