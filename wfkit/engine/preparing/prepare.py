"""From nodes to something that can run: inputs, graph, definitions, schemas. Reads the user's namespace once, runs
nothing of theirs."""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from typing import Any

from wfkit.core.events import NodeSpec
from wfkit.core.frozen import dataclass
from wfkit.core.graph import Graph, build, near
from wfkit.core.node import Node
from wfkit.core.policy import ModelPolicy, Options
from wfkit.core.terms import NodeKind, OnError
from wfkit.define.body import Body, awaits, compile_body
from wfkit.define.includes import refreshed
from wfkit.define.returns import checked, resolve_returns
from wfkit.define.schema import Schema, demand_confidence
from wfkit.define.schema import resolve as resolve_schema
from wfkit.define.template import Template
from wfkit.define.template import parse as parse_template
from wfkit.define.tools import ToolFunction, resolve_tools
from wfkit.engine.preparing.classes import reached
from wfkit.engine.preparing.collector import paused
from wfkit.engine.preparing.models import named, routes_of
from wfkit.errors import CellError, DefinitionError, GraphError, OptionError, SchemaError, ValueFault
from wfkit.keys.code.definition import Definition, Planning, Sent, define_prompt, define_python
from wfkit.keys.reads import texts_in
from wfkit.keys.task import task_key
from wfkit.keys.values import digest
from wfkit.settings import Settings

Known = Callable[[Node], Definition | None]
_DRAWERS = frozenset({"package matplotlib", "package seaborn", "package plotnine"})


def _unknown(_node: Node) -> Definition | None:
    return None


