"""What is mere looks as long as no code asks for it: docstrings, hints and comments, the order of a class, its
subclasses.

Where the code of a node asks, all functions and classes that it reaches count with it. Which names ask is in `names`.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from typing import Any

from wfkit.keys.code.callables import HINT, is_own
from wfkit.keys.code.names import ORDER, SUBCLASSES, TEXT
from wfkit.keys.code.sources import source_of


class Looks:
    """What a walk met, and which looks some code on its way asked for."""

    def __init__(self) -> None:
        self._asked: dict[str, None] = {}
        self._met: list[tuple[str, Any]] = []
        self._told: set[tuple[str, int]] = set()

    def ask(self, aspects: Iterable[str]) -> None:
        """Some code asks for these aspects."""
        self._asked.update(dict.fromkeys(aspects))

    def meet(self, path: str, thing: Any) -> None:
        """The walk came to a function, class or module."""
        self._met.append((path, thing))

    def untold(self) -> list[tuple[str, Any]]:
        """All that was asked for and not told before, as (path, look)."""
        found: list[tuple[str, Any]] = []
        for aspect in self._asked:
            for path, thing in self._met:
                if (aspect, id(thing)) not in self._told:
                    self._told.add((aspect, id(thing)))
                    found += [(f"{path} {label}", look) for label, look in _seen(aspect, thing)]
        return found


def _seen(aspect: str, thing: Any) -> Iterator[tuple[str, Any]]:
    """What a function, class or module shows to code that asks for an aspect of it, as (label, look)."""
    if aspect == TEXT and isinstance(thing, types.FunctionType):
        yield "(text)", source_of(thing.__code__, thing.__globals__).text
        yield from ((f"{HINT}{name})", hint) for name, hint in sorted(thing.__annotations__.items()))
    elif aspect == TEXT and isinstance(thing, type | types.ModuleType):
        yield "(docstring)", thing.__doc__
    elif aspect == ORDER and isinstance(thing, type):
        yield "(order)", [name for name in vars(thing) if not name.startswith("__")]
    elif aspect == SUBCLASSES and isinstance(thing, type):
        found: list[type] = thing.__subclasses__()
        own = {f"(subclass {cls.__qualname__})": cls for cls in found if is_own(cls)}
        yield from sorted(own.items())
