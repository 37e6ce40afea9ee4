"""How much a provider still takes at this moment: buckets of requests and tokens, seats, and what the quota leaves.

Time is an argument. Nothing is sent from here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from wfkit.core.frozen import dataclass
from wfkit.llm.provider.behaviour import Limits
from wfkit.llm.provider.exchange import Limit

_MINUTE_S = 60.0
_BUSY_S = 1.0


@dataclass(slots=True)
class Bucket:
    """A limit a minute: what is left now, refilled all the time up to `most`."""

    per_min: int
    most: float
    left: float
    at: float

    def refill(self, now: float) -> None:
        """Let the time since the last look count."""
        self.left = min(self.most, self.left + (now - self.at) * self.per_min / _MINUTE_S)
        self.at = now

    def wait_s(self, amount: float) -> float:
        """Seconds until so much is left; what can never be is asked for all of it."""
        return max(min(amount, self.most) - self.left, 0.0) * _MINUTE_S / self.per_min

    def limit(self) -> Limit:
        """What headers tell of it."""
        return Limit(self.per_min, max(math.floor(self.left), 0), self.wait_s(self.most))


class Meter:
    """The state of the limits of one provider."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buckets: dict[str, Bucket] = {}
        for of, per_min in (("requests", limits.requests_per_min), ("tokens", limits.tokens_per_min)):
            if per_min is not None:
                most = max(per_min * limits.burst_s / _MINUTE_S, 1.0)
                self._buckets[of] = Bucket(per_min, most, most, 0.0)
        self._requests = 0
        self._tokens = 0

    def refuses(self, now: float, tokens: int, in_flight: int) -> tuple[str, float | None] | None:
        """Why a request of so many tokens is refused, and the seconds to wait; None: it was taken and counted.

        Why is `quota`, `busy` (too many at once) or `rate_limit`.
        """
        quota = (self._limits.quota_requests, self._requests), (self._limits.quota_tokens, self._tokens)
        if any(most is not None and used >= most for most, used in quota):
            return "quota", None
        if self._limits.concurrency is not None and in_flight > self._limits.concurrency:
            return "busy", _BUSY_S
        for bucket in self._buckets.values():
            bucket.refill(now)
        asked = {"requests": 1, "tokens": tokens}
        wait_s = max((bucket.wait_s(asked[of]) for of, bucket in self._buckets.items()), default=0.0)
        if wait_s > 0:
            return "rate_limit", wait_s
        self._requests += 1
        for of, bucket in self._buckets.items():
            bucket.left -= asked[of]
        self._tokens += tokens
        return None

    def answered(self, tokens: int) -> None:
        """Count the tokens of an answer."""
        self._tokens += tokens
        if "tokens" in self._buckets:
            self._buckets["tokens"].left -= tokens

    def told(self, now: float) -> Iterator[tuple[str, Limit]]:
        """The limits by name, `requests` and `tokens`, as they are now."""
        for of, bucket in self._buckets.items():
            bucket.refill(now)
            yield of, bucket.limit()
