"""Dataclasses whose methods come late: in everything that can be seen they are those of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import field
from typing import Any

import pytest

from wfkit.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """Frozen, slotted."""

    x: int
    y: list[int] = field(default_factory=list, compare=False, repr=False)
    z: str = "z"


@dataclass(frozen=True)
class Loose:
    """Frozen, without slots."""

    x: int = 1


@dataclass
class Open:
    """Can change."""

    x: int
    twice: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.twice = self.x * 2


@dataclass(slots=True, eq=False)
class Same:
    """Equal to itself only."""

    x: int = 0


@dataclass(frozen=True, slots=True)
class Own:
    """Its own words."""

    x: int

    def __repr__(self) -> str:
        return "own"


CALLS: list[Callable[[Any], Any]] = [
    repr,
    lambda made: made == made.__class__(3),
    lambda made: made != made.__class__(4),
    lambda made: made == 3,
    dataclasses.asdict,
    lambda made: dataclasses.replace(made, x=9).x,
    lambda made: copy.copy(made) is made or copy.copy(made).x,
    lambda made: copy.deepcopy(made).x,
    lambda made: made.__match_args__,
    lambda made: [(one.name, one.default, one.type) for one in dataclasses.fields(made)],
]


def standard(cls: type, **options: bool) -> type:
    """The same class by the standard library."""
    names = {name: value for name, value in vars(cls).items() if name in {"__post_init__", "__doc__"}}
    names |= {"__repr__": Own.__repr__} if cls is Own else {}
    parts = [(one.name, one.type, copy.copy(one)) for one in dataclasses.fields(cls)]
    return dataclasses.make_dataclass(cls.__name__, parts, namespace=names, **options)


PAIRS = [
    (Point, standard(Point, frozen=True, slots=True)),
    (Loose, standard(Loose, frozen=True)),
    (Open, standard(Open)),
    (Same, standard(Same, slots=True, eq=False)),
    (Own, standard(Own, frozen=True, slots=True)),
]


@pytest.mark.parametrize(("late", "usual"), PAIRS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("call", range(len(CALLS)))
def test_they_behave_alike(late: Any, usual: Any, call: int) -> None:
    """Whatever is called first, the answer is that of the standard library."""
    assert CALLS[call](late(3)) == CALLS[call](usual(3))
    assert hasattr(late, "__slots__") == hasattr(usual, "__slots__")
    assert (late.__hash__ is None) == (usual.__hash__ is None)


@pytest.mark.parametrize("kind", [Point, Loose, Own])
def test_frozen_ones_do_not_change(kind: Any) -> None:
    """Fields can be neither set nor deleted, and equal ones have equal hashes."""
    made = kind(3)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'x'"):
        made.x = 4
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'x'"):
        del made.x
    assert hash(made) == hash(kind(3))
    assert len({made, kind(3), kind(4)}) == 2


@pytest.mark.parametrize("made", [Point(3, [1]), Loose(2), Open(5), Same(1), Own(1)])
def test_they_can_be_pickled(made: Any) -> None:
    """They come back from a pickle with all fields, in each protocol that knows slots."""
    for protocol in (2, pickle.HIGHEST_PROTOCOL):
        back = pickle.loads(pickle.dumps(made, protocol))
        assert type(back) is type(made)
        assert all(getattr(back, one.name) == getattr(made, one.name) for one in dataclasses.fields(made))


def test_wrong_arguments_are_told() -> None:
    """The first call of a class tells a missing argument like all later ones."""

    @dataclass(frozen=True, slots=True)
    class Fresh:
        """New."""

        x: int

    told = []
    for _ in range(2):
        with pytest.raises(TypeError) as caught:
            Fresh()
        told.append(str(caught.value))
    assert told[0] == told[1]
    assert "'x'" in told[0]
    assert Fresh(1) == Fresh(1)


def test_a_subclass_has_its_own() -> None:
    """A subclass that is no dataclass uses the methods of its parent, one that is has its own."""

    class Plain(Loose):
        pass

    @dataclass(frozen=True)
    class More(Loose):
        """One field more."""

        y: int = 2

    assert Plain(4).x == 4
    assert More(4, 5) == More(x=4, y=5)
    assert repr(More(4, 5)).endswith("More(x=4, y=5)")
    assert More(1, 2) != Loose(1)
