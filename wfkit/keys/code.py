"""The definition of a node: what its result depends on besides its inputs and what it reads while it runs.

Nothing of the user's is executed. What cannot be digested makes the node uncacheable, with the name and what to do; never a placeholder.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from wfkit.core.node import Node
from wfkit.core.policy import ModelPolicy
from wfkit.errors import CellError
from wfkit.keys.plain import branch, digest_of
from wfkit.keys.syntax import Analysis, AnalysisMemo, analyse_body
from wfkit.keys.task import SCHEME
from wfkit.keys.walk import Part, Rules, ValueMemo, Walk


@dataclass(frozen=True, slots=True)
class Definition:
    """What a node is, as a digest and as parts to explain it.

    `digest` is None when something cannot be digested; `problem` then says what. `parts` are (path, digest, text) of everything reached.
    `globals` is the namespace in which a cell's body runs. `missing` are names that are nowhere. `notes` are warnings for the user.
    `files` are source files of the project that the digest covers: reading them again is no dependency of its own.
    """

    digest: str | None
    problem: str | None = None
    parts: tuple[Part, ...] = ()
    globals: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(slots=True)
class Plan:
    """What the definitions of one plan share. `is_step(name)`: a node with a body, which a helper must not read (default: any node)."""

    values: ValueMemo = field(default_factory=ValueMemo)
    is_step: Callable[[str], bool] | None = None
    analyses: AnalysisMemo | None = None


def define_python(node: Node, is_node: Callable[[str], bool], plan: Plan | None = None) -> Definition:
    """The definition of a Python node. Raises CellError for a helper that reads a node by name, and for source that does not parse."""
    plan = plan or Plan()
    walk = _walk(node, is_node, plan)
    if node.function is not None:
        return _of_function(node, walk)
    try:
        analysis = analyse_body(node.source, plan.analyses)
    except SyntaxError as error:
        raise CellError(f"node {node.name!r}, line {error.lineno}: {error.msg}") from error
    walk.parts.append((node.name, analysis.digest, node.source))
    needed, missing = _needed(node, analysis, is_node)
    chains = [chain for chain in analysis.uses if chain[0] in needed]
    known = {chain[0] for chain in chains} | set(analysis.hints)
    chains += [(name,) for name in node.names if name in needed and name not in known]
    walk.dynamic(node.name, analysis.dynamic)
    walk.imports(node.name, analysis.imports, node.namespace)
    walk.use(node.name, chains, node.namespace, helper=False)
    given = {name: node.namespace[name] for name in needed}
    return _definition(node, walk, given, missing, [node.name if node.name in analysis.binds else ""])


def _walk(node: Node, is_node: Callable[[str], bool], plan: Plan) -> Walk:
    rules = Rules(frozenset(node.options.ignore), plan.is_step or is_node, _namespace(node), node.function)
    return Walk(rules, plan.values)


def _namespace(node: Node) -> Any:
    return node.namespace if node.function is None else getattr(node.function, "__globals__", node.namespace)


def _needed(node: Node, analysis: Analysis, is_node: Callable[[str], bool]) -> tuple[list[str], tuple[str, ...]]:
    """Names that the body takes from its namespace, and those that are nowhere. The item of a map and nodes are inputs, not globals."""
    item = node.each.item if node.each else None
    free = {chain[0] for chain in analysis.uses} - set(analysis.binds)
    names = sorted(name for name in {*node.names, *free, *analysis.hints} if name != item and not is_node(name))
    needed = [name for name in names if name in node.namespace and (name in node.names or name not in analysis.binds)]
    absent = [name for name in names if name not in node.namespace and not hasattr(builtins, name)]
    return needed, tuple(name for name in absent if name in node.names)


def _of_function(node: Node, walk: Walk) -> Definition:
    """A node made from a function: the object itself counts, with its globals, closure and defaults."""
    walk.refer_root(node.function, node.name)
    return _definition(node, walk, {}, (), [])


def _definition(
    node: Node, walk: Walk, given: dict[str, Any], missing: tuple[str, ...], more: Iterable[str]
) -> Definition:
    walk.drain()
    options = _options(node)
    if options:
        walk.parts.append((f"{node.name} options", digest_of(options.encode()).hex(), options))
    facts = "\x00".join([SCHEME, node.kind, *more]).encode()
    whole = branch(b"definition", [digest_of(facts), walk.digest()]).hex()
    problem = "; ".join(dict.fromkeys(walk.problems)) or None
    return Definition(
        None if problem else whole,
        problem,
        tuple(walk.parts),
        given,
        missing,
        tuple(dict.fromkeys(walk.notes)),
        tuple(sorted(walk.files)),
    )


def _options(node: Node) -> str:
    """The options that are part of the key, one a line; empty when none was given."""
    options = node.options
    lines = [f"each: {node.each.item}"] if node.each else []
    lines += [f"ignore: {', '.join(sorted(options.ignore))}"] if options.ignore else []
    lines += [f"codec: {options.codec}"] if options.codec != "auto" else []
    return "\n".join(lines)


def define_prompt(
    node: Node,
    model: ModelPolicy,
    schema_json: str | None,
    schema_cls: type | None,
    is_node: Callable[[str], bool],
    plan: Plan | None = None,
) -> Definition:
    """The definition of a prompt: template, model, every parameter (left out is not zero), schema with its validators."""
    plan = plan or Plan()
    walk = _walk(node, is_node, plan)
    walk.parts.append((node.name, _text_digest(node.source), node.source))
    walk.parts.append((f"{node.name} -> model", _text_digest(model.model), model.model))
    for name in ("temperature", "top_p", "max_tokens", "seed"):
        value = getattr(model, name)
        if value is not None:
            walk.link(f"{node.name} -> {name}", value)
    if schema_json is not None:
        walk.parts.append((f"{node.name} -> schema", _text_digest(schema_json), schema_json))
    if schema_cls is not None:
        walk.link(f"{node.name} -> {schema_cls.__name__}", schema_cls)
    item = node.each.item if node.each else None
    names = [name for name in node.names if name != item and not is_node(name)]
    needed = [name for name in names if name in node.namespace]
    walk.use(node.name, [(name,) for name in sorted(needed)], node.namespace, helper=False)
    given = {name: node.namespace[name] for name in needed}
    return _definition(node, walk, given, tuple(name for name in names if name not in node.namespace), [])


def _text_digest(text: str) -> str:
    return digest_of(text.encode("utf-8", "surrogatepass")).hex()
