"""The definition of a node: what its result depends on besides its inputs and what it reads while it runs.

Nothing of the user's is executed. What cannot be digested makes the node uncacheable, with its name and what to do
about it; there is never a placeholder.
"""

from __future__ import annotations

import builtins
from collections import ChainMap
from collections.abc import Callable
from dataclasses import field, replace
from functools import lru_cache
from typing import Any

from wfkit.core.call import Tool
from wfkit.core.frozen import dataclass
from wfkit.core.node import Node
from wfkit.core.policy import ModelPolicy
from wfkit.core.terms import NodeKind
from wfkit.errors import CellError
from wfkit.keys.code.queries import quoted_names
from wfkit.keys.code.reached import Part, Reached
from wfkit.keys.code.syntax import Analysis, analyse_body
from wfkit.keys.code.walk import Rules, ValueMemo, Walk, note_calls, note_readers
from wfkit.keys.content.plain import branch, digest_of
from wfkit.keys.task import SCHEME

_PARAMETERS = ("temperature", "top_p", "max_tokens", "seed", "min_confidence")


@dataclass(frozen=True, slots=True)
class Definition:
    """What a node is, as a digest and as parts to explain it.

    `digest` is None when something cannot be digested; `problem` then says what. `parts` are (path, digest, text)
    of everything reached. `globals` is the namespace in which a cell's body runs. `missing` are names that are
    nowhere. `notes` are warnings for the user. `files` are sources of the project that the digest covers: that they
    are opened while the body runs is no dependency of its own. `unseen` are readers in C that may open files
    unseen. `environment` are variables that modules look up while they are loaded: reads of the body.
    `alone` is given where the text alone was digested: the names that were nodes, or nowhere but in builtins. As long
    as they are, the definition is the same. `asks` tells whether it asks models (`wfkit.ask`, `wfkit.embed`).
    """

    digest: str | None
    problem: str | None = None
    parts: tuple[Part, ...] = ()
    globals: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    alone: tuple[str, ...] | None = None
    environment: tuple[str, ...] = ()
    asks: bool = False


@dataclass(slots=True)
class Planning:
    """What the definitions of one plan share. `is_step(name)`: a node with a body, which no helper may read by name
    (None: every node).
    """

    values: ValueMemo = field(default_factory=ValueMemo)
    is_step: Callable[[str], bool] | None = None


def define_python(
    node: Node,
    is_node: Callable[[str], bool],
    *,
    plan: Planning | None = None,
    returns: tuple[str, Any] | None = None,
) -> Definition:
    """The definition of a Python node. `returns` is the schema of its value, as text and as a class (or None).

    Raises CellError for a helper that reads a node by name, and for source that does not parse.
    """
    plan = plan or Planning()
    if node.function is not None:
        walk = _walk(node, is_node, plan)
        walk.begin(node.function, node.name)
        _shape(walk, node, "returns", returns)
        return _walked(node, walk, {}, ())
    try:
        analysis = analyse_body(node.source)
    except SyntaxError as error:
        raise CellError(f"node {node.name!r}, line {error.lineno}: {error.msg}") from error
    needed, missing = _names(node, analysis, is_node)
    if not needed and (alone := _alone(node, analysis)):  # it reaches nothing: most cells of a long chain
        return replace(alone, missing=missing) if missing else alone
    value_name = _value_name(node, analysis)
    own = (node.name, analysis.digest, node.source)
    walk = _walk(node, is_node, plan)
    walk.reached.parts.append(own)
    chains = [chain for chain in analysis.uses if chain[0] in needed]
    known = {chain[0] for chain in chains}.union(analysis.hints)
    chains += [(name,) for name in sorted(needed - known)]
    note_calls(walk, node.name, analysis)
    walk.imports(node.name, analysis.imports, node.namespace)
    note_readers(walk, analysis.uses, analysis.imports, node.namespace)
    walk.use(node.name, chains, node.namespace, helper=False)
    _shape(walk, node, "returns", returns)
    return _walked(node, walk, {name: node.namespace[name] for name in sorted(needed)}, missing, value_name)


def define_alone(node: Node) -> Definition | None:
    """The definition of a cell as it is while its names (`alone`) are nodes or builtins. None: its text says too little
    for that, or it is no Python.
    """
    if node.kind is not NodeKind.PYTHON or node.function is not None:
        return None
    return _alone(node, analyse_body(node.source))


def _alone(node: Node, analysis: Analysis) -> Definition | None:
    if analysis.imports or analysis.dynamic or analysis.quoted or node.options.returns is not None:
        return None
    own = Reached([(node.name, analysis.digest, node.source)])
    found = _definition(node, own, {}, (), _value_name(node, analysis))
    return replace(found, alone=_outside(node, analysis))


def _value_name(node: Node, analysis: Analysis) -> str:
    return node.name if node.name in analysis.binds else ""


def _walk(node: Node, is_node: Callable[[str], bool], plan: Planning) -> Walk:
    function = node.function
    namespace = node.namespace if function is None else getattr(function, "__globals__", node.namespace)
    namespace = namespace.maps[-1] if isinstance(namespace, ChainMap) else namespace  # below what `prompt` was given
    return Walk(Rules(frozenset(node.options.ignore), plan.is_step or is_node, namespace, function), plan.values)


