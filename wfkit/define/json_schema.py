"""JSON Schema as a check of values that ends: every step is counted, patterns are matched in linear time, nothing is
fetched.

2020-12 unless the schema says another draft. A schema that is none is refused with the path in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache, lru_cache
from itertools import islice
from typing import Any
from urllib.parse import unquote

import orjson

from wfkit.define.answer_json import InvalidOutput
from wfkit.define.formats import FORMATS
from wfkit.define.violations import of_json_schema
from wfkit.errors import SchemaError

DRAFTS = {
    "https://json-schema.org/draft/2020-12/schema": "Draft202012Validator",
    "https://json-schema.org/draft/2019-09/schema": "Draft201909Validator",
    "http://json-schema.org/draft-07/schema": "Draft7Validator",
}
NEWEST = "https://json-schema.org/draft/2020-12/schema"
STEPS = 200_000  # keywords applied to values: more than any answer of today needs, and a second or two of work
_MOST_ERRORS = 1_000
_left: ContextVar[list[int]] = ContextVar("steps left")
Errors = Iterator[Any]


class _TooLong(Exception):
    """A check has used up its steps."""


def canonical(schema: Any) -> str:
    """A schema as text with sorted keys."""
    return orjson.dumps(schema, option=orjson.OPT_SORT_KEYS).decode()


def checker(schema: Mapping[str, Any]) -> tuple[str, Callable[[Any], None]]:
    """The canonical text of a schema, and what raises InvalidOutput for a plain JSON value that does not match it.

    Raises SchemaError, beginning with `is not` or `has`, for what is no schema or cannot be checked in bounded time.
    """
    try:
        text = canonical(dict(schema))
    except (TypeError, RecursionError, orjson.JSONEncodeError) as error:
        raise SchemaError(f"is not plain JSON: {error}") from None
    return text, _check_of(text)


@lru_cache(maxsize=256)  # a loop that asks a thousand questions says its schema a thousand times
def _check_of(text: str) -> Callable[[Any], None]:
    plain = orjson.loads(text)
    dialect = str(plain.get("$schema", NEWEST)).rstrip("#")
    if dialect not in DRAFTS:
        raise SchemaError(f"has an unknown $schema {dialect!r}: leave it out, or use {NEWEST}")
    _refuse_none(plain, DRAFTS[dialect])
    _check_references(plain)
    _check_patterns(plain)
    validator = _bounded(DRAFTS[dialect])(plain, format_checker=_format_checker())
    _refuse_endless(validator)

    def check(value: Any) -> None:
        errors = _errors(validator, value)
        if errors:
            raise InvalidOutput(of_json_schema(errors))

    return check


def _refuse_none(plain: Any, draft: str) -> None:
    import jsonschema  # loads on first use: 100 ms

    try:
        getattr(jsonschema, draft).check_schema(plain, format_checker=None)
    except jsonschema.SchemaError as error:
        raise SchemaError(f"is not a JSON Schema: {error.message[:200]} at {error.json_path}") from None
    except RecursionError:
        raise SchemaError("is not a JSON Schema: it is nested too deep") from None


def _errors(validator: Any, value: Any) -> list[Any]:
    _left.set([STEPS])
    try:
        return list(islice(validator.iter_errors(value), _MOST_ERRORS))
    except RecursionError:
        problem = "it is nested too deep for its schema: answer with a flatter value"
    except _TooLong:
        problem = f"checking it against its schema takes more than {STEPS:,} steps: answer with a smaller value"
    except ArithmeticError:
        problem = "a number in it is too large: answer with a smaller one"
    raise InvalidOutput(f"The answer cannot be checked: {problem}.")


def _refuse_endless(validator: Any) -> None:
    probes: tuple[Any, ...] = (None, True, 0, "", [], {})
    _left.set([STEPS])
    try:
        for probe in probes:
            validator.is_valid(probe)
    except (RecursionError, _TooLong):
        raise SchemaError("refers to itself without end: put what repeats below properties or items") from None


@cache
def _bounded(draft: str) -> Any:
    """The validator class of a draft whose keywords count their steps and need no time beyond that."""
    import jsonschema  # loads on first use: 100 ms

    known = getattr(jsonschema, draft)
    own = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    }
    keywords = {name: _counted(keyword) for name, keyword in {**known.VALIDATORS, **own}.items()}
    extend: Any = jsonschema.validators.extend
    return extend(known, keywords)


def _counted(keyword: Callable[..., Errors | None]) -> Callable[..., Errors | None]:
    def step(validator: Any, value: Any, instance: Any, schema: Any) -> Errors | None:
        left = _left.get()
        left[0] -= 1
        if left[0] < 0:
            raise _TooLong
        return keyword(validator, value, instance, schema)

    return step


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a text holds a match, in linear time: pydantic's own engine, without look-around and back references.

    Raises SchemaError for a pattern that it does not know.
    """
    import pydantic_core  # the engine of pydantic: loads on first use

    try:
        wanted = pydantic_core.core_schema.str_schema(pattern=pattern)
        matches: Callable[[str], bool] = pydantic_core.SchemaValidator(wanted).isinstance_python
    except pydantic_core.SchemaError as error:
        raise SchemaError(str(error).rpartition("error: ")[2].strip()) from None
    return matches


