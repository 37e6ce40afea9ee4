"""What is asked of the provider and what it says, whatever the wire: questions, tools, tool calls, tokens.

Plain frozen data. How a wire spells it, and which faults befall it, is elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from wfkit.core.call import Message, Request, Tool
from wfkit.core.frozen import dataclass

AUTO, NONE, REQUIRED = "auto", "none", "required"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool as a script says it, without an id. `arguments` is JSON text, or a mapping to write as such."""

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The arguments as the model's text, which need not be JSON."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(dict(self.arguments))


@dataclass(frozen=True, slots=True)
class Question:
    """One request for an answer. `choice` is auto, none, required or the name of a tool.

    Results of tools are messages of the role `tool`. `schema` is JSON text, as in `Request`. `with_usage`: a stream
    ends with its tokens. `embeds`: the messages are texts, of which vectors are wanted.
    """

    model: str
    messages: tuple[Message, ...]
    params: tuple[tuple[str, Any], ...] = ()
    schema: str | None = None
    tools: tuple[Tool, ...] = ()
    choice: str = AUTO
    stream: bool = False
    with_usage: bool = True
    embeds: bool = False

    @property
    def request(self) -> Request:
        """The same for the offline model."""
        params = self.params if self.choice == AUTO else (*self.params, ("tool_choice", self.choice))
        return Request(self.model, self.messages, params, self.schema, tools=self.tools)

    @property
    def prompt(self) -> str:
        """The last message."""
        return self.messages[-1].content if self.messages else ""


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens of an answer; cached ones are part of input, reasoning ones of output. None: not told."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What the model says. `finish` is stop, length, content_filter or tool_calls; `choices` False: not even one.

    A scripted answer gives `text`, `calls` and `finish`; the provider fills in the rest.
    """

    text: str | None
    calls: tuple[ToolCall, ...] = ()
    finish: str = "stop"
    model: str = ""
    name: str = ""
    at: int = 0
    spent: Spent | None = None
    choices: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error status instead of an answer. `code` as OpenAI has it; `wait_s` is told as Retry-After."""

    status: int
    message: str
    code: str | None = None
    wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """What headers tell of a limit a minute: its size, what is left, seconds until all of it is there again."""

    size: int
    remaining: int
    reset_s: float


Answer = Callable[[Question], str | ToolCall | Sequence[ToolCall] | Said]


def fixed(text: str) -> Answer:
    """An answer that is always this text."""
    return lambda _question: text
