"""What a walk over code has reached: parts with their digests, the edges between pieces of code, and what stood in the
way.

A plain record. Where to go next is decided by `walk`.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

from wfkit.core.frozen import dataclass
from wfkit.keys.content.plain import digest_of, leaf
from wfkit.keys.content.shape import type_name
from wfkit.keys.origin import Origin, token
from wfkit.traces import PACKAGE

Part = tuple[str, str, str]


def text_digest(text: str) -> str:
    """32 hex characters over a text."""
    return digest_of(text.encode("utf-8", "surrogatepass")).hex()


@dataclass(slots=True)
class Reached:
    """`parts` are (path, digest, text); `problems` say what cannot be digested; `notes` are warnings; `files` sources
    that count; `unseen` are readers in C that no door watches; `environment` variables that modules look up while they
    are loaded; `asks` tells whether it asks models.
    """

    parts: list[Part] = field(default_factory=list)
    edges: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)
    unseen: set[str] = field(default_factory=set)
    environment: set[str] = field(default_factory=set)
    asks: bool = False

    def text(self, path: str, text: str) -> None:
        """A part that is its own text."""
        self.parts.append((path, text_digest(text), text))

    def outside(self, where: Origin, text: str) -> bytes:
        """The token of a piece of code that is told by its name; the version of its package is a part, once."""
        if where.kind == PACKAGE and where.name not in self.packages:
            self.packages.add(where.name)
            self.text(f"package {where.name}", token(where))
        return leaf(b"outside", text.encode("utf-8", "surrogatepass"))

    def undigestable(self, path: str, thing: Any, why: str) -> None:
        """A value that cannot be digested, with what to do about it."""
        name = ignorable(path)
        why = why.removeprefix(f"{path}: {type_name(thing)} cannot be digested").removeprefix(": ")
        detail = f" ({why})" if why else ""
        self.problems.append(
            f"global {name!r} ({type_name(thing)}) cannot be digested{detail}, reached as {path}:"
            f" make it inside the node, or leave it out of the key with `ignore: [{name}]`"
        )

    def dynamic(self, path: str, call: str) -> None:
        """A call through which code reads what no analysis can know."""
        self.problems.append(
            f"{path} calls {call}(): what it reads cannot be known."
            f" Name what it needs, or take the risk with `ignore: [{call}]`"
        )

    def digest(self) -> bytes:
        """16 bytes over everything that was reached, in the order of the walk."""
        lines = [f"{path}={digest}" for path, digest, _ in self.parts]
        return digest_of("\n".join([*lines, "", *self.edges]).encode("utf-8", "surrogatepass"))


def ignorable(path: str) -> str:
    """The name by which `ignore` leaves out the end of a path: `conn` for `node -> helper (closure conn)`."""
    last = path.rpartition(" -> ")[2].rpartition(" ")[2]
    return last.removesuffix(")").removeprefix("(").removeprefix(".")
