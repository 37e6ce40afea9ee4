"""Structured output that a model is built for: which requests send their schema natively, and in what form.

For all others the schema is told in the messages (`messages.with_instructions`). Nothing is sent here.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from wfkit.core.call import Request
from wfkit.llm import capabilities

_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_OPENAI = frozenset({"openai", "azure"})  # they take a schema and tools together
# What strict mode knows (OpenAI, "Structured model outputs", supported schemas). One word more, and it is a 400.
_WORDS = frozenset({
    "$defs", "$ref", "additionalProperties", "anyOf", "const", "definitions", "description", "enum", "exclusiveMaximum",
    "exclusiveMinimum", "format", "items", "maxItems", "maximum", "minItems", "minimum", "multipleOf", "pattern",
    "properties", "required", "title", "type",
})  # fmt: skip
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
_NAMED = ("properties", "$defs", "definitions")  # their keys are names, not words
_DEEPEST, _MOST_NAMES, _MOST_VALUES = 10, 5000, 1000


def takes_schema(model: str, beside_tools: bool = False) -> bool:
    """Whether this model (`provider/name`) is known to take a JSON Schema natively, and `beside_tools` if wanted.

    Others than OpenAI's then take one or the other: litellm makes the schema a tool and forces older Anthropic models
    to call it, and Gemini refuses tools where JSON is demanded.
    """
    known = capabilities.of(model)
    both = not beside_tools or model.partition("/")[0] in _OPENAI
    return known is not None and known.schema is True and both


def sends_natively(request: Request) -> bool:
    """Whether the schema of a request goes out as one. OpenAI refuses any but an object at the root: such a schema is
    told in words."""
    if request.schema is None or not takes_schema(request.model, bool(request.tools)):
        return False
    provider, slash, _ = request.model.partition("/")
    return (bool(slash) and provider not in _OPENAI) or _is_object(request.schema)


def response_format(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema as OpenAI's `response_format`; strict where it keeps the rules of strict mode."""
    name = _NAME.sub("_", str(schema.get("title", ""))).strip("_")[:64] or "answer"
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": is_strict(schema)}}


def is_strict(schema: dict[str, Any]) -> bool:
    """Whether strict mode takes the schema: objects closed with all properties required, no word that it does not
    know, `$ref` alone, not too deep or large. Another schema is sent without `strict`, and its answers are checked."""
    sizes = [0, 0]
    return schema.get("type") == "object" and _keeps_rules(schema, 1, sizes) and sizes[0] <= _MOST_NAMES


@lru_cache(maxsize=256)
def _is_object(schema: str) -> bool:
    root = json.loads(schema)
    return isinstance(root, dict) and root.get("type") == "object"


def _keeps_rules(schema: Any, depth: int, sizes: list[int]) -> bool:
    """The rules of one schema and of those in it; `sizes` counts properties and values of enumerations."""
    if not isinstance(schema, dict) or depth > _DEEPEST or not set(schema) <= _WORDS:
        return False
    if "$ref" in schema and len(set(schema) - {"$defs", "definitions"}) > 1:
        return False
    names = schema.get("properties", {})
    if ("properties" in schema or schema.get("type") == "object") and not (
        schema.get("additionalProperties") is False and set(names) == set(schema.get("required", []))
    ):
        return False
    sizes[0] += len(names)
    sizes[1] += len(schema.get("enum", ()))
    if sizes[1] > _MOST_VALUES or schema.get("format", "date") not in _FORMATS:
        return False
    inner = [(part, depth + 1) for part in names.values()]
    inner += [(part, 1) for word in _NAMED[1:] for part in schema.get(word, {}).values()]
    inner += [(part, depth) for part in schema.get("anyOf", ())]
    inner += [(schema["items"], depth + 1)] if "items" in schema else []
    return all(_keeps_rules(part, level, sizes) for part, level in inner)
