"""What a guard decided about a call, where that changed what happened: as data, for the log and for people.

Calls that simply pass are only counted. How guards decide is in the room `guards`.
"""

from __future__ import annotations

from wfkit.core.frozen import dataclass
from wfkit.core.terms import Act


@dataclass(frozen=True, slots=True)
class Decision:
    """`guard` is budget, breaker, retry, rate or pool; `about` the model, provider or purse that it guards.

    `waited_s` is how long the call waited, for those that did.
    """

    guard: str
    about: str
    act: Act
    reason: str
    waited_s: float | None = None
