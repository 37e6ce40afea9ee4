"""One request to a model and what came back: messages, request, reply, usage, cost.

Plain frozen data shared by the rooms that ask, record, price and show. Money is `Decimal` US dollars, rounded to 1e-9
when it is born.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Protocol

from wfkit.core.frozen import dataclass
from wfkit.core.terms import CostSource, FailureKind, UsageSource, Verdict


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to have a tool called. `arguments` is JSON text as the model wrote it, which may be none."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Tool:
    """What a model is told of a tool; `parameters` is the JSON Schema of its arguments as canonical JSON text."""

    name: str
    description: str
    parameters: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation; `role` is system, user, assistant or tool.

    An assistant may ask for `tool_calls`; a tool's result names the call that it answers in `tool_call_id`.
    """

    role: str
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """All that determines a reply.

    `params` are the sampling parameters that are sent, sorted by name; one left out is not in it.
    `schema` is the JSON Schema of the wanted output as canonical JSON text (sorted keys), or None. `sample` tells equal
    requests apart that are meant to be asked several times.
    """

    model: str
    messages: tuple[Message, ...]
    params: tuple[tuple[str, Any], ...] = ()
    schema: str | None = None
    sample: int = 0
    tools: tuple[Tool, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call.

    Cached and written tokens are part of input, reasoning is part of output (OpenTelemetry GenAI inclusion rule).
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    reasoning_output_tokens: int | None = None
    source: UsageSource = UsageSource.UNKNOWN


@dataclass(frozen=True, slots=True)
class Cost:
    """Money of one call in US dollars; None where the price is not known, never 0 for that."""

    usd: Decimal | None = None
    input_usd: Decimal | None = None
    output_usd: Decimal | None = None
    source: CostSource = CostSource.UNKNOWN


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered. `model` is the one that did, as the provider names it.

    With `tool_calls` it is no answer yet: the model waits for their results.
    """

    text: str
    model: str
    finish_reason: str | None = None
    response_id: str | None = None
    usage: Usage = Usage()
    cost: Cost = Cost()
    tool_calls: tuple[ToolCall, ...] = ()


class Listener(Protocol):
    """Hears a reply while it grows. What it hears counts for nothing until the whole reply is there."""

    def begins(self) -> None:
        """A reply begins; what was heard before is not part of it. May raise CallFailed to have nothing sent."""

    def says(self, piece: str) -> None:
        """The next piece of its text, never empty."""


MOST_TOKENS, MOST_USD = 10**9, Decimal(10**6)  # of one call; whoever says more has miscounted
_ANSWERED = (200, 300)  # statuses of a request that was served
NEVER_SENT = "NeverSent"  # the `error` of a failure whose request did not leave


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something failed, as data: no exception object leaves the place where it was caught."""

    kind: FailureKind
    error: str
    message: str
    status: int | None = None
    retry_after_s: float | None = None
    traceback: str | None = None
    hint: str | None = None

    def may_be_billed(self) -> bool:
        """Whether the request may be billed although there is no reply: none came, or one that cannot be read."""
        if self.error == NEVER_SENT:
            return False
        if self.status is None:
            return self.kind in {FailureKind.TRANSIENT, FailureKind.TIMEOUT, FailureKind.EXCEPTION}
        return _ANSWERED[0] <= self.status < _ANSWERED[1]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One HTTP request to a model, as kept in the call log. Times are Unix seconds.

    Exactly one of `reply` and `failure` is set once it ended. `request_digest` is the key under which a valid reply
    serves again. `round` is 0 for the first question of an attempt, 1 and up for corrective re-prompts. `worst_usd` is
    what it may cost at most (None: not known), told of those that may be billed without a reply.
    A request for many vectors is kept as many records, one a text: `part` counts them from 0, and all that it used and
    cost stands in the first.
    """

    call_id: str
    request_digest: str
    request: Request
    started_at: float
    ended_at: float
    reply: Reply | None = None
    failure: Failure | None = None
    verdict: Verdict = Verdict.VALID
    round: int = 0
    provider: str | None = None
    worst_usd: Decimal | None = None
    part: int = 0
