"""The digest of any value: 32 hex characters that are equal when a body could not tell two values apart, and differ
when it could.

Types count (1, 1.0, True, "1" and b"1" all differ), so do 0.0 and -0.0, the order of lists and dicts, dtypes, names
and time zones. The order of sets does not, nor do memory layout, sharing, or where pandas keeps its strings. Dicts
count in their order because a body sees it (`list(d)`, a frame made of it): the same pairs in another order cost a
rerun, never a stale result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_not
from types import ModuleType
from typing import Any

from wfkit.keys.code.classes import is_plain
from wfkit.keys.code.walk import ValueMemo, Walk
from wfkit.keys.content.parts import content
from wfkit.keys.content.plain import digest_of, plain, plain_digests
from wfkit.keys.content.shape import Refused

_REMEMBERED = 256  # classes; some programs make one for each value
_LONG = 1000  # items of a list, from which on `content` need not ask twice whether it is plain

Classes = dict[int, tuple[type, tuple[Any, ...], bytes]]


class Closures:
    """What code within a value means: the digest of all it reaches, made once for each piece.

    `classes` are those that were met before, as they were then: the values of a run share few, and to walk over the
    code of one takes as long as to send a request.
    """

    owns = staticmethod(is_plain)

    def __init__(self, classes: Classes | None = None) -> None:
        self._known: dict[int, tuple[Any, bytes]] = {}
        self._classes = {} if classes is None else classes
        self._memo = ValueMemo()

    def refer(self, thing: Any, path: Callable[[], str]) -> bytes:  # noqa: ARG002 - the walk adds the path
        """The digest of a function or class with all that it reaches. Raises Refused for a module or what it cannot
        reach.
        """
        if isinstance(thing, ModuleType):
            raise Refused("a module is no data")
        known = self._known.get(id(thing))
        if known is None and isinstance(thing, type):
            known = self._met(thing)
        if known is None:
            walk = Walk(memo=self._memo)
            token = walk.refer(thing, lambda: "it")
            walk.drain()
            if walk.reached.problems:
                raise Refused(walk.reached.problems[0])
            known = self._known[id(thing)] = (thing, digest_of(token + walk.reached.digest()))
            if isinstance(thing, type) and len(self._classes) < _REMEMBERED:
                self._classes[id(thing)] = (thing, tuple(vars(thing).values()), known[1])
        return known[1]

    def _met(self, thing: type) -> tuple[type, bytes] | None:
        """The digest of a class that was met before, if none of its attributes was set since."""
        met = self._classes.get(id(thing))
        now = vars(thing).values()
        if met is None or len(met[1]) != len(now) or any(map(is_not, met[1], now)):
            return None
        return thing, met[2]


def digest(value: Any, classes: Classes | None = None) -> str:
    """The digest of a value as 32 hex characters. Raises ValueFault that names the path to the part that has none.

    `classes` remembers the classes of values between calls: a variable that their
    code reads counts as it was when they were met first.
    """
    token = None if type(value) is list and len(value) > _LONG else plain(value)
    return (token if token is not None else content(value, Closures(classes))).hex()


def item_digests(items: Sequence[Any]) -> list[str]:
    """`digest` of each item, in order; a class that many items share is digested once. Raises ValueFault that names
    the item.
    """
    scope = Closures()
    return [
        content(items[i], scope, f"items[{i}]").hex() if found is None else found
        for i, found in enumerate(plain_digests(items))
    ]
