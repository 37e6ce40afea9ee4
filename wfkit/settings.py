"""What a user may configure, and from where.

`%wf config`, environment (`WFKIT_*`), `[tool.wfkit]` of pyproject.toml, defaults: first wins.
One frozen dataclass. Nothing is read from disk except the nearest pyproject.toml, and only when asked.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from wfkit.core.capabilities import Capabilities
from wfkit.core.frozen import dataclass
from wfkit.core.graph import near
from wfkit.errors import UsageFault

Prices = tuple[tuple[str, tuple[tuple[str, float], ...]], ...]  # a model, and its prices by name
Models = tuple[tuple[str, Capabilities], ...]  # a model of the user's own, and what it can do


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its default.

    `deadline_s`: how long a run may take (None: for ever); `threads`: Python bodies at once; `concurrency`: model calls
    at once per provider; `timeout_s`: deadline of one
    model call; `retries`: attempts after the first for prompts; `model`: what `--model default` stands for; `strict`: a
    mutated input is an error; `max_usd`, `max_usd_per_call`, `max_usd_per_day`: most that the model calls of one run,
    one call, and all runs on this store since midnight may cost, in US dollars (None: no limit); `max_tokens_per_run`,
    `max_tokens_per_call`, `max_tokens_per_day`: the same in tokens, sent and answered; `transport`: `litellm` sends
    every request through litellm, `auto` speaks OpenAI's protocol directly where that is the same; `buy`: whether
    models of providers may be asked (off: only the call log answers); `cassette`: `record:FILE`, `replay:FILE` or
    `replay-or-record:FILE` for all runs; `prices`: your own, a table for each model with US dollars for a million
    tokens: `input`, `output`, `cached`, `cache_written`, `reasoning`;
    `models`: what models of your own can do, a table for each with fields of `core.capabilities.Capabilities`.
    """

    threads: int = 8
    concurrency: int = 32
    timeout_s: float = 120.0
    deadline_s: float | None = None
    retries: int = 2
    model: str = "offline"
    strict: bool = False
    max_usd: float | None = None
    max_usd_per_call: float | None = None
    max_usd_per_day: float | None = None
    max_tokens_per_run: int | None = None
    max_tokens_per_call: int | None = None
    max_tokens_per_day: int | None = None
    transport: str = "auto"
    max_output_kb: int = 64
    buy: bool = True
    cassette: str = ""
    prices: Prices = ()
    models: Models = ()

    def counted(self) -> dict[str, str]:
        """The settings that the value of a body may depend on, by name."""
        return {"model": self.model}


PRICES = ("input", "output", "cached", "cache_written", "reasoning")
_WANTED = {
    "prices": 'a table such as {"openai/my-model": {"input": 0.15, "output": 0.6}}, in US dollars for a million tokens'
    f" ({', '.join(PRICES)}; the first two are needed)",
    "retries": "a whole number from 0",
    "models": 'a table such as {"openai/my-model": {"context_tokens": 32000, "tools": true}}',
}
_LIMITS = tuple(item.name for item in fields(Capabilities) if item.name.endswith(("_tokens", "_usd")))
_AMOUNTS: Mapping[str, type] = {
    **dict.fromkeys(("deadline_s", "max_usd", "max_usd_per_call", "max_usd_per_day"), float),
    **dict.fromkeys(("max_tokens_per_run", "max_tokens_per_call", "max_tokens_per_day"), int),
}
_KINDS: Mapping[type, str] = {
    int: "a whole number above 0",
    float: "a number above 0",
    bool: "on or off",
    str: "a text",
}
_CHOICES = {"transport": ("auto", "litellm")}


def load(
    root: Path | None = None, overrides: Mapping[str, Any] | None = None, env: Mapping[str, str] | None = None
) -> Settings:
    """Settings for a project root.

    Raises UsageFault for an unknown name or a value of the wrong type, naming where it stands.
    """
    found = _from_pyproject(root) if root else {}
    environment = os.environ if env is None else env
    for item in fields(Settings):
        text = environment.get(f"WFKIT_{item.name.upper()}")
        if text is not None:
            found[item.name] = (text, f"environment variable WFKIT_{item.name.upper()}")
    for name, value in (overrides or {}).items():
        found[name] = (value, "config")
    result = Settings()
    for name, (value, where) in found.items():
        result = _set(result, name, value, where)
    return result


