"""What the provider's model says to a question, and how a fault spoils it: the same for every wire.

Without a script the offline model answers, and calls tools. No HTTP and no JSON here.
"""

from __future__ import annotations

from dataclasses import replace

from wfkit.llm import offline, tokens
from wfkit.llm.provider.exchange import Answer, Question, Said, Spent, ToolCall

HUGE = 10 << 20  # characters
_FILLER = "All work and no play makes a long answer. "


def say(question: Question, answer: Answer | None) -> Said:
    """The answer of the script, or of the offline model. Raises CallFailed for a schema that it cannot fill."""
    if question.embeds:
        return Said("")
    if answer is None:
        return _offline(question)
    said = answer(question)
    if isinstance(said, Said):
        return said
    if isinstance(said, str):
        return Said(said)
    calls = (said,) if isinstance(said, ToolCall) else tuple(said)
    return Said(None, calls, "tool_calls")


def spoilt(said: Said, question: Question, fault: str) -> Said:
    """The answer as the fault leaves it. Faults of the body and the connection change nothing here."""
    text = said.text or ""
    match fault:
        case "wrong_schema" | "not_json":
            return _spoilt_shape(said, question, fault)
        case "truncated":
            return replace(said, text=text[: len(text) // 2], calls=(), finish="length")
        case "refused":
            return replace(said, text=None, calls=(), finish="content_filter")
        case "null_content":
            return replace(said, text=None, calls=(), finish="stop")
        case "empty_choices":
            return replace(said, choices=False)
        case "lone_surrogate":
            return replace(said, text=f"{text} \ud83d")
        case "nul":
            return replace(said, text=f"{text[:1]}\0{text[1:]}")
        case "huge":
            return replace(said, text=(_FILLER * (HUGE // len(_FILLER) + 1))[:HUGE])
        case "renamed":
            return replace(said, model="another-model")
    return said


def befalls(fault: str, question: Question) -> bool:
    """Whether a fault can be seen in an answer: a text has no shape that could be wrong."""
    shaped = question.schema is not None or bool(question.tools) or question.embeds
    return shaped or fault not in {"wrong_schema", "not_json"}


def input_tokens(question: Question) -> int:
    """Tokens of a question with its tools."""
    sent = tokens.count_messages(question.messages)
    return sent + sum(tokens.count(f"{tool.name} {tool.description} {tool.parameters}") for tool in question.tools)


def spent(question: Question, said: Said, cached_share: float, reasoning_tokens: int) -> Spent:
    """Tokens of the whole exchange. A share of 0 and no reasoning are not told at all."""
    sent = input_tokens(question)
    output = said_tokens(said) + reasoning_tokens
    cached = int(sent * cached_share) if cached_share else None
    return Spent(sent, output, cached, reasoning_tokens or None)


def said_tokens(said: Said) -> int:
    """Tokens of text and tool calls."""
    text = said.text or ""
    counted = tokens.count(text) if len(text) < HUGE else len(text) // 4  # counting 10 MB takes a second
    return counted + sum(tokens.count(f"{call.name} {call.text}") for call in said.calls)


def _spoilt_shape(said: Said, question: Question, fault: str) -> Said:
    if said.calls:
        wrong = '{"unexpected": true}' if fault == "wrong_schema" else "Sure! {"
        return replace(said, calls=tuple(replace(call, arguments=wrong) for call in said.calls))
    if fault == "not_json":
        return replace(said, text=f"Sure! Here it is: {(said.text or '')[:40]}")
    wants = question.schema or question.embeds
    return replace(said, text='{"unexpected": true}') if wants else said


def _offline(question: Question) -> Said:
    reply = offline.reply(question.request)
    calls = tuple(ToolCall(call.name, call.arguments) for call in reply.tool_calls)
    return Said(None if calls else reply.text, calls, reply.finish_reason or "stop")
