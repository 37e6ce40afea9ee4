"""What the project put into modules and classes of packages: found where a node names the module or the class.

A method that was put into a class of a package is not seen where the class is not named, only an object of it.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from wfkit.keys.code.callables import is_own
from wfkit.keys.code.classes import HEAP_TYPE
from wfkit.keys.origin import origin
from wfkit.traces import PROJECT

Patch = tuple[str, Any]


class Patches:
    """What was found in classes, for one plan: each class is looked through once."""

    def __init__(self) -> None:
        self._known: dict[type, list[Patch]] = {}

    def of_class(self, cls: type) -> list[Patch]:
        """(name, function) of what the project put into a class of a package, or into its bases."""
        if cls not in self._known:
            bases = [base for base in cls.__mro__ if base.__flags__ & HEAP_TYPE]
            foreign = [base for base in bases if origin(base.__module__).kind != PROJECT]
            things = [item for base in foreign for item in list(vars(base).items())]
            self._known[cls] = [(f".{name}", thing) for name, thing in things if is_own(thing)]
        return self._known[cls]

    def on_the_way(self, module: ModuleType, names: tuple[str, ...]) -> list[Patch]:
        """What the project put where these names lead from a module of a package."""
        thing: Any = module
        for name in names:
            thing = vars(thing).get(name)
            if is_own(thing):
                return [("", thing)]
            if not isinstance(thing, ModuleType):
                break
        return self.of_class(thing) if isinstance(thing, type) else []
