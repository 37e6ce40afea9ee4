"""The walk over the parts of any value, without recursion: 10,000 levels are fine and a cycle is refused.

What a value's parts are is asked of the files that know the kinds of values; functions, classes and modules are asked
of a `Scope`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any, Protocol

from wfkit.core.frozen import dataclass
from wfkit.core.record import Record
from wfkit.errors import ValueFault, WfkitError
from wfkit.keys.content.arrays import array_shape
from wfkit.keys.content.figures import figure_shape
from wfkit.keys.content.frames import frame_shape
from wfkit.keys.content.instances import instance_shape, object_shape, record_token
from wfkit.keys.content.plain import branch, nest, plain, too_deep
from wfkit.keys.content.shape import Branch, Leaf, Refused, Shape, type_name
from wfkit.keys.content.standard import is_code, standard_shape
from wfkit.keys.content.tables import table_shape

# orjson gives up at 254 levels. Within a value that is deeper, plain data is looked for once in so many levels: the
# walk stays linear.
_STRIDE = 200


class Scope(Protocol):
    """What a function, a class or a module means to a digest."""

    def refer(self, thing: Any, path: Callable[[], str]) -> bytes:
        """The token of a piece of code found in a value at `path()`. Raises Refused."""
        ...

    def owns(self, kind: type) -> bool:
        """Whether an instance of this class is its attributes and nothing else."""
        ...


@dataclass(slots=True)
class _Frame:
    """A branch whose parts are being digested. `skip` > 0: parts are not tried as plain data."""

    value: Any
    shape: Branch
    skip: int
    tokens: list[bytes] = field(default_factory=list)


class _Content:
    """One pass over one value."""

    def __init__(self, scope: Scope, root: str) -> None:
        self.scope = scope
        self.root = root
        self.stack: list[_Frame] = []
        self.active: set[int] = set()
        self.seen: dict[int, tuple[Any, bytes]] = {}

    def run(self, value: Any) -> bytes:
        token = self.open(value, 0)
        while self.stack:
            frame = self.stack[-1]
            if token is not None:
                frame.tokens.append(token)
            done = len(frame.tokens)
            token = self.open(frame.shape.parts[done], frame.skip) if done < len(frame.shape.parts) else self.close()
        assert token is not None
        return token

    def open(self, value: Any, skip: int) -> bytes | None:
        """The token of a part, or None when it is a branch that was pushed."""
        if skip == 0 or type(value) not in (list, dict, tuple):
            token = plain(value)
            if token is None and type(value) is Record:
                token = record_token(value)
            if token is not None:
                return token
        known = self.seen.get(id(value)) if skip == 0 else None
        if known is not None:
            return known[1]
        if id(value) in self.active:
            raise self.fault(value, "it contains itself")
        try:
            if is_code(value):
                return self.scope.refer(value, self.path)
            shape = shape_of(value, self.scope)
        except Refused as refused:
            raise self.fault(value, str(refused)) from None
        except WfkitError:
            raise
        except Exception as error:  # properties and `__getattr__` of a value may raise anything
            raise self.fault(value, f"reading it raised {type(error).__name__}: {words_of(error)}") from error
        if isinstance(shape, Leaf):
            return shape.token
        deep = type(value) in (list, dict, tuple) and skip == 0 and too_deep(value)
        self.stack.append(_Frame(value, shape, _STRIDE if deep else max(skip - 1, 0)))
        self.active.add(id(value))
        return None

    def close(self) -> bytes:
        frame = self.stack.pop()
        tokens = sorted(frame.tokens) if frame.shape.unordered else frame.tokens
        token = branch(frame.shape.tag, tokens)
        self.active.discard(id(frame.value))
        if frame.skip == 0:
            self.seen[id(frame.value)] = (frame.value, token)
        return token

    def path(self) -> str:
        """Where the walk is, written as Python would."""
        labels = [frame.shape.label(len(frame.tokens)) for frame in self.stack]
        if len(labels) > 12:
            labels = [*labels[:6], f"…({len(labels) - 12} levels)…", *labels[-6:]]
        return self.root + "".join(labels)

    def fault(self, value: Any, why: str) -> ValueFault:
        return ValueFault(f"{self.path()}: {type_name(value)} cannot be digested{': ' if why else ''}{why}")


def words_of(error: BaseException) -> str:
    """The message of an error; its own `__str__` may raise."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - it is the user's own `__str__`
        return "?"


def shape_of(value: Any, scope: Scope) -> Shape:
    """How a value that is neither plain nor code is taken apart. Raises Refused."""
    if type(value) is Branch:  # a part that was taken apart already
        return value
    for ask in (standard_shape, array_shape, frame_shape, table_shape, figure_shape, instance_shape):
        shape = ask(value)
        if shape is not None:
            return shape
    if scope.owns(type(value)):
        return object_shape(value)
    raise Refused("")


def content(value: Any, scope: Scope, root: str = "value") -> bytes:
    """The 16 bytes of any supported value. Raises ValueFault with the path to the part that cannot be digested."""
    if type(value) is list:
        token, deep = nest(value)
        if token is None and value and not deep:
            token = _plain_parts(value)
    else:
        token = record_token(value) if type(value) is Record else plain(value)
    return token if token is not None else _Content(scope, root).run(value)


def _plain_parts(value: list[Any]) -> bytes | None:
    """The token that the walk finds for a list whose parts are all plain, in half the time."""
    tokens = []
    for part in value:
        token = plain(part)
        if token is None:
            return None
        tokens.append(token)
    return branch(b"list", tokens)
