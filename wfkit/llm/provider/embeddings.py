"""OpenAI's embeddings on the wire, and the vectors themselves: made of the words of a text, the same each time.

`POST /v1/embeddings`. Texts that share words have like vectors; no meaning is in them.
"""

from __future__ import annotations

import base64
import math
import re
import struct
from typing import Any

from blake3 import blake3

from wfkit.core.call import Message
from wfkit.llm.provider import openai_wire
from wfkit.llm.provider.exchange import Question, Said

NAME = "embeddings"
PATHS = re.compile(r"^(?:/v1)?/embeddings$")
NO_QUOTA = openai_wire.NO_QUOTA
ENDS = 0
DIMENSIONS = 256

problem = openai_wire.problem
problem_event = openai_wire.problem_event
limit_headers = openai_wire.limit_headers

_WORD = re.compile(r"\w+")


def understand(path: str, data: Any) -> Question:  # noqa: ARG001 - this path says nothing, those of others do
    """The texts in a body: one, many, or lists of token numbers. Raises ValueError, KeyError or TypeError."""
    given = data["input"]
    if isinstance(given, str) or (given and all(isinstance(each, int) for each in given)):
        given = [given]
    if not given or not isinstance(given, list):
        raise ValueError("input is a text, or a list of texts that is not empty")
    encoding = data.get("encoding_format") or "float"
    if encoding not in {"float", "base64"}:
        raise ValueError(f"encoding_format is float or base64, not {encoding!r}")
    params = (("dimensions", int(data.get("dimensions") or DIMENSIONS)), ("encoding_format", encoding))
    return Question(data["model"], tuple(Message("user", _text(each)) for each in given), params, embeds=True)


def conversation(data: Any) -> Any:
    """The part of a body that is the texts."""
    return data["input"]


def whole(said: Said, question: Question) -> dict[str, Any]:
    """One vector for each text, in order. An answer without text (a fault) has null instead."""
    asked = dict(question.params)
    rows = []
    for place, message in enumerate(question.messages if said.choices else ()):
        numbers = vector(message.content, asked["dimensions"] - ("unexpected" in (said.text or "")))
        row = base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
        shown = row if asked["encoding_format"] == "base64" else numbers
        rows.append({"object": "embedding", "index": place, "embedding": None if said.text is None else shown})
    body = {"object": "list", "data": rows, "model": said.model}
    if said.spent is None:
        return body
    return {**body, "usage": {"prompt_tokens": said.spent.input_tokens, "total_tokens": said.spent.input_tokens}}


def events(said: Said, question: Question) -> list[bytes]:
    """Embeddings are no stream: nobody asks for these."""
    raise NotImplementedError(f"{NAME} of {question.model} for {said.model} are sent in one piece")


def vector(text: str, dimensions: int) -> list[float]:
    """The vector of a text, of length 1: a sum of one of fixed directions for each word, and one for the text."""
    numbers = [0.0] * dimensions
    for word in [*_WORD.findall(text.lower()), f"\0{text}"]:
        drawn = blake3(word.encode("utf-8", "surrogatepass")).digest(64)
        weight = 0.1 if word.startswith("\0") else 1.0
        for place, sign in struct.iter_unpack("<Ib3x", drawn):
            numbers[place % dimensions] += weight if sign >= 0 else -weight
    size = math.sqrt(sum(number * number for number in numbers)) or 1.0
    return [number / size for number in numbers]


def _text(given: Any) -> str:
    if isinstance(given, str):
        return given
    return " ".join(str(int(number)) for number in given)
