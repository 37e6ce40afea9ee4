"""What to do next: the answers of `decide`.

Frozen data without behaviour. The engine does them and writes what happened as events.
"""

from __future__ import annotations

from wfkit.core.frozen import dataclass
from wfkit.core.terms import RunState


@dataclass(frozen=True, slots=True)
class Resolve:
    """All inputs of this node are known: make its keys and look for results."""

    node: int


@dataclass(frozen=True, slots=True)
class Start:
    """Begin attempt number `attempt` of these tasks (all of one node)."""

    tasks: tuple[int, ...]
    attempt: int


@dataclass(frozen=True, slots=True)
class Skip:
    """Record that this node is skipped because of that one."""

    node: int
    because: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before this Unix time, unless an event arrives."""

    until: float


@dataclass(frozen=True, slots=True)
class Finish:
    """Every task has ended: the run's outcome is this."""

    status: RunState


@dataclass(frozen=True, slots=True)
class Expire:
    """The run's deadline has passed: what is under way fails, and the run ends."""


Effect = Resolve | Start | Skip | Wait | Finish | Expire
