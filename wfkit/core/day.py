"""What one day costs on one store, as all its processes see it.

Plain data and interfaces; where it is kept is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from types import TracebackType
from typing import Protocol

from wfkit.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Sum:
    """US dollars and tokens."""

    usd: Decimal = Decimal(0)
    tokens: int = 0

    def __add__(self, other: Sum) -> Sum:
        """Both together."""
        return Sum(self.usd + other.usd, self.tokens + other.tokens)

    def plain(self) -> list[str | int]:
        """As it is written."""
        return [str(self.usd), self.tokens]

    @classmethod
    def of(cls, said: Sequence[str | int]) -> Sum:
        """As it was written."""
        return cls(Decimal(str(said[0])), int(said[1]))


@dataclass(slots=True)
class Page:
    """A day: what all have `spent`, what is put aside for calls under way by `mine` and by `others`."""

    spent: Sum
    mine: Sum
    others: Sum


class Opened(Protocol):
    """A page while it is open: for a `with`."""

    def __enter__(self) -> Page:
        """The page; from now on nobody else has it."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None:
        """Keep what was changed."""
        ...


class Seat(Protocol):
    """Where one purse looks into the book of the day, and writes into it."""

    def open(self) -> Opened:
        """The page of today, while nobody else has it; changes of `spent` and `mine` are kept."""
        ...


class DayBook(Protocol):
    """The book of the day, of all processes on a store."""

    def seat(self) -> Seat:
        """A new seat, told from all others."""
        ...
