"""How the text or value of one option is read: durations, numbers, names, choices.

Each reader takes what stood in the cell (a string from the magic line, a YAML value from a `#|` line, any object from
Python) and raises ValueError saying what it must be. Which option uses which reader is in `options`.
"""

from __future__ import annotations

import json
import keyword
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from wfkit.core.node import Each
from wfkit.core.policy import CachePolicy
from wfkit.core.routing import DEFAULT_ROUTE, ROUTED
from wfkit.define import json_schema, type_words
from wfkit.define.returns import refuse_frame

Reader = Callable[[Any], Any]

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")
EACH = re.compile(r"(\w+)\s+in\s+(\w+)")
WHOLE = re.compile(r"[+-]?\d+")


def whole(lowest: int, highest: int) -> Reader:
    """A whole number within bounds."""

    def read(value: Any) -> int:
        number = int(value) if isinstance(value, str) and WHOLE.fullmatch(value.strip()) else value
        if isinstance(number, bool) or not isinstance(number, int) or not lowest <= number <= highest:
            raise ValueError(f"must be a whole number from {lowest} to {highest}")
        return number

    return read


def number(lowest: float, highest: float) -> Reader:
    """A number within bounds."""

    def read(value: Any) -> float:
        found = _float(value)
        if found is None or not lowest <= found <= highest:
            raise ValueError(f"must be a number from {lowest:g} to {highest:g}")
        return found

    return read


def switch(value: Any) -> bool:
    """On or off."""
    if isinstance(value, bool):
        return value
    if value in {"on", "off"}:
        return bool(value == "on")
    raise ValueError("must be on or off")


def choice(*words: str) -> Reader:
    """One of these words."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value.strip() not in words:
            raise ValueError(f"must be one of: {', '.join(words)}")
        return value.strip()

    return read


def seconds(value: Any) -> float:
    """A time span in seconds: a number of seconds, or a number with a unit (`500ms`, `30s`, `2m`, `1h`)."""
    found = _float(value)
    if found is None and isinstance(value, str):
        found = _duration(value)
    if found is None or not 0 < found < math.inf:
        raise ValueError("must be a time span above zero like 30, 30s, 2m or 1h")
    return found


def cache(value: Any) -> CachePolicy:
    """`on`, `off`, or how long results are reused (`1h`, `7d`); YAML reads a bare on or off as a boolean."""
    if isinstance(value, CachePolicy):
        return value
    if isinstance(value, bool):
        return CachePolicy(enabled=value)
    text = value.strip().lower() if isinstance(value, str) else ""
    if text in {"on", "true", "yes", "off", "false", "no"}:
        return CachePolicy(enabled=text in {"on", "true", "yes"})
    span = _duration(text)
    if not span:
        raise ValueError("must be on, off or a time span with a unit like 30m, 1h or 7d")
    return CachePolicy(ttl_s=span)


def names(value: Any) -> tuple[str, ...]:
    """Names of nodes or variables: a list, or text with commas or spaces between them. Names said twice count once."""
    parts = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
        raise ValueError("must be names with commas between them")
    found = dict.fromkeys(part for part in parts if part)
    for name in found:
        if not is_name(name):
            raise ValueError(f"must be names with commas between them, and {name!r} is no name")
    return tuple(found)


def paths(value: Any) -> tuple[str, ...]:
    """Names of functions, with dots into modules: a list, or text with commas or spaces between them."""
    parts = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or not parts or not all(isinstance(part, str) for part in parts):
        raise ValueError("must be names of functions with commas between them")
    for path in parts:
        if not all(is_name(part) for part in path.split(".")):
            raise ValueError(f"must be names of functions with commas between them, and {path!r} is no name")
    return tuple(parts)


def column(value: Any) -> str:
    """The name of a column or field."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be the name of a column of the items")
    return value.strip()


def each(value: Any) -> Each:
    """`item in over`."""
    if isinstance(value, Each):
        return value
    match = EACH.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match or not (is_name(match[1]) and is_name(match[2])):
        raise ValueError("must be like: review in reviews (a name for the item, `in`, the node to run over)")
    if match[1] == match[2]:
        raise ValueError(f"needs two different names, for example: one_{match[2]} in {match[2]}")
    return Each(item=match[1], over=match[2])


def model(value: Any) -> str:
    """The name of a model as litellm knows it, `default` or `offline`."""
    text = value.strip() if isinstance(value, str) else ""
    whole_name = bool(text) and not text.startswith("/") and not text.endswith("/")
    if not whole_name or not text.isprintable() or any(letter.isspace() for letter in text):
        raise ValueError("must be the name of a model like openai/gpt-5-mini, or default, or offline")
    return text


def models(value: Any) -> tuple[str, ...]:
    """Names of models: a list, or text with commas between them."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or not parts:
        raise ValueError("must be names of models with commas between them")
    found = tuple(model(part) for part in parts)
    if len(set(found)) < len(found):
        raise ValueError("must name each model once")
    return found


def fallback(value: Any) -> tuple[str, ...] | dict[str, tuple[str, ...]]:
    """Names of models, or a mapping from kinds of failures (and `default`) to them."""
    if not isinstance(value, Mapping):
        return models(value)
    known = {DEFAULT_ROUTE, *map(str, ROUTED)}
    unknown = next((kind for kind in value if kind not in known), None)
    if unknown is not None or not value:
        raise ValueError(f"must be models, or a mapping from kinds of failures ({', '.join(sorted(known))}) to models")
    return {str(kind): models(chain) for kind, chain in value.items()}


def on_invalid(value: Any) -> str:
    """`fail`, or `null`, which YAML also writes as nothing."""
    word = "null" if value is None else value
    if word not in ("fail", "null"):
        later = " (gate comes with review gates)" if word == "gate" else ""
        raise ValueError(f"must be fail or null{later}")
    return str(word)


def schema(value: Any) -> str:
    """A class or types by name, a file that ends with .json, or a JSON Schema (a mapping or JSON text), as text.

    Raises SchemaError for a mapping that is no JSON Schema.
    """
    text = _text_of(value)
    if text.startswith("{"):
        json_schema.checker(_parsed(text))
    elif not text.endswith(".json"):
        try:
            type_words.parse(text)
        except ValueError:
            raise ValueError(_SCHEMAS) from None
    return text


def returns(value: Any) -> Any:
    """What `schema` takes, types as objects of Python, or a mapping of the columns of a DataFrame."""
    if isinstance(value, Mapping) and "columns" in value:
        refuse_frame(value)
        return _text_of(value)
    return schema(value) if isinstance(value, (str, Mapping)) else value


_SCHEMAS = "must be a pydantic class, types like list[Label], a file that ends with .json, or a JSON Schema (a mapping)"


def _text_of(value: Any) -> str:
    if not isinstance(value, Mapping):
        return value.strip() if isinstance(value, str) else ""
    try:
        return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"must be a JSON Schema of plain JSON values ({error})") from None


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"must be JSON ({error})") from None
    return found


def is_name(text: str) -> bool:
    """Whether a variable may be called so."""
    return text.isidentifier() and not keyword.iskeyword(text)


def _float(value: Any) -> float | None:
    """A finite number, also in text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _duration(text: str) -> float | None:
    match = DURATION.fullmatch(text.strip())
    return float(match[1]) * SECONDS[match[2]] if match else None
