"""Pillow images as their pixels, palette and notes, and back pixel for pixel.

Pillow is imported only when such a value is met. Figures are in `figures`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wfkit.errors import ValueFault

Pack = Callable[[Any], bytes]
Unpack = Callable[[bytes], Any]


def encode(value: Any, pack: Pack) -> bytes | None:
    """The payload of an image; None for anything else. Raises ValueFault for one that is still tied to its file."""
    from PIL import Image  # loaded already: the value is one of its

    if not isinstance(value, Image.Image):
        return None
    if type(value) is not Image.Image:
        raise ValueFault(f"a {type(value).__name__} is tied to the file it was opened from: return image.copy()")
    palette = None if value.palette is None else [value.palette.mode, bytes(value.palette.palette)]
    return pack([value.mode, value.size, value.tobytes(), palette, value.info])


def decode(payload: bytes, unpack: Unpack) -> Any:
    """A new image."""
    from PIL import Image  # only when such a value is read

    mode, size, pixels, palette, info = unpack(payload)
    made = Image.frombytes(mode, size, pixels)
    if palette is not None:
        made.putpalette(palette[1], palette[0])
    made.info = info
    return made
