"""How late the provider answers: distributions of seconds, each a function of a number from 0 to 1.

No clock and no randomness: the number is rolled elsewhere, so that it is the same again under the same seed.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from wfkit.core.frozen import dataclass
from wfkit.errors import UsageFault

_Z99 = NormalDist().inv_cdf(0.99)
_EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Uniform:
    """Between two numbers of seconds; the same twice is constant."""

    least_s: float = 0.0
    most_s: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.least_s <= self.most_s < math.inf:
            raise UsageFault(f"a latency is between two numbers of seconds, not {self.least_s} and {self.most_s}")

    def at(self, share: float) -> float:
        """The seconds that this share of the answers is faster than."""
        return self.least_s + (self.most_s - self.least_s) * share


@dataclass(frozen=True, slots=True)
class Lognormal:
    """Half of the answers within `p50_s` seconds, 99 of 100 within `p99_s`, a few far later: as providers are."""

    p50_s: float
    p99_s: float

    def __post_init__(self) -> None:
        if not 0 < self.p50_s <= self.p99_s < math.inf:
            raise UsageFault(f"p50 is above 0 and at most p99, in seconds, not {self.p50_s} and {self.p99_s}")

    def at(self, share: float) -> float:
        """The seconds that this share of the answers is faster than."""
        spread = math.log(self.p99_s / self.p50_s) / _Z99
        return self.p50_s * math.exp(spread * NormalDist().inv_cdf(min(max(share, _EDGE), 1 - _EDGE)))


Latency = Uniform | Lognormal
