"""The rate guard: a provider that says how much it takes is not asked for more.

Reads Retry-After of a refusal and the `x-ratelimit-*` and `anthropic-ratelimit-*` headers of replies. It waits, it
never refuses: a caller's own deadline ends a wait that is too long.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from wfkit.core.call import Reply
from wfkit.core.frozen import dataclass
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed

_HEADER = re.compile(
    r"(?:llm_provider-)?(?:x-ratelimit-(?P<what>remaining|reset|limit)-(?P<of>requests|tokens)"
    r"|anthropic-ratelimit-(?P<of2>requests|tokens|input-tokens|output-tokens)-(?P<what2>remaining|reset|limit))",
    re.IGNORECASE,
)
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NO_HINT_S = 1.0  # a refusal without Retry-After


@dataclass(slots=True)
class Bucket:
    """What is left of one limit: `remaining` until `reset_at` (seconds of the clock)."""

    remaining: float
    reset_at: float


@dataclass(frozen=True, slots=True)
class RateStatistics:
    """The limits of one model: seconds until it may be asked again, and what is left, where the provider tells."""

    paused_s: float
    remaining_requests: float | None
    remaining_tokens: float | None


class Rates:
    """The limits of every model that was asked, for all runs of a process."""

    def __init__(
        self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]], wall: Callable[[], float]
    ) -> None:
        self._clock, self._sleep, self._wall = clock, sleep, wall
        self._paused: dict[str, float] = {}
        self._buckets: dict[str, dict[str, Bucket]] = {}

    async def through(self, model: str, tokens: int | None, call: Callable[[], Awaitable[Reply]]) -> Reply:
        """Make the call when the model takes one of `tokens` tokens (None: not known)."""
        while (wait_s := self.wait_s(model, tokens or 0)) > 0:
            await self._sleep(wait_s)
        self._take(model, tokens or 0)
        try:
            return await call()
        except CallFailed as error:
            if error.failure.kind is FailureKind.RATE_LIMITED:
                self._pause(model, error.failure.retry_after_s)
            raise

    def wait_s(self, model: str, tokens: int) -> float:
        """Seconds until a call of so many tokens may be sent."""
        now = self._clock()
        until = self._paused.get(model, 0.0)
        for name, bucket in self._buckets.get(model, {}).items():
            if bucket.reset_at > now and bucket.remaining < (1 if name == "requests" else max(tokens, 1)):
                until = max(until, bucket.reset_at)
        return max(until - now, 0.0)

    def heard(self, model: str, headers: Mapping[str, str]) -> None:
        """Take in what a reply said of its limits."""
        told: dict[str, dict[str, str]] = {}
        for header, value in headers.items():
            found = _HEADER.fullmatch(header)
            if found is not None:
                of, what = found["of"] or found["of2"], found["what"] or found["what2"]
                told.setdefault(of.lower(), {})[what.lower()] = value
        for of, said in told.items():
            remaining, reset_s = _number(said.get("remaining")), self._span(said.get("reset"))
            if remaining is not None and reset_s is not None:
                self._buckets.setdefault(model, {})[of] = Bucket(remaining, self._clock() + reset_s)

    def _take(self, model: str, tokens: int) -> None:
        for name, bucket in self._buckets.get(model, {}).items():
            bucket.remaining -= 1 if name == "requests" else tokens

    def _pause(self, model: str, retry_after_s: float | None) -> None:
        until = self._clock() + (_NO_HINT_S if retry_after_s is None else retry_after_s)
        self._paused[model] = max(self._paused.get(model, 0.0), until)

    def _span(self, text: str | None) -> float | None:
        """Seconds: `6m0s` and `120ms` (OpenAI), a date (Anthropic), or a plain number of seconds."""
        if text is None:
            return None
        if _SPAN.fullmatch(text) or re.fullmatch(rf"(?:{_SPAN.pattern})+", text):
            return sum(float(number) * _SECONDS[unit] for number, unit in _SPAN.findall(text))
        seconds = _number(text)
        if seconds is not None:
            return seconds
        try:
            return max(datetime.fromisoformat(text).timestamp() - self._wall(), 0.0)
        except ValueError:
            return None

    def statistics(self) -> dict[str, RateStatistics]:
        """The limits of every model that has said something of them."""
        now = self._clock()
        found = {}
        for model in {*self._paused, *self._buckets}:
            left = {name: bucket.remaining for name, bucket in self._buckets.get(model, {}).items()}
            paused = max(self._paused.get(model, 0.0) - now, 0.0)
            found[model] = RateStatistics(paused, left.get("requests"), left.get("tokens", left.get("input-tokens")))
        return found


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value < float("inf") else None
