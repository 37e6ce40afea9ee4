"""Python's scopes: where a name is bound, where it is read, and what a read means once a whole body is known.

The walk over the syntax tree is in `names`; here are only names and scopes.
"""

from __future__ import annotations

from dataclasses import field
from enum import Enum

from wfkit.core.frozen import dataclass


class Kind(Enum):
    """What a scope is.

    Bodies of MODULE and CLASS run at once, in order; those of FUNCTION later, when all else may be bound.
    """

    MODULE = "module"
    CLASS = "class"
    FUNCTION = "function"
    COMPREHENSION = "comprehension"


@dataclass(slots=True, eq=False)
class Scope:
    """`bound` are names bound so far. `reads` (functions only) wait until the function is walked to its end.

    `outer` are the names that a global or nonlocal statement sends elsewhere (True: global). `owner` is the class
    whose private names are mangled here.
    """

    kind: Kind
    parent: Scope | None = None
    owner: str = ""
    bound: set[str] = field(default_factory=set)
    reads: dict[str, int] = field(default_factory=dict)
    outer: dict[str, bool] = field(default_factory=dict)

    def inner(self, kind: Kind, owner: str = "") -> Scope:
        """A scope inside this one. What runs in a class sees past it, except another class body's own statements."""
        return Scope(kind, self, owner or self.owner)

    def around(self) -> Scope | None:
        """The next scope out in which names are looked up: classes are skipped."""
        scope = self.parent
        while scope is not None and scope.kind is Kind.CLASS:
            scope = scope.parent
        return scope

    def mangled(self, name: str) -> str:
        """The name as the compiler makes it: `__x` in class A is `_A__x` (Python reference, 6.2.1)."""
        stem = self.owner.lstrip("_")
        private = name.startswith("__") and not name.endswith("__") and stem
        return f"_{stem}{name}" if private else name


class Body:
    """What is known of the names of one body: read before bound, bound at top level, read in functions."""

    def __init__(self) -> None:
        self.top = Scope(Kind.MODULE)
        self.free: dict[str, int] = {}  # read at top level when nothing could have bound it
        self.later: dict[str, int] = {}  # read in a function, not local to it
        self.binds: dict[str, int] = {}  # bound at top level, anywhere
        self.assigns: set[str] = set()  # those of them that are bound by more than a def, class or import
        self.set_in_functions: set[str] = set()  # by `global x; x = ...`

    def read(self, name: str, scope: Scope, line: int) -> None:
        """A read of a name, in the order of running."""
        name = scope.mangled(name)
        at: Scope | None = scope
        while at is not None:
            if at.kind is Kind.FUNCTION:
                at.reads.setdefault(name, line)
                return
            if at.outer.get(name):
                at = self.top
            if name in at.bound:
                return
            at = at.around()
        self.free.setdefault(name, line)

    def bind(self, name: str, scope: Scope, line: int, *, fresh: bool = True, defines: bool = False) -> None:
        """A binding of a name; not `fresh`: its old value was read for it (`x += 1`); `defines`: by a def, class or
        import.
        """
        name = scope.mangled(name)
        while scope.kind is Kind.COMPREHENSION and scope.parent:
            scope = scope.parent  # a walrus binds outside of its comprehension
        is_global = scope.outer.get(name)
        if is_global and scope.kind is Kind.FUNCTION:
            if fresh:
                self.set_in_functions.add(name)
            return
        if is_global is False:
            return
        target = self.top if is_global else scope
        target.bound.add(name)
        if target is self.top:
            self.binds.setdefault(name, line)
            if not defines:
                self.assigns.add(name)

    def unbind(self, name: str, scope: Scope, line: int) -> None:
        """A `del`: it needs the name, and in a function it makes the name local."""
        if scope.kind is Kind.FUNCTION:
            self.bind(name, scope, line)
            return
        self.read(name, scope, line)
        scope.bound.discard(scope.mangled(name))

    def close(self, scope: Scope) -> None:
        """A function was walked to its end: what is not local to it is looked up around it."""
        for name, line in scope.reads.items():
            if self._is_global(name, scope):
                self.later.setdefault(name, line)

    def free_names(self) -> dict[str, int]:
        """Names that must come from outside, each with the line of its first read, in order of lines."""
        own = self.binds.keys() | self.set_in_functions
        found = {name: line for name, line in self.later.items() if name not in own}
        for name, line in self.free.items():
            if name not in self.set_in_functions:
                found[name] = min(line, found.get(name, line))
        return dict(sorted(found.items(), key=lambda item: item[1]))

    def _is_global(self, name: str, scope: Scope) -> bool:
        at: Scope | None = scope
        while at is not None and at is not self.top:
            if at.outer.get(name):
                return True
            if name in at.bound and name not in at.outer:
                return False
            at = at.around()
        return True
