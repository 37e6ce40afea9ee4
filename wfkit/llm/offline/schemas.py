"""Reading a JSON Schema: references, merged `allOf`, the types it allows, and whether a small value fits.

Draft 2020-12 as pydantic and people write it. No text and no guessing here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

# Obeyed by construction. A schema with any other keyword that asserts something is checked by jsonschema at the end.
OBEYED = frozenset({
    "$defs", "$ref", "$schema", "$id", "$comment", "definitions", "title", "description", "default", "examples",
    "deprecated", "readOnly", "writeOnly", "type", "enum", "const", "anyOf", "properties", "required",
    "additionalProperties", "items", "prefixItems", "minItems", "maxItems", "uniqueItems", "minLength", "maxLength",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format", "minProperties",
    "maxProperties", "discriminator", "contentEncoding", "contentMediaType",
})  # fmt: skip
ANNOTATIONS = frozenset({"$ref", "title", "description", "default", "examples", "deprecated", "$comment"})
_TIGHTER = {
    "minimum": max, "exclusiveMinimum": max, "minLength": max, "minItems": max, "minProperties": max,
    "maximum": min, "exclusiveMaximum": min, "maxLength": min, "maxItems": min, "maxProperties": min,
}  # fmt: skip
_IMPLIES = {
    "object": ("properties", "required", "additionalProperties", "minProperties", "maxProperties", "patternProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


class Unfillable(ValueError):
    """No value for this schema is known; the message says where and why."""


def resolved(schema: Any, root: Any, depth: int = 0) -> Schema:
    """The schema with its `$ref` and `allOf` merged into it. `true` is an empty schema. Raises Unfillable."""
    if schema is True:
        return {}
    if not isinstance(schema, Mapping):
        raise Unfillable("a schema that is false allows no value" if schema is False else f"{schema!r} is not a schema")
    if depth > 50:
        raise Unfillable("its references go in a circle")
    merged = {key: value for key, value in schema.items() if key not in {"$ref", "allOf"}}
    if "$ref" in schema:
        merged = merge(resolved(target(schema["$ref"], root), root, depth + 1), merged)
    for part in schema.get("allOf", ()):
        merged = merge(merged, resolved(part, root, depth + 1))
    return merged


def target(reference: Any, root: Any) -> Any:
    """What a `$ref` within the document points to (RFC 6901). Raises Unfillable."""
    found = root
    for part in str(reference).removeprefix("#").split("/")[1:] if str(reference).startswith("#") else [None]:
        key = part and part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and key and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, Mapping) and key in found:
            found = found[key]
        else:
            raise Unfillable(f"$ref {reference!r} points to nothing in this schema")
    return found


def merge(first: Schema, second: Schema) -> dict[str, Any]:
    """One schema that asserts what both do, as far as their keywords can be joined."""
    merged = dict(first)
    for key, value in second.items():
        merged[key] = _join(key, merged[key], value) if key in merged and merged[key] != value else value
    return merged


def _join(key: str, one: Any, two: Any) -> Any:
    if key in _TIGHTER:
        return _TIGHTER[key](one, two)
    if key == "properties":
        return {**one, **{name: {"allOf": [one[name], part]} if name in one else part for name, part in two.items()}}
    if key == "required":
        return [*one, *(name for name in two if name not in one)]
    if key == "enum":
        return [item for item in one if any(same(item, other) for other in two)]
    if key == "type":
        return sorted(_expand(one) & _expand(two))
    if key == "items":
        return {"allOf": [one, two]}
    if key == "uniqueItems":
        return bool(one or two)
    if key == "additionalProperties":
        return {"allOf": [one, two]} if one is not False and two is not False else False
    if key in ANNOTATIONS or key in {"$id", "$schema", "$defs", "definitions"}:
        return two
    raise Unfillable(f"two different values of {key!r} in allOf")


def _expand(kinds: Any) -> set[str]:
    found = {kinds} if isinstance(kinds, str) else set(kinds)
    return found | {"integer"} if "number" in found else found


def types(schema: Schema) -> list[str]:
    """The types a schema allows, as written, else as its keywords imply (`string` where nothing does)."""
    if "type" in schema:
        kinds = schema["type"]
        return [kinds] if isinstance(kinds, str) else list(kinds)
    return [kind for kind, keys in _IMPLIES.items() if any(key in schema for key in keys)] or ["string"]


def asserts_more(schema: Any) -> bool:
    """Whether a keyword occurs anywhere that is not obeyed by construction."""
    if isinstance(schema, list):
        return any(asserts_more(part) for part in schema)
    if not isinstance(schema, Mapping):
        return False
    if any(key not in OBEYED for key in schema) or ("$ref" in schema and not ANNOTATIONS.issuperset(schema)):
        return True
    nested = [schema[key] for key in ("anyOf", "prefixItems", "items", "additionalProperties") if key in schema]
    named = [part for key in ("$defs", "definitions", "properties") for part in schema.get(key, {}).values()]
    return asserts_more([*nested, *named])


def same(one: Any, two: Any) -> bool:
    """Equality as JSON Schema has it: 1 is 1.0, but true is not 1."""
    if isinstance(one, str) or isinstance(two, str):
        return bool(one == two)
    return json.dumps(_number(one), sort_keys=True) == json.dumps(_number(two), sort_keys=True)


def _number(value: Any) -> Any:
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_number(item) for item in value]
    return {key: _number(item) for key, item in value.items()} if isinstance(value, dict) else value


def fits(value: Any, schema: Schema) -> bool:
    """Whether a ready value (of an enum or a const) keeps the simple keywords beside it."""
    if "type" in schema and not any(_is(value, kind) for kind in types(schema)):
        return False
    if "enum" in schema and not any(same(value, item) for item in schema["enum"]):
        return False
    if isinstance(value, str):
        long_enough = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", math.inf)
        return long_enough and ("pattern" not in schema or bool(re.search(schema["pattern"], value)))
    return not _is(value, "number") or in_bounds(value, schema)


def in_bounds(value: float, schema: Schema) -> bool:
    """Whether a number keeps minimum, maximum and multipleOf (as jsonschema counts: a float quotient must be whole)."""
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    above, below = schema.get("exclusiveMinimum", -math.inf), schema.get("exclusiveMaximum", math.inf)
    return low <= value <= high and above < value < below and _is_multiple(value, schema.get("multipleOf"))


def _is_multiple(value: float, step: Any) -> bool:
    if step is None:
        return True
    return (value / step).is_integer() if isinstance(step, float) else value % step == 0


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return {
        "null": value is None,
        "string": isinstance(value, str),
        "integer": whole,
        "number": isinstance(value, (int, float)),
        "array": isinstance(value, list),
        "object": isinstance(value, dict),
    }.get(kind, False)