def _names(node: Node, analysis: Analysis, is_node: Callable[[str], bool]) -> tuple[set[str], tuple[str, ...]]:
    """Names that a body takes from its namespace, and those that are nowhere. Items and nodes are no globals."""
    quoted = quoted_names(analysis.quoted, node.namespace, analysis.binds)
    names = [name for name in dict.fromkeys((*_outside(node, analysis), *quoted)) if not is_node(name)]
    needed = {name for name in names if name in node.namespace}
    absent = [name for name in names if name not in needed and not hasattr(builtins, name)]
    return needed, tuple(sorted(name for name in absent if name in node.names))


def _outside(node: Node, analysis: Analysis) -> tuple[str, ...]:
    """Names that a body does not bind itself, without its item."""
    item = node.each.item if node.each else None
    free = {chain[0] for chain in analysis.uses}.difference(analysis.binds)
    return tuple([name for name in free.union(node.names, analysis.hints) if name != item])


def _walked(
    node: Node, walk: Walk, given: dict[str, Any], missing: tuple[str, ...], value_name: str = ""
) -> Definition:
    walk.drain()
    return _definition(node, walk.reached, given, missing, value_name)


def _definition(
    node: Node, reached: Reached, given: dict[str, Any], missing: tuple[str, ...], value_name: str
) -> Definition:
    options = _options(node)
    if options:
        reached.text(f"{node.name} options", options)
    whole = branch(b"definition", [_facts(node.kind, value_name), reached.digest()]).hex()
    problem = "; ".join(dict.fromkeys(reached.problems)) or None
    return Definition(
        None if problem else whole,
        problem,
        tuple(reached.parts),
        given,
        missing,
        tuple(dict.fromkeys(reached.notes)),
        tuple(sorted(reached.files)),
        tuple(sorted(reached.unseen)),
        environment=tuple(sorted(reached.environment)),
        asks=reached.asks,
    )


@lru_cache(maxsize=1024)
def _facts(kind: NodeKind, value_name: str) -> bytes:
    return digest_of(f"{SCHEME}\x00{kind}\x00{value_name}".encode())


def _options(node: Node) -> str:
    """The options that are part of the key, one a line; empty when none was given."""
    options = node.options
    lines = [f"each: {node.each.item}"] if node.each else []
    lines += [f"ignore: {', '.join(sorted(options.ignore))}"] if options.ignore else []
    lines += [f"codec: {options.codec}"] if options.codec != "auto" else []
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a prompt sends besides its text: a schema as text and as a class (or None); tools, each with what a model
    is told of it and the function that is called.
    """

    schema: tuple[str, Any] | None = None
    tools: tuple[tuple[Tool, Callable[..., Any]], ...] = ()


def define_prompt(
    node: Node, model: ModelPolicy, sent: Sent, is_node: Callable[[str], bool], *, plan: Planning | None = None
) -> Definition:
    """The definition of a prompt: template, model, every parameter (left out is not zero), schema and validators, tools
    with their code.
    """
    walk = _walk(node, is_node, plan or Planning())
    walk.reached.text(node.name, node.source)
    walk.reached.text(f"{node.name} -> model", model.model)
    chains = model.routes or tuple((str(number), (name,)) for number, name in enumerate(model.fallback, 1))
    for name, models in chains:
        walk.reached.text(f"{node.name} -> fallback {name}", ", ".join(models))
    for name in _PARAMETERS:
        if getattr(model, name) is not None:
            walk.link(f"{node.name} -> {name}", getattr(model, name))
    _shape(walk, node, "schema", sent.schema)
    if sent.tools:
        walk.reached.text(f"{node.name} -> max_turns", f"{model.max_turns}, then {model.on_max_turns}")
    for tool, function in sent.tools:
        walk.reached.text(f"{node.name} -> tool {tool.name}", f"{tool.description}\n{tool.parameters}")
        walk.link(f"{node.name} -> {tool.name}", function)
    item = node.each.item if node.each else None
    names = sorted(name for name in set(node.names) if name != item and not is_node(name))
    given = {name: node.namespace[name] for name in names if name in node.namespace}
    walk.use(node.name, [(name,) for name in given], node.namespace, helper=False)
    found = _walked(node, walk, given, tuple(name for name in names if name not in given))
    # What is looked up when a plan is made (a schema may be a variable) is not of the text alone.
    alone = not given and sent.schema is None and not walk.reached.edges
    return replace(found, alone=tuple(name for name in node.names if name != item)) if alone else found


def _shape(walk: Walk, node: Node, option: str, schema: tuple[str, Any] | None) -> None:
    """What values must look like, and the class that judges them with all it reaches."""
    if schema is None:
        return
    text, cls = schema
    walk.reached.text(f"{node.name} -> {option}", text)
    if cls is not None:
        walk.link(f"{node.name} -> {getattr(cls, '__name__', cls)}", cls)
