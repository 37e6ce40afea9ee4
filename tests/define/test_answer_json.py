"""Answers that are hostile or broken: each is invalid, with words that say why, and in time that its length bounds."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ids import stable
from wfkit.define import json_schema
from wfkit.define.answer_json import DEEPEST, LONGEST, InvalidOutput, json_in
from wfkit.define.schema import resolve
from wfkit.errors import SchemaError
from wfkit.llm.messages import unfenced


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5)


ANY: dict[str, Any] = {"type": ["object", "array", "string", "number"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "a": 2}', "the key 'a' twice"),
        ('[{"b": {"k": 1, "k": 1}}]', "the key 'k' twice"),
        ('{"a": "x\\u0000y"}', "NUL"),
        ('{"\\u0000": 1}', "NUL"),
        ("\0", "not JSON"),
        ('{"a": NaN}', "not JSON"),
        ('{"a": -Infinity}', "not JSON"),
        ('{"a": 1e999}', "not JSON"),
        ('"\\ud800"', "not JSON"),
        ("1" * 5000, "not JSON"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "levels deep"),
        ("[" * 100_000, "not JSON"),
        ('{"a":' * 900 + "1" + "}" * 900, "levels deep"),
        ("9" * (LONGEST + 1), "characters"),
        ("```json" + "\n" * 100_000 + "x", "not JSON"),
        ("```json" + "\n" * 100_000 + "```" + "\n" * 100_000 + "```", "it is empty"),
    ],
    ids=stable,
)
def test_hostile_answers(text: str, message: str) -> None:
    """Keys twice, NUL, what is no JSON number, huge and deep values, endless blank lines: refused at once, in words."""
    with pytest.raises(InvalidOutput, match=message) as caught:
        resolve(ANY, {}).parse(unfenced(text))
    assert len(str(caught.value)) < 500


@given(
    st.one_of(
        st.text(max_size=200),
        st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9), _nested).map(repr),
        st.recursive(st.none() | st.floats() | st.integers() | st.text(max_size=9), _nested).map(json.dumps),
        st.lists(st.sampled_from(["```", "json", "\n", "{", "}", "[", "]", '"a"', ":", "1", "\\ud800", "\0", " "])).map(
            "".join
        ),
    )
)
def test_any_text_is_valid_or_invalid(text: str) -> None:
    """Whatever a model says: a value, or an invalid answer with words; nothing else comes out."""
    for wanted in (ANY, {"patternProperties": {"^a": {"type": "null"}}, "uniqueItems": True}, dict[str, list[float]]):
        with suppress(InvalidOutput):
            resolve(wanted, {}).parse(unfenced(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"a\\\\u0000b"', "a\\u0000b"),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ("[" * DEEPEST + "]" * DEEPEST, None),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ("\ufeff 5 ", 5),
    ],
    ids=stable,
)
def test_what_is_well(text: str, value: Any) -> None:
    """What only looks like trouble is read: an escaped backslash, a pair of surrogates, deep but not too deep."""
    found = json_in(text)[1]
    assert found == (json.loads(text) if value is None else value)


@pytest.mark.parametrize(
    ("schema", "answer"),
    [
        ({"type": "string", "pattern": "^(a+)+$"}, json.dumps("a" * 50_000 + "b")),
        ({"patternProperties": {"^(a|aa)+$": False}}, json.dumps({"a" * 50_000 + "b": 1, "a": 1})),
        ({"patternProperties": {"^(a+)+$": True}, "additionalProperties": False}, json.dumps({"a" * 50_000 + "b": 1})),
        ({"additionalProperties": {"type": "integer"}}, json.dumps({"a": 1, "b": "c"})),
        ({"type": "array", "uniqueItems": True}, json.dumps([{"a": n} for n in range(20_000)] + [{"a": 1.0}])),
        (
            {"anyOf": [{"type": "array", "items": {"$ref": "#"}}, {"type": "array", "items": {"$ref": "#"}}]},
            "[" * 40 + "1" + "]" * 40,
        ),
        ({"type": "array", "items": {"type": "integer"}}, json.dumps([1] * 10_000)),
        ({"multipleOf": 0.1}, "1" * 4000),
    ],
    ids=stable,
)
def test_checks_end(schema: dict[str, Any], answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pattern, no list to compare and no tree of alternatives keeps a run busy: the answer is invalid."""
    monkeypatch.setattr(json_schema, "STEPS", 5_000)
    with pytest.raises(InvalidOutput) as caught:
        resolve(schema, {}).parse(answer)
    assert str(caught.value)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"properties": {"a": {"pattern": "(?=b)c"}}}, r"pattern at \$\.properties\.a\.pattern .*look-around"),
        ({"patternProperties": {"(a)\\1": {}}}, r"\$\.patternProperties .*backreferences"),
        ({"pattern": "["}, "unclosed character class"),
        ({"properties": {"a": {"type": "strin"}}}, r"not a JSON Schema.* at \$\.properties\.a\.type"),
        ({"patternProperties": {"a": {}}, "unevaluatedProperties": False}, "use additionalProperties"),
    ],
    ids=stable,
)
def test_schemas_that_could_not_be_checked(schema: dict[str, Any], message: str) -> None:
    """They are refused when they are defined, with the path of what is wrong in them."""
    with pytest.raises(SchemaError, match=message):
        resolve(schema, {})


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date", "2026-02-28", "2026-02-30"),
        ("time", "23:59:58.123456789Z", "25:00:00Z"),
        ("date-time", "2026-02-28T12:00:00+01:00", "2026-02-28"),
        ("email", "a@b.org", "a at b"),
        ("ipv4", "127.0.0.1", "1.2.3"),
        ("ipv6", "::1", "::g"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567"),
        ("uri", "https://example.org/a?b", "no uri"),
        ("word-of-mine", "anything", None),
    ],
    ids=stable,
)
def test_formats(name: str, good: str, bad: str | None) -> None:
    """Formats with one meaning are checked, others are notes; a format says nothing of what is no text."""
    schema = resolve({"format": name}, {})
    assert schema.parse(json.dumps(good)) == good
    assert schema.parse("5") == 5
    if bad is not None:
        with pytest.raises(InvalidOutput, match=f"is not a '{name}'"):
            schema.parse(json.dumps(bad))
