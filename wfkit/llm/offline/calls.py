"""Whether the offline model calls a tool, and with which arguments: only what the text says, nothing is made up.

It calls one tool, once, and answers when it has the result. How an answer is made is not known here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from wfkit.core.call import Message, Request, Tool, ToolCall
from wfkit.core.frozen import dataclass
from wfkit.llm.messages import request_digest
from wfkit.llm.offline import scalars
from wfkit.llm.offline.schemas import Schema, Unfillable, fits, resolved, types
from wfkit.llm.offline.text import Evidence, first_line, words
from wfkit.llm.offline.words import choose, matching

_QUOTED = re.compile(r"[\"“«]([^\"”»\n]{1,200})[\"”»]|(?<!\w)'([^'\n]{1,200})'(?!\w)")
_WHOLE = frozenset({"query", "question", "text", "prompt", "input", "message", "search", "topic", "expression", "q"})


def call_of(request: Request, read: Evidence) -> ToolCall | None:
    """The one call that this request leads to: of the first tool whose required arguments the text gives.

    None after a tool has answered, where `tool_choice` is `none`, or if the text gives too little for each of them.
    """
    if results_in(request.messages) or dict(request.params).get("tool_choice") == "none":
        return None
    for tool in request.tools:
        arguments = _Arguments(read).of(tool)
        if arguments is not None:
            told = json.dumps(arguments, ensure_ascii=False)
            return ToolCall(f"call_{request_digest(request)[:12]}", tool.name, told)
    return None


def results_in(messages: tuple[Message, ...]) -> list[str]:
    """What tools have answered in this conversation."""
    return [message.content for message in messages if message.role == "tool"]


@dataclass(slots=True)
class _Arguments:
    """Fills the arguments of one call; a number or a quotation of the text is used once."""

    read: Evidence

    def of(self, tool: Tool) -> dict[str, Any] | None:
        """The required arguments, if the text gives all of them."""
        schema = json.loads(tool.parameters)
        numbers, quoted = scalars.numbers(self.read.text), _quoted(self.read)
        found: dict[str, Any] = {}
        for name in schema.get("required", ()):
            try:
                part = resolved(schema.get("properties", {}).get(name, True), schema)
            except Unfillable:
                return None
            value = self._value(name, part, numbers, quoted)
            if value is None or not fits(value, part):
                return None
            found[name] = value
        return found

    def _value(self, name: str, part: Schema, numbers: Iterator[float], quoted: Iterator[str]) -> Any:
        """What the text says for an argument; None if it says nothing."""
        if "const" in part:
            return part["const"]
        if "enum" in part:
            options, told = [str(option) for option in part["enum"]], part.get("description", "")
            speaks = matching(self.read, options, told)
            return part["enum"][choose(self.read, options, told).index] if speaks else None
        match next((kind for kind in types(part) if kind != "null"), None):
            case "string":
                known = scalars.found("string", part, name, self.read) or next(quoted, None)
                return known or (first_line(self.read) if _WHOLE.intersection(words(name)) else None)
            case "integer" | "number" as kind:
                said = scalars.found(kind, part, name, self.read) if len(name) > 2 else None  # `b` is found in `by`
                number = said if isinstance(said, int | float) else next(numbers, None)
                return int(number) if number is not None and kind == "integer" and number == int(number) else number
            case "boolean":
                label = self.read.labels.get(" ".join(words(name)), "").lower()
                return label in {"yes", "true"} if label in {"yes", "true", "no", "false"} else None
        return None


def _quoted(read: Evidence) -> Iterator[str]:
    return (match[1] or match[2] for match in _QUOTED.finditer(read.text))
