"""The one option table of a node, and how options become `Options`.

The magic line, `#|` lines, Python definers, help and completion all read TABLE; an option that is not in it does not
exist. How text is cut into options is in `magic_line` and `directives`, how one value is read in `option_values`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from wfkit.core.frozen import dataclass
from wfkit.core.graph import near
from wfkit.core.node import Each
from wfkit.core.policy import ANSWER, FAIL, CachePolicy, ModelPolicy, Options, RetryPolicy
from wfkit.core.secrets import beginning
from wfkit.core.terms import OnError
from wfkit.define import option_values as read
from wfkit.define.magic_line import line_options
from wfkit.define.schema import demand_field
from wfkit.define.schema import named as named_schema
from wfkit.errors import OptionError, SchemaError
from wfkit.settings import Settings

Pair = tuple[str, Any, int]  # name, value, line of the cell (0: an argument in Python)


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `metavar` stands for its value in help; `choices` are the words that completion offers for it.

    `prompt_only`: a Python node refuses it. `in_key`: changing it makes a new task key. `null`: YAML's null is a value.
    """

    name: str
    help: str
    reader: read.Reader
    metavar: str
    prompt_only: bool = False
    in_key: bool = True
    choices: tuple[str, ...] = ()
    null: bool = False


ON_ERROR = tuple(word.value for word in OnError)
LAST = (ANSWER, FAIL)
_LAST = read.choice(*LAST)

TABLE: tuple[Option, ...] = (
    Option("each", "run once for each item of that node's value", read.each, "ITEM in NODE"),
    Option("needs", "further nodes that must be done before", read.names, "NODE,..."),
    Option("ignore", "names whose values are left out of the key", read.names, "NAME,..."),
    Option(
        "cache", "reuse results: always, never, or for a time", read.cache, "on|off|1h", False, False, ("on", "off")
    ),
    Option(
        "codec",
        "how the value is stored",
        read.choice("auto", "pickle"),
        "auto|pickle",
        choices=("auto", "pickle"),
    ),
    Option("retries", "attempts after the first", read.whole(0, 100), "N", in_key=False),
    Option("timeout", "how long one attempt may take", read.seconds, "30s|2m", in_key=False),
    Option("deadline", "how long a task may take with all its attempts", read.seconds, "30s|2m", in_key=False),
    Option("priority", "higher starts first", read.whole(-1000, 1000), "N", in_key=False),
    Option(
        "on_error",
        "what a failed task means for those who need it",
        read.choice(*ON_ERROR),
        "|".join(ON_ERROR),
        choices=ON_ERROR,
    ),
    Option(
        "key",
        "the column that names the items of a map, to align them between runs",
        read.column,
        "COLUMN",
        in_key=False,
    ),
    Option("limit", "of a map, only the first so many items", read.whole(1, 10**9), "N", in_key=False),
    Option("max_parallel", "of a map, at most so many items at work at once", read.whole(1, 10**6), "N", in_key=False),
    Option("batch_size", "of a map, how many items a worker takes at a time", read.whole(1, 10**6), "N", in_key=False),
    Option("returns", "what a Python node returns: types, a JSON Schema, or {columns: ...}", read.returns, "TYPES"),
    Option("model", "the model to ask: makes the cell a prompt", read.model, "MODEL", choices=("default", "offline")),
    Option(
        "fallback", "models to ask when it fails, in order, or by the kind of failure", read.fallback, "MODEL,...", True
    ),
    Option("schema", "what the answer must look like: types, a file NAME.json, a mapping", read.schema, "CLASS", True),
    Option(
        "on_invalid",
        "an answer that stays invalid: fail the task, or take null",
        read.on_invalid,
        "fail|null",
        True,
        False,
        ("fail", "null"),
        null=True,
    ),
    Option(
        "hedge", "ask once more after so long without a reply; it counts as a retry", read.seconds, "2s", True, False
    ),
    Option(
        "min_confidence", "least `confidence` of an answer; below it, the next model", read.number(0, 1), "0..1", True
    ),
    Option("repairs", "corrective questions after an invalid answer", read.whole(0, 10), "N", True, False),
    Option("temperature", "randomness of the answer", read.number(0, 2), "0..2", True),
    Option("top_p", "share of likely words to choose from", read.number(0, 1), "0..1", True),
    Option("max_tokens", "longest answer, in tokens", read.whole(1, 10_000_000), "N", True),
    Option("max_usd", "most that the node's calls may cost in one run", read.number(0, 1e9), "USD", False, False),
    Option(
        "allow_unpriced",
        "let a model without a price pass the budgets",
        read.switch,
        "on|off",
        False,
        False,
        ("on", "off"),
    ),
    Option("seed", "asks the provider for repeatable answers", read.whole(-(2**63), 2**63 - 1), "N", True),
    Option("stream", "show the answer while it grows", read.switch, "on|off", True, False, ("on", "off")),
    Option("tools", "typed functions that the model may call", read.paths, "FUNCTION,...", True),
    Option("max_turns", "how often it may call tools before it must answer", read.whole(1, 100), "N", True),
    Option("on_max_turns", "what then: ask once more without tools, or fail", _LAST, "answer|fail", True, choices=LAST),
)
_MAP_ONLY = frozenset({"key", "limit", "max_parallel", "batch_size"})
_TOOLS_ONLY = frozenset({"max_turns", "on_max_turns"})
BY_NAME: Mapping[str, Option] = {option.name: option for option in TABLE}


