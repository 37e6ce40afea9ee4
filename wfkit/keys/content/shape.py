"""How a value is taken apart: into a leaf of bytes, or into a branch of parts that are values themselves.

The types that say it, and the error that says it cannot be done. How each kind of value is taken apart is in the files
named for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any

from wfkit.core.frozen import dataclass
from wfkit.keys.content.plain import leaf


def by_index(position: int) -> str:
    """The default label of a part."""
    return f"[{position}]"


@dataclass(slots=True)
class Leaf:
    """A value without parts, as its token."""

    token: bytes


@dataclass(slots=True)
class Branch:
    """A value with parts. `label(i)` is how part i is written after the path to the whole; `unordered` parts are
    sorted by their tokens.
    """

    tag: bytes
    parts: Sequence[Any]
    label: Callable[[int], str] = field(default=by_index)
    unordered: bool = False


Shape = Leaf | Branch


class Refused(Exception):
    """A value that cannot be digested, and why. It becomes a ValueFault with the path to the value."""


def text_leaf(tag: str, text: str) -> Leaf:
    """A leaf that is told by a text."""
    return Leaf(leaf(tag.encode(), text.encode("utf-8", "surrogatepass")))


def named(tag: str, parts: Sequence[tuple[str, Any]], *, whole: Any = None) -> Branch:
    """A branch of parts with names; the names count. `whole` (a type) goes in front if given."""
    names = tuple(name for name, _ in parts)
    first: list[Any] = [names] if whole is None else [whole, names]
    skip = len(first)

    def label(position: int) -> str:
        return f".{names[position - skip]}" if position >= skip else ""

    return Branch(tag.encode(), [*first, *(part for _, part in parts)], label)


def type_name(value: Any) -> str:
    """The type of a value as a user would write it: `sqlite3.Connection`, `list`."""
    kind = type(value)
    module = kind.__module__
    return kind.__qualname__ if module in ("builtins", "__main__") else f"{module}.{kind.__qualname__}"
