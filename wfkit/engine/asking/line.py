"""The line that wraps a question to a model, the same for prompts and for Python code: what a model is sent, how an
answer is had from its replies, how many requests a question may send.

Retries and fallbacks are not in it: an attempt names its model.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from wfkit.core.call import Message, Reply, Request, Tool
from wfkit.core.policy import ANSWER, ModelPolicy
from wfkit.core.terms import Verdict
from wfkit.define.schema import Schema
from wfkit.engine.asking.corrected import Corrections
from wfkit.llm.messages import verdict_of
from wfkit.llm.structured import Answer, confident, plain, structured
from wfkit.llm.turns import CarryOut, Turns, with_tools

Send = Callable[[Request], Awaitable[Reply]]
_SENT = ("max_tokens", "seed", "temperature", "top_p")


def request(
    policy: ModelPolicy,
    schema: Schema | None,
    messages: tuple[Message, ...],
    model: int = 0,
    tools: Sequence[Tool] = (),
) -> Request:
    """What a model is sent first; `model` 1 is the first of `fallback`."""
    name = (policy.model, *policy.fallback)[model]
    return Request(name, messages, params_of(policy), schema.json if schema else None, tools=tuple(tools))


def params_of(policy: ModelPolicy) -> tuple[tuple[str, float | int], ...]:
    """The sampling parameters that are sent, sorted by name."""
    return tuple((name, value) for name in _SENT if (value := getattr(policy, name)) is not None)


def wrapped(
    policy: ModelPolicy, schema: Schema | None, send: Send, carry_out: CarryOut | None = None
) -> Callable[[Request], Awaitable[Answer]]:
    """How one attempt asks: for text, or for a value of a schema with corrections; in turns if `carry_out` calls
    tools. `send` is guarded and paid once already."""
    ask = plain(send) if schema is None else structured(schema.json, schema.parse, policy.repairs, send)
    if carry_out is not None:
        ask = with_tools(Turns(policy.max_turns, policy.on_max_turns == ANSWER), carry_out, ask)
    return ask if policy.min_confidence is None else confident(ask, policy.min_confidence)


def judge(schema: Schema | None, has_tools: bool, reply: Reply) -> Verdict:
    """What a reply is worth to who asked, told before it is stored. One that calls tools that it was not given is
    invalid."""
    if reply.tool_calls and not has_tools:
        return Verdict.INVALID
    return verdict_of(reply, schema.parse if schema else None)


def corrections(policy: ModelPolicy | None, schema: Schema | None) -> Corrections | None:
    """How answers are corrected, if they can be."""
    return None if policy is None or schema is None else Corrections(schema, policy.repairs)


def most_requests(policy: ModelPolicy, retries: int) -> int:
    """How many requests a question may send: attempts, corrections and other models together."""
    return 1 + retries + policy.repairs + len(policy.fallback)
