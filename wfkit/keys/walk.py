"""The walk over everything that a piece of code reaches: helpers, methods, constants, modules, each a part with a path and a digest.

Breadth first and without recursion; what was met before is referred to by its number, so cycles are fine. What must not be guessed is
collected as a problem that names it.
"""

from __future__ import annotations

import builtins
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from wfkit.errors import CellError, ValueFault
from wfkit.keys.callables import Described, describe_callable, outside
from wfkit.keys.classes import describe_class, outside_class
from wfkit.keys.content import content
from wfkit.keys.modules import describe_module, imported_sources
from wfkit.keys.origin import PACKAGE, PROJECT, Origin, origin, token
from wfkit.keys.plain import digest_of, leaf
from wfkit.keys.preview import preview
from wfkit.keys.shape import Refused, type_name
from wfkit.keys.standard import is_code

Part = tuple[str, str, str]


@dataclass(slots=True)
class ValueMemo:
    """Digests of values while a plan is made, by identity: a large global that many nodes read is digested once."""

    known: dict[int, tuple[Any, bytes]] = field(default_factory=dict)


@dataclass(slots=True)
class Rules:
    """What a walk leaves out or refuses. `ignore`: names left out of the key. `is_step(name)`: a node that helpers of `namespace` must
    not read by themselves; `own` is the node's own function, which may call itself."""

    ignore: frozenset[str] = frozenset()
    is_step: Callable[[str], bool] = lambda _: False
    namespace: Mapping[str, Any] | None = None
    own: Any = None


