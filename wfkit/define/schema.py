"""What a model's answer must look like: a pydantic class, a dataclass or a JSON Schema, under one interface.

pydantic and jsonschema load on first use. How an invalid answer is asked for again is in `llm.structured`.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import re
import sys
import typing
from collections.abc import Callable, Mapping
from typing import Any, NoReturn
from urllib.parse import unquote

import orjson

from wfkit.core.frozen import dataclass
from wfkit.core.graph import near
from wfkit.define.violations import of_json_schema, of_pydantic
from wfkit.errors import SchemaError

DRAFTS = {
    "https://json-schema.org/draft/2020-12/schema": "Draft202012Validator",
    "https://json-schema.org/draft/2019-09/schema": "Draft201909Validator",
    "http://json-schema.org/draft-07/schema": "Draft7Validator",
}
NEWEST = "https://json-schema.org/draft/2020-12/schema"
FENCE = re.compile(r"```[ \t]*(?:json|JSON)?\s*(.*?)\s*```", re.DOTALL)


class InvalidOutput(ValueError):
    """An answer that is no JSON or does not match its schema. The message is fit for the model to read and mend."""


@dataclass(frozen=True, slots=True)
class Schema:
    """`json` is the JSON Schema as canonical text (sorted keys); `cls` what `parse` returns, None for plain JSON."""

    name: str
    json: str
    cls: Any
    check: Callable[[str], Any]

    def parse(self, text: str) -> Any:
        """The value in an answer that is JSON, alone or in one ``` fence. Raises InvalidOutput."""
        return self.check(_json_of(text))


def resolve(wanted: Any, namespace: Mapping[str, Any]) -> Schema:
    """The schema for a name in the namespace (with dots into modules), a class, a dict or JSON text.

    Raises SchemaError, with near names for one that is unknown.
    """
    name = ""
    if isinstance(wanted, str) and not wanted.lstrip().startswith("{"):
        name, wanted = wanted, _named(wanted, namespace)
    if isinstance(wanted, Schema):
        return wanted
    if isinstance(wanted, str):
        wanted = _from_text(wanted)
    if isinstance(wanted, Mapping):
        return _from_mapping(name or str(wanted.get("title") or "schema"), wanted)
    if _is_type(wanted):
        return _from_type(name or getattr(wanted, "__name__", str(wanted)), wanted)
    return _refuse(
        name, f"is {type(wanted).__name__}, not a schema: use a pydantic class, a dataclass or a JSON Schema (a dict)"
    )


def _named(name: str, namespace: Mapping[str, Any]) -> Any:
    first, *rest = name.split(".")
    if first not in namespace:
        found = [key for key, value in namespace.items() if not key.startswith("_") and _may_be_schema(value)]
        close = near(first, found) or (f" (there are: {', '.join(sorted(found)[:8])})" if found else "")
        _refuse(name, f"is not defined{close}: define the class in a cell that runs before")
    value, path = namespace[first], first
    for part in rest:
        if not hasattr(value, part):
            _refuse(name, f"is not defined: {path} has no {part!r}{near(part, dir(value))}")
        value, path = getattr(value, part), f"{path}.{part}"
    return value


def _may_be_schema(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "type" in value or "properties" in value
    return isinstance(value, type) and (dataclasses.is_dataclass(value) or hasattr(value, "model_fields"))


def _is_type(value: Any) -> bool:
    """What pydantic can make a schema of and what says more than `dict` or `str` would."""
    if isinstance(value, type):
        known = dataclasses.is_dataclass(value) or typing.is_typeddict(value) or issubclass(value, enum.Enum)
        pydantic = sys.modules.get("pydantic")
        return known or bool(pydantic and issubclass(value, pydantic.BaseModel)) or typing.get_origin(value) is not None
    return typing.get_origin(value) is not None


def _from_type(name: str, cls: Any) -> Schema:
    import pydantic  # loads on first use: 60 ms

    try:
        adapter = pydantic.TypeAdapter(cls)
        text = _canonical(adapter.json_schema())
    except (pydantic.PydanticUserError, NameError, TypeError) as error:
        message = str(error).split("\n", maxsplit=1)[0]
        raise SchemaError(f"schema {name!r} cannot be written as a JSON Schema: {message}") from None

    def check(text: str) -> Any:
        try:
            return adapter.validate_json(text)  # as JSON, where dates and enums are text
        except pydantic.ValidationError as error:
            raise InvalidOutput(of_pydantic(error)) from None

    return Schema(name, text, cls, check)


def _from_text(text: str) -> Mapping[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise SchemaError(f"the schema is not JSON: {error}") from None
    return value  # type: ignore[no-any-return]  # it begins with {


def _from_mapping(name: str, schema: Mapping[str, Any]) -> Schema:
    import jsonschema  # loads on first use: 100 ms

    try:
        text = _canonical(dict(schema))
    except (TypeError, orjson.JSONEncodeError) as error:
        _refuse(name, f"is not plain JSON: {error}")
    plain = orjson.loads(text)
    dialect = str(plain.get("$schema", NEWEST)).rstrip("#")
    if dialect not in DRAFTS:
        _refuse(name, f"has an unknown $schema {dialect!r}: leave it out, or use {NEWEST}")
    validator_class = getattr(jsonschema, DRAFTS[dialect])
    try:
        validator_class.check_schema(plain)
    except jsonschema.SchemaError as error:
        _refuse(name, f"is not a JSON Schema: {error.message[:200]} at {error.json_path}")
    _check_references(name, plain)
    validator = validator_class(plain)

    def check(text: str) -> Any:
        value = json.loads(text)  # orjson would turn whole numbers over 64 bits into floats
        try:
            errors = list(validator.iter_errors(value))
        except RecursionError:
            _refuse(name, "refers to itself without end, or the answer is nested too deep")
        if errors:
            raise InvalidOutput(of_json_schema(errors))
        return value

    return Schema(name, text, None, check)


def _check_references(name: str, schema: Any) -> None:
    """Every `$ref` must point into the schema: what lies elsewhere would be fetched from the net and can change."""
    stack = [(schema, True)]
    while stack:
        part, is_root = stack.pop()
        if isinstance(part, list):
            stack.extend((inner, False) for inner in part)
        if not isinstance(part, dict):
            continue
        stack.extend((inner, False) for inner in part.values())
        if isinstance(part.get("$id"), str) and not is_root:
            _refuse(name, f"has a schema with an $id of its own inside ({part['$id']!r}): remove that $id")
        for reference in (part.get("$ref"), part.get("$dynamicRef")):
            if isinstance(reference, str) and not _points_inside(reference, schema):
                _refuse(name, f"refers to {reference!r}, which is not in it: put it under $defs")


def _points_inside(reference: str, schema: Any) -> bool:
    pointer = unquote(reference.removeprefix("#"))
    if not reference.startswith("#"):
        return False
    if pointer and not pointer.startswith("/"):
        anchors = (f'"$anchor":{json.dumps(pointer)}', f'"$dynamicAnchor":{json.dumps(pointer)}')
        return any(anchor in _canonical(schema) for anchor in anchors)
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(schema, list) and key.isdecimal() and int(key) < len(schema):
            schema = schema[int(key)]
        elif isinstance(schema, dict) and key in schema:
            schema = schema[key]
        else:
            return False
    return True


def _canonical(schema: Any) -> str:
    return orjson.dumps(schema, option=orjson.OPT_SORT_KEYS).decode()


def _json_of(text: str) -> str:
    """The JSON text in an answer. orjson is the strict judge: no NaN, no lone surrogates, at most 1024 levels."""
    body = text.strip().removeprefix("\ufeff")
    try:
        orjson.loads(body)
        return body
    except orjson.JSONDecodeError as error:
        problem = error
    blocks = FENCE.findall(body)
    if len(blocks) > 1:
        raise InvalidOutput(f"The answer has {len(blocks)} code blocks. Answer with one JSON value and nothing else.")
    if not blocks:
        raise InvalidOutput(
            f"The answer is not JSON: {_told(problem, body)}. Answer with one JSON value and nothing else."
        )
    try:
        orjson.loads(blocks[0])
        return str(blocks[0])
    except orjson.JSONDecodeError as error:
        told = _told(error, blocks[0])
        raise InvalidOutput(f"The JSON in the answer is malformed: {told}. Answer with one JSON value.") from None


def _told(error: orjson.JSONDecodeError, text: str) -> str:
    if not text:
        return "it is empty"
    near_by = text[max(error.pos - 20, 0) : error.pos + 20]
    return f"{error.msg} (line {error.lineno}, column {error.colno}, near {near_by!r})"


def _refuse(name: str, problem: str) -> NoReturn:
    raise SchemaError(f"schema {name!r} {problem}" if name else f"the schema {problem}")
