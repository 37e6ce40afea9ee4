"""What a function, or a callable made of functions, is made of: its own code, and links to what it holds on to.

Only one step is taken here: following the links, and looking names up, is the walk's. Classes and modules have files
of their own.
"""

from __future__ import annotations

import functools
import operator
import sys
import types
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from wfkit.core.frozen import dataclass
from wfkit.keys.code.sources import source_of
from wfkit.keys.code.syntax import Analysis
from wfkit.keys.content.plain import digest_of
from wfkit.keys.content.shape import Refused, type_name
from wfkit.keys.doors.install import behind
from wfkit.keys.origin import importable, origin, token
from wfkit.traces import PROJECT, kind_of_file

# Kept by functools.wraps and by tools around a function; none of them says what the function does.
_MARKS = ("__signature__", "__wfkit", "_wfkit", "__wf_")


HINT = "(hint "  # annotations of functions whose decorators may read them


@dataclass(slots=True)
class Described:
    """One step into a piece of code. `own` is the digest of its own text; `links` are (label, thing) that it holds;
    `uses` are names to be looked up in `namespace`.
    """

    own: str
    text: str = ""
    links: list[tuple[str, Any]] = field(default_factory=list)
    analysis: Analysis | None = None
    namespace: Mapping[str, Any] | None = None
    qualname: str = ""
    note: str | None = None


def outside(thing: Any) -> str | None:
    """The text for a piece of code that is not the project's, by name and version; None for what must be walked."""
    watched = behind(thing)
    if watched is not None:
        return _named(watched)
    if isinstance(thing, types.FunctionType):
        return _outside_function(thing)
    if isinstance(thing, types.BuiltinFunctionType):
        owner = getattr(thing, "__self__", None)
        return _named(thing) if owner is None or isinstance(owner, types.ModuleType) else None
    if isinstance(thing, types.MethodDescriptorType | types.WrapperDescriptorType | types.ClassMethodDescriptorType):
        return f"{thing.__objclass__.__module__}.{thing.__objclass__.__qualname__}.{thing.__name__}"
    if callable(thing) and _is_of_package(thing):  # a ufunc, a Cython function, a cached function of a package
        return _named(thing)
    if type(thing).__name__ == "ufunc":
        return _outside_ufunc(thing)
    return None


def _outside_ufunc(thing: Any) -> str | None:
    """Those of scipy say no module. One made by `np.frompyfunc` is nobody's, and does not say what it calls."""
    name = str(thing.__name__)
    for library in ("numpy", "scipy.special"):
        if getattr(sys.modules.get(library), name, None) is thing:
            return f"{token(origin(library))}: {name}"
    return None


def _outside_function(thing: types.FunctionType) -> str | None:
    return None if where_is(thing) == PROJECT or not _is_of_package(thing) else _named(thing)


def _is_of_package(thing: Any) -> bool:
    """Whether a callable is what a package calls by its name. functools.wraps gives a wrapper of a package the name of
    what it wraps, and that may be the project's.
    """
    module = getattr(thing, "__module__", None)
    return isinstance(module, str) and origin(module).kind != PROJECT and importable(thing)


def is_own(thing: Any) -> bool:
    """Whether a function or class is the project's, wherever it was put."""
    if isinstance(thing, types.MethodType | staticmethod | classmethod):
        return is_own(thing.__func__)
    if isinstance(thing, functools.partial | functools.cached_property):
        return is_own(thing.func)
    if isinstance(thing, property):
        return is_own(thing.fget)
    if isinstance(thing, types.FunctionType):
        return where_is(thing) == PROJECT or is_own(getattr(thing, "__wrapped__", None))
    return isinstance(thing, type) and origin(thing.__module__).kind == PROJECT


def _named(thing: Any) -> str:
    where = origin(thing.__module__) if isinstance(thing.__module__, str) else None
    return f"{token(where) if where else 'builtins'}: {thing.__module__}.{thing.__qualname__}"


def where_is(function: types.FunctionType) -> str:
    """Where a function's code comes from. A wrapper says the module of what it wraps, so its globals are asked."""
    name = function.__globals__.get("__name__")
    module = sys.modules.get(name) if isinstance(name, str) else None
    if module is not None and vars(module) is function.__globals__:
        return origin(name).kind
    written = function.__code__.co_filename
    if written.startswith("<") and not written.startswith("<ipython"):  # made from text, as methods of dataclasses are
        return origin(function.__module__).kind
    return kind_of_file(written)


