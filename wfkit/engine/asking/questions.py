"""A question that Python code asks: its words and options, checked before anything is sent.

Options are those of the option table, with the same bounds. How it is asked is in `answering`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict

from wfkit.core.call import Message, Request
from wfkit.core.frozen import dataclass
from wfkit.core.graph import near
from wfkit.core.policy import Options
from wfkit.define.option_values import whole
from wfkit.define.options import BY_NAME
from wfkit.define.schema import Schema
from wfkit.define.schema import resolve as resolve_schema
from wfkit.engine.preparing.prepare import DEFAULT
from wfkit.errors import SchemaError, UsageFault
from wfkit.llm.messages import embedding_request
from wfkit.settings import Settings

_ROLES = ("system", "user", "assistant")
_SENT = ("temperature", "top_p", "max_tokens", "seed")


class Said(TypedDict, total=False):
    """What can be said of a question besides its words. `stream` and `full` tell what is given back."""

    model: str
    fallback: str | list[str]
    schema: Any
    temperature: float
    top_p: float
    max_tokens: int
    seed: int
    retries: int
    repairs: int
    timeout: float | str
    max_usd: float
    allow_unpriced: bool
    stream: bool
    full: bool


_GIVEN_BACK = ("stream", "full")
_NAMES = tuple(Said.__annotations__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question, ready to be asked: `models` in the order in which they are asked.

    `by_default`: the setting `model` has named one of them. `timeout_s` is for all of it, waits and retries included.
    """

    models: tuple[str, ...]
    messages: tuple[Message, ...]
    params: tuple[tuple[str, Any], ...]
    schema: Schema | None
    retries: int
    repairs: int
    by_default: bool = False
    timeout_s: float | None = None
    max_usd: float | None = None
    allow_unpriced: bool = False

    @property
    def most(self) -> int:
        """How many requests it may send: attempts, corrections and other models together."""
        return self.retries + self.repairs + len(self.models)

    def options(self, node: Options) -> Options:
        """The options that hold for its calls: those of its node, and what it allows itself."""
        return replace(node, allow_unpriced=node.allow_unpriced or self.allow_unpriced)

    def request(self, model: int = 0) -> Request:
        """What a model is sent first."""
        return Request(self.models[model], self.messages, self.params, self.schema.json if self.schema else None)


def wanted(prompt: Any, said: Mapping[str, Any], settings: Settings) -> Wanted:
    """The question that was said. Raises UsageFault or SchemaError naming the option and what to do."""
    for name in said:
        if name not in _NAMES:
            raise UsageFault(f"ask: unknown option {name!r}{near(name, _NAMES)}; options are: {', '.join(_NAMES)}")
    read = {name: _read(name, value) for name, value in said.items() if value is not None and name not in _GIVEN_BACK}
    chain = (read.get("model", DEFAULT), *read.get("fallback", ()))
    models = tuple(settings.model if name == DEFAULT else name for name in chain)
    twice = next((name for name in models if models.count(name) > 1), None)
    if twice is not None:
        raise UsageFault(f"ask: {twice} falls back to itself: name each model once")
    return Wanted(
        models=models,
        messages=_messages(prompt),
        params=tuple(sorted((name, read[name]) for name in _SENT if name in read)),
        schema=read.get("schema"),
        retries=read.get("retries", settings.retries),
        repairs=read.get("repairs", 1),
        by_default=DEFAULT in chain,
        timeout_s=read.get("timeout"),
        max_usd=read.get("max_usd"),
        allow_unpriced=read.get("allow_unpriced", False),
    )


