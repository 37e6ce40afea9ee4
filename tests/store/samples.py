"""Classes whose instances the tests store: they live in a module, as a user's own would."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import BaseModel, PrivateAttr


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    more: Any = ()


@dataclass
class Derived:
    width: int
    area: int = field(init=False)

    def __post_init__(self) -> None:
        self.area = self.width**2


class Label(BaseModel):
    name: str
    words: list[str] = []
    note: str | None = None


class Open(BaseModel, extra="allow"):
    name: str
    _seen: int = PrivateAttr(default=0)


class Pair(NamedTuple):
    left: int
    right: str


class Color(enum.Enum):
    RED = 1
    GREEN = "g"


class Word(enum.StrEnum):
    YES = "yes"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Plain:
    """Nothing that a codec knows."""
