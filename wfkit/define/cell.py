"""A `%%wf_node` cell to a node: name, options, and a Python body or a prompt.

The cell is read, checked and compiled, never executed. Magics, displays and the graph are elsewhere.
"""

from __future__ import annotations

import linecache
from collections.abc import Mapping
from typing import Any

from wfkit.core.facts import Facts
from wfkit.core.node import Each, Node
from wfkit.core.policy import Options
from wfkit.core.terms import NodeKind
from wfkit.define import template
from wfkit.define.body import outline_of
from wfkit.define.dependencies import outside_names
from wfkit.define.directives import Parts, late_directive, split_cell
from wfkit.define.includes import inlined
from wfkit.define.magic_line import MAGIC, split_line
from wfkit.define.options import BY_NAME, help_text, read_options
from wfkit.errors import DefinitionError, OptionError
from wfkit.settings import Settings


def parse_cell(
    line: str,
    cell: str,
    namespace: Mapping[str, Any],
    settings: Settings | None = None,
    facts: Facts | None = None,
) -> Node:
    """The node that a cell defines. `line` is what follows `%%wf_node`, `cell` all lines below it.

    A model makes it a prompt. `namespace` is kept, not read; a body that `facts` knows is not parsed again. Afterwards
    tracebacks and `inspect` find the cell's lines under the node's label. Raises a DefinitionError whose line numbers
    are those of the cell (the magic line is 1).
    """
    if "--help" in line.split():
        raise OptionError(help_text())
    name, rest = split_line(line)
    parts, options, each = _read_options(name, rest, cell, settings)
    label = f"<wf_node {name}>"
    if options.model:
        kind, names = NodeKind.PROMPT, template.parse(inlined(parts.body, name), name, parts.first_line).names
    else:
        outline = outline_of(name, parts.body, label, parts.first_line, facts)
        kind, names = NodeKind.PYTHON, outline.reads
    outside = outside_names(name, kind, names, each)
    _show_in_tracebacks(label, line, cell)
    return Node(
        name=name,
        kind=kind,
        source=parts.body,
        names=outside,
        options=options,
        each=each,
        label=label,
        first_line=parts.first_line,
        namespace=namespace,
    )


def _read_options(name: str, rest: str, cell: str, settings: Settings | None) -> tuple[Parts, Options, Each | None]:
    try:
        parts = split_cell(cell)
        options, each = read_options(rest, parts.pairs, settings)
    except DefinitionError as error:
        raise OptionError(f"node `{name}`: {error}") from None
    late = late_directive(parts.body, parts.first_line, tuple(BY_NAME))
    if late:
        raise OptionError(f"node `{name}`, line {late}: options count only above the body: move this line up")
    return parts, options, each


def _show_in_tracebacks(label: str, line: str, cell: str) -> None:
    text = f"{MAGIC} {line}\n{cell}"
    lines = [f"{row}\n" for row in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    linecache.cache[label] = (len(text), None, lines, label)  # without a time: `checkcache` leaves it alone
