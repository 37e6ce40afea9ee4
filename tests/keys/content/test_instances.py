"""Instances of classes that say what they hold; everything else is refused."""

from __future__ import annotations

import dataclasses
import enum
import functools
import threading
from collections import OrderedDict, namedtuple
from typing import Any, NamedTuple

import pydantic
import pytest

from wfkit.core.record import Record
from wfkit.errors import ValueFault
from wfkit.keys.values import digest, item_digests


class Color(enum.Enum):
    """A plain enum."""

    RED = 1
    BLUE = 2


class Word(str, enum.Enum):  # noqa: UP042 - the old spelling is tested
    """An enum of texts."""

    RED = "red"


class Flag(enum.Flag):
    """An enum of bits."""

    A = 1
    B = 2


class Row(NamedTuple):
    """A named tuple."""

    a: int
    b: int = 2


Pair = namedtuple("Pair", "a b")  # noqa: PYI024 - the untyped form is tested


@dataclasses.dataclass
class Point:
    """A dataclass."""

    x: int
    hidden: int = dataclasses.field(default=0, compare=False)


@dataclasses.dataclass(slots=True, frozen=True)
class Fixed:
    """A dataclass with slots."""

    x: int


class Model(pydantic.BaseModel):
    """A model."""

    model_config = {"extra": "allow"}
    a: int
    b: Point | None = None
    _secret: int = 0


class Other(Model):
    """The same fields under another name."""


class Plain:
    """A class like any other."""

    def __init__(self, held: Any = None) -> None:
        self.held = held


class Slotted(Plain):
    """One with slots, of which one may be empty."""

    __slots__ = ("more",)


class Hidden(threading.local):
    """A class whose base, written in C, keeps what it holds to itself."""


def slotted(more: Any) -> Slotted:
    """One whose slot is full."""
    made = Slotted()
    made.more = more
    return made


def with_secret() -> Model:
    """A model with a private value."""
    made = Model(a=1)
    made._secret = 1
    return made


DIFFERENT: list[Any] = [
    Color.RED, Color.BLUE, Color, Word.RED, "red", Flag.A, Flag.B, Flag.A | Flag.B, Row(1), Row(1, 3), Pair(1, 2),
    (1, 2), Point(1),
    Point(2), Point(1, 1), Fixed(1), {"x": 1}, Model(a=1), Model(a=2), Model(a=1, c=1), Model(a=1, b=Point(1)),
    with_secret(),
    Other(a=1), Record(["a"], [1]), Record(["b"], [1]), Record(["a"], [2]), Record(["a"], [Color.RED]),
    Record(["a", "b"], [1, 2]),
    OrderedDict(a=1), {"a": 1}, Point, Fixed, Model, Row, Pair,
    Plain(), Plain(1), Plain(2), Slotted(), slotted(None), slotted(1), Plain([slotted(1)]), Plain,
]  # fmt: skip


def test_all_differ() -> None:
    """Instances with equal content of different kinds differ."""
    found: dict[str, Any] = {}
    for value in DIFFERENT:
        assert found.setdefault(digest(value), value) is value, (found[digest(value)], value)


def test_equal_instances() -> None:
    """Equal instances have equal digests, alone and among items."""
    assert digest(Point(1)) == digest(Point(1))
    assert digest(Model(a=1)) == digest(Model(a=1))
    assert item_digests([Point(1), Record(["a"], [1])]) == [digest(Point(1)), digest(Record(["a"], [1]))]


def test_attributes_beside_the_fields_count() -> None:
    """A body can see what was set on a dataclass instance later."""
    marked = Point(1)
    marked.note = "x"
    assert digest(marked) != digest(Point(1))


class Slotted:
    """A base that is no dataclass and has a slot."""

    __slots__ = ("hidden",)


@dataclasses.dataclass
class Based(Slotted):
    """A dataclass on it."""

    x: int

    @functools.cached_property
    def double(self) -> int:
        """Kept in the instance once it was asked for."""
        return self.x * 2


def test_slots_of_bases_count() -> None:
    """A slot that a base brought in is part of the instance."""
    one, two, three = Based(1), Based(1), Based(1)
    one.hidden, two.hidden = 1, 2
    assert len({digest(value) for value in (one, two, three)}) == 3


def test_which_fields_were_set_counts() -> None:
    """`model_dump(exclude_unset=True)` tells models apart that are equal otherwise."""
    assert digest(Model(a=1)) != digest(Model(a=1, b=None))
    assert digest(Model(a=1, c=1)) != digest(Model.model_construct(a=1, _fields_set={"a"}, c=1))


class Named(dict[str, int]):
    """A subclass of a builtin."""


@dataclasses.dataclass
class Heavy(dict[str, int]):
    """A dataclass that is also a dict."""

    x: int = 1


@pytest.mark.parametrize(
    "value", [Named(a=1), Heavy(), Hidden(), object(), Plain(object()), Plain, ValueError("x"), iter([])]
)
def test_refused(value: Any) -> None:
    """What hides its content is refused by its type; a class of ours is not."""
    if isinstance(value, type):
        assert digest(value)
    else:
        with pytest.raises(ValueFault, match="object" if isinstance(value, Plain) else type(value).__name__):
            digest(value)


def test_faults_name_the_field() -> None:
    """The path leads through fields."""
    with pytest.raises(ValueFault, match=r"value\.b\.x\.held: object cannot be digested"):
        digest(Model.model_construct(a=1, b=Point(Plain(object()))))


def test_repr_and_eq_are_never_called() -> None:
    """An instance whose own methods raise is digested all the same."""

    @dataclasses.dataclass(eq=False, repr=False)
    class Rude:
        x: int

        def __eq__(self, other: object) -> bool:
            raise RuntimeError

        def __repr__(self) -> str:
            raise RuntimeError

        __hash__ = None

    assert digest([Rude(1)]) == digest([Rude(1)])
