"""One question on its way through the guards: what they must know of it, and whom they tell what they decided.

A wait shorter than a tenth of a second is only counted. No guard is here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from wfkit.core.call import Failure
from wfkit.core.decision import Decision
from wfkit.core.frozen import dataclass
from wfkit.core.terms import Act

NOTABLE_S = 0.1
_STEP_S = 10.0  # seconds of waiting that weigh as much as one step of priority: nothing starves
_HEAD_START_S = 5.0  # what a task has been at work for counts as waiting, up to here: half a step
Tell = Callable[[Decision], None]


class TurnedBack(Exception):
    """While a call waited for a guard further in, the guard named `by` has changed its mind: it must ask that again."""

    def __init__(self, by: str) -> None:
        super().__init__(by)
        self.by = by


def _silent(decision: Decision) -> None:
    """Nobody listens."""


def _always() -> None:
    return None


@dataclass(slots=True)
class Turn:
    """`patience_s` is how long it may wait for a model that is left alone; `tell` hears what guards decide.

    `unwanted` gives the reason once nobody wants the answer any more. `is_probe`: the breaker let it pass alone, to
    find out. `sent`: it has left, and may be billed from then on. `age_s` is how long its task has been at work.
    """

    priority: int = 0
    patience_s: float = 60.0
    tell: Tell = _silent
    unwanted: Callable[[], Failure | None] = _always
    is_probe: bool = False
    sent: bool = False
    age_s: float = 0.0
    _rank: float | None = None

    def rank(self, now: float) -> float:
        """Where it stands in the queues of all guards, lowest first: by priority, then what was begun, then by age.

        It is when the question came, less 10 s for each step of priority and up to 5 s for the work begun on its task.
        What comes later than so ranks behind it for ever: nothing starves.
        """
        if self._rank is None:
            self._rank = now - self.priority * _STEP_S - min(self.age_s, _HEAD_START_S)
        return self._rank


@dataclass(slots=True)
class Count:
    """What went by: calls that passed or were refused, and seconds that they waited."""

    passed: int = 0
    refused: int = 0
    waited_s: float = 0.0

    @contextmanager
    def waiting(self, turn: Turn, clock: Callable[[], float], why: tuple[str, str, str]) -> Iterator[None]:
        """Around a wait, however it ends; `why` is guard, what it guards, and the reason."""
        began = clock()
        try:
            yield
        finally:
            waited_s = clock() - began
            self.waited_s += waited_s
            if waited_s >= NOTABLE_S:
                guard, about, reason = why
                turn.tell(Decision(guard, about, Act.WAITED, reason, round(waited_s, 3)))