@dataclass
class ReadyNode:
    """A node made ready: its definition, what it needs, and its body, compiled when first used."""

    node: Node
    definition: Definition
    deps: tuple[int, ...]
    over: int | None
    reads_over: bool
    model: ModelPolicy | None = None
    schema: Schema | None = None
    returns: Schema | None = None
    tools: tuple[ToolFunction, ...] = ()

    @cached_property
    def run(self) -> Callable[[dict[str, Any]], Any]:
        """What makes the value of a Python node: its body, held against `returns`."""
        body = self.body
        return body.run if self.returns is None else checked(body.run, body.is_async, self.returns, self.node.name)

    @cached_property
    def body(self) -> Body:
        """The compiled Python body."""
        return compile_body(self.node)

    @cached_property
    def input_key(self) -> str | None:
        """The task key of an input, None when its value cannot be digested."""
        try:
            return task_key(str(self.definition.digest), (("value", digest(self.node.value)),))
        except ValueFault:
            return None

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Texts in the code that may name a file."""
        return texts_in(text for _, _, text in self.definition.parts)

    @cached_property
    def template(self) -> Template:
        """The parsed prompt."""
        return parse_template(self.node.source, self.node.name, self.node.first_line)


@dataclass
class Shape:
    """What a run must know of the nodes of a graph. `digest` covers how they hang together and are scheduled."""

    specs: tuple[NodeSpec, ...]

    @cached_property
    def digest(self) -> str:
        """32 hex characters; values of inputs do not count."""
        pairs = []
        for spec in self.specs:
            text = f"{spec.definition}:{spec.deps}:{spec.priority}:{spec.timeout_s}:{spec.on_error}:{spec.retry}"
            pairs.append(
                (spec.name, f"{text}:{spec.max_parallel}:{spec.batch_size}:{spec.limit}:{spec.key}:{spec.deadline_s}")
            )
        return task_key("shape", pairs)


@dataclass
class Prepared:
    """A graph with everything needed to plan and run it, positions as in the graph. `warnings` are for the user."""

    graph: Graph
    ready: list[ReadyNode]
    shape: Shape
    classes: tuple[type, ...] = field(default=())
    warnings: tuple[str, ...] = ()

    @property
    def specs(self) -> tuple[NodeSpec, ...]:
        """What a run must know of the nodes."""
        return self.shape.specs


def prepare(
    nodes: Mapping[str, Node],
    targets: Sequence[str],
    inputs: Mapping[str, Any],
    settings: Settings,
    known: Known = _unknown,
) -> Prepared:
    """Everything the targets need, checked. `known` gives definitions of cells that were made ahead.

    Raises DefinitionError before anything runs.
    """
    with paused():
        everything = with_inputs(nodes, inputs)
        graph = build(everything, targets)
        make = Making(everything, settings, known)
        ready = [make.ready(graph, i) for i in range(len(graph.nodes))]
        return Prepared(graph, ready, Shape(tuple([spec_of(node) for node in ready])), classes_of(ready))


def classes_of(ready: Sequence[ReadyNode]) -> tuple[type, ...]:
    """The classes whose instances a graph may store."""
    return tuple(reached(_code(ready)))


def _code(ready: Sequence[ReadyNode]) -> Iterator[Any]:
    """What the bodies and schemas of a graph are made of."""
    for node in ready:
        yield from node.definition.globals.values()
        if node.node.function is not None:
            yield node.node.function
        for schema in (node.schema, node.returns):
            if schema is not None:
                yield schema.cls


def with_inputs(nodes: Mapping[str, Node], inputs: Mapping[str, Any]) -> dict[str, Node]:
    """The nodes, and an input for each value handed in and each variable that a prompt, a map or a parameter reads."""
    result = {name: refreshed(node) for name, node in nodes.items()}
    for name, value in inputs.items():
        result[name] = input_node(name, value)
    result = {name: _without_defaults(node, result) for name, node in result.items()}
    for node in [node for node in result.values() if node.kind is not NodeKind.INPUT]:
        for name in wanted_inputs(node):
            if name in result:
                continue
            if name in node.namespace:
                result[name] = input_node(name, node.namespace[name])
            else:
                raise GraphError(_absent(node, name, result))
    return result


def wanted_inputs(node: Node) -> list[str]:
    """Names that must be values of the graph, not merely globals of a body."""
    item = node.each.item if node.each else None
    names = list(node.parameters or ())
    if node.kind is NodeKind.PROMPT:
        names += node.names
    if node.each:
        names.append(node.each.over)
    return [name for name in dict.fromkeys(names) if name != item]


def _without_defaults(node: Node, known: Mapping[str, Node]) -> Node:
    """A parameter with a default is needed only if a node, or an input that was handed in, has its name."""
    function = inspect.unwrap(node.function) if node.function is not None else None
    if function is None or not (function.__defaults__ or function.__kwdefaults__):
        return node
    found = inspect.signature(function).parameters
    item = node.each.item if node.each else None
    needed = [
        name
        for name in node.parameters or ()
        if name in known or name == item or name not in found or found[name].default is inspect.Parameter.empty
    ]
    return replace(node, parameters=tuple(needed))


def _absent(node: Node, name: str, known: Mapping[str, Node]) -> str:
    place = "its prompt reads" if node.kind is NodeKind.PROMPT else "it needs"
    if name == "wfkit" and node.kind is not NodeKind.PROMPT:
        return (
            f"node {node.name!r}: {place} 'wfkit', which is not imported: write `import wfkit` in a cell or in the body"
        )
    return (
        f"node {node.name!r}: {place} {name!r}, which is neither a node nor a variable"
        f"{near(name, [*known, *node.namespace])}; define it, or hand it in with inputs={{{name!r}: ...}}"
    )


def input_node(name: str, value: Any) -> Node:
    """The node of a value that was handed in or taken from the namespace."""
    return Node(name=name, kind=NodeKind.INPUT, source="", label=f"<input {name}>", value=value)


class Making:
    """Makes the nodes of one graph ready. `everything` are all nodes and inputs by name."""

    def __init__(self, everything: Mapping[str, Node], settings: Settings, known: Known = _unknown) -> None:
        self._everything = everything
        self._settings = settings
        self._known = known
        self._planning = Planning(is_step=self._is_step)

    def ready(self, graph: Graph, i: int) -> ReadyNode:
        """A node of the graph, made ready. Raises DefinitionError."""
        node, over = graph.nodes[i], graph.over[i]
        declared = node.parameters if node.parameters is not None else node.names
        reads_over = node.each is not None and node.each.over in declared
        model, schema = self._model(node), None
        if model is not None and model.schema is not None:
            try:
                schema = resolve_schema(model.schema, node.namespace)
                demand_confidence(model.min_confidence, schema)
            except SchemaError as error:
                raise SchemaError(f"node {node.name!r}: {error}") from error
        returns = self._returns(node)
        tools = self._tools(node, model)
        shape = schema or returns
        told = tuple([(found.tool, found.function) for found in tools])
        definition = self._definition(node, model, Sent((shape.json, shape.cls) if shape else None, told))
        if definition.missing:
            name = definition.missing[0]
            raise GraphError(_absent(node, name, self._everything).replace("it needs", "its body reads"))
        return ReadyNode(node, definition, graph.deps[i], over, reads_over, model, schema, returns, tools)

    def _returns(self, node: Node) -> Schema | None:
        if node.options.returns is None:
            return None
        try:
            return resolve_returns(node.options.returns, node.namespace)
        except SchemaError as error:
            raise SchemaError(f"node {node.name!r}: returns: {error}") from error

    def _is_step(self, name: str) -> bool:
        return name in self._everything and self._everything[name].kind is not NodeKind.INPUT

    def _model(self, node: Node) -> ModelPolicy | None:
        policy = node.options.model
        if policy is None:
            return None
        try:
            return named(policy, self._settings)
        except DefinitionError as error:
            raise DefinitionError(f"node {node.name!r}: {error}") from error

    def _tools(self, node: Node, model: ModelPolicy | None) -> tuple[ToolFunction, ...]:
        if model is None or not model.tools:
            return ()
        try:
            return resolve_tools(model.tools, node.namespace)
        except OptionError as error:
            raise OptionError(f"node {node.name!r}: {error}") from error

    def _definition(self, node: Node, model: ModelPolicy | None, sent: Sent) -> Definition:
        is_node = self._everything.__contains__
        if node.kind is NodeKind.INPUT:
            return Definition(task_key("input", (("name", node.name),)))
        if node.kind is NodeKind.PROMPT:
            if model is None:
                raise DefinitionError(f"node {node.name!r} is a prompt without a model: add --model NAME")
            return define_prompt(node, model, sent, is_node, plan=self._planning)
        known = self._known(node)
        if known is not None and all(is_node(name) or _is_builtin(name, node) for name in known.alone or ()):
            return known
        return define_python(node, is_node, plan=self._planning, returns=sent.schema)


def _is_builtin(name: str, node: Node) -> bool:
    return name not in node.namespace and hasattr(builtins, name)


def spec_of(ready: ReadyNode) -> NodeSpec:
    """What a run must know of a node."""
    node = ready.node
    options = node.options
    if options.on_error is OnError.KEEP and node.each is None:
        raise CellError(
            f"node {node.name!r}: on_error: keep is for mapped nodes; add `each: item in list`, or use skip"
        )
    pool = pool_of(ready)
    return NodeSpec(
        name=node.name,
        kind=node.kind,
        deps=ready.deps,
        over=ready.over,
        definition=ready.definition.digest,
        retry=options.retry,
        timeout_s=options.timeout_s,
        priority=options.priority,
        on_error=options.on_error,
        pool=pool,
        model=ready.model.model if ready.model else None,
        fallbacks=len(ready.model.fallback) if ready.model else 0,
        deadline_s=options.deadline_s,
        routes=routes_of(ready.model) if ready.model else (),
        max_parallel=_at_once(options, pool),
        batch_size=options.batch_size if pool == "python" else None,
        cache=options.cache,
        limit=options.limit,
        key=options.key,
        stops=ready.model is not None and ready.over is not None and options.on_error is OnError.FAIL,
    )


def _at_once(options: Options, pool: str) -> int | None:
    """How many attempts of a map may be under way. On the loop an attempt is one item: a batch bounds them too."""
    bounds = [options.max_parallel, None if pool == "python" else options.batch_size]
    return min((bound for bound in bounds if bound is not None), default=None)


def pool_of(ready: ReadyNode) -> str:
    """Which seats the tasks of a node take: a thread, the loop, or those of the model's provider."""
    if ready.model is not None:
        return f"model:{ready.model.model.split('/', 1)[0]}"
    if ready.node.kind is NodeKind.PYTHON and awaits(ready.node):
        return "async"
    return "pyplot" if _draws(ready) else "python"


def _draws(ready: ReadyNode) -> bool:
    """Whether a body reaches pyplot, which keeps one current figure for all threads: such bodies run one at a time."""
    if ready.node.kind is not NodeKind.PYTHON:
        return False
    parts = ready.definition.parts
    if any(path in _DRAWERS for path, _, _ in parts):
        return True
    return any(".plot" in text for _, _, text in parts) and any(path == "package pandas" for path, _, _ in parts)
