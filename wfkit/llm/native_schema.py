"""Structured output that a model is built for: which models take a JSON Schema, and the form in which it is sent.

For all others the schema is told in the messages (`messages.with_instructions`). Nothing is sent here.
"""

from __future__ import annotations

import re
from typing import Any

from wfkit.llm import capabilities

_TAKE_BOTH = frozenset({"openai", "azure"})
_NAME = re.compile(r"[^A-Za-z0-9_-]+")


def takes_schema(model: str, beside_tools: bool = False) -> bool:
    """Whether this model (`provider/name`) is known to take a JSON Schema natively, and `beside_tools` if wanted.

    Others than OpenAI's then take one or the other: litellm makes the schema a tool and forces older Anthropic models
    to call it, and Gemini refuses tools where JSON is demanded.
    """
    known = capabilities.of(model)
    both = not beside_tools or model.partition("/")[0] in _TAKE_BOTH
    return known is not None and known.schema is True and both


def response_format(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema as OpenAI's `response_format`; strict where it keeps the rules of strict mode."""
    name = _NAME.sub("_", str(schema.get("title", ""))).strip("_")[:64] or "answer"
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": _is_strict(schema)}}


def _is_strict(schema: Any) -> bool:
    """Every object closed and all its properties required, everywhere (OpenAI, "Structured model outputs")."""
    if isinstance(schema, list):
        return all(map(_is_strict, schema))
    if not isinstance(schema, dict):
        return True
    if "properties" in schema or schema.get("type") == "object":
        names = set(schema.get("properties", {}))
        if schema.get("additionalProperties") is not False or names != set(schema.get("required", [])):
            return False
    return all(map(_is_strict, schema.values()))
