"""Figures of matplotlib as values: drawn when their node ends, so that a hit gives what the first run gave.

matplotlib is looked up, never imported. Its figure stays a figure with `codec: pickle`.
"""

from __future__ import annotations

import io
import sys
from typing import Any

from wfkit.core.picture import Picture
from wfkit.errors import ValueFault


def drawn(value: Any, codec: str) -> Any:
    """A picture for a figure of matplotlib, or for the axes of one; any other value as it is. Raises ValueFault."""
    if codec == "pickle" or "matplotlib.figure" not in sys.modules:
        return value
    figure = value
    if isinstance(value, sys.modules["matplotlib.axes"].Axes):
        figure = value.get_figure(root=True)
    if not isinstance(figure, sys.modules["matplotlib.figure"].Figure):
        return value
    out = io.BytesIO()
    try:
        figure.savefig(out, format="png", bbox_inches="tight", metadata={"Software": None})
    except Exception as error:  # what is wrong with a figure often shows only when it is drawn
        raise ValueFault(f"its figure cannot be drawn: {type(error).__name__}: {error}") from error
    if "matplotlib.pyplot" in sys.modules:  # or the notebook would show it again, and keep it for ever
        sys.modules["matplotlib.pyplot"].close(figure)
    return Picture(out.getvalue())
