"""The only maker of HTML and SVG: `tag` escapes every text and attribute, so no view can forget to.

Text of users and models is data: nothing here understands markup, and there are no links, scripts or event handlers
to be made with it.
"""

from __future__ import annotations

import re
from html import escape
from typing import Final

_VOID: Final = frozenset({"meta", "img"})
_TAG_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9]*")
# Control characters (they move a terminal's cursor, and XML forbids them) and marks that turn text around; \n and \t
# are kept.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)


class Markup(str):
    """Text that is safe HTML or SVG already: made by `tag`, or written as a constant in this room."""

    __slots__ = ()


def visible(text: object) -> str:
    """The text with every control or direction character shown as a replacement mark, so that it can do nothing to a
    terminal or a page.
    """
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", str(text).replace("\r\n", "\n"))


def one_line(text: object) -> str:
    """`visible`, with all runs of white space made one blank."""
    return visible(" ".join(str(text).split()))


def safe(child: object) -> str:
    """A child of an element: `Markup` as it is, all else escaped; None is nothing."""
    if isinstance(child, Markup):
        return child
    return "" if child is None else escape(visible(child), quote=True)


def join(*parts: object) -> Markup:
    """Parts one after the other, escaped where they are not markup."""
    return Markup("".join(safe(part) for part in parts))


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element. `class_` means class, `_` in other attribute names means `-`; attributes that are None are left
    out; floats are rounded.
    """
    assert _TAG_NAME.fullmatch(name), name
    opening = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{opening}>")
    return Markup(f"<{name}{opening}>{join(*children)}</{name}>")


def _attribute(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    return escape(one_line(value), quote=True)


def label(text: object) -> str:
    """Text for a Plotly label or hover: Plotly reads a subset of HTML there, so its three special characters become
    entities.
    """
    return one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
