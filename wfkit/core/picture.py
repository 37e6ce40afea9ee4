"""A drawn figure: what a node that draws with matplotlib hands on, live and after a hit alike.

Only the pixels are here. Drawing is the engine's, storing the store's.
"""

from __future__ import annotations

from wfkit.core.frozen import dataclass

_SIZE_AT = 16  # in a PNG: width and height, four bytes each


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as the bytes of a PNG file. It shows itself in a notebook."""

    png: bytes

    def _repr_png_(self) -> bytes:
        return self.png

    def __repr__(self) -> str:
        width, height = (int.from_bytes(self.png[at : at + 4], "big") for at in (_SIZE_AT, _SIZE_AT + 4))
        return f"<Picture {width} × {height}, {len(self.png):,} bytes>"
