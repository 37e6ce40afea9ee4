"""The JSON value in a model's answer: alone or in one code fence, and nothing that a hostile or broken model could do
harm with.

Everything here is linear in the length of the answer, and the length is bounded. Schemas are not known here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import orjson

from wfkit.core.secrets import beginning

LONGEST = 2_000_000  # characters: four times what the longest answers of today hold
DEEPEST = 200
_MARK = "```"


class InvalidOutput(ValueError):
    """An answer that is no JSON or does not match its schema. The message is fit for the model to read and mend."""


def json_in(text: str) -> tuple[str, Any]:
    """The JSON text in an answer and its value, with whole numbers whole. Raises InvalidOutput.

    Refused: NaN and numbers beyond a double, lone surrogates, the character NUL, a key given twice, more than 200
    levels, more than 2,000,000 characters.
    """
    if len(text) > LONGEST:
        raise InvalidOutput(
            f"The answer has {len(text):,} characters, and at most {LONGEST:,} are read: answer shorter."
        )
    body = _body(text.strip().removeprefix("\ufeff"))
    value = _loaded(body)
    _refuse_depth(body, value)
    if "\\u0000" in body and any("\0" in part for part in _texts(value)):
        raise InvalidOutput("The answer holds the character NUL (\\u0000): leave it out.")
    return body, value


def _body(whole: str) -> str:
    """The text that is JSON. orjson is the strict judge: no NaN, no lone surrogates, at most 1024 levels."""
    try:
        orjson.loads(whole)
        return whole
    except orjson.JSONDecodeError as error:
        problem = error
    blocks = fenced(whole)
    if len(blocks) > 1:
        raise InvalidOutput(f"The answer has {len(blocks)} code blocks, and one JSON value is wanted.")
    if not blocks:
        raise InvalidOutput(f"The answer is not JSON: {_told(problem, whole)}.")
    try:
        orjson.loads(blocks[0])
        return blocks[0]
    except orjson.JSONDecodeError as error:
        told = _told(error, blocks[0])
        raise InvalidOutput(f"The JSON in the answer is malformed: {told}.") from None


def fenced(text: str) -> list[str]:
    """The contents of the code blocks in a text, without the word `json` that may stand after the opening mark."""
    pieces = text.split(_MARK)
    inside = pieces[1 : len(pieces) - 1 : 2] if len(pieces) > 2 else []
    return [_unmarked(piece) for piece in inside]


def _unmarked(block: str) -> str:
    left = block.lstrip(" \t")
    for word in ("json", "JSON"):
        if left.startswith(word):
            return left.removeprefix(word).strip()
    return block.strip()


def _loaded(body: str) -> Any:
    """The value; orjson would turn whole numbers over 64 bits into floats and take the last of two equal keys."""
    try:
        return json.loads(body, object_pairs_hook=_object)
    except InvalidOutput:
        raise
    except RecursionError:
        raise InvalidOutput(_TOO_DEEP) from None
    except ValueError as error:  # Python's own limit on the digits of a number
        raise InvalidOutput(f"The answer holds a number that is too long: {str(error)[:80]}.") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidOutput(
            f"The answer gives the key {beginning(twice, 80, os.environ)!r} twice in one object: give each key once."
        )
    return made


_TOO_DEEP = f"The answer is nested more than {DEEPEST} levels deep: answer with a flatter value."


def _refuse_depth(body: str, value: Any) -> None:
    if body.count("[") + body.count("{") <= DEEPEST:
        return
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for part in level for inner in _inner(part) if isinstance(inner, (list, dict))]
        if not level:
            return
    raise InvalidOutput(_TOO_DEEP)


def _inner(part: Any) -> Any:
    return part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()


def _texts(value: Any) -> Iterator[str]:
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict):
            yield from part
        stack.extend(_inner(part))


def _told(error: orjson.JSONDecodeError, text: str) -> str:
    if not text:
        return "it is empty"
    near_by = text[max(error.pos - 20, 0) : error.pos + 20]
    return f"{error.msg} (line {error.lineno}, column {error.colno}, near {near_by!r})"
