"""Figures as values: Plotly's by their JSON, drawn ones as PNG files.

plotly is imported only when such a figure is met: it comes back as the same kind of figure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wfkit.core.picture import Picture

Pack = Callable[[Any], bytes]
Unpack = Callable[[bytes], Any]


def encode_picture(value: Any) -> bytes | None:
    """The PNG file of a picture; None for anything else."""
    return value.png if type(value) is Picture else None


def encode_plotly(value: Any, pack: Pack) -> bytes | None:
    """The payload of a Plotly figure; None for anything else."""
    import plotly.graph_objects  # loaded already: the value is one of its

    return pack(value.to_plotly_json()) if type(value) is plotly.graph_objects.Figure else None


def decode_plotly(payload: bytes, unpack: Unpack) -> Any:
    """A new figure. It was valid when it was stored, so a newer plotly does not judge it again."""
    import plotly.graph_objects  # only when such a value is read

    return plotly.graph_objects.Figure(unpack(payload), skip_invalid=True)
