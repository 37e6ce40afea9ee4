"""What a model can do: the one answer to `does it take a schema, tools, a temperature?`, `how much does it read?`.

From the user's own entries, else litellm's bundled file, read as litellm reads it but without importing it. Models of
wfkit itself and of adapters say it themselves (`client.capabilities`). Nothing is asked or checked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache

from wfkit.core.capabilities import Capabilities
from wfkit.llm import price_file, prices, registry
from wfkit.llm.price_file import Entry

_MILLION = 1_000_000
_TAKE_SCHEMAS = frozenset({"databricks", "fireworks_ai", "lm_studio", "nebius", "predibase"})  # litellm: all of theirs
_TAKE_TOOLS = frozenset({"fireworks_ai"})  # unless the file says no
_REASONS = re.compile(r"^(?:o\d|.*gpt-[56](?!-chat))")  # of OpenAI's: these think before they answer
_KINDS = {"chat": "chat", "responses": "chat", "completion": "chat", None: "chat", "embedding": "embedding"}


def of(model: str) -> Capabilities | None:
    """What is known of a model by the name it is asked (`provider/name`), None if nothing is. Reads no key."""
    return _of(model, (prices.generation(), registry.generation()))


@lru_cache(maxsize=8192)
def _of(model: str, generation: tuple[int, int]) -> Capabilities | None:  # noqa: ARG001 - own entries of another time are another key
    entry = prices.price(model)
    return None if entry is None else _read(model, entry)


def listed() -> Iterator[tuple[str, Capabilities]]:
    """Every chat and embedding model of the price file and of the user, by the name it is asked, each once."""
    known: set[str] = set()
    for name, entry in [*prices.own().items(), *price_file.entries().items()]:
        asked = name if name in prices.own() else _asked(name, entry)
        if entry.get("mode") in _KINDS and asked not in known:
            known.add(asked)
            found = of(asked)
            if found is not None:
                yield asked, found


def _asked(name: str, entry: Entry) -> str:
    """The name by which a model of the file is asked: with the provider's prefix."""
    provider = price_file.stem(str(entry.get("litellm_provider", "")))
    return name if not provider or name.startswith(f"{provider}/") else f"{provider}/{name}"


def _read(model: str, entry: Entry) -> Capabilities:
    provider, slash, name = model.partition("/")
    if not slash:
        provider, name = str(entry.get("litellm_provider", "")), model
    usd = {field: _usd(entry.get(column)) for field, column in prices.COLUMNS.items()}
    return Capabilities(
        kind="embedding" if entry.get("mode") == "embedding" else "chat",
        schema=provider in _TAKE_SCHEMAS or _flag(entry, name, "supports_response_schema"),
        tools=_flag(entry, name, "supports_function_calling", provider in _TAKE_TOOLS),
        vision=_flag(entry, name, "supports_vision"),
        streaming=entry.get("supports_native_streaming") is not False,
        sampling=_samples(entry, provider, name),
        context_tokens=_count(entry.get("max_input_tokens")),
        max_output_tokens=_count(entry.get("max_output_tokens")),
        **usd,
    )


def _flag(entry: Entry, name: str, key: str, unsaid: bool = False) -> bool:
    """A flag of an entry; where it says nothing, that of the entry of the bare name, else `unsaid`."""
    said = entry.get(key)
    if said is None:
        said = price_file.entries().get(name, {}).get(key)
    return unsaid if said is None else said is True


def _samples(entry: Entry, provider: str, name: str) -> bool:
    """Whether it takes temperature and top_p. OpenAI's reasoning models do not, unless they do not think by default."""
    if entry.get("supports_sampling_params") is not None:
        return entry["supports_sampling_params"] is True
    if provider == "openai" and _REASONS.match(name):
        return entry.get("default_reasoning_effort") == "none" and "search" not in name
    return True


def _usd(price: object) -> Decimal | None:
    """A price a token as one for a million."""
    return Decimal(str(price)) * _MILLION if isinstance(price, int | float | Decimal | str) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None
