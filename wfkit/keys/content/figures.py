"""How figures are taken apart: those of Plotly by their JSON, drawn ones by their picture.

plotly and matplotlib are looked up, never imported. The order of a figure's properties does not count: Plotly sorts
them as it likes.
"""

from __future__ import annotations

import sys
from typing import Any

from wfkit.core.picture import Picture
from wfkit.keys.content.plain import leaf
from wfkit.keys.content.shape import Leaf, Refused, Shape, named


def figure_shape(value: Any) -> Shape | None:
    """The shape of a figure; None for anything else. Raises Refused for one of matplotlib that is not drawn yet."""
    if type(value) is Picture:
        return Leaf(leaf(b"picture", value.png))
    library = type(value).__module__.partition(".")[0]
    if library == "plotly":
        graphs = sys.modules.get("plotly.graph_objects")
        if graphs is not None and type(value) is graphs.Figure:
            return named(
                "plotly.Figure", sorted((name, _sorted(part)) for name, part in value.to_plotly_json().items())
            )
        if type(value).__name__ == "FigureWidget":
            raise Refused("it lives in a browser; hand on plotly.graph_objects.Figure(...) of it")
    if library == "matplotlib":
        raise Refused(
            "a figure is drawn only where it is the value of a node by itself, or give the node `codec: pickle`"
        )
    return None


def _sorted(part: Any) -> Any:
    """Properties in the order of their names, all the way down; a figure is never deep."""
    if isinstance(part, dict):
        return {name: _sorted(part[name]) for name in sorted(part)}
    if isinstance(part, list | tuple):
        return [_sorted(item) for item in part]
    return part
