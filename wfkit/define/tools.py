"""Functions that a model may call: from a typed function to what a model is told of it, and from the arguments that a
model writes back to values.

pydantic loads on first use. When a tool is called, and what becomes of its result, is not known here.
"""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wfkit.core.call import Tool
from wfkit.core.frozen import dataclass
from wfkit.core.graph import near
from wfkit.define.docstring import documented
from wfkit.define.violations import of_pydantic
from wfkit.errors import OptionError

KEY = "idempotency_key"  # a parameter that the model is not told of: it is given a key that stays the same
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_VALUES = frozenset({"default", "const", "enum", "examples"})  # what stands there is data, not schema
_PLAIN = (str, int, float, bool, type(None))


class InvalidArguments(ValueError):
    """Arguments that a tool does not take. The message is fit for the model to read and mend."""


@dataclass(frozen=True, slots=True)
class ToolFunction:
    """A function that a model may call. `check` gives the values of the arguments in a model's JSON text, without those
    that are left out, or raises InvalidArguments. `wants_key`: it takes an `idempotency_key`.
    """

    tool: Tool
    function: Callable[..., Any]
    check: Callable[[str], dict[str, Any]]
    wants_key: bool = False

    @property
    def name(self) -> str:
        """The name by which the model calls it."""
        return self.tool.name

    @property
    def is_async(self) -> bool:
        """Whether it runs on the loop."""
        return inspect.iscoroutinefunction(inspect.unwrap(self.function))


def resolve_tools(names: Sequence[str], namespace: Mapping[str, Any]) -> tuple[ToolFunction, ...]:
    """The tools of these names (with dots into modules). Raises OptionError for what cannot be one."""
    return tuple(tool_function(function, called) for called, function in named(names, namespace).items())


def named(names: Sequence[str], namespace: Mapping[str, Any]) -> dict[str, Any]:
    """What these names stand for, by the names that the model is told. Raises OptionError for what is not there or is
    no function; looks no further and loads nothing."""
    found: dict[str, Any] = {}
    for name in names:
        called = name.rpartition(".")[2]
        if called in found:
            raise OptionError(f"option `tools` names two functions {called!r}: give one of them another name")
        found[called] = _named(name, namespace)
        _refuse_unfit(found[called], called)
    return found


def tool_function(function: Any, name: str) -> ToolFunction:
    """A function as a tool of this name. Raises OptionError: the model must be told the type of every argument."""
    _refuse_unfit(function, name)
    parameters = inspect.signature(function).parameters.values()
    for parameter in parameters:
        if parameter.kind not in _BY_NAME:
            _refuse(name, f"takes `{parameter}`: name each of its arguments, without * or /")
    hints = _hints(function, name)
    untyped = [parameter.name for parameter in parameters if parameter.name not in hints]
    if untyped:
        _refuse(name, f"has no type for its argument {untyped[0]!r}: write one, such as `{untyped[0]}: str`")
    told = documented(function.__doc__)
    given = [parameter for parameter in parameters if parameter.name != KEY]
    wants_key = len(given) < len(parameters)
    if wants_key and hints[KEY] is not str:
        _refuse(name, f"takes {KEY!r}, which is a text: write `{KEY}: str`")
    model = _model(name, given, hints, told.arguments)
    schema = json.dumps(_without_titles(_schema(name, model)), sort_keys=True, ensure_ascii=False)
    return ToolFunction(Tool(name, told.description, schema), function, _checker(name, model, given), wants_key)


def _named(name: str, namespace: Mapping[str, Any]) -> Any:
    first, *rest = name.split(".")
    if first not in namespace:
        functions = [key for key, value in namespace.items() if inspect.isfunction(value) and not key.startswith("_")]
        raise OptionError(
            f"tool {name!r} is not defined{near(first, functions)}: define the function in a cell that runs before"
        )
    value, path = namespace[first], first
    for part in rest:
        if not hasattr(value, part):
            raise OptionError(f"tool {name!r} is not defined: {path} has no {part!r}{near(part, dir(value))}")
        value, path = getattr(value, part), f"{path}.{part}"
    return value


def _refuse_unfit(function: Any, name: str) -> None:
    if getattr(function, "__name__", "") == "<lambda>":
        raise OptionError(f"tool {name!r} is a lambda, which has no name and no types: write a `def`")
    if not _NAME.fullmatch(name):
        raise OptionError(
            f"tool {name!r} has a name that models do not take: use up to 64 letters from A to z, digits and _"
        )
    if inspect.ismethod(function):
        _refuse(name, "is a method: write a function that calls it")
    if not inspect.isfunction(function):
        what = "a class" if inspect.isclass(function) else f"a {type(function).__name__}"
        _refuse(name, f"is {what}, and a tool is a function: write a `def` around it")
    inner = inspect.unwrap(function)
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        _refuse(name, "is a generator, and a tool has one result: return a list instead")


def _refuse(name: str, problem: str) -> typing.NoReturn:
    raise OptionError(f"tool {name!r} {problem}")


def _hints(function: Any, name: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, SyntaxError, AttributeError) as error:
        return _refuse(name, f"has a type that cannot be understood ({error}): define it before")


def _model(name: str, given: Sequence[inspect.Parameter], hints: Mapping[str, Any], told: Mapping[str, str]) -> Any:
    """A pydantic model of the arguments. Its fields go by numbers: any name of an argument is fine as an alias."""
    import pydantic  # loads on first use: 60 ms

    fields: dict[str, Any] = {}
    for number, parameter in enumerate(given):
        kept: dict[str, Any] = {"alias": parameter.name, "title": parameter.name}
        if parameter.name in told:
            kept["description"] = told[parameter.name]
        if parameter.default is not inspect.Parameter.empty:
            plain = isinstance(parameter.default, _PLAIN)
            kept |= {"default": parameter.default} if plain else {"default_factory": lambda: None}
        fields[f"argument_{number}"] = (hints[parameter.name], pydantic.Field(**kept))
    try:
        return pydantic.create_model(name, __config__=pydantic.ConfigDict(extra="forbid"), **fields)
    except (pydantic.PydanticUserError, NameError, TypeError) as error:
        return _refuse(name, _untold(error))


def _schema(name: str, model: Any) -> Any:
    import pydantic  # `_model` has loaded it

    try:
        return model.model_json_schema()
    except (pydantic.PydanticUserError, NameError, TypeError) as error:
        return _refuse(name, _untold(error))


def _untold(error: Exception) -> str:
    first = str(error).split("\n", maxsplit=1)[0]
    return f"has an argument whose type no JSON Schema can tell: {first}"


def _checker(name: str, model: Any, given: Sequence[inspect.Parameter]) -> Callable[[str], dict[str, Any]]:
    import pydantic  # `_model` has loaded it

    def check(text: str) -> dict[str, Any]:
        try:
            found = model.model_validate_json(text.strip() or "{}")
        except pydantic.ValidationError as error:
            raise InvalidArguments(f"the arguments of {name} are not valid:\n{_told(error)}") from None
        return {
            parameter.name: getattr(found, f"argument_{number}")
            for number, parameter in enumerate(given)
            if f"argument_{number}" in found.model_fields_set
        }

    return check


def _told(error: Any) -> str:
    return of_pydantic(error).partition("\n")[2]


def _without_titles(schema: Any) -> Any:
    """The schema without the titles that pydantic makes of names: they say nothing and are paid for in each request."""
    if isinstance(schema, list):
        return [_without_titles(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: part if key in _VALUES else _without_titles(part)
        for key, part in schema.items()
        if key != "title" or not isinstance(part, str)
    }
