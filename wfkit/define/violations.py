"""How an answer breaks its schema, one line a violation with its path, for a model (and a person) to read.

Works on the errors of pydantic and jsonschema without importing them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from typing import Any

from wfkit.core.secrets import beginning

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


def of_conversion(found: Any, value: Any, path: str = "$") -> str:
    """The message where pydantic made an instance out of other data (a dict), which even its strict mode does; empty if
    `found` is what was there.
    """
    if found is value or isinstance(found, _AS_THEY_ARE):
        return ""
    pairs: Iterable[tuple[Any, Any, Any]] = ()
    if isinstance(found, dict):
        pairs = ((f".{name}", found[name], value[name]) for name in found if name in value)
    elif isinstance(found, (list, tuple)):
        pairs = ((f"[{place}]", *both) for place, both in enumerate(zip(found, value, strict=False)))
    elif type(found) is not type(value):
        wanted, got = type(found).__name__, type(value).__name__
        return f"The value does not match:\n- {path}: Input should be an instance of {wanted} (got {got})"
    return next((told for step, made, given in pairs if (told := of_conversion(made, given, path + step))), "")


_AS_THEY_ARE = (str, bytes, int, float, complex, set, frozenset)


def _without_value(error: Any) -> str:
    """jsonschema begins its messages with the whole value, which can be very long."""
    value = repr(error.instance)
    text = error.message.replace(value, "the value") if len(value) > LONGEST else error.message
    inner = [
        f"{_path(part.relative_path)} {beginning(part.message, LONGEST, os.environ)}" for part in error.context or ()
    ][:4]
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
    return f" (got {_begun(text)})"


def _begun(text: str) -> str:
    return text if len(text) <= LONGEST else f"{beginning(text, LONGEST, os.environ)}..."


def _path(parts: Iterable[Any]) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
