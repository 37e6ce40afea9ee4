"""Putting a wrapper around a function of somebody else's module, as soon as that module is loaded.

A Python function keeps its identity and gets other code, so a name that was bound to it before leads through the door
too; what is no Python function is replaced where it stands. Which doors there are is in `table`.
"""

from __future__ import annotations

import functools
import importlib.abc
import itertools
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from inspect import isgeneratorfunction
from types import CodeType, FunctionType, ModuleType
from typing import Any

Told = Callable[[tuple[Any, ...], dict[str, Any]], None]
Calls = Callable[[Callable[..., Any], Told], Callable[..., Any]]

# A query of these finds the variables of who asks, and passes over frames of the library itself: a door counts as one.
_LOOK_ABOVE = frozenset({"duckdb"})
_numbers = itertools.count()
_behind: dict[int, Any] = {}  # by identity of either: all of them live as long as their modules
_lock = threading.Lock()


def hang(module: ModuleType, path: str, told: Told) -> bool:
    """Hang a door at `Class.method` or `function` of a loaded module: `told` hears of each call, before it is made.

    False when there is no such thing: another version of the library.
    """
    *owners, name = path.split(".")
    holder: Any = module
    for owner in owners:
        holder = getattr(holder, owner, None)
    found = vars(holder).get(name, getattr(holder, name, None)) if holder is not None else None
    if found is None or getattr(found, "__wfkit_door__", False):
        return found is not None
    if isinstance(found, FunctionType) and found.__closure__ is None:
        _give_other_code(found, told, module.__name__)
    else:
        door = _stand_in(found, told) if isinstance(found, type) else _around(found, told, module.__name__)
        _behind[id(found)] = _behind[id(door)] = found
        setattr(holder, name, door)
    return True


def behind(thing: Any) -> Any:
    """What a door was hung before, given it or the door; None for anything else."""
    found = _behind.get(id(thing))
    return found if found is None or found is thing or getattr(thing, "__wrapped__", found) is found else None


def leads_past(thing: Any) -> bool:
    """Whether a name that is bound to this leads past its door: it was bound before the door was hung."""
    return thing is not None and _behind.get(id(thing)) is thing


def _around(found: Callable[..., Any], told: Told, module: str) -> Callable[..., Any]:
    def door(*args: Any, **kwargs: Any) -> Any:
        told(args, kwargs)
        return found(*args, **kwargs)

    package = module.lstrip("_")
    if package in _LOOK_ABOVE:
        names = {"__name__": package, "__builtins__": __builtins__}
        door = FunctionType(door.__code__, names, door.__name__, None, door.__closure__)
    functools.update_wrapper(door, found)
    door.__wfkit_door__ = True  # type: ignore[attr-defined]
    return door


def _give_other_code(function: FunctionType, told: Told, module: str) -> None:
    before = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    before.__kwdefaults__ = function.__kwdefaults__
    before.__qualname__, before.__doc__, before.__module__ = (
        function.__qualname__,
        function.__doc__,
        function.__module__,
    )
    name = f"__wfkit_door_{next(_numbers)}"
    function.__globals__[name] = _around(before, told, module)
    answer = "yield from" if isgeneratorfunction(function) else "return"  # other kinds are deprecated in 3.13
    text = f"def door(*args, **kwargs): {answer} {name}(*args, **kwargs)"
    code = compile(text, function.__code__.co_filename, "exec")
    (inner,) = (const for const in code.co_consts if isinstance(const, CodeType))
    function.__wrapped__ = before  # type: ignore[attr-defined]  # its signature and source are still found
    function.__wfkit_door__ = True  # type: ignore[attr-defined]
    function.__code__ = inner.replace(co_name=function.__name__, co_qualname=function.__qualname__)


def _stand_in(found: type, told: Told) -> type:
    """A class that makes the class it stands for; `isinstance` with either is the same."""

    class Meta(type(found)):  # type: ignore[misc]  # whatever the metaclass is
        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, found)

        def __subclasscheck__(cls, other: type) -> bool:
            return issubclass(other, found)

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            if cls is not door:
                return super().__call__(*args, **kwargs)
            told(args, kwargs)
            return found(*args, **kwargs)

    own = {"__doc__": found.__doc__, "__module__": found.__module__, "__qualname__": found.__qualname__}
    door: type = Meta(found.__name__, (found,), {**own, "__wfkit_door__": True})
    return door


class Porter(importlib.abc.MetaPathFinder):
    """Tells when one of some modules has been loaded. It finds nothing itself."""

    def __init__(self, modules: Sequence[str], loaded: Callable[[ModuleType], None]) -> None:
        self._modules = frozenset(modules)
        self._loaded = loaded
        self._asking = threading.local()

    def stand(self) -> None:
        """Look at what is loaded by now, and at what will be."""
        with _lock:
            sys.meta_path.insert(0, self)
            for name in self._modules:
                module = sys.modules.get(name)
                if module is not None:
                    self._loaded(module)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the other finders find; its loader tells when it is done."""
        if fullname not in self._modules or getattr(self._asking, "now", False):
            return None
        self._asking.now = True
        try:
            found = (finder.find_spec(fullname, path, target) for finder in sys.meta_path if finder is not self)
            spec = next((spec for spec in found if spec is not None), None)
        finally:
            self._asking.now = False
        if spec is not None and spec.loader is not None:
            self._follow(spec.loader)
        return spec

    def _follow(self, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            self._loaded(sys.modules.get(module.__name__, module))

        loader.exec_module = exec_module
