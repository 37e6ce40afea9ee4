"""Which tool the offline model calls, and with which arguments: only what the text says, nothing is made up unless it
must call. The provider calls by the same rule.

It calls one tool, once, and answers when it has the result. How an answer is made is not known here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from wfkit.core.call import Message, Request, Tool, ToolCall
from wfkit.core.frozen import dataclass
from wfkit.llm.messages import request_digest
from wfkit.llm.offline import scalars
from wfkit.llm.offline.fill import Filler
from wfkit.llm.offline.schemas import Schema, Unfillable, fits, resolved, types
from wfkit.llm.offline.text import Evidence, first_line, words
from wfkit.llm.offline.words import choose, matching

_QUOTED = re.compile(r"[\"“«]([^\"”»\n]{1,200})[\"”»]|(?<!\w)'([^'\n]{1,200})'(?!\w)")
_AUTO, _NONE, _REQUIRED = "auto", "none", "required"
_WORD = re.compile(r"\w{3,}")
_PLACE = re.compile(r"\b(?:in|at|for|near|from|to)\s+((?:[A-Z][\w'-]+\s?)+)")
_PLACES = frozenset({"city", "town", "country", "place", "location", "region", "where"})
_WHOLE = frozenset({"query", "question", "text", "prompt", "input", "message", "search", "topic", "expression", "q"})


def call_of(request: Request, read: Evidence) -> ToolCall | None:
    """The one call that this request leads to: of the tools whose required arguments the text gives, the one that
    shares most words with it, else the first.

    `tool_choice` is auto, none, required or a name. By itself it calls none after a tool has answered, or if the text
    gives too little; where it must call, the rest is made up as for a schema. Raises Unfillable if that cannot be.
    """
    choice = dict(request.params).get("tool_choice", _AUTO)
    if choice == _NONE or (choice == _AUTO and results_in(request.messages)):
        return None
    tools = _ranked(request)
    if choice not in {_AUTO, _REQUIRED}:
        tools = [tool for tool in tools if tool.name == choice]
    for tool in tools:
        arguments = _Arguments(read).of(tool)
        if arguments is not None:
            return _call(request, tool, arguments)
    if choice == _AUTO or not tools:
        return None
    return _call(request, tools[0], Filler({"type": "object", **json.loads(tools[0].parameters)}, read).value())


def _call(request: Request, tool: Tool, arguments: Any) -> ToolCall:
    told = json.dumps(arguments, ensure_ascii=False)
    return ToolCall(f"call_{request_digest(request)[:12]}", tool.name, told)


def _ranked(request: Request) -> list[Tool]:
    """The tools, those first that share most words with what was said; equal ones in their order."""
    said = _telling(message.content for message in request.messages if message.role != "tool")
    return sorted(request.tools, key=lambda tool: -len(said & _telling((tool.name, tool.description))))


def _telling(texts: Iterable[str]) -> set[str]:
    return {word.lower() for text in texts for word in _WORD.findall(text.replace("_", " "))}


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
                if not known and _PLACES.intersection(words(name)) and (place := _PLACE.search(self.read.text)):
                    return place[1].strip()
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
