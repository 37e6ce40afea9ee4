"""The walk over everything that a piece of code reaches: helpers, methods, constants, modules, each with a path.

Breadth first and without recursion; what was met before is referred to by its number, so cycles are fine. What must not
be guessed is collected as a problem that names it.
"""

from __future__ import annotations

import builtins
import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from types import FunctionType, ModuleType
from typing import Any

from wfkit.core.frozen import dataclass
from wfkit.errors import CellError, ValueFault
from wfkit.keys.code.asks import asks_models
from wfkit.keys.code.aspects import Looks
from wfkit.keys.code.callables import HINT, Described, describe_callable, outside
from wfkit.keys.code.classes import describe_class, is_plain, outside_class
from wfkit.keys.code.modules import describe_module, imported_sources
from wfkit.keys.code.names import ASPECTS
from wfkit.keys.code.patches import Patches
from wfkit.keys.code.queries import quoted_names
from wfkit.keys.code.reached import Reached, ignorable
from wfkit.keys.code.syntax import Analysis
from wfkit.keys.content.parts import content
from wfkit.keys.content.plain import leaf
from wfkit.keys.content.shape import Refused
from wfkit.keys.content.standard import is_code
from wfkit.keys.doors.table import open_doors, unseen_readers
from wfkit.keys.origin import origin, token
from wfkit.keys.preview import preview
from wfkit.traces import PACKAGE, PROJECT

_SCALARS = (str, int, float, bool, type(None))


@dataclass(slots=True)
class ValueMemo:
    """Digests of values while a plan is made, by identity: a large global that many nodes read is digested once."""

    known: dict[int, tuple[Any, bytes]] = field(default_factory=dict)
    patches: Patches = field(default_factory=Patches)


@dataclass(slots=True)
class Rules:
    """What a walk leaves out or refuses.

    `ignore`: names left out of the key. `is_step(name)`: a node that helpers of `namespace` must not read by
    themselves; `own` is the node's own function, which may call itself.
    """

    ignore: frozenset[str] = frozenset()
    is_step: Callable[[str], bool] = lambda _: False
    namespace: Mapping[str, Any] | None = None
    own: Any = None

    def forbid(self, name: str, namespace: Mapping[str, Any]) -> bool:
        """Whether a helper with these globals must not read this name, because it is a node."""
        if namespace is not self.namespace or not self.is_step(name):
            return False
        if self.own is not None and namespace.get(name) is self.own:
            return False
        return name in namespace or not hasattr(builtins, name)


