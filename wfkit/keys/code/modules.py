"""What a module of the project is made of: as it is loaded (used as a whole), or by its source (imported inside a
body).

A module that a body imports may not be loaded yet when the key is made, so only its text can count; if it is loaded,
text and module must agree. Nothing is imported here.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
import types
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from wfkit.core.frozen import dataclass
from wfkit.core.secrets import beginning
from wfkit.keys.code.callables import Described
from wfkit.keys.code.lookups import direct, looked_up
from wfkit.keys.code.sources import is_in
from wfkit.keys.code.syntax import analyse_body
from wfkit.keys.content.files import unseen
from wfkit.keys.content.plain import digest_of, plain
from wfkit.keys.environment import WHOLE, is_as_loaded
from wfkit.keys.origin import Origin, packaged
from wfkit.traces import PACKAGE, PROJECT, STANDARD, kind_of_file

_TEXT_LIMIT = 20_000


def describe_module(module: ModuleType) -> Described:
    """One step into a loaded module that is used as a whole: all its names, as they are now."""
    links = [(f".{name}", thing) for name, thing in sorted(vars(module).items()) if not name.startswith("__")]
    text = "\n".join([f"module {module.__name__}", *(label for label, _ in links)])
    return Described(digest_of(text.encode()).hex(), text, links)


@dataclass(frozen=True, slots=True)
class Imported:
    """A module that a body imports, or that such a module imports."""

    name: str
    origin: Origin
    digest: str = ""
    source: str = ""
    path: str | None = None
    problem: str | None = None
    environment: tuple[str, ...] = ()  # variables that it looks up while it is loaded

    @property
    def text(self) -> str:
        """The source as it is shown."""
        return beginning(self.source, _TEXT_LIMIT, os.environ)


def imported_sources(imports: Iterable[tuple[int, str, str]], package: str) -> list[Imported]:
    """The modules that these imports reach, each once: those of the project with the source of all they import in
    turn.
    """
    found: dict[str, Imported] = {}
    queue = [name for item in imports for name in _candidates(item, package)]
    while queue:
        name = queue.pop(0)
        if name in found:
            continue
        module, inner = _look(name)
        if module is not None and module.origin.kind != STANDARD:
            found[name] = module
        queue += inner
    texts = {name: module.source for name, module in found.items() if module.source}
    return [_with_environment(found[name], texts) for name in sorted(found)]


def _with_environment(module: Imported, texts: dict[str, str]) -> Imported:
    """A module with the variables that it looks up while it is loaded; it may have been, with others."""
    variables = looked_up(module.source, texts.values()) if module.source else ()
    if not variables:
        return module
    loaded, problem = sys.modules.get(module.name), module.problem
    for variable in sorted(variables):
        if loaded is None:
            break
        now = [found == vars(loaded).get(name) for name, found in _direct(module.source, variable)]
        if not (all(now) if now else is_as_loaded(loaded, variable)):
            what = "the environment" if variable == WHOLE else variable
            problem = problem or f"it may have been loaded with another {what}: load it again (importlib.reload)"
    return replace(module, environment=tuple(sorted(variables)), problem=problem)


def _direct(text: str, variable: str) -> list[tuple[str, object]]:
    """Names that are just this variable, with what they would be now."""
    return [(name, os.environ.get(variable, default)) for name, found, default in direct(text) if found == variable]


def _candidates(item: tuple[int, str, str], package: str) -> list[str]:
    """The modules that an import may load: every package on the way, and the name itself if it is a module."""
    level, module, name = item
    if level:
        above = package.split(".")[: len(package.split(".")) - level + 1] if package else []
        module = ".".join([*above, module] if module else above)
    steps = module.split(".") if module else []
    names = [".".join(steps[: end + 1]) for end in range(len(steps))]
    return [*names, f"{module}.{name}"] if name and name != "*" and module else names


def _look(name: str) -> tuple[Imported | None, list[str]]:
    top = name.partition(".")[0]
    if top == "wfkit" or top in sys.builtin_module_names or name == "__main__":
        return None, []
    path = _path(name)
    if path is None:
        kind = STANDARD if top in sys.stdlib_module_names or "." in name else PROJECT
        return (None, []) if kind == STANDARD else (Imported(name, Origin(PROJECT, name), "not found"), [])
    kind = kind_of_file(path)
    if kind == PACKAGE:
        return Imported(top, packaged(top, _path(top)), path=path), []
    if kind == STANDARD or not path.endswith(".py"):
        return None, []
    return _of_project(name, path)


def _path(name: str) -> str | None:
    """The file of a module, found without importing anything: parents are looked at as folders."""
    loaded = sys.modules.get(name)
    if loaded is not None:
        return getattr(loaded, "__file__", None)
    top, *rest = name.split(".")
    try:
        with unseen():
            spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not rest:
        return spec.origin if spec.has_location else None
    for folder in spec.submodule_search_locations or ():
        place = Path(folder, *rest)
        for file in (place / "__init__.py", place.with_suffix(".py")):
            if file.is_file():
                return str(file)
    return None


def _of_project(name: str, path: str) -> tuple[Imported, list[str]]:
    where = Origin(PROJECT, name)
    try:
        with unseen():
            text = Path(path).read_text("utf-8")
        analysis = analyse_body(text)
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        return Imported(name, where, "", "", path, f"its source cannot be read ({type(error).__name__})"), []
    package = name if path.endswith("__init__.py") else name.rpartition(".")[0]
    inner = [found for item in analysis.imports for found in _candidates(item, package)]
    return Imported(name, where, analysis.digest, text, path, _disagrees(name, text)), inner


def _disagrees(name: str, text: str) -> str | None:
    """Whether a loaded module is not what its file says: edited since, or changed at run time."""
    module = sys.modules.get(name)
    if module is None:
        return None
    for function in _functions(module):
        if not is_in(function.__code__, text):
            return "it was edited after it was loaded: load it again (importlib.reload)"
    for target, value in _constants(text).items():
        if target in vars(module) and plain(vars(module)[target]) != plain(value):
            return f"its {target} is not what its file says: load it again (importlib.reload)"
    return None


def _functions(module: ModuleType) -> Iterator[types.FunctionType]:
    """The functions of a module and the methods of its classes."""
    things = list(vars(module).values())
    classes = [thing for thing in things if isinstance(thing, type) and thing.__module__ == module.__name__]
    things += [part for cls in classes for part in vars(cls).values()]
    for thing in things:
        function = getattr(thing, "__func__", getattr(thing, "fget", thing))
        if isinstance(function, types.FunctionType) and function.__code__.co_filename == module.__file__:
            yield function


def _constants(text: str) -> dict[str, Any]:
    """Names that a module sets once, to a literal."""
    tree = ast.parse(text)
    stored = Counter(n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    found: dict[str, Any] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if isinstance(target, ast.Name) and stored[target.id] == 1:
                found |= _literal(target.id, statement.value)
    return found


def _literal(name: str, node: ast.expr) -> dict[str, Any]:
    try:
        return {name: ast.literal_eval(node)}
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return {}
