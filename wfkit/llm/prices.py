"""What a call costs: list prices from litellm's bundled file, or the user's own, times the tokens that were counted.

An unknown price is None, never 0. The model that answered is priced, not the one that was asked. No network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from wfkit.core.call import MOST_USD, Cost, Message, Request, Usage
from wfkit.core.capabilities import Capabilities
from wfkit.core.terms import CostSource, UsageSource
from wfkit.llm import price_file, registry, tokens
from wfkit.llm.messages import embeds, wire, wire_messages
from wfkit.llm.price_file import Entry
from wfkit.settings import Models, Prices

_OVERHEAD = 16  # tokens around a message, more than any provider adds
_TOLD = 700  # tokens that a provider adds to tell its model of tools (Anthropic: up to 530), and schemas sent as tools
_NANO = Decimal("1e-9")
_DATED = re.compile(r"[-@:](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{6}|\d{4}|\d{3}|latest|v\d+(?::\d+)?)")
_TIER = re.compile(r"_above_(\d+)k_tokens$")
COLUMNS: Final = {  # a price of `Capabilities`, and the field of the file that has it for one token
    "input_usd": "input_cost_per_token",
    "output_usd": "output_cost_per_token",
    "cached_usd": "cache_read_input_token_cost",
    "cache_written_usd": "cache_creation_input_token_cost",
    "reasoning_usd": "output_cost_per_reasoning_token",
    "batch_input_usd": "input_cost_per_token_batches",
    "batch_output_usd": "output_cost_per_token_batches",
}
_SAID = {
    "schema": "supports_response_schema",
    "tools": "supports_function_calling",
    "vision": "supports_vision",
    "streaming": "supports_native_streaming",
    "sampling": "supports_sampling_params",
    "context_tokens": "max_input_tokens",
    "max_output_tokens": "max_output_tokens",
}
_REMEMBERED = 1000  # models whose steps of prices are known
_own: dict[str, Entry] = {}
_steps: dict[int, tuple[Entry, dict[str, list[tuple[int, Decimal | None]]]]] = {}
_uses = 0


def use(overrides: Mapping[str, Entry]) -> None:
    """Set the user's own prices, by the model's name as it is asked or as it answers; they go before the file's.

    Fields as in litellm's file, US dollars a token: `input_cost_per_token output_cost_per_token
    cache_read_input_token_cost cache_creation_input_token_cost output_cost_per_reasoning_token`.
    """
    global _uses  # noqa: PLW0603 tells who remembers an answer that it is out of date
    if _own != overrides:
        _own.clear()
        _own.update(overrides)
        _uses += 1


def declare(table: Prices, models: Models = ()) -> None:
    """`use` for the settings `prices` and `models`: US dollars for a million tokens."""
    entries: dict[str, dict[str, Any]] = {model: entry_of(said) for model, said in models}
    for model, given in table:
        entries.setdefault(model, {}).update({COLUMNS[f"{name}_usd"]: _a_token(price) for name, price in given})
    use(entries)


def entry_of(said: Capabilities) -> dict[str, Any]:
    """What is said of a model, in the fields of litellm's file; what is not said is left out."""
    priced = {column: _a_token(usd) for name, column in COLUMNS.items() if (usd := getattr(said, name)) is not None}
    told = {column: value for name, column in _SAID.items() if (value := getattr(said, name)) is not None}
    return {"mode": said.kind, **told, **priced}


def _a_token(price: float | Decimal) -> Decimal:
    return Decimal(str(price)) / 1_000_000


def is_declared(model: str) -> bool:
    """Whether the user said something of this model: its price, or what it can do."""
    return model in _own


def own() -> Mapping[str, Entry]:
    """What the user said, by model."""
    return _own


def generation() -> int:
    """A number that changes when `own` does."""
    return _uses


def cost(model: str, usage: Usage, request_model: str | None = None, billed_usd: Decimal | None = None) -> Cost:
    """Money of one call. `model` is who answered, `request_model` who was asked (`provider/name`).

    What the provider itself billed comes first. A price that holds above a number of tokens holds for the whole call.
    Unknown model, price or tokens: `Cost()` with None.
    """
    if billed_usd is not None:
        return Cost(billed_usd.quantize(_NANO), source=CostSource.PROVIDER)
    entry = price(model, request_model)
    if entry is None or usage.input_tokens is None or usage.output_tokens is None:
        return Cost()
    input_usd, output_usd = _input_usd(entry, usage), _output_usd(entry, usage)
    if input_usd is None or output_usd is None or input_usd + output_usd > MOST_USD:
        return Cost()
    # A model that is cheaper at night is priced as by day.
    guessed = usage.source in {UsageSource.ESTIMATED, UsageSource.UNKNOWN} or "off_peak_pricing" in entry
    source = CostSource.ESTIMATED if guessed else CostSource.LOCAL
    return Cost((input_usd + output_usd).quantize(_NANO), input_usd.quantize(_NANO), output_usd.quantize(_NANO), source)


def worst_case(request: Request) -> tuple[Decimal | None, int | None]:
    """What a call may cost at most: US dollars and tokens, None where that is not known.

    Tokens of the prompt are at most its bytes, those of the answer `max_tokens` or what the model can say at most.
    """
    sent = sum(len(text.encode()) + _OVERHEAD for message in request.messages for text in _texts(message))
    sent += len((request.schema or "").encode()) + _OVERHEAD
    if (request.tools or request.schema) and not request.model.startswith("openai/"):
        sent += _TOLD
    sent += sum(
        len(wire(f"{tool.name}{tool.description}{tool.parameters}").encode()) + _OVERHEAD for tool in request.tools
    )
    entry = price(request.model) or {}
    said = 0 if embeds(request) else dict(request.params).get("max_tokens", entry.get("max_output_tokens"))
    if not isinstance(said, int):
        return None, None
    plain, thought = (
        Usage(sent, said, reasoning_output_tokens=part, source=UsageSource.PROVIDER) for part in (0, said)
    )
    amounts = [cost(request.model, usage).usd for usage in (plain, thought)]
    known = [usd for usd in amounts if usd is not None]
    return (max(known) if len(known) == len(amounts) else None), sent + said


def price(model: str, request_model: str | None = None) -> Entry | None:
    """The entry of the model that answered; of the one asked only if the answer's name is it, dated.

    The user's own goes before the file's: what it leaves open is the file's, but prices are never mixed.
    """
    asked = request_model or model
    same = _is_variant(model, asked)
    provider, slash, name = asked.partition("/")
    if not slash:
        provider, name = "", asked
    found = _listed(model, provider) or (_listed(name, provider) if same else None) or _of_adapter(asked)
    if "/" in name and name.rpartition("/")[2] == model:  # `azure/eu/gpt-4o` answers as gpt-4o
        found = _listed(name, provider) or found
    for candidate in (model, asked) if same else (model,):
        if candidate in _own:
            return _merged(found or {}, _own[candidate])
    return found


def estimate_tokens(messages: Iterable[Message], text: str, model: str, litellm: Any = None) -> Usage:
    """Tokens of a conversation and its answer: by the model's tokenizer where litellm is given, else by the plain one.

    The first count with litellm loads a tokenizer (0.3 s): not for the loop.
    """
    if litellm is None:
        return Usage(tokens.count_messages(messages), tokens.count(text), source=UsageSource.ESTIMATED)
    sent = litellm.token_counter(model=model, messages=wire_messages(messages))
    said = litellm.token_counter(model=model, text=wire(text)) if text else 0
    return Usage(int(sent), int(said), source=UsageSource.ESTIMATED)


def _texts(message: Message) -> Iterator[str]:
    yield wire(message.content)
    for call in message.tool_calls:
        yield wire(call.name + call.arguments)


def _of_adapter(asked: str) -> Entry | None:
    """What the adapter of a model says of it."""
    registered = registry.of(asked)
    said = None if registered is None else registered.capabilities(asked.partition("/")[2])
    return None if said is None else entry_of(said)


def _merged(listed: Entry, said: Entry) -> Entry:
    priced = any("cost" in name or name == "tiered_pricing" for name in said)
    kept = {name: value for name, value in listed.items() if not (priced and ("cost" in name or "pricing" in name))}
    return {**kept, **said}


def _listed(model: str, provider: str) -> Entry | None:
    entries = price_file.entries()
    bare = model.removeprefix(f"{provider}/") if provider else model
    for name in (f"{provider}/{bare}", bare) if provider else (bare,):
        entry = entries.get(name)
        if entry is not None and (not provider or price_file.is_of(entry, provider)):
            return entry
    return None


def _is_variant(answered: str, asked: str) -> bool:
    """Whether the answer's name is the asked one, without its provider, with a date or version behind it."""
    name = asked.partition("/")[2] or asked
    stem, rest = name.removesuffix("-latest"), answered.rpartition("/")[2]
    return answered in {asked, name} or (rest.startswith(stem) and bool(_DATED.fullmatch(rest[len(stem) :])))


def _input_usd(entry: Entry, usage: Usage) -> Decimal | None:
    rate = _rate(entry, "input_cost_per_token", usage)
    if rate is None or usage.input_tokens is None:
        return None
    read, written = usage.cache_read_input_tokens or 0, usage.cache_write_input_tokens or 0
    read_rate = _rate(entry, "cache_read_input_token_cost", usage)
    write_rate = _rate(entry, "cache_creation_input_token_cost", usage)
    inside = read + written <= usage.input_tokens  # else whoever counted left them out of the input
    fresh = usage.input_tokens - read - written if inside else usage.input_tokens
    return (
        fresh * rate
        + read * (rate if read_rate is None else read_rate)
        + written * (rate if write_rate is None else write_rate)
    )


def _output_usd(entry: Entry, usage: Usage) -> Decimal | None:
    rate = _rate(entry, "output_cost_per_token", usage)
    if rate is None or usage.output_tokens is None:
        return None
    thought = min(usage.reasoning_output_tokens or 0, usage.output_tokens)
    thought_rate = _rate(entry, "output_cost_per_reasoning_token", usage)
    return (usage.output_tokens - thought) * rate + thought * (rate if thought_rate is None else thought_rate)


def _rate(entry: Entry, name: str, usage: Usage) -> Decimal | None:
    """US dollars a token at this size of input; None if the file does not say."""
    sent = usage.input_tokens or 0
    for tier in entry.get("tiered_pricing") or ():
        low, high = tier.get("range", (0, 0))
        if low <= sent <= high and name in tier:
            return Decimal(str(tier[name]))
    for above, rate in _steps_of(entry).get(name, ()):
        if sent > above:
            return rate
    return _known(entry.get(name))


def _steps_of(entry: Entry) -> dict[str, list[tuple[int, Decimal | None]]]:
    """Rates that hold above so many tokens of input, highest first, by the name of the rate."""
    known = _steps.get(id(entry))
    if known is not None and known[0] is entry:
        return known[1]
    found: dict[str, list[tuple[int, Decimal | None]]] = {}
    for key, rate in entry.items():
        step = _TIER.search(key)
        if step is not None:
            found.setdefault(key[: step.start()], []).append((int(step[1]) * 1000, _known(rate)))
    for steps in found.values():
        steps.sort(reverse=True, key=lambda step: step[0])
    if len(_steps) > _REMEMBERED:
        _steps.clear()
    _steps[id(entry)] = (entry, found)
    return found


@lru_cache(maxsize=1024)
def _known(rate: Any) -> Decimal | None:
    return None if rate is None else Decimal(str(rate))