def read_options(line: str, pairs: Sequence[Pair], settings: Settings | None = None) -> tuple[Options, Each | None]:
    """The options of a node from its magic line (without the name) and its `#|` lines.

    `pairs` are (name, value, line of the cell); line 0 means an argument in Python. A model makes the node a prompt.
    `settings` gives the number of retries of a prompt that names none. Raises OptionError naming the option, the line
    and what to do.
    """
    if not line and not pairs:
        return _none_given(settings or Settings()), None
    given = [(name, value, 1) for name, value in line_options(line)]
    values, lines = _read((*given, *pairs), BY_NAME)
    if "model" not in values:
        _refuse_prompt_only(lines)
    elif "returns" in lines:
        raise OptionError(f"option `returns` ({_where(lines['returns'])}) is for Python nodes: a prompt has `schema`")
    if "each" not in values:
        _refuse_map_only(lines)
    if "schema" not in values:
        _refuse_schema_only(lines)
    _refuse_unsure(values, lines)
    _refuse_vain_hedge(values, lines)
    if "tools" not in values:
        _refuse_tools_only(lines)
    return options_of(values, settings or Settings()), values.get("each")


def read_arguments(said: Mapping[str, Any], table: Mapping[str, Option]) -> dict[str, Any]:
    """The values of options that stand in the arguments of a function; None is as good as not said.

    Raises OptionError in the words in which `read_options` does.
    """
    values, lines = _read([(name, value, 0) for name, value in said.items() if value is not None], table)
    if "schema" not in values:
        _refuse_schema_only(lines)
    _refuse_vain_hedge(values, lines)
    return values


def _read(pairs: Iterable[Pair], table: Mapping[str, Option]) -> tuple[dict[str, Any], dict[str, int]]:
    """The value of each option, and the line that gives it."""
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for typed, value, number in pairs:
        name = typed.replace("-", "_")
        option = table.get(name)
        if option is None:
            raise OptionError(_unknown(name, number, table))
        if name in values:
            raise OptionError(f"option `{name}` is given twice, {_where(lines[name])} and {_where(number)}: keep one")
        values[name], lines[name] = _value(option, value, number), number
    return values, lines


def help_text() -> str:
    """All options, a line each, as `%%wf_node --help` shows them."""
    left = [f"--{option.name} {option.metavar}" for option in TABLE]
    width = max(map(len, left))
    rows = (
        f"  {text:<{width}}  {option.help}{' (prompts only)' if option.prompt_only else ''}"
        for text, option in zip(left, TABLE, strict=True)
    )
    head = "%%wf_node NAME [options]      an option stands on this line, or as `#| option: value` on a line below it"
    return "\n".join((head, *rows))


def _value(option: Option, value: Any, line: int) -> Any:
    if value is None and not option.null:
        raise OptionError(f"option `{option.name}` ({_where(line)}) has no value: it takes {option.metavar}")
    try:
        return option.reader(value)
    except SchemaError as error:
        raise OptionError(f"option `{option.name}` ({_where(line)}) {error}") from None
    except ValueError as error:
        shown = repr(value) if len(repr(value)) <= 80 else f"{beginning(repr(value), 80, os.environ)}..."
        raise OptionError(f"option `{option.name}` ({_where(line)}) {error}, not {shown}") from None


