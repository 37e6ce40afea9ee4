"""What is mere looks as long as no code asks for it: docstrings, hints and comments, the order of a class, its
subclasses.

Where the code of a node asks, all functions and classes that it reaches count with it. Which names ask is in `names`.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

from wfkit.keys.code.callables import HINT, is_own
from wfkit.keys.code.names import ORDER, SUBCLASSES, TEXT
from wfkit.keys.code.sources import source_of


def seen_by(aspect: str, thing: Any) -> Iterator[tuple[str, Any]]:
    """What a function, class or module shows to code that asks for an aspect of it, as (label, thing)."""
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
