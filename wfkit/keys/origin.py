"""Where a module comes from: the project or notebook (its code counts), an installed package (its version counts), the
standard library.

Answers are remembered for the life of the process: a package that is upgraded under a running process is still the old
one in it.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from wfkit.core.frozen import dataclass
from wfkit.keys.content.plain import digest_of
from wfkit.traces import PACKAGE, PROJECT, STANDARD, kind_of_file


@dataclass(frozen=True, slots=True)
class Origin:
    """`kind` is PROJECT, PACKAGE or STANDARD; `name` the distribution or module; `version` of the distribution, else
    empty.
    """

    kind: str
    name: str
    version: str = ""


def origin(module_name: str | None) -> Origin:
    """Where a module comes from, by its name. One that is not loaded or has no file (a notebook, a made one) is the
    project's.
    """
    name = module_name or ""
    known = _ORIGINS.get(name)
    if known is None:
        known = _find(name)
        if name in sys.modules:
            _ORIGINS[name] = known
    return known


_ORIGINS: dict[str, Origin] = {}


def _find(name: str) -> Origin:
    top = name.partition(".")[0]
    if top == "wfkit":
        return Origin(STANDARD, name)
    module = sys.modules.get(name)
    kind = _kind(module, name, top)
    if kind == PACKAGE:
        return packaged(top, _file(sys.modules.get(top)) or _file(module))
    return Origin(kind, name)


def _kind(module: ModuleType | None, name: str, top: str) -> str:
    if name == "__main__":
        return PROJECT
    if name in sys.builtin_module_names:
        return STANDARD
    path = _file(module)
    if path is not None:
        return kind_of_file(path)
    if module is not None and list(getattr(module, "__path__", ())):  # a namespace package
        return kind_of_file(str(next(iter(module.__path__))))
    if top in sys.modules and top != name:
        return origin(top).kind
    return STANDARD if top in sys.stdlib_module_names else PROJECT


def _file(module: ModuleType | None) -> str | None:
    path = getattr(module, "__file__", None)
    spec = getattr(module, "__spec__", None)
    return path or (spec.origin if spec is not None and spec.has_location else None)


def packaged(top: str, path: str | None) -> Origin:
    """The package that a top-level module with this file belongs to: a distribution by its version, else what the
    module says of itself, else the digest of its files.
    """
    found = installed(top)
    if found.version:
        return found
    version = getattr(sys.modules.get(top), "__version__", None)
    return Origin(PACKAGE, top, str(version) if version else _files_digest(path) if path else "")


@lru_cache(maxsize=64)
def _files_digest(path: str) -> str:
    """32 hex characters over a module, or over all files of a package but its bytecode."""
    file = Path(path)
    files = [file] if file.stem != "__init__" else sorted(file.parent.rglob("*"))
    found = [each for each in files if each.is_file() and each.suffix != ".pyc"]
    lines = [f"{each.relative_to(file.parent).as_posix()}={digest_of(each.read_bytes()).hex()}" for each in found]
    return digest_of("\n".join(lines).encode("utf-8", "surrogateescape")).hex()


@lru_cache(maxsize=1024)
def installed(top: str) -> Origin:
    """The installed distribution that a top-level module belongs to, whether or not it is loaded; without a version if
    there is none.
    """
    from importlib import metadata  # 17 ms: only for code that reaches a package

    try:
        return Origin(PACKAGE, top, metadata.version(top))
    except metadata.PackageNotFoundError:
        names = _by_module().get(top)
    return Origin(PACKAGE, names[0], metadata.version(names[0])) if names else Origin(PACKAGE, top)


@lru_cache(maxsize=1)
def _by_module() -> dict[str, list[str]]:
    from importlib import metadata  # 17 ms: only for code that reaches a package

    return dict(metadata.packages_distributions())


def token(where: Origin) -> str:
    """The text that stands for a module outside the project."""
    return f"{where.name} {where.version}" if where.version else where.name


def importable(thing: Any) -> bool:
    """Whether a function or class is what its own module calls by its name; one made at run time is not."""
    found: Any = sys.modules.get(getattr(thing, "__module__", None) or "")
    for name in getattr(thing, "__qualname__", "?").split("."):
        found = getattr(found, name, None)
    return found is thing
