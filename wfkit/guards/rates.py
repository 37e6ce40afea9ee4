"""The rate guard: a provider that says how much it takes is not asked for more.

Reads Retry-After of a refusal and the `x-ratelimit-*` and `anthropic-ratelimit-*` headers of replies. It waits, it
never refuses: a caller's own deadline ends a wait that is too long.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from datetime import datetime

from wfkit.core.call import Reply
from wfkit.core.frozen import dataclass
from wfkit.core.report import GuardRow
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed
from wfkit.guards.queue import Queue
from wfkit.guards.turn import Count, Turn, TurnedBack

_HEADER = re.compile(
    r"(?:llm_provider-)?(?:x-ratelimit-(?P<what>remaining|reset|limit)-(?P<of>requests|tokens)"
    r"|anthropic-ratelimit-(?P<of2>requests|tokens|input-tokens|output-tokens)-(?P<what2>remaining|reset|limit))",
    re.IGNORECASE,
)
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NO_HINT_S = 1.0  # a refusal without Retry-After
_LONGEST_S = 86_400.0  # nobody is left alone for longer on the word of a header
_EPOCH_S, _EPOCH_MS = 1e8, 1e11  # from here on a number of seconds is a time, in seconds or milliseconds


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
    waiting: int
    count: Count

    def row(self, guard: str, about: str) -> GuardRow:
        """As shown."""
        left = [f"{self.remaining_requests:.0f} requests left"] if self.remaining_requests is not None else []
        left += [f"{self.remaining_tokens:.0f} tokens left"] if self.remaining_tokens is not None else []
        paused = [f"paused for {self.paused_s:.1f} s"] if self.paused_s else []
        state = ", ".join([*paused, *left]) or "nothing known"
        return GuardRow(guard, about, state, self.count.passed, self.waiting, self.count.waited_s)


@dataclass(slots=True)
class _Limits:
    """What is known of one model: until when it is paused (seconds of the clock), its buckets, who waits and who is
    under way."""

    paused_until: float = 0.0
    buckets: dict[str, Bucket] = field(default_factory=dict)
    queue: Queue = field(default_factory=Queue)
    under_way: int = 0
    count: Count = field(default_factory=Count)


class Rates:
    """The limits of every model that was asked, for all runs of a process."""

    def __init__(
        self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]], wall: Callable[[], float]
    ) -> None:
        self._clock, self._sleep, self._wall = clock, sleep, wall
        self._limits: dict[str, _Limits] = {}

    async def through(self, model: str, tokens: int | None, call: Callable[[], Awaitable[Reply]], turn: Turn) -> Reply:
        """Make the call when the model takes one of `tokens` tokens (None: not known). It is taken off at its seat."""
        limits = self._limits.setdefault(model, _Limits())
        while True:
            if self.wait_s(model, tokens or 0) > 0:
                await self._wait(limits, model, tokens or 0, turn)
            limits.under_way += 1
            try:
                return await call()
            except CallFailed as error:
                if error.failure.kind is FailureKind.RATE_LIMITED:
                    self._pause(limits, error.failure.retry_after_s)
                raise
            except TurnedBack as back:
                if back.by != "rate":
                    raise
            finally:
                limits.under_way -= 1

    async def _wait(self, limits: _Limits, model: str, tokens: int, turn: Turn) -> None:
        with limits.count.waiting(turn, self._clock, ("rate", model, "the provider takes no more for now")):
            while (wait_s := self.wait_s(model, tokens)) > 0:
                await limits.queue.nap(turn.rank(self._clock()), self._sleep(wait_s))

    def wait_s(self, model: str, tokens: int) -> float:
        """Seconds until a call of so many tokens may be sent."""
        limits = self._limits.get(model)
        if limits is None:
            return 0.0
        now = self._clock()
        until = limits.paused_until
        for name, bucket in limits.buckets.items():
            if bucket.reset_at > now and bucket.remaining < (1 if name == "requests" else max(tokens, 1)):
                until = max(until, bucket.reset_at)
        return max(until - now, 0.0)

    def room(self, model: str) -> tuple[int, float] | None:
        """How many calls may be sent now, and seconds until more may; None: no bound that is known."""
        limits = self._limits.get(model)
        if limits is None:
            return None
        now = self._clock()
        bounds = [(0, limits.paused_until - now)] if limits.paused_until > now else []
        for name, bucket in list(limits.buckets.items()):  # the loop's thread may add one meanwhile
            if bucket.reset_at > now and (name == "requests" or bucket.remaining < 1):
                bounds.append((max(0, int(bucket.remaining)), bucket.reset_at - now))
        return min(bounds, default=None)

    def takes(self, model: str, tokens: int | None) -> bool:
        """Whether a call may leave its seat now; then it is taken off what is left."""
        if self.wait_s(model, tokens or 0) > 0:
            return False
        limits = self._limits.setdefault(model, _Limits())
        for name, bucket in limits.buckets.items():
            bucket.remaining -= 1 if name == "requests" else tokens or 0
        limits.count.passed += 1
        return True

    def heard(self, model: str, headers: Mapping[str, str]) -> None:
        """Take in what a reply said of its limits; as many go on as may, in their order."""
        told: dict[str, dict[str, str]] = {}
        for header, value in headers.items():
            found = _HEADER.fullmatch(header)
            if found is not None:
                of, what = found["of"] or found["of2"], found["what"] or found["what2"]
                told.setdefault(of.lower(), {})[what.lower()] = value
        if not told:
            return
        limits = self._limits.setdefault(model, _Limits())
        for of, said in told.items():
            remaining, reset_s = _number(said.get("remaining")), self._span(said.get("reset"))
            if remaining is not None and reset_s is not None:
                limits.buckets[of] = Bucket(remaining, self._clock() + min(reset_s, _LONGEST_S))
        if limits.queue.waiting:
            places, _ = self.room(model) or (limits.queue.waiting, 0.0)
            for _ in range(min(places, limits.queue.waiting)):
                limits.queue.admit()

    def _pause(self, limits: _Limits, retry_after_s: float | None) -> None:
        until = self._clock() + (_NO_HINT_S if retry_after_s is None else retry_after_s)
        limits.paused_until = max(limits.paused_until, until)

    def _span(self, text: str | None) -> float | None:
        """Seconds: `6m0s` and `120ms` (OpenAI), a date (Anthropic), a plain number of seconds, or a time as seconds or
        milliseconds since 1970."""
        if text is None:
            return None
        if _SPAN.fullmatch(text) or re.fullmatch(rf"(?:{_SPAN.pattern})+", text):
            return sum(float(number) * _SECONDS[unit] for number, unit in _SPAN.findall(text))
        at = _number(text)
        if at is not None and at < _EPOCH_S:
            return at
        try:
            at = datetime.fromisoformat(text).timestamp() if at is None else at / (1.0 if at < _EPOCH_MS else 1000.0)
        except (ValueError, OverflowError):
            return None
        return max(at - self._wall(), 0.0)

    def statistics(self) -> dict[str, RateStatistics]:
        """The limits of every model that was asked."""
        now = self._clock()
        found = {}
        for model, limits in self._limits.items():
            left = {name: bucket.remaining for name, bucket in limits.buckets.items() if bucket.reset_at > now}
            paused = max(limits.paused_until - now, 0.0)
            tokens = left.get("tokens", left.get("input-tokens"))
            found[model] = RateStatistics(paused, left.get("requests"), tokens, limits.queue.waiting, limits.count)
        return found


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value < float("inf") else None
