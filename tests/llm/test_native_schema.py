"""A schema goes out in a form that its model takes: strict, without strict, or told in words; never as a sure 400."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from wfkit.core.call import Message, Request
from wfkit.llm.native_schema import is_strict, response_format, sends_natively


def closed(**properties: Any) -> dict[str, Any]:
    """An object as strict mode wants it."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


TEXT = {"type": "string"}
NODE = closed(name=TEXT, next={"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]})


def nested(levels: int) -> dict[str, Any]:
    return closed(inner=nested(levels - 1)) if levels else closed(a=TEXT)


STRICT = {
    "plain": closed(a=TEXT, b={"type": "array", "items": {"type": "number", "minimum": 0}, "maxItems": 3}),
    "nothing in it": closed(),
    "choice": closed(a={"type": ["string", "null"], "description": "or not"}, b={"enum": ["x", "y"]}),
    "recursive": {**closed(root={"$ref": "#/$defs/Node"}), "$defs": {"Node": NODE}},
    "a property named like a word": closed(allOf=TEXT, minLength={"type": "integer"}),
    "format": closed(at={"type": "string", "format": "date-time"}),
}
LOOSE = {
    "open object": {**closed(a=TEXT), "additionalProperties": True},
    "not said closed": {"type": "object", "properties": {"a": TEXT}, "required": ["a"]},
    "optional property": {**closed(a=TEXT, b=TEXT), "required": ["a"]},
    "open inside": closed(a={"type": "object", "properties": {"b": TEXT}}),
    "open in a definition": {**closed(a={"$ref": "#/$defs/B"}), "$defs": {"B": {"type": "object", "properties": {}}}},
    "allOf": closed(a={"allOf": [TEXT]}),
    "oneOf": closed(a={"oneOf": [TEXT, {"type": "null"}]}),
    "not": closed(a={"not": TEXT}),
    "if": {**closed(a=TEXT), "if": {}, "then": {}},
    "length of a text": closed(a={"type": "string", "minLength": 1}),
    "default": closed(a={"type": "string", "default": "x"}),
    "unknown format": closed(a={"type": "string", "format": "uri"}),
    "reference with neighbours": {**closed(a={"$ref": "#/$defs/B", "description": "x"}), "$defs": {"B": TEXT}},
    "patternProperties": closed(a={**closed(), "patternProperties": {"^x": TEXT}}),
    "anything": closed(a=True),
    "tuple": closed(a={"type": "array", "prefixItems": [TEXT]}),
    "too deep": nested(11),
    "too many values": closed(a={"enum": list(range(1001))}),
}
ROOTS = {
    "array": {"type": "array", "items": TEXT},
    "choice": {"anyOf": [closed(a=TEXT), closed(b=TEXT)]},
    "text": TEXT,
    "reference": {"$ref": "#/$defs/Node", "$defs": {"Node": NODE}},
    "anything": {},
}


def asked(schema: Any, model: str = "openai/gpt-4o-mini") -> Request:
    return Request(model, (Message("user", "x"),), schema=json.dumps(schema))


@pytest.mark.parametrize("case", STRICT)
def test_strict(case: str) -> None:
    """What keeps all rules of strict mode is sent with it."""
    assert response_format(STRICT[case])["json_schema"]["strict"] is True
    assert sends_natively(asked(STRICT[case]))


@pytest.mark.parametrize("case", LOOSE)
def test_not_strict(case: str) -> None:
    """What strict mode would refuse is sent natively without it; its answers are checked here all the same."""
    assert response_format(LOOSE[case])["json_schema"]["strict"] is False
    assert sends_natively(asked(LOOSE[case]))


@pytest.mark.parametrize("case", ROOTS)
def test_no_object_at_the_root(case: str) -> None:
    """OpenAI refuses it in both modes: it is told in words. Other providers take it."""
    assert not sends_natively(asked(ROOTS[case]))
    assert not sends_natively(asked(ROOTS[case], "gpt-4o-mini"))
    assert sends_natively(asked(ROOTS[case], "gemini/gemini-2.5-pro"))
    assert not is_strict(ROOTS[case])


def test_models_of_pydantic() -> None:
    """A closed model is strict, an open one is not."""

    class Open(BaseModel):
        a: str

    class Closed(Open):
        model_config = ConfigDict(extra="forbid")

    assert not is_strict(Open.model_json_schema())
    assert is_strict(Closed.model_json_schema())


def test_a_model_without_native_schemas() -> None:
    """It is told in words."""
    assert not sends_natively(asked(STRICT["plain"], "openai/gpt-4"))
    assert not sends_natively(asked(STRICT["plain"], "nobody/knows"))
