"""Schemas as hypothesis makes them: all that the offline model obeys, nested, with references, and never empty."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]

NAMES = st.sampled_from(["label", "confidence", "words", "summary", "price", "is_urgent", "name", "id", "parts", "k"])
WORDS = st.sampled_from(["mit", "gpl", "billing", "other", "positive", "negative", "unknown", "late", ""])
PATTERNS = [r"^[A-Z]{3}-\d+$", r"\d{2,4}", "^(yes|no)$", r"^\w+@\w+\.com$", "^[^a-z]+$", "^a?b*c+$", r"^\s?x.y$"]


@st.composite
def strings(draw: st.DrawFn) -> Schema:
    low = draw(st.integers(0, 40))
    limits = draw(
        st.sampled_from([{}, {"minLength": low}, {"maxLength": low}, {"minLength": low, "maxLength": low + 3}])
    )
    more = draw(st.sampled_from([{}, {}, {"format": "date"}, {"format": "email"}, {"format": "nonsense"}]))
    return {"type": "string", **limits, **more}


@st.composite
def numbers(draw: st.DrawFn) -> Schema:
    kind = draw(st.sampled_from(["integer", "number"]))
    low, width = draw(st.integers(-50, 50)), draw(st.integers(12, 40))
    step = draw(st.sampled_from([None, 1, 2, 3] + ([0.5, 0.25, 1.5] if kind == "number" else [])))
    keys = [{}, {"minimum": low}, {"maximum": low}, {"exclusiveMinimum": low}, {"exclusiveMaximum": low}]
    keys += [{"minimum": low, "maximum": low + width}, {"exclusiveMinimum": low, "exclusiveMaximum": low + width + 1}]
    return {"type": kind, **draw(st.sampled_from(keys)), **({"multipleOf": step} if step else {})}


LEAVES = st.one_of(
    strings(),
    numbers(),
    st.sampled_from(PATTERNS).map(lambda pattern: {"type": "string", "pattern": pattern}),
    st.lists(st.one_of(WORDS, st.integers(0, 3), st.booleans(), st.none()), min_size=1).map(
        lambda items: {"enum": items}
    ),
    st.one_of(WORDS, st.integers(0, 3), st.booleans(), st.none()).map(lambda value: {"const": value}),
    st.sampled_from(
        [{"type": "boolean"}, {"type": "null"}, {}, True, {"$ref": "#/$defs/leaf"}, {"$ref": "#/$defs/tree"}]
    ),
    st.sampled_from([{"type": ["string", "null"]}, {"type": ["integer", "null"], "minimum": 3}, {"minLength": 2}]),
)


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> Schema:
    parts = draw(st.dictionaries(NAMES, inner, max_size=4))
    required = draw(st.lists(st.sampled_from(sorted(parts)), unique=True)) if parts else []
    closed = draw(st.sampled_from([{}, {"additionalProperties": False}, {"additionalProperties": {"type": "integer"}}]))
    count = draw(st.sampled_from([{}, {"maxProperties": len(required)}, {"minProperties": len(required)}]))
    return {"type": "object", "properties": parts, "required": required, **closed, **count}


@st.composite
def arrays(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> Schema:
    low = draw(st.integers(0, 3))
    count = draw(st.sampled_from([{}, {"minItems": low}, {"maxItems": low}, {"minItems": low, "maxItems": low + 1}]))
    if draw(st.booleans()):
        return {"type": "array", "items": draw(inner), **count}
    distinct = draw(st.one_of(strings().map(lambda schema: {"type": "string"}), numbers()))
    return {"type": "array", "items": distinct, "uniqueItems": True, **count}


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        objects(inner),
        arrays(inner),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
        st.lists(inner, min_size=1, max_size=2).map(
            lambda items: {"type": "array", "prefixItems": items, "items": False}
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"oneOf": branches}),
    )


TREE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "parts": {"type": "array", "items": {"$ref": "#/$defs/tree"}}},
    "required": ["name", "parts"],
}


def with_definitions(schema: Any) -> Any:
    return (
        {**schema, "$defs": {"leaf": {"type": "integer", "minimum": 2}, "tree": TREE}} if schema is not True else schema
    )


SCHEMAS = st.recursive(LEAVES, nested, max_leaves=12).map(with_definitions)
