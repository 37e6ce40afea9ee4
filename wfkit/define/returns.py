"""What a Python node may return: the types and schemas of `schema`, any class, or a DataFrame with its columns.

Values are judged as they are and never converted. pandas is not loaded: a body that makes a frame has done so.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from wfkit.define.answer_json import InvalidOutput
from wfkit.define.schema import Schema, resolve
from wfkit.define.type_words import type_of
from wfkit.errors import SchemaError

FRAME = "DataFrame"
KINDS: Mapping[str, str] = {
    "int": "is_integer_dtype",
    "float": "is_float_dtype",
    "number": "is_numeric_dtype",
    "str": "is_string_dtype",
    "bool": "is_bool_dtype",
    "datetime": "is_datetime64_any_dtype",
}
Body = Callable[[dict[str, Any]], Any | Awaitable[Any]]


def resolve_returns(wanted: Any, namespace: Mapping[str, Any]) -> Schema:
    """What the values of a node are held against. Raises SchemaError.

    `wanted` is what `schema` takes, a plain type such as `int`, any class, `DataFrame`, or the text of a mapping
    `{columns: {NAME: DTYPE}}`: a DTYPE is one of pandas (`int64`), or int, float, number, str, bool, datetime or any.
    """
    if wanted == FRAME and FRAME not in namespace:
        return _frame("{}", {})
    if isinstance(wanted, str) and wanted.startswith("{") and "columns" in orjson.loads(wanted):
        return _frame(wanted, orjson.loads(wanted)["columns"])
    try:
        return resolve(wanted, namespace, plain=True)
    except SchemaError:
        cls = _class(wanted, namespace)
        if cls is None:
            raise
    return _instance(cls)


def _class(wanted: Any, namespace: Mapping[str, Any]) -> type | None:
    if isinstance(wanted, str) and not wanted.startswith("{") and not wanted.endswith(".json"):
        try:
            wanted = type_of(wanted, namespace, {})
        except SchemaError:
            return None
    return wanted if isinstance(wanted, type) else None


def checked(body: Body, is_async: bool, schema: Schema, node: str) -> Body:
    """The body, whose value is held against the schema: what does not fit raises InvalidOutput."""

    def held(value: Any) -> Any:
        try:
            schema.hold(value)
        except InvalidOutput as error:
            head, _, lines = str(error).partition("\n")
            what = f"node {node!r} returned a value that does not fit `returns` ({schema.name})"
            raise InvalidOutput(f"{what}:\n{lines or head}") from None
        return value

    async def awaited(names: dict[str, Any]) -> Any:
        return held(await body(names))

    return awaited if is_async else lambda names: held(body(names))


def refuse_frame(wanted: Mapping[str, Any]) -> None:
    """Raises ValueError for a mapping with `columns` that does not say names and dtypes."""
    columns = wanted["columns"]
    texts = isinstance(columns, Mapping) and all(isinstance(part, str) for pair in columns.items() for part in pair)
    if not texts or len(wanted) > 1:
        raise ValueError("must be like {columns: {id: int, text: str}}: names of columns with their dtypes, or any")


def _instance(cls: type) -> Schema:
    name = cls.__name__

    def hold(value: Any) -> None:
        if not isinstance(value, cls):
            raise InvalidOutput(f"- $: expected {name}, got {_kind(value)}")

    return Schema(name, json.dumps({"instance": f"{cls.__module__}.{cls.__qualname__}"}), cls, _no_answer, hold)


def _frame(text: str, columns: Mapping[str, str]) -> Schema:
    def hold(value: Any) -> None:
        pandas = sys.modules.get("pandas")
        if pandas is None or not isinstance(value, pandas.DataFrame):
            raise InvalidOutput(f"- $: expected a pandas DataFrame, got {_kind(value)}")
        wrong = [line for name, dtype in columns.items() if (line := _wrong(pandas, value, name, dtype))]
        if wrong:
            raise InvalidOutput("\n".join(("", *wrong)))

    return Schema(FRAME, text, None, _no_answer, hold)


def _wrong(pandas: Any, frame: Any, name: str, dtype: str) -> str:
    columns = [frame.iloc[:, place] for place, each in enumerate(frame.columns) if str(each) == name]
    if not columns:
        there = ", ".join(map(str, frame.columns[:20]))
        return f"- $[{name!r}]: expected a column of {dtype}, got none (there are: {there})"
    found = next((column.dtype for column in columns if not _has(pandas, column, dtype)), None)
    return "" if found is None else f"- $[{name!r}]: expected {dtype}, got {found}"


def _has(pandas: Any, column: Any, dtype: str) -> bool:
    found = str(column.dtype)
    if dtype in ("any", found):
        return True
    if dtype not in KINDS or (dtype == "number" and found in ("bool", "boolean")):
        return False
    return bool(getattr(pandas.api.types, KINDS[dtype])(column))


def _kind(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


def _no_answer(_text: str, _value: Any) -> Any:
    raise InvalidOutput("This schema is for values of Python, not for answers of models.")
