"""What a prompt lacks in the namespace as it is now. A plan refuses it; when the cell is defined it is only told,
because a cell that runs later may bring it, also in place of what stands there from an earlier edit.
"""

from __future__ import annotations

from wfkit.core.node import Node
from wfkit.define.schema import demand_confidence
from wfkit.define.schema import resolve as resolve_schema
from wfkit.define.tools import resolve_tools
from wfkit.errors import OptionError, SchemaError


def unready(node: Node) -> str | None:
    """The first thing that a plan would refuse in the tools and the schema of a prompt, None if there is none."""
    model = node.options.model
    if model is None:
        return None
    try:
        resolve_tools(model.tools, node.namespace)
        if model.schema is not None:
            demand_confidence(model.min_confidence, resolve_schema(model.schema, node.namespace))
    except (OptionError, SchemaError) as error:
        return str(error)
    return None