def _error(message: str) -> Any:
    import jsonschema  # loaded by now

    return jsonschema.ValidationError(message)


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Errors:
    if isinstance(instance, str) and not _matcher(pattern)(instance):
        yield _error(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, _schema: Any) -> Errors:
    if not isinstance(instance, dict):
        return
    for pattern, inner in patterns.items():
        for name, value in instance.items():
            if _matcher(pattern)(name):
                yield from validator.descend(value, inner, path=name, schema_path=pattern)


def _additional_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Errors:
    if not isinstance(instance, dict):
        return
    named, patterns = schema.get("properties", {}), list(schema.get("patternProperties", ()))
    extra = [name for name in instance if name not in named and not any(_matcher(each)(name) for each in patterns)]
    if isinstance(wanted, dict):
        for name in extra:
            yield from validator.descend(instance[name], wanted, path=name)
    elif not wanted and extra:
        told = ", ".join(repr(name) for name in extra[:5]) + (" and more" if len(extra) > 5 else "")
        yield _error(
            f"Additional properties are not allowed ({told} {'was' if len(extra) == 1 else 'were'} unexpected)"
        )


def _unique_items(_validator: Any, wanted: Any, instance: Any, _schema: Any) -> Errors:
    if wanted and isinstance(instance, list) and len({_sameness(item) for item in instance}) < len(instance):
        yield _error("it has non-unique elements")


def _sameness(value: Any) -> str:
    """Equal for values that JSON Schema calls equal (1 and 1.0 are, 1 and true are not)."""

    def plain(part: Any) -> Any:
        if isinstance(part, float) and part.is_integer():
            return int(part)
        if isinstance(part, dict):
            return {name: plain(inner) for name, inner in part.items()}
        return [plain(inner) for inner in part] if isinstance(part, list) else part

    try:
        return json.dumps(plain(value), sort_keys=True, default=repr)
    except TypeError:  # a value of Python with keys that cannot be sorted
        return repr(value)


@cache
def _format_checker() -> Any:
    import jsonschema  # loads on first use: 100 ms

    found = jsonschema.FormatChecker(formats=())
    for name, check in FORMATS.items():
        found.checks(name)(check)
    return found


def _parts(schema: Any) -> Iterator[tuple[str, Any]]:
    """Every object in a schema with its path."""
    stack = [("$", schema)]
    while stack:
        path, part = stack.pop()
        if isinstance(part, dict):
            yield path, part
            stack.extend((f"{path}.{name}", inner) for name, inner in part.items())
        elif isinstance(part, list):
            stack.extend((f"{path}[{place}]", inner) for place, inner in enumerate(part))


def _check_patterns(schema: Any) -> None:
    """Every pattern must be one that is matched in linear time: a model's answer must not stop the run."""
    named = unevaluated = ""
    for path, part in _parts(schema):
        by_name = part.get("patternProperties")
        patterns = [("pattern", part["pattern"])] if isinstance(part.get("pattern"), str) else []
        if isinstance(by_name, dict) and not path.endswith((".properties", ".$defs")):
            named = named or f"{path}.patternProperties"
            patterns += [("patternProperties", pattern) for pattern in by_name]
        unevaluated = unevaluated or (path if "unevaluatedProperties" in part else "")
        for keyword, pattern in patterns:
            try:
                _matcher(pattern)
            except SchemaError as error:
                raise SchemaError(
                    f"has a pattern at {path}.{keyword} that cannot be matched in bounded time ({error}): "
                    f"write {pattern[:80]!r} in another way"
                ) from None
    if named and unevaluated:
        raise SchemaError(f"has both {named} and unevaluatedProperties: use additionalProperties")


def _check_references(schema: Any) -> None:
    """Every `$ref` must point into the schema: what lies elsewhere would be fetched from the net and can change."""
    for path, part in _parts(schema):
        if isinstance(part.get("$id"), str) and path != "$":
            raise SchemaError(f"has a schema with an $id of its own inside ({part['$id']!r}): remove that $id")
        for reference in (part.get("$ref"), part.get("$dynamicRef")):
            if isinstance(reference, str) and not _points_inside(reference, schema):
                raise SchemaError(f"refers to {reference!r}, which is not in it (at {path}): put it under $defs")


def _points_inside(reference: str, schema: Any) -> bool:
    pointer = unquote(reference.removeprefix("#"))
    if not reference.startswith("#"):
        return False
    if pointer and not pointer.startswith("/"):
        anchors = (f'"$anchor":{json.dumps(pointer)}', f'"$dynamicAnchor":{json.dumps(pointer)}')
        return any(anchor in canonical(schema) for anchor in anchors)
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(schema, list) and key.isdecimal() and int(key) < len(schema):
            schema = schema[int(key)]
        elif isinstance(schema, dict) and key in schema:
            schema = schema[key]
        else:
            return False
    return True
