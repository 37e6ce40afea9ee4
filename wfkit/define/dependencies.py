"""What a node may depend on, as far as the node itself can tell: not on itself, and not on the item of its own map.

Which names are nodes is known only to the graph.
"""

from __future__ import annotations

from wfkit.core.node import Each
from wfkit.core.terms import NodeKind
from wfkit.errors import CellError, OptionError, TemplateError


def outside_names(name: str, kind: NodeKind, names: tuple[str, ...], each: Each | None) -> tuple[str, ...]:
    """The names that come from outside the node: those that it reads but for its item. Raises DefinitionError."""
    refuse_itself(name, each)
    if name in names and kind is NodeKind.PROMPT:
        raise TemplateError(f"prompt `{name}` uses `{name}`, its own answer: rename the node or the variable")
    if name in names:
        raise CellError(f"node `{name}` reads `{name}` before it assigns it: rename the node or the variable")
    return tuple(found for found in names if found != each.item) if each else names


def refuse_itself(name: str, each: Each | None) -> None:
    """Raises OptionError if a node is mapped over itself, or its item hides it."""
    if each and name in (each.item, each.over):
        raise OptionError(
            f"node `{name}`: `each: {each.item} in {each.over}` names the node itself: rename one of them"
        )