def describe_callable(thing: Any) -> Described:
    """One step into a function, method, partial or the like. Raises Refused."""
    if isinstance(thing, types.FunctionType):
        return _function(thing)
    if isinstance(thing, types.BuiltinFunctionType | types.MethodWrapperType):
        return _made_of("builtin method", [(".__self__", thing.__self__)], thing.__name__)
    if isinstance(thing, types.MethodType):
        return _made_of("method", [("", thing.__func__), (".__self__", thing.__self__)])
    if isinstance(thing, functools.partial | functools.partialmethod):
        links = [("", thing.func), (".args", thing.args), (".keywords", thing.keywords)]
        return _made_of(type(thing).__name__, links)
    if isinstance(thing, property):
        return _made_of("property", [(".fget", thing.fget), (".fset", thing.fset), (".fdel", thing.fdel)])
    if isinstance(thing, functools.cached_property):
        return _made_of("cached_property", [("", thing.func)])
    if isinstance(thing, functools.singledispatchmethod):
        return _made_of("singledispatchmethod", [("", thing.dispatcher), (".func", thing.func)])
    if isinstance(thing, staticmethod | classmethod):
        return _made_of(type(thing).__name__, [("", thing.__func__)])
    if isinstance(thing, operator.itemgetter | operator.attrgetter | operator.methodcaller):
        reduced: Any = thing.__reduce__()
        return _made_of(type(thing).__name__, [("", reduced[0]), (".args", reduced[1])])
    if isinstance(getattr(thing, "__wrapped__", None), types.FunctionType):  # functools.lru_cache
        return _made_of("lru_cache", [("", thing.__wrapped__), (".parameters", thing.cache_parameters())])
    raise Refused(f"what {type_name(thing)} does cannot be known")


def _made_of(kind: str, links: list[tuple[str, Any]], name: str = "") -> Described:
    return Described(digest_of(f"{kind} {name}".encode()).hex(), kind, [link for link in links if link[1] is not None])


def _function(function: types.FunctionType) -> Described:
    if hasattr(function, "registry") and hasattr(function, "dispatch"):  # functools.singledispatch
        registry = [(f"[{kind.__qualname__}]", f) for kind, f in function.registry.items()]
        kinds = [(f"[{kind.__qualname__}] type", kind) for kind in function.registry]
        return _made_of("singledispatch", [*registry, *kinds])
    found = source_of(function.__code__, function.__globals__)
    own, note = found.analysis.digest, None
    if where_is(function) != PROJECT:  # made at run time by a package: a wrapper; the version of the package counts
        where = token(origin(function.__globals__.get("__name__")))
        own = digest_of(f"{where} {function.__code__.co_qualname} {own}".encode()).hex()
        return Described(own, found.text, _holds(function), qualname=function.__qualname__)
    if not found.proved and kind_of_file(function.__code__.co_filename) == PROJECT:
        note = _edited(function.__code__)
    links = _holds(function)
    if found.decorated or not found.proved:
        links += [(f"{HINT}{name})", hint) for name, hint in sorted(function.__annotations__.items())]
    return Described(own, found.text, links, found.analysis, function.__globals__, function.__code__.co_qualname, note)


def _edited(code: types.CodeType) -> str | None:
    if code.co_filename.startswith("<"):
        return None
    return f"{code.co_qualname} is not what its file says now: load {code.co_filename.rpartition('/')[2]} again"


def _holds(function: types.FunctionType) -> list[tuple[str, Any]]:
    """What a function object holds: defaults, the cells of its closure, attributes."""
    code = function.__code__
    defaults = function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount][-len(defaults) :] if defaults else ()
    links = [(f"(default {name})", value) for name, value in zip(names, defaults, strict=True)]
    links += [(f"(default {name})", value) for name, value in (function.__kwdefaults__ or {}).items()]
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            links.append((f"(closure {name})", cell.cell_contents))
        except ValueError:  # the cell is still empty
            links.append((f"(closure {name})", "<empty>"))
    marks = sorted(name for name in vars(function) if not name.startswith(_MARKS))
    return links + [(f".{name}", vars(function)[name]) for name in marks]
