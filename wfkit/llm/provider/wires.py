"""The wires that the provider speaks, and which of them a path belongs to.

Each wire is a module; what it must offer is `Wire`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Protocol

from wfkit.llm.provider import anthropic_wire, embeddings, gemini_wire, openai_wire
from wfkit.llm.provider.exchange import Limit, Question, Refusal, Said


class Wire(Protocol):
    """A protocol of a provider: `PATHS` are its own, `NO_QUOTA` is what it says when no waiting helps, `ENDS`
    how many of the last events of a stream say nothing but that it ends."""

    NAME: str
    PATHS: re.Pattern[str]
    NO_QUOTA: Refusal
    ENDS: int

    def understand(self, path: str, data: Any) -> Question: ...
    def conversation(self, data: Any) -> Any: ...
    def whole(self, said: Said, question: Question) -> dict[str, Any]: ...
    def events(self, said: Said, question: Question) -> list[bytes]: ...
    def problem(self, refusal: Refusal) -> dict[str, Any]: ...
    def problem_event(self, refusal: Refusal) -> bytes: ...
    def limit_headers(self, of: str, limit: Limit) -> Iterable[tuple[str, str]]: ...


WIRES: tuple[Wire, ...] = (openai_wire, embeddings, anthropic_wire, gemini_wire)
SERVED = "POST /v1/chat/completions, /v1/embeddings, /v1/messages or /v1beta/models/NAME:generateContent"


def wire_of(path: str) -> Wire | None:
    """The wire of a path."""
    return next((wire for wire in WIRES if wire.PATHS.match(path)), None)


def environment(root: str) -> dict[str, str]:
    """The variables that lead litellm, and most SDKs, to a provider at this address (`http://host:port`)."""
    return {
        "OPENAI_API_BASE": f"{root}/v1",
        "OPENAI_BASE_URL": f"{root}/v1",
        "ANTHROPIC_API_BASE": root,
        "ANTHROPIC_BASE_URL": root,
        "GEMINI_API_BASE": f"{root}/v1beta",
    }
