"""How a provider behaves: what it answers, how late, with which faults at which time, and how much it takes.

Frozen settings only; `plan` reads them from a file, `server` acts on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from wfkit.core.frozen import dataclass
from wfkit.errors import UsageFault
from wfkit.llm.provider.exchange import Answer
from wfkit.llm.provider.faults import Faults, check_name, check_rates
from wfkit.llm.provider.latency import Latency, Uniform


@dataclass(frozen=True, slots=True)
class Phase:
    """A span of time in which other things hold than else.

    `start_s` is counted from the first request, or from the one that follows `after_requests`. `outage` is the fault of
    every request, and takes no time. `rates` stand in for those of `Faults`, `latency` for that of the behaviour; None:
    they stay. `length_s` None: to the end.
    """

    start_s: float
    length_s: float | None = None
    outage: str | None = None
    rates: Mapping[str, float] | None = None
    latency: Latency | None = None
    after_requests: int = 0

    def __post_init__(self) -> None:
        if self.outage is not None:
            check_name(self.outage)
        check_rates(self.rates or {})

    def holds(self, since_s: float) -> bool:
        """Whether it is that time."""
        return self.start_s <= since_s and (self.length_s is None or since_s < self.start_s + self.length_s)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the provider takes: requests and tokens a minute (refilled all the time, `burst_s` seconds' worth at once),
    requests at once, and requests or tokens until the quota is used up. None: no limit."""

    requests_per_min: int | None = None
    tokens_per_min: int | None = None
    burst_s: float = 10.0
    concurrency: int | None = None
    quota_requests: int | None = None
    quota_tokens: int | None = None

    def __post_init__(self) -> None:
        given = (self.requests_per_min, self.tokens_per_min, self.concurrency, self.burst_s)
        if any(limit is not None and limit <= 0 for limit in given):
            raise UsageFault(f"limits are above 0, not {self}: leave out the one that is not wanted")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the provider answers: after `latency_s` plus up to `jitter_s` seconds, what `answer` says, with `faults`.

    `latency` stands in for the first two; `per_token` comes on top for each token of the answer, in a stream between
    its chunks. `chunk_s` are seconds between two chunks, `drip_s` between two bytes of a drip. `model` is told instead
    of the model that was asked. `cached_share` of the input is told as cached, `reasoning_tokens` are spent before
    each answer.
    """

    latency_s: float = 0.0
    jitter_s: float = 0.0
    answer: Answer | None = None
    faults: Faults = field(default_factory=Faults)
    drip_s: float = 0.5
    chunk_s: float = 0.0
    latency: Latency | None = None
    per_token: Latency | None = None
    phases: tuple[Phase, ...] = ()
    limits: Limits = field(default_factory=Limits)
    model: str | None = None
    cached_share: float = 0.0
    reasoning_tokens: int = 0

    def landmarks(self) -> frozenset[int]:
        """The requests, counted from 0, from which phases count their time."""
        return frozenset(phase.after_requests for phase in self.phases)

    def phase(self, since_s: Mapping[int, float]) -> Phase | None:
        """The phase of this moment; of several the one that is named last. `since_s`: seconds since each landmark that
        was reached."""
        held = (each for each in reversed(self.phases) if each.after_requests in since_s)
        return next((each for each in held if each.holds(since_s[each.after_requests])), None)

    def delay_s(self, phase: Phase | None, share: float) -> float:
        """Seconds before an answer, for a number from 0 to 1."""
        latency = (phase and phase.latency) or self.latency or Uniform(self.latency_s, self.latency_s + self.jitter_s)
        return latency.at(share)

    def per_token_s(self, share: float) -> float:
        """Seconds for each token of an answer, for a number from 0 to 1."""
        return self.per_token.at(share) if self.per_token else 0.0