class Walk:
    """One walk. After `drain`, `reached` says all that was met."""

    owns = staticmethod(is_plain)

    def __init__(self, rules: Rules | None = None, memo: ValueMemo | None = None) -> None:
        self.rules = rules or Rules()
        self.memo = memo or ValueMemo()
        self.reached = Reached()
        open_doors()
        self._numbers: dict[int, tuple[Any, int]] = {}
        self._queue: deque[tuple[str, Any]] = deque()
        self._referred = 0
        self._looks = Looks()

    def begin(self, thing: Any, path: str) -> None:
        """Begin at a piece of code, whatever module it is from."""
        self._numbers[id(thing)] = (thing, len(self._numbers))
        self._queue.append((path, thing))

    def refer(self, thing: Any, path: Callable[[], str]) -> bytes:
        """The token of a piece of code: its name and version, or its number in this walk. Raises Refused."""
        self._referred += 1
        if isinstance(thing, ModuleType) and (where := origin(thing.__name__)).kind != PROJECT:
            return self.reached.outside(where, token(where))
        text = outside_class(thing) if isinstance(thing, type) else outside(thing)
        if text is not None:
            self._outside(thing, path())
            module = getattr(thing, "__module__", None)
            return self.reached.outside(origin(module if isinstance(module, str) else None), text)
        if id(thing) not in self._numbers:
            self.begin(thing, path())
        return leaf(b"reference", str(self._numbers[id(thing)][1]).encode())

    def _outside(self, thing: Any, path: str) -> None:
        """A function of a package may ask for the looks of ours, and a class may have got functions of ours."""
        if isinstance(thing, type):
            for label, function in self.memo.patches.of_class(thing):
                self.link(f"{path} {label}", function)
        elif aspect := ASPECTS.get(getattr(thing, "__name__", "")):
            self._looks.ask([aspect])

    def link(self, path: str, thing: Any) -> None:
        """Follow a name or attribute to a piece of code or a value."""
        try:
            if thing is os.environ:  # what is looked up in it is seen when it is
                self.reached.edges.append(f"{path}=environment")
            elif is_code(thing):
                self.reached.edges.append(f"{path}={self.refer(thing, lambda: path).hex()}")
            else:
                self.reached.parts.append((path, self._value(path, thing).hex(), preview(thing)))
        except (ValueFault, Refused) as fault:
            if f" {HINT}" in path.rpartition(" -> ")[2]:  # what a decorator reads of a hint is its name
                self.reached.text(path, preview(thing))
            else:
                self.reached.undigestable(path, thing, str(fault))

    def _value(self, path: str, value: Any) -> bytes:
        known = self.memo.known.get(id(value))
        if known is not None:
            return known[1]
        before = self._referred
        found = content(value, self, path)
        # What refers to code is of this walk alone; scalars are cheaper to digest than to remember.
        if self._referred == before and not isinstance(value, _SCALARS):
            self.memo.known[id(value)] = (value, found)
        return found

    def use(
        self, path: str, chains: Iterable[tuple[str, ...]], namespace: Mapping[str, Any], helper: bool = True
    ) -> None:
        """Follow outside names, with the attributes read from them, from code at `path`. Raises CellError."""
        followed: set[str] = set()
        for chain in chains:
            root = chain[0]
            if root in self.rules.ignore or ".".join(chain) in self.rules.ignore:
                continue
            if helper and self.rules.forbid(root, namespace):
                raise CellError(_reads_node(path, root))
            if chain[-1] == "__doc__":
                self.reached.text(f"{path} -> {'.'.join(chain)}", _documentation(chain, namespace))
            if root not in namespace:
                if not hasattr(builtins, root):
                    self.reached.edges.append(f"{path} -> {root}=missing")
            elif isinstance(namespace[root], ModuleType):
                self._module(path, chain, namespace[root])
            elif root not in followed:
                followed.add(root)
                self.link(f"{path} -> {root}", namespace[root])

    def _module(self, path: str, chain: tuple[str, ...], module: ModuleType) -> None:
        """Follow attributes of modules as far as they lead. A module used as a whole counts as a whole."""
        thing: Any = module
        for used, name in enumerate(chain[1:], 1):
            if origin(thing.__name__).kind != PROJECT:
                for label, patch in self.memo.patches.on_the_way(thing, chain[used:]):
                    self.link(f"{path} -> {'.'.join(chain)} {label}".rstrip(), patch)
                break
            if name.startswith("__") or not hasattr(thing, name):
                break
            thing = getattr(thing, name)
            if not isinstance(thing, ModuleType):
                self.link(f"{path} -> {'.'.join(chain[: used + 1])}", thing)
                return
        self.link(f"{path} -> {'.'.join(chain)}", thing)

    def drain(self) -> None:
        """Follow everything that was met until nothing new comes up. Raises CellError."""
        while True:
            while self._queue:
                path, thing = self._queue.popleft()
                if (found := _described(path, thing, self.reached)) is not None:
                    self._looks.meet(path, thing)
                    self._step(path, found)
            if not (looks := self._looks.untold()):
                return
            for path, look in looks:
                (self.reached.text if type(look) is str else self.link)(path, look)

    def _step(self, path: str, found: Described) -> None:
        """Write one piece of code down as a part and follow its links and names."""
        self.reached.parts.append((path, found.own, found.text))
        if found.note:
            self.reached.notes.append(found.note)
        for label, thing in found.links:
            if ignorable(label) not in self.rules.ignore:
                self.link(f"{path} {label}".rstrip(), thing)
        if found.analysis is not None and found.namespace is not None:
            note_calls(self, path, found.analysis)
            self.imports(path, found.analysis.imports, found.namespace)
            names = _without_cells(found)
            note_readers(self, names, found.analysis.imports, found.namespace)
            self.use(path, names, found.namespace)
            for name in quoted_names(found.analysis.quoted, found.namespace, self.rules.ignore):
                self.link(f"{path} -> {name}", found.namespace[name])

    def imports(self, path: str, imports: Iterable[tuple[int, str, str]], namespace: Mapping[str, Any]) -> None:
        """Imports inside a body: a module of the project counts by its source, and by that of what it imports."""
        reached = self.reached
        for found in imported_sources(imports, str(namespace.get("__package__") or "")):
            if found.origin.kind == PACKAGE:
                reached.outside(found.origin, token(found.origin))
                reached.edges.append(f"{path} imports {token(found.origin)}")
                continue
            reached.parts.append((f"{path} -> import {found.name}", found.digest, found.text))
            reached.files.update([found.path] if found.path else [])
            reached.environment.update(found.environment)
            if found.problem:
                reached.problems.append(f"{path} imports {found.name!r}: {found.problem}")


def note_calls(walk: Walk, path: str, analysis: Analysis) -> None:
    """Note calls through which code reads what no analysis can know, and the looks that it asks for."""
    walk._looks.ask(analysis.aspects)
    for call in analysis.dynamic:
        if call not in walk.rules.ignore:
            walk.reached.dynamic(path, call)


def note_readers(
    walk: Walk,
    chains: Iterable[tuple[str, ...]],
    imports: Iterable[tuple[int, str, str]],
    namespace: Mapping[str, Any],
) -> None:
    """Note the readers in a piece of code that nobody sees at work, and whether it asks models."""
    named = [chain for chain in chains if chain[0] not in walk.rules.ignore]
    walk.reached.unseen |= unseen_readers(named, imports, namespace)
    walk.reached.asks = walk.reached.asks or asks_models(named, imports, namespace)


def _described(path: str, thing: Any, reached: Reached) -> Described | None:
    """One step into a piece of code; None, with a problem, for one that cannot be known."""
    try:
        if isinstance(thing, type):
            return describe_class(thing)
        return describe_module(thing) if isinstance(thing, ModuleType) else describe_callable(thing)
    except Refused as refused:
        reached.undigestable(path, thing, str(refused))
    return None


def _documentation(chain: tuple[str, ...], namespace: Mapping[str, Any]) -> str:
    """The docstring that a piece of code reads: then it has an effect."""
    thing = namespace.get(chain[0])
    for name in chain[1:]:
        thing = getattr(thing, name, None) if isinstance(thing, ModuleType | type | FunctionType | str) else None
    return str(thing)


def _without_cells(found: Described) -> list[tuple[str, ...]]:
    """The names that are globals: those of the closure are links. Private names are spelled as the compiler does."""
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
