"""Whatever the schema, what the offline model answers is valid against it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.llm.offline.schemas import SCHEMAS
from wfkit.core.call import Message, Request
from wfkit.errors import CallFailed
from wfkit.llm import offline

TEXTS = st.sampled_from(
    ["", "Licence: MIT\nPrice: 12.50", "Is it late? The parcel came 3 days late, on 2024-05-01. Bad!"]
)


def answer(schema: Any, text: str) -> Any:
    request = Request("offline", (Message("user", text),), schema=json.dumps(schema, sort_keys=True))
    return json.loads(offline.reply(request).text)


def outcome(request: Request) -> object:
    try:
        return offline.reply(request)
    except CallFailed as error:
        return error.failure


@settings(max_examples=600)
@given(SCHEMAS, TEXTS | st.text(max_size=40))
def test_always_valid(schema: Any, text: str) -> None:
    """An answer validates, for any text; a schema with `oneOf` may be refused instead, never answered wrongly."""
    try:
        value = answer(schema, text)
    except CallFailed:
        assert "oneOf" in json.dumps(schema)
        return
    Draft202012Validator(schema).validate(value)


@settings(max_examples=50)
@given(SCHEMAS)
def test_always_the_same(schema: Any) -> None:
    """Equal requests get equal answers."""
    request = Request("offline", (Message("user", "Licence: MIT. Late, 3 days."),), schema=json.dumps(schema))
    assert outcome(request) == outcome(request)


def test_discriminated_union() -> None:
    """Of a union told apart by a constant, the branch is taken whose constant the text speaks for."""
    schema = {
        "oneOf": [
            {"properties": {"kind": {"const": "refund"}, "price": {"type": "number"}}, "required": ["kind", "price"]},
            {"properties": {"kind": {"const": "shipping"}, "days": {"type": "integer"}}, "required": ["kind", "days"]},
        ]
    }
    assert answer(schema, "The courier was slow: shipping took 9 days.") == {"kind": "shipping", "days": 9}


def test_recursion_ends() -> None:
    """A schema that contains itself is filled to a finite depth."""
    tree = {
        "$ref": "#/$defs/tree",
        "$defs": {"tree": {"type": "object", "properties": {"left": {"$ref": "#/$defs/tree"}}}},
    }
    Draft202012Validator(tree).validate(answer(tree, "x"))
    names = "abcdefghijkl"
    bush = {"type": "object", "properties": {name: {"$ref": "#"} for name in names}}
    Draft202012Validator(bush).validate(answer(bush, "x"))


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"type": "string", "enum": [1]},
        {"$ref": "#/nowhere"},
        {"$ref": "https://example.org/other.json"},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"type": "string", "minLength": 3, "maxLength": 2},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 3},
        {"not": {}},
        {"type": "string", "pattern": "(?=a)(?=b)"},
        {"type": "blob"},
        {"type": 5},
        {"type": "object", "properties": []},
        {"type": "object", "required": ["a"], "additionalProperties": False},
        {"type": "object", "minProperties": 1, "additionalProperties": False},
        {"type": "string", "pattern": "("},
        [],
    ],
    ids=str,
)
def test_what_cannot_be_filled(schema: Any) -> None:
    """A schema without a value, or beyond this model, is refused with a hint; no wrong answer is made up."""
    with pytest.raises(CallFailed, match=r"offline model cannot answer.*choose a model"):
        answer(schema, "some text")
