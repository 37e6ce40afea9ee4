"""litellm's bundled files, read without importing litellm: prices and limits of models, and the names of providers.

Parsing takes 20 ms where the import takes seconds. Nothing is fetched; what is not in the files is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

Entry = Mapping[str, Any]

_PRICES = "model_prices_and_context_window_backup.json"
_PROVIDERS = "provider_endpoints_support_backup.json"
_ALIKE = "llms/openai_like/providers.json"
_ASKABLE = frozenset({"chat", "responses", "completion", None})


@cache
def entries() -> dict[str, Entry]:
    """Every model of the price file by its name there; empty if litellm is not installed or has moved the file."""
    found = _read(_PRICES)
    for name in ("sample_spec", "fallback_generalizations"):
        found.pop(name, None)
    return found


@cache
def providers() -> frozenset[str]:
    """Names of providers that may stand before the slash of a model's name."""
    named = {str(entry.get("litellm_provider", "")) for entry in entries().values()}
    return frozenset(named | set(_read(_PROVIDERS).get("providers", ())) | set(_read(_ALIKE))) - {""}


@cache
def models_of(provider: str) -> frozenset[str]:
    """Models of a provider that answer text, without the provider's prefix."""
    prefix = f"{provider}/"
    return frozenset(
        name.removeprefix(prefix)
        for name, entry in entries().items()
        if is_of(entry, provider) and entry.get("mode") in _ASKABLE
    )


def key_variable(provider: str) -> str | None:
    """The environment variable for a provider that speaks OpenAI's protocol, as litellm's file has it."""
    variable = _read(_ALIKE).get(provider, {}).get("api_key_env")
    return str(variable) if variable else None


_FAMILIES = ("bedrock", "vertex_ai")  # the file tells their parts apart; a model is asked by the stem


def stem(provider: str) -> str:
    """The prefix of a model's name for a provider of the file: `bedrock` for `bedrock_converse`."""
    return next((name for name in _FAMILIES if provider.startswith((f"{name}_", f"{name}-"))), provider)


def is_of(entry: Entry, provider: str) -> bool:
    """Whether an entry belongs to a provider; `vertex_ai-language-models` and `bedrock_converse` do to their stems."""
    own = str(entry.get("litellm_provider", ""))
    return own == provider or own.startswith((f"{provider}_", f"{provider}-"))


@cache
def _read(name: str) -> dict[str, Any]:
    spec = find_spec("litellm")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / name
        if path.is_file():
            return dict(orjson.loads(path.read_bytes()))
    return {}
