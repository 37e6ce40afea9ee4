"""What a prompt lacks in the namespace as it is now, as far as it can be seen without loading a library. A plan refuses
it; when the cell is defined it is only told, because a cell that runs later may bring it, also in place of what stands
there from an earlier edit.
"""

from __future__ import annotations

from collections.abc import Mapping

from wfkit.core.node import Node
from wfkit.define import schema, tools
from wfkit.errors import OptionError, SchemaError


def unready(node: Node) -> str | None:
    """The first thing that a plan would refuse in the tools and the schema of a prompt, None if none is seen."""
    model = node.options.model
    if model is None:
        return None
    try:
        tools.named(model.tools, node.namespace)
        if model.schema is not None:
            name, shape = schema.named(model.schema, node.namespace)
            if model.min_confidence is not None and isinstance(shape, Mapping):
                schema.demand_field(name, shape)
    except (OptionError, SchemaError) as error:
        return str(error)
    return None
