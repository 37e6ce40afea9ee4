"""The models that are known here, chosen and in order: what `wfkit.models()` lists.

What each can do is in `capabilities`, whether its key is there in `availability`. Nothing is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from fnmatch import fnmatch

from wfkit.core.capabilities import Capabilities
from wfkit.core.frozen import dataclass
from wfkit.errors import UsageFault
from wfkit.llm import client, price_file, prices
from wfkit.llm.availability import Key, key_of
from wfkit.llm.capabilities import listed


@dataclass(frozen=True, slots=True)
class Known:
    """A model by the name it is asked, what it can do, whether its key is there, and who says so: wfkit, you,
    litellm."""

    model: str
    can: Capabilities
    key: Key
    source: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Which models: part of a name or a pattern with `*`; with a key that is there; that take a schema, or tools."""

    pattern: str | None = None
    usable: bool = False
    schema: bool = False
    tools: bool = False


def find(choice: Choice, env: Mapping[str, str]) -> list[Known]:
    """The models of a choice: those that can be asked first, then by price, unknown prices last.

    Raises UsageFault with near names when no model has the name.
    """
    known = list(_all(env))
    named = [model for model in known if _has_name(model.model, choice.pattern)]
    if not named:
        raise UsageFault(_nobody(str(choice.pattern), [model.model for model in known]))
    chosen = [model for model in named if _is_wanted(model, choice)]
    return sorted(chosen, key=_rank)


def _all(env: Mapping[str, str]) -> Iterator[Known]:
    for model, can in client.own_models():
        yield Known(model, can, Key(True), "wfkit" if model == "offline" else "you")
    mine = prices.own()
    for model, can in listed():
        yield Known(model, can, key_of(model, env), "you" if model in mine else "litellm")


def _has_name(model: str, pattern: str | None) -> bool:
    if not pattern:
        return True
    wanted, name = pattern.lower(), model.lower()
    return fnmatch(name, wanted) if "*" in wanted or "?" in wanted else wanted in name


def _is_wanted(model: Known, choice: Choice) -> bool:
    return (
        (not choice.usable or model.key.present is True)
        and (not choice.schema or model.can.schema is True)
        and (not choice.tools or model.can.tools is True)
    )


def _rank(model: Known) -> tuple[bool, bool, bool, float, str]:
    said = [usd for usd in (model.can.input_usd, model.can.output_usd) if usd is not None]
    return model.key.present is not True, model.can.kind == "embedding", not said, float(sum(said)), model.model


def _nobody(pattern: str, names: list[str]) -> str:
    bare = {name.rpartition("/")[2]: name for name in sorted(names, key=_is_first)}
    near = get_close_matches(pattern, names, 3, 0.6) if "/" in pattern else []
    near = near or [bare[name] for name in get_close_matches(pattern.rpartition("/")[2], bare, 3, 0.6)]
    hint = f"near to it: {', '.join(near)}" if near else "models are named provider/model, such as openai/gpt-5-mini"
    return f"no model that is known here has {pattern!r} in its name; {hint}"


def _is_first(name: str) -> bool:
    """Whether it is the maker's own model: the file lists those without a prefix."""
    provider, _, bare = name.partition("/")
    entry = price_file.entries().get(bare)
    return entry is not None and price_file.is_of(entry, provider)
