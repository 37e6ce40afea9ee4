"""Schemas: one interface over pydantic, dataclasses and JSON Schema, with messages that a model can act on."""

from __future__ import annotations

import datetime as dt
import enum
import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

import jsonschema
import pydantic
import pytest

from tests.fresh import printed
from wfkit.define.schema import InvalidOutput, resolve
from wfkit.errors import SchemaError


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Label(pydantic.BaseModel):
    name: Literal["good", "bad"]
    confidence: float = pydantic.Field(ge=0, le=1)
    words: list[str] = []
    day: dt.date | None = None


@dataclass
class Point:
    x: int
    colour: Colour


REVIEW = {
    "title": "Review",
    "type": "object",
    "properties": {"stars": {"$ref": "#/$defs/stars"}, "tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["stars"],
    "additionalProperties": False,
    "$defs": {"stars": {"type": "integer", "minimum": 1, "maximum": 5}},
}
NAMESPACE = {"Label": Label, "REVIEW": REVIEW, "models": SimpleNamespace(Point=Point), "number": 3, "_x": 1}


@pytest.mark.parametrize(
    ("wanted", "name", "cls"),
    [
        ("Label", "Label", Label),
        (Label, "Label", Label),
        ("models.Point", "models.Point", Point),
        (list[Label], "list", list[Label]),
        ("REVIEW", "REVIEW", None),
        (REVIEW, "Review", None),
        (json.dumps(REVIEW), "Review", None),
        ({"type": "object"}, "schema", None),
    ],
)
def test_resolves(wanted: Any, name: str, cls: Any) -> None:
    """A name in the namespace, a class, a dict or JSON text; the JSON is canonical and itself a 2020-12 schema."""
    schema = resolve(wanted, NAMESPACE)
    assert (schema.name, schema.cls) == (name, cls)
    plain = json.loads(schema.json)
    jsonschema.Draft202012Validator.check_schema(plain)
    assert schema.json == json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_a_schema_resolves_to_itself() -> None:
    """What is resolved already is handed through."""
    schema = resolve(Label, {})
    assert resolve(schema, {}) is schema


@pytest.mark.parametrize(
    ("wanted", "text", "value"),
    [
        (
            Label,
            '{"name": "good", "confidence": 0.5, "day": "2026-01-02"}',
            Label(name="good", confidence=0.5, day=dt.date(2026, 1, 2)),
        ),
        (Point, '{"x": 1, "colour": "red"}', Point(1, Colour.RED)),
        (list[Point], '[{"x": 1, "colour": "red"}]', [Point(1, Colour.RED)]),
        (REVIEW, ' {"stars": 4}\n', {"stars": 4}),
        (REVIEW, '```json\n{"stars": 4}\n```', {"stars": 4}),
        (REVIEW, 'Here you are:\n\n```\n{"stars": 4}\n```\nDone.', {"stars": 4}),
        (REVIEW, '```json {"stars": 4}```', {"stars": 4}),
        ({"type": "integer"}, "123456789012345678901234567890", 123456789012345678901234567890),
        ({"type": "string"}, '"```json"', "```json"),
    ],
)
def test_parses(wanted: Any, text: str, value: Any) -> None:
    """JSON alone, or in one fence; the value is an instance of the class, or plain JSON with whole numbers whole."""
    found = resolve(wanted, {}).parse(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("wanted", "text", "lines"),
    [
        (
            Label,
            '{"name": "ugly", "confidence": 1.5}',
            ["- $.name: Input should be 'good' or 'bad' (got \"ugly\")", "- $.confidence: Input should be less"],
        ),
        (Label, '{"confidence": 1}', ["- $.name: Field required"]),
        (
            Label,
            '{"name": "good", "confidence": 1, "words": ["a", 2]}',
            ["- $.words[1]: Input should be a valid string"],
        ),
        (Label, "[]", ["- $: "]),
        (REVIEW, '{"stars": 6}', ["- $.stars: 6 is greater than the maximum of 5 (got 6)"]),
        (
            REVIEW,
            '{"tags": ["a", 1], "x": 1}',
            ["- $: 'stars' is a required property", "- $.tags[1]: 1 is not of type"],
        ),
        (
            {"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 1}]},
            '"abc"',
            ["- $: 'abc' is not valid under any of the given schemas ($ 'abc' is not of type 'integer'; or: $ 'abc'"],
        ),
    ],
)
def test_violations_are_told_one_by_one(wanted: Any, text: str, lines: list[str]) -> None:
    """Each violation has its path and what was found there: what a corrective question needs, and no more."""
    with pytest.raises(InvalidOutput) as caught:
        resolve(wanted, {}).parse(text)
    message = str(caught.value)
    assert message.startswith("The answer does not match the schema:\n")
    for line in lines:
        assert f"\n{line}" in message
    assert isinstance(caught.value, ValueError)


def test_messages_stay_short() -> None:
    """A hundred violations, or a huge value, do not become a huge prompt."""
    schema = resolve({"type": "array", "items": {"type": "integer"}}, {})
    with pytest.raises(InvalidOutput, match="and 80 more") as many:
        schema.parse(json.dumps(["x" * 1000] * 100))
    assert len(str(many.value)) < 6000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON: it is empty"),
        ("I cannot do that.", "not JSON.*line 1, column 1"),
        ('{"stars": 4', "not JSON"),
        ('{"stars": NaN}', "not JSON"),
        ("```json\n{'stars': 4}\n```", "malformed.*near"),
        ("```json\n{}\n```\n```json\n{}\n```", "2 code blocks"),
        ('{"stars": "\\ud800"}', "not JSON"),
        ("[" * 5000 + "]" * 5000, "not JSON"),
    ],
)
def test_what_is_no_json(text: str, message: str) -> None:
    """Prose, cut answers, Python dicts, NaN and lone surrogates are refused with the place."""
    with pytest.raises(InvalidOutput, match=message):
        resolve(REVIEW, {}).parse(text)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("Labl", "'Labl' is not defined .*'Label'"),
        ("Unknown", r"'Unknown' is not defined \(there are: Label, REVIEW\)"),
        ("models.Pont", "models has no 'Pont' .*'Point'"),
        ("number", "'number' is int, not a schema"),
        (int, "is the class int, not a schema"),
        ({"type": "strin"}, "is not a JSON Schema: 'strin' is not valid"),
        ({"type": "object", "x": object()}, "is not plain JSON"),
        ("{nope", "is not JSON"),
        ({"$ref": "https://example.org/x.json"}, "refers to 'https://example.org/x.json', which is not in it"),
        ({"$ref": "#/$defs/no"}, "refers to '#/\\$defs/no'"),
        ({"$ref": "#nowhere"}, "refers to '#nowhere'"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "unknown \\$schema"),
        ({"$defs": {"a": {"$id": "b"}}}, "an \\$id of its own"),
    ],
)
def test_what_is_no_schema(wanted: Any, message: str) -> None:
    """Unknown names come with near ones; nothing is fetched from the net, now or later."""
    with pytest.raises(SchemaError, match=message):
        resolve(wanted, NAMESPACE)