def _read(name: str, value: Any, verb: str = "ask") -> Any:
    if name == "schema":
        try:
            return resolve_schema(value, {})
        except SchemaError as error:
            raise SchemaError(f"ask: {error}") from error
    try:
        return (_COUNTS.get(name) or BY_NAME[name].reader)(value)
    except ValueError as error:
        raise UsageFault(f"{verb}: option `{name}` {error}, not {repr(value)[:80]}") from None


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts whose vectors are wanted, each once, in order; at most `batch` in one request."""

    texts: tuple[str, ...]
    model: str
    dimensions: int | None
    batch: int
    retries: int
    timeout_s: float | None = None
    max_usd: float | None = None
    allow_unpriced: bool = False

    def request(self, texts: Sequence[str]) -> Request:
        """The request for some of them."""
        return embedding_request(self.model, texts, self.dimensions)

    def options(self, node: Options) -> Options:
        """The options that hold for its calls: those of its node, and what it allows itself."""
        return replace(node, allow_unpriced=node.allow_unpriced or self.allow_unpriced)


class SaidOfTexts(TypedDict, total=False):
    """What can be said of texts whose vectors are wanted."""

    model: str
    dimensions: int
    batch: int
    retries: int
    timeout: float | str
    max_usd: float
    allow_unpriced: bool


EMBEDDER = "openai/text-embedding-3-small"
_BATCH = 256  # texts of one request, if nobody says
_NAMES_OF_TEXTS = tuple(SaidOfTexts.__annotations__)
_COUNTS = {"dimensions": whole(1, 100_000), "batch": whole(1, 2048)}


def wanted_texts(texts: Any, said: Mapping[str, Any], settings: Settings) -> Texts:
    """The texts whose vectors are wanted, each once. Raises UsageFault naming the text or option and what to do."""
    given = [texts] if isinstance(texts, str) else list(texts) if isinstance(texts, Iterable) else None
    if given is None or isinstance(texts, Mapping | bytes):
        raise UsageFault(f"embed: texts are a text or a list of texts, not {type(texts).__name__}")
    for place, text in enumerate(given):
        if not isinstance(text, str) or not text.strip():
            what = "empty" if isinstance(text, str) else f"no text but {type(text).__name__}"
            raise UsageFault(f"embed: text {place} is {what}: leave it out, or put a word in its place")
    for name in said:
        if name not in _NAMES_OF_TEXTS:
            known = ", ".join(_NAMES_OF_TEXTS)
            raise UsageFault(f"embed: unknown option {name!r}{near(name, _NAMES_OF_TEXTS)}; options are: {known}")
    read = {name: _read(name, value, "embed") for name, value in said.items() if value is not None}
    return Texts(
        texts=tuple(dict.fromkeys(given)),
        model=read.get("model", EMBEDDER),
        dimensions=read.get("dimensions"),
        batch=read.get("batch", _BATCH),
        retries=read.get("retries", settings.retries),
        timeout_s=read.get("timeout"),
        max_usd=read.get("max_usd"),
        allow_unpriced=read.get("allow_unpriced", False),
    )


def _messages(prompt: Any) -> tuple[Message, ...]:
    """The messages of a prompt: a text is what the user says. A text never opens a message of another role."""
    if isinstance(prompt, str):
        found = [Message("user", prompt)]
    elif isinstance(prompt, list | tuple) and prompt:
        found = [_message(said, number) for number, said in enumerate(prompt)]
    else:
        raise UsageFault(f"ask: {_FORM}, not {type(prompt).__name__}{' (it is empty)' if prompt in ([], ()) else ''}")
    if not any(message.content.strip() for message in found):
        raise UsageFault(f"ask: the prompt is empty; {_FORM}")
    return tuple(found)


_FORM = 'a prompt is a text, or a list of (role, text) such as [("system", "Be brief."), ("user", "Hello")]'


def _message(said: Any, number: int) -> Message:
    if isinstance(said, Mapping):
        said = (said.get("role"), said.get("content"))
    if not isinstance(said, list | tuple) or len(said) != 2 or not all(isinstance(part, str) for part in said):
        raise UsageFault(f"ask: message {number} is no (role, text): {_FORM}")
    role, text = said
    if role not in _ROLES:
        raise UsageFault(f"ask: message {number} has the role {role!r}; roles are {', '.join(_ROLES)}")
    return Message(role, text)
