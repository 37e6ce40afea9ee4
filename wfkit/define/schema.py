"""What a value must look like: a pydantic class, a dataclass, types or a JSON Schema, under one interface.

pydantic and jsonschema load on first use. How an invalid answer is asked for again is in `llm.structured`, what a
Python node may return besides in `returns`.
"""

from __future__ import annotations

import dataclasses
import enum
import sys
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import orjson

from wfkit.core.frozen import dataclass
from wfkit.define import json_schema, project_text, type_words
from wfkit.define.answer_json import InvalidOutput, json_in
from wfkit.define.violations import of_conversion, of_pydantic
from wfkit.errors import SchemaError

__all__ = ["InvalidOutput", "Schema", "demand_confidence", "demand_field", "named", "resolve"]
_PLAIN = frozenset({bool, bytes, dict, float, frozenset, int, list, set, str, tuple})


@dataclass(frozen=True, slots=True)
class Schema:
    """`json` is the JSON Schema as canonical text (sorted keys); `cls` what `parse` returns, None for plain JSON.

    `check` takes the JSON text of an answer and its value and gives the value that is handed on; `hold` takes a value
    of Python. Both raise InvalidOutput.
    """

    name: str
    json: str
    cls: Any
    check: Callable[[str, Any], Any]
    hold: Callable[[Any], None]

    def parse(self, text: str) -> Any:
        """The value in an answer that is JSON, alone or in one ``` fence. Raises InvalidOutput."""
        return self.check(*json_in(text))


def named(wanted: Any, namespace: Mapping[str, Any]) -> tuple[str, Any]:
    """The name of a schema, if it has one, and what it stands for: a mapping, a type or something else. Loads nothing.

    Raises SchemaError for a name or a file that is not there, with near names, and for text that is no JSON.
    """
    name = ""
    if isinstance(wanted, str) and wanted.endswith(".json"):
        name, wanted = wanted, _in_file(wanted)
    elif isinstance(wanted, str) and not wanted.lstrip().startswith("{"):
        name, wanted = wanted, type_words.type_of(wanted, namespace, _likely(namespace))
    if isinstance(wanted, str) and wanted.lstrip().startswith("{"):
        wanted = _from_text(name, wanted)
    return name or _title(wanted), wanted


def resolve(wanted: Any, namespace: Mapping[str, Any], plain: bool = False) -> Schema:
    """The schema for a name or types in the namespace (with dots into modules), a class, a dict, JSON text, or a file
    that ends with .json.

    `plain`: also types that say little, such as `int` or `dict`. Raises SchemaError, with near names for one that is
    unknown.
    """
    name, wanted = named(wanted, namespace)
    if isinstance(wanted, Schema):
        return wanted
    if isinstance(wanted, Mapping):
        return _from_mapping(name, wanted)
    if _is_type(wanted) or (plain and (wanted is None or (isinstance(wanted, type) and wanted in _PLAIN))):
        return _from_type(name or getattr(wanted, "__name__", str(wanted)), wanted)
    what = f"the class {wanted.__name__}" if isinstance(wanted, type) else type(wanted).__name__
    return _refuse(name, f"is {what}, not a schema: use a pydantic class, a dataclass or a JSON Schema (a dict)")


def demand_confidence(least: float | None, schema: Schema) -> None:
    """Raises SchemaError when answers of this schema must say how sure they are, at least so much, and cannot."""
    if least is not None:
        demand_field(schema.name, orjson.loads(schema.json))


def demand_field(name: str, shape: Mapping[str, Any]) -> None:
    """As `demand_confidence`, for the JSON Schema as it was written."""
    part: Any = shape
    for step in (*str(shape.get("$ref", "#")).split("/")[1:], "properties"):
        part = part.get(step) if isinstance(part, Mapping) else None
    if not isinstance(part, Mapping) or "confidence" not in part:
        called = "the schema" if name == "schema" else f"schema {name!r}"  # one without a name of its own
        raise SchemaError(
            f"min_confidence looks at the field `confidence`, which {called} does not have: "
            "give it one (a number from 0 to 1), or remove min_confidence"
        )


def _title(wanted: Any) -> str:
    return str(wanted.get("title") or "schema") if isinstance(wanted, Mapping) else ""


def _in_file(name: str) -> str:
    try:
        return project_text.read(project_text.find(name, project_text.folders(Path.cwd())))
    except project_text.NoText as error:
        _refuse(name, f"cannot be read: {error}")


def _likely(namespace: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in namespace.items() if not key.startswith("_") and _may_be_schema(value)}


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
        text = json_schema.canonical(adapter.json_schema())
    except (pydantic.PydanticUserError, NameError, TypeError) as error:
        message = str(error).split("\n", maxsplit=1)[0]
        raise SchemaError(f"schema {name!r} cannot be written as a JSON Schema: {message}") from None

    def check(text: str, _value: Any) -> Any:  # as JSON, where dates and enums are text
        try:
            return adapter.validate_json(text)
        except pydantic.ValidationError as error:
            raise InvalidOutput(of_pydantic(error)) from None

    def hold(value: Any) -> None:
        try:
            found = adapter.validate_python(value, strict=True)
        except pydantic.ValidationError as error:
            raise InvalidOutput(of_pydantic(error)) from None
        problem = of_conversion(found, value)
        if problem:
            raise InvalidOutput(problem)

    return Schema(name, text, cls, check, hold)


def _from_text(name: str, text: str) -> Mapping[str, Any]:
    try:
        value: Mapping[str, Any] = orjson.loads(text)  # it begins with {
    except orjson.JSONDecodeError as error:
        _refuse(name, f"is not JSON: {error}")
    return value


def _from_mapping(name: str, schema: Mapping[str, Any]) -> Schema:
    try:
        text, hold = json_schema.checker(schema)
    except SchemaError as error:
        _refuse(name, str(error))

    def check(_text: str, value: Any) -> Any:
        hold(value)
        return value

    return Schema(name, text, None, check, hold)


def _refuse(name: str, problem: str) -> NoReturn:
    raise SchemaError(f"schema {name!r} {problem}" if name else f"the schema {problem}")