def test_classes_that_have_no_json_schema() -> None:
    """A class that pydantic cannot write down is refused when it is resolved, not when it is paid for."""

    class Odd(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
        thing: jsonschema.Draft202012Validator

    with pytest.raises(SchemaError, match="'Odd' cannot be written as a JSON Schema"):
        resolve(Odd, {})


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"$ref": "#"}}},
        {"$defs": {"a": {"$anchor": "b"}}, "$ref": "#b"},
        {"items": {"$ref": "#"}},
    ],
)
def test_references_within_the_schema(schema: dict[str, Any]) -> None:
    """Anchors, pointers and the schema itself may be referred to."""
    assert resolve(schema, {}).json


@pytest.mark.parametrize(
    "schema", [{"$ref": "#"}, {"anyOf": [{"$ref": "#"}]}, {"$defs": {"a": {"$ref": "#"}}, "$ref": "#/$defs/a"}]
)
def test_endless_references_are_refused(schema: dict[str, Any]) -> None:
    """A schema that only refers to itself is refused when it is defined."""
    with pytest.raises(SchemaError, match="refers to itself without end"):
        resolve(schema, {})


def test_older_drafts_keep_their_meaning() -> None:
    """A schema that says it is of draft 7 is checked as such."""
    schema = resolve({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "integer"}]}, {})
    assert schema.parse("[1, 2]") == [1, 2]
    with pytest.raises(InvalidOutput):
        schema.parse('["a"]')


def test_importing_it_is_light() -> None:
    """pydantic and jsonschema load when a schema is resolved."""
    script = "import sys, wfkit.define.schema; print(*{'pydantic', 'jsonschema'} & set(sys.modules))"
    assert printed(script) == []