def _from_pyproject(root: Path) -> dict[str, tuple[Any, str]]:
    path = root / "pyproject.toml"
    if not path.is_file():
        return {}
    import tomllib  # loads on first use: 8 ms, and many notebooks have no project

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("wfkit", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageFault(f"{path.name} is not valid TOML ({error}): mend it, or remove [tool.wfkit]") from error
    return {name: (value, "pyproject.toml, [tool.wfkit]") for name, value in table.items()}


def _prices(value: Any) -> Prices:
    """A price table, given as one or as JSON. Raises ValueError."""
    table = json.loads(value) if isinstance(value, str) else value
    if not isinstance(table, dict):
        raise ValueError(value)
    for prices in table.values():
        wrong = not isinstance(prices, dict) or not set(prices) <= set(PRICES) or not {"input", "output"} <= set(prices)
        if wrong or not all(type(price) in (int, float) and price >= 0 for price in prices.values()):
            raise ValueError(value)
    return tuple((str(model), tuple(prices.items())) for model, prices in table.items())


def _models(value: Any, where: str) -> Models:
    """Models of the user's own, given as a table or as JSON. Raises UsageFault that names the model and the field."""
    table = json.loads(value) if isinstance(value, str) else value
    if not isinstance(table, dict):
        raise ValueError(value)
    from pydantic import TypeAdapter, ValidationError  # 100 ms, and few have models of their own

    reader = TypeAdapter(Capabilities)
    found = []
    for model, said in table.items():
        try:
            known = reader.validate_python(said)
        except ValidationError as error:
            raise UsageFault(f"model {model!r} in {where}: {_told(error.errors()[0])}") from None
        below = [name for name in _LIMITS if (amount := getattr(known, name)) is not None and amount < 0]
        if below:
            raise UsageFault(f"model {model!r} in {where}: {below[0]} must not be below 0")
        found.append((str(model), known))
    return tuple(found)


def _told(error: Mapping[str, Any]) -> str:
    """What pydantic found wrong, in a sentence."""
    field = ".".join(map(str, error["loc"]))
    known = [item.name for item in fields(Capabilities)]
    if error["type"] == "unexpected_keyword_argument":
        return f"there is no field {field!r}{near(field, known)}; fields are: {', '.join(known)}"
    message = error["msg"][:1].lower() + error["msg"][1:]
    return f"{field or 'it'}: {message}, not {error['input']!r}"


def _set(settings: Settings, name: str, value: Any, where: str) -> Settings:
    known = {item.name for item in fields(Settings)}
    if name not in known:
        raise UsageFault(
            f"unknown setting {name!r} in {where}{near(name, known)}; settings are: {', '.join(sorted(known))}"
        )
    kind = _AMOUNTS.get(name) or type(getattr(Settings(), name))
    wanted = _WANTED.get(name) or _KINDS[kind] + (" (none: no limit)" if name in _AMOUNTS else "")
    try:
        if name == "models":
            return replace(settings, models=_models(value, where))
        parsed: Any = None if name in _AMOUNTS and str(value).lower() == "none" else _parse(value, kind, name)
        if parsed not in _CHOICES.get(name, (parsed,)):
            raise UsageFault(f"setting {name!r} in {where} is one of {', '.join(_CHOICES[name])}, not {value!r}")
    except ValueError as error:
        raise UsageFault(f"setting {name!r} in {where} must be {wanted}, not {value!r}") from error
    return replace(settings, **{name: parsed})


def _parse(value: Any, kind: type, name: str) -> Any:
    if kind is tuple:
        return _prices(value)
    if kind is bool:
        text = str(value).strip().lower()
        if text not in {"1", "0", "true", "false", "yes", "no", "on", "off"}:
            raise ValueError(text)
        return text in {"1", "true", "yes", "on"}
    parsed = kind(value)
    if parsed == 0 and name == "retries":
        return parsed  # to try once is a choice; none of the others makes sense at 0
    if kind in (int, float) and not 0 < parsed < math.inf:
        raise ValueError(value)
    return parsed
