"""A conversation with tools: ask, have done what the reply asks for, tell the results, ask again until an answer.

Each turn is a request of its own, which contains all before it. How a tool is called is not known here, nor what an
answer must look like.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from wfkit.core.call import Failure, Message, Request, ToolCall
from wfkit.core.frozen import dataclass
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed
from wfkit.llm.structured import Answer

NO_TOOLS = ("tool_choice", "none")  # the parameter of a request that must be answered, although its tools are told
Ask = Callable[[Request], Awaitable[Answer]]
# What carries a reply's calls out, given the conversation that ends with them: the result of each, in their order.
CarryOut = Callable[[Request, tuple[ToolCall, ...]], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class Turns:
    """At most `most` replies may call tools; then the model `must_answer`, asked once more, or the question fails."""

    most: int
    must_answer: bool


def with_tools(turns: Turns, carry_out: CarryOut, ask: Ask) -> Ask:
    """`ask` for a request with tools: at most `1 + most` turns. Raises CallFailed (invalid_output) if the model calls
    tools to the last.
    """

    async def asks(request: Request) -> Answer:
        asked = request
        for turn in range(turns.most + 1):
            is_last = turn == turns.most
            answer = await ask(_without_choice(asked) if is_last and turns.must_answer else asked)
            if not answer.reply.tool_calls:
                return answer
            if is_last:
                raise CallFailed(_never_answered(answer, turns))
            calls = answer.reply.tool_calls
            asked = replace(asked, messages=(*asked.messages, Message("assistant", answer.reply.text, calls)))
            results = await carry_out(asked, calls)
            told = [Message("tool", result, (), call.id) for result, call in zip(results, calls, strict=True)]
            asked = replace(asked, messages=(*asked.messages, *told))
        raise AssertionError("the last turn answers or raises")

    return asks


def _without_choice(request: Request) -> Request:
    return replace(request, params=tuple(sorted([*request.params, NO_TOOLS])))


def _never_answered(answer: Answer, turns: Turns) -> Failure:
    names = ", ".join(sorted({call.name for call in answer.reply.tool_calls}))
    model, many = answer.reply.model, f"{turns.most} turn{'' if turns.most == 1 else 's'}"
    if turns.must_answer:
        hint = "raise max_turns, or choose another model"
        message = f"{model} called {names} after {many} with tools, although it was to answer without; {hint}"
    else:
        hint = "raise max_turns, or set `on_max_turns: answer`, which asks once more without tools"
        message = f"{model} still calls {names} after {many} with tools, and has not answered; {hint}"
    return Failure(FailureKind.INVALID_OUTPUT, "TooManyTurns", message, hint=hint)