class Walk:
    """One walk. After `drain`, `parts` and `edges` say all that was reached, `problems` what could not be digested."""

    def __init__(self, rules: Rules | None = None, memo: ValueMemo | None = None) -> None:
        self.rules = rules or Rules()
        self.memo = memo or ValueMemo()
        self.parts: list[Part] = []
        self.edges: list[str] = []
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.files: set[str] = set()
        self._numbers: dict[int, tuple[Any, int]] = {}
        self._queue: deque[tuple[str, Any]] = deque()
        self._packages: set[str] = set()
        self._referred = 0

    def refer(self, thing: Any, path: Callable[[], str]) -> bytes:
        """The token of a piece of code: its name and version, or its number in this walk. Raises Refused."""
        if isinstance(thing, ModuleType) and (where := origin(thing.__name__)).kind != PROJECT:
            return self._outside(where, token(where))
        text = outside_class(thing) if isinstance(thing, type) else outside(thing)
        if text is not None:
            module = getattr(thing, "__module__", None)
            return self._outside(origin(module if isinstance(module, str) else None), text)
        self._referred += 1
        known = self._numbers.get(id(thing))
        if known is None:
            known = self._numbers[id(thing)] = (thing, len(self._numbers))
            self._queue.append((path(), thing))
        return leaf(b"reference", str(known[1]).encode())

    def refer_root(self, thing: Any, path: str) -> None:
        """Begin at a piece of code, whatever module it is from."""
        self._numbers[id(thing)] = (thing, len(self._numbers))
        self._queue.append((path, thing))

    def _outside(self, where: Origin, text: str) -> bytes:
        if where.kind == PACKAGE and where.name not in self._packages:
            self._packages.add(where.name)
            self.parts.append((f"package {where.name}", digest_of(token(where).encode()).hex(), token(where)))
        return leaf(b"outside", text.encode())

    def link(self, path: str, thing: Any) -> None:
        """Follow a name or attribute to a piece of code or a value."""
        try:
            if is_code(thing):
                self.edges.append(f"{path}={self.refer(thing, lambda: path).hex()}")
                return
            self.parts.append((path, self._value(path, thing).hex(), preview(thing)))
        except ValueFault as fault:
            self._problem(path, thing, str(fault))
        except Refused as refused:
            self._problem(path, thing, str(refused))

    def _value(self, path: str, value: Any) -> bytes:
        known = self.memo.known.get(id(value))
        if known is not None:
            return known[1]
        before = self._referred
        found = content(value, self, path)
        if self._referred == before and not isinstance(value, str | int | float | bool | None):
            self.memo.known[id(value)] = (value, found)
        return found

    def _problem(self, path: str, thing: Any, why: str) -> None:
        name = ignorable(path)
        why = why.removeprefix(f"{path}: {type_name(thing)} cannot be digested").removeprefix(": ")
        detail = f" ({why})" if why else ""
        self.problems.append(
            f"global {name!r} ({type_name(thing)}) cannot be digested{detail}, reached as {path}:"
            f" make it inside the node, or leave it out of the key with `ignore: [{name}]`"
        )

    def use(
        self, path: str, chains: Iterable[tuple[str, ...]], namespace: Mapping[str, Any], helper: bool = True
    ) -> None:
        """Follow outside names, with the attributes read from them, from a piece of code at `path`."""
        followed: set[str] = set()
        for chain in chains:
            root = chain[0]
            if root in self.rules.ignore or ".".join(chain) in self.rules.ignore:
                continue
            if helper and self._is_step(root, namespace):
                raise CellError(_reads_node(path, root))
            if root not in namespace:
                if not hasattr(builtins, root):
                    self.edges.append(f"{path} -> {root}=missing")
                continue
            thing = namespace[root]
            if isinstance(thing, ModuleType):
                self._module(path, chain, thing)
            elif root not in followed:
                followed.add(root)
                self.link(f"{path} -> {root}", thing)

    def _is_step(self, name: str, namespace: Mapping[str, Any]) -> bool:
        if namespace is not self.rules.namespace or not self.rules.is_step(name):
            return False
        if self.rules.own is not None and namespace.get(name) is self.rules.own:
            return False
        return name in namespace or not hasattr(builtins, name)

    def _module(self, path: str, chain: tuple[str, ...], module: ModuleType) -> None:
        """Follow attributes of modules as far as they lead. A module used as a whole counts as a whole."""
        thing: Any = module
        for used, name in enumerate(chain[1:], 1):
            if origin(thing.__name__).kind != PROJECT or name.startswith("__") or not hasattr(thing, name):
                break
            thing = getattr(thing, name)
            if not isinstance(thing, ModuleType):
                self.link(f"{path} -> {'.'.join(chain[: used + 1])}", thing)
                return
        self.link(f"{path} -> {'.'.join(chain)}", thing)

    def drain(self) -> None:
        """Follow everything that was met until nothing new comes up."""
        while self._queue:
            path, thing = self._queue.popleft()
            try:
                found = self._describe(thing)
            except Refused as refused:
                self._problem(path, thing, str(refused))
                continue
            self.step(path, found)

    def _describe(self, thing: Any) -> Described:
        if isinstance(thing, type):
            return describe_class(thing)
        if isinstance(thing, ModuleType):
            return describe_module(thing)
        return describe_callable(thing)

    def step(self, path: str, found: Described) -> None:
        """Write one piece of code down as a part and follow its links and names."""
        self.parts.append((path, found.own, found.text))
        if found.note:
            self.notes.append(found.note)
        for label, thing in found.links:
            if ignorable(label) not in self.rules.ignore:
                self.link(f"{path} {label}".rstrip(), thing)
        if found.analysis is not None and found.namespace is not None:
            self.dynamic(path, found.analysis.dynamic)
            self.imports(path, found.analysis.imports, found.namespace)
            self.use(path, _without_cells(found), found.namespace)

    def dynamic(self, path: str, calls: Iterable[str]) -> None:
        """Calls through which code reads what no analysis can know."""
        for call in calls:
            if call not in self.rules.ignore:
                self.problems.append(
                    f"{path} calls {call}(): what it reads cannot be known. Name what it needs, or accept that with `ignore: [{call}]`"
                )

    def imports(self, path: str, imports: Iterable[tuple[int, str, str]], namespace: Mapping[str, Any]) -> None:
        """Imports inside a body: a module of the project counts by its source, and by that of what it imports."""
        package = str(namespace.get("__package__") or "")
        for found in imported_sources(imports, package):
            if found.origin.kind == PACKAGE:
                self._outside(found.origin, token(found.origin))
                self.edges.append(f"{path} imports {token(found.origin)}")
                continue
            self.parts.append((f"{path} -> import {found.name}", found.digest, found.text))
            self.files.update([found.path] if found.path else [])
            if found.problem:
                self.problems.append(f"{path} imports {found.name!r}: {found.problem}")

    def digest(self) -> bytes:
        """16 bytes over everything that was reached, in the order of the walk."""
        lines = [f"{path}={digest}" for path, digest, _ in self.parts]
        return digest_of("\n".join([*lines, "", *self.edges]).encode("utf-8", "surrogatepass"))


def ignorable(path: str) -> str:
    """The name by which `ignore` leaves out what is at the end of a path: `conn` for `node -> helper (closure conn)`."""
    last = path.rpartition(" -> ")[2].rpartition(" ")[2]
    return last.removesuffix(")").removeprefix("(").removeprefix(".")


def _without_cells(found: Described) -> list[tuple[str, ...]]:
    """The names that are globals: those of the closure are links. Private names in a class are spelled as the compiler does."""
    assert found.analysis is not None
    held = {label[9:-1] for label, _ in found.links if label.startswith("(closure ")}
    owner = found.qualname.split(".")[-2].lstrip("_") if "." in found.qualname else ""
    return [(_mangled(chain[0], owner), *chain[1:]) for chain in found.analysis.uses if chain[0] not in held]


def _mangled(name: str, owner: str) -> str:
    private = name.startswith("__") and not name.endswith("__") and owner and owner != "<locals>"
    return f"_{owner}{name}" if private else name


def _reads_node(path: str, name: str) -> str:
    return (
        f"{path} reads {name!r}, which is a node: a helper sees variables of the notebook, not values of nodes."
        f" Pass it: give the helper a parameter and call it with {name}"
    )
