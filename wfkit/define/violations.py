"""How an answer breaks its schema, one line a violation with its path, for a model (and a person) to read.

Works on the errors of pydantic and jsonschema without importing them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

MOST = 20
LONGEST = 80


def of_pydantic(error: Any) -> str:
    """The message for a pydantic ValidationError."""
    details = error.errors(include_url=False, include_context=False)
    return _message(
        (
            _path(detail["loc"]),
            detail["msg"],
            None if detail["type"] == "missing" else detail.get("input"),
            detail["type"] != "missing",
        )
        for detail in details
    )


def of_json_schema(errors: Sequence[Any]) -> str:
    """The message for the errors of a jsonschema validator, those inside of anyOf and oneOf spelled out."""
    return _message(
        (_path(error.absolute_path), _without_value(error), error.instance, error.validator != "required")
        for error in sorted(errors, key=lambda error: [str(part) for part in error.absolute_path])
    )


def _without_value(error: Any) -> str:
    """jsonschema begins its messages with the whole value, which can be very long."""
    value = repr(error.instance)
    text = error.message.replace(value, "the value") if len(value) > LONGEST else error.message
    inner = [f"{_path(part.relative_path)} {part.message[:LONGEST]}" for part in error.context or ()][:4]
    return f"{text} ({'; or: '.join(inner)})" if inner else text


def _message(rows: Iterable[tuple[str, str, Any, bool]]) -> str:
    lines = [f"- {path}: {text}{_got(value) if show else ''}" for path, text, value, show in rows]
    more = [f"- and {len(lines) - MOST} more"] if len(lines) > MOST else []
    return "\n".join(("The answer does not match the schema:", *lines[:MOST], *more))


def _got(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return f" (got {text if len(text) <= LONGEST else text[:LONGEST] + '...'})"


def _path(parts: Iterable[Any]) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