def _refuse_prompt_only(lines: Mapping[str, int]) -> None:
    for name, line in lines.items():
        if BY_NAME[name].prompt_only:
            raise OptionError(
                f"option `{name}` ({_where(line)}) is for prompts, and a node without a model is Python: "
                "add --model MODEL, or remove it"
            )


def _refuse_map_only(lines: Mapping[str, int]) -> None:
    for name, line in lines.items():
        if name in _MAP_ONLY:
            raise OptionError(
                f"option `{name}` ({_where(line)}) is for maps, and this node runs once: "
                "add `each: item in NODE`, or remove it"
            )


def _refuse_schema_only(lines: Mapping[str, int]) -> None:
    for name in ("on_invalid", "min_confidence"):
        if name in lines:
            raise OptionError(
                f"option `{name}` ({_where(lines[name])}) judges answers by a schema: add schema, or remove it"
            )


def _refuse_unsure(values: Mapping[str, Any], lines: Mapping[str, int]) -> None:
    """A JSON Schema in the cell is known here; what a name or a file stands for, when the plan is made."""
    if "min_confidence" in values and values.get("schema", "").startswith("{"):
        try:
            demand_field(*named_schema(values["schema"], {}))
        except SchemaError as error:
            raise OptionError(f"option `min_confidence` ({_where(lines['min_confidence'])}): {error}") from None


def _refuse_vain_hedge(values: Mapping[str, Any], lines: Mapping[str, int]) -> None:
    if "hedge" not in values:
        return
    asks_twice = f"option `hedge` ({_where(lines['hedge'])}) asks twice"
    if not values.get("retries", 1):
        raise OptionError(f"{asks_twice}, and `retries: 0` allows one request: raise retries, or remove one of them")
    if values.get("stream"):
        raise OptionError(f"{asks_twice}, and of two answers `stream` could show only one: remove one of them")


def _refuse_tools_only(lines: Mapping[str, int]) -> None:
    for name, line in lines.items():
        if name in _TOOLS_ONLY:
            raise OptionError(
                f"option `{name}` ({_where(line)}) is for prompts with tools: add `tools: FUNCTION,...`, or remove it"
            )


def _unknown(name: str, line: int, table: Mapping[str, Option]) -> str:
    if name in BY_NAME:
        return f"option `{name}` ({_where(line)}) is for nodes; options here are: {_listed(table)}"
    return f"unknown option `{name}` ({_where(line)}){near(name, table)}; options are: {_listed(table)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _where(line: int) -> str:
    return f"line {line}" if line else "argument"


@lru_cache(maxsize=8)
def _none_given(settings: Settings) -> Options:
    return options_of({}, settings)


def options_of(values: Mapping[str, Any], settings: Settings) -> Options:
    """Options from values that were read; those of a prompt if there is a model."""
    model = values.get("model")
    default_retries = settings.retries if model else 0
    return Options(
        needs=values.get("needs", ()),
        ignore=values.get("ignore", ()),
        retry=RetryPolicy(retries=values.get("retries", default_retries)),
        cache=values.get("cache", CachePolicy()),
        model=_model(model, values) if model else None,
        max_usd=values.get("max_usd"),
        allow_unpriced=values.get("allow_unpriced", False),
        timeout_s=values.get("timeout"),
        deadline_s=values.get("deadline"),
        priority=values.get("priority", 0),
        on_error=OnError(values.get("on_error", OnError.FAIL)),
        codec=values.get("codec", "auto"),
        key=values.get("key"),
        limit=values.get("limit"),
        max_parallel=values.get("max_parallel"),
        batch_size=values.get("batch_size"),
        returns=values.get("returns"),
    )


_OF_MODEL = (
    "temperature", "top_p", "max_tokens", "seed", "schema", "repairs", "on_invalid", "min_confidence", "tools",
    "max_turns", "on_max_turns", "stream",
)  # fmt: skip


def _model(name: str, values: Mapping[str, Any]) -> ModelPolicy:
    found = ModelPolicy(name, **{field: values[field] for field in _OF_MODEL if field in values})
    found = replace(found, hedge_s=values.get("hedge"))
    given = values.get("fallback", ())
    if not isinstance(given, dict):
        return replace(found, fallback=given)
    models = dict.fromkeys(model for chain in given.values() for model in chain)
    return replace(found, fallback=tuple(models), routes=tuple(given.items()))
