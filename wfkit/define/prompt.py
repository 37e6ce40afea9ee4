"""A prompt node made in Python: `prompt("label", "Label this: {{ review.text }}", model=..., schema=Label)`.

The same options, checks and node as a cell with `--model`.
"""

from __future__ import annotations

import json
import textwrap
from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from typing import Any

from wfkit.core.node import Node
from wfkit.core.terms import NodeKind
from wfkit.define import template
from wfkit.define.dependencies import outside_names
from wfkit.define.includes import inlined
from wfkit.define.magic_line import node_name
from wfkit.define.options import read_options
from wfkit.define.tools import tool_function
from wfkit.errors import DefinitionError, OptionError
from wfkit.settings import Settings


def prompt_node(
    name: str,
    text: str,
    *,
    schema: Any = None,
    tools: Any = None,
    namespace: Mapping[str, Any] | None = None,
    settings: Settings | None = None,
    **options: Any,
) -> Node:
    """A prompt; `options` are those of the option table; `model` is `default` unless given.

    `text` loses the indentation that its lines share. `schema` is a class, a dict or a name in `namespace`, `tools`
    are functions or names of functions. Raises a DefinitionError.
    """
    checked = node_name(name)
    source = textwrap.dedent(text.replace("\r\n", "\n").replace("\r", "\n"))
    given = {"model": "default", **{key: value for key, value in options.items() if value is not None}}
    known: MutableMapping[str, Any] = ChainMap({}, namespace or {})  # type: ignore[arg-type]  # only read below the first
    if schema is not None:
        given["schema"] = _schema_name(schema, known)
    try:
        if tools is not None:
            given["tools"] = _tool_names(tools, known)
        found, each = read_options("", [(key, value, 0) for key, value in given.items()], settings)
    except DefinitionError as error:
        raise OptionError(f"prompt `{checked}`: {error}") from None
    names = template.parse(inlined(source, checked), checked).names
    return Node(
        name=checked,
        kind=NodeKind.PROMPT,
        source=source,
        names=outside_names(checked, NodeKind.PROMPT, names, each),
        options=found,
        each=each,
        label=f"<prompt {checked}>",
        namespace=known,
    )


def _tool_names(tools: Any, namespace: MutableMapping[str, Any]) -> Any:
    """How the options name tools: a function goes by its name into the node's namespace. Raises OptionError."""
    if isinstance(tools, str) or not isinstance(tools, (list, tuple)):
        return tools
    names = []
    for tool in tools:
        name = tool if isinstance(tool, str) else getattr(tool, "__name__", type(tool).__name__)
        if not isinstance(tool, str):
            tool_function(tool, name)  # what cannot be a tool is told here, where it was written
            if name in names:
                raise OptionError(f"option `tools` names two functions {name!r}: give one of them another name")
            namespace[name] = tool
        names.append(name)
    return names


def _schema_name(schema: Any, namespace: MutableMapping[str, Any]) -> str:
    """How the options name a schema: a class goes by its name into the node's namespace, a dict stays as text."""
    if isinstance(schema, str):
        return schema
    if isinstance(schema, Mapping):
        return json.dumps(schema, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    name = schema.__name__ if isinstance(schema, type) else "answer_schema"
    namespace[name] = schema
    return name
