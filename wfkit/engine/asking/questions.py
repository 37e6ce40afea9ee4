"""A question that Python code asks: its words and options, checked before anything is sent.

Options are those of the option table, read and refused as in a cell. How it is asked is in `answering`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict

from wfkit.core.call import Message, Request
from wfkit.core.events import NodeSpec
from wfkit.core.frozen import dataclass
from wfkit.core.policy import ModelPolicy, Options
from wfkit.core.terms import NodeKind
from wfkit.define.option_values import switch, whole
from wfkit.define.options import BY_NAME, Option, options_of, read_arguments
from wfkit.define.schema import Schema, demand_confidence
from wfkit.define.schema import resolve as resolve_schema
from wfkit.engine.asking import line
from wfkit.engine.preparing.models import DEFAULT, named, routes_of
from wfkit.errors import SchemaError, UsageFault
from wfkit.llm.messages import embedding_request
from wfkit.settings import Settings

_ROLES = ("system", "user", "assistant")


class Said(TypedDict, total=False):
    """What can be said of a question besides its words. `stream` and `full` tell what is given back."""

    model: str
    fallback: str | Sequence[str] | Mapping[str, str | Sequence[str]]
    schema: Any
    min_confidence: float
    temperature: float
    top_p: float
    max_tokens: int
    seed: int
    retries: int
    repairs: int
    hedge: float | str
    timeout: float | str
    deadline: float | str
    max_usd: float
    allow_unpriced: bool
    stream: bool
    full: bool


def _schema(value: Any) -> Schema:
    """A schema as itself: no name can be looked up here. Raises ValueError or SchemaError."""
    if isinstance(value, str) and not value.endswith(".json") and not value.lstrip().startswith("{"):
        raise ValueError("takes the class or the types themselves, without quotes, or a file NAME.json")
    try:
        return resolve_schema(value, {})
    except SchemaError as error:
        raise SchemaError(str(error).removeprefix("the schema ").removeprefix("schema 'schema' ")) from None


_OWN = (
    Option("schema", "what the answer must look like", _schema, "CLASS"),
    Option("full", "give back the answer with its story", switch, "on|off"),
)
_TABLE = {name: BY_NAME[name] for name in Said.__annotations__ if name in BY_NAME} | {own.name: own for own in _OWN}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question, ready to be asked. `options` are its own, as a prompt node has them, `policy` its models by name.

    `by_default`: the setting `model` has named one of them. `stream` and `full` tell what is given back.
    """

    messages: tuple[Message, ...]
    options: Options
    policy: ModelPolicy
    schema: Schema | None
    by_default: bool = False
    stream: bool = False
    full: bool = False

    @property
    def most(self) -> int:
        """How many requests it may send."""
        return line.most_requests(self.policy, self.options.retry.retries)

    def spec(self, node: str) -> NodeSpec:
        """What decides about its attempts, as for a prompt node."""
        return NodeSpec(
            node,
            NodeKind.PROMPT,
            retry=self.options.retry,
            timeout_s=self.options.timeout_s,
            deadline_s=self.options.deadline_s,
            fallbacks=len(self.policy.fallback),
            routes=routes_of(self.policy),
        )

    def request(self, model: int = 0) -> Request:
        """What a model is sent first."""
        return line.request(self.policy, self.schema, self.messages, model)


def wanted(prompt: Any, said: Mapping[str, Any], settings: Settings) -> Wanted:
    """The question that was said. Raises UsageFault, or a DefinitionError naming the option and what to do."""
    messages = _messages(prompt)
    values = {"model": DEFAULT, **read_arguments(said, _TABLE)}
    schema = values.pop("schema", None)
    options = options_of(values, settings)
    assert options.model is not None
    policy = named(options.model, settings)
    if schema is not None:
        demand_confidence(policy.min_confidence, schema)
    by_default = DEFAULT in (options.model.model, *options.model.fallback)
    given_back = values.get("stream", False), values.get("full", False)
    return Wanted(messages, options, policy, schema, by_default, *given_back)


def for_calls(own: Options, node: Options) -> Options:
    """The options that hold for the calls of a question: those of its node, and what it allows itself."""
    return replace(node, allow_unpriced=node.allow_unpriced or own.allow_unpriced)


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts whose vectors are wanted, each once, in order; at most `batch` in one request. `options` are those of each
    request, but for the deadline, which is of all of them."""

    texts: tuple[str, ...]
    model: str
    dimensions: int | None
    batch: int
    options: Options

    def spec(self, node: str) -> NodeSpec:
        """What decides about the attempts of one request, as for a prompt node."""
        own = self.options
        return NodeSpec(node, NodeKind.PROMPT, retry=own.retry, timeout_s=own.timeout_s, deadline_s=own.deadline_s)

    def request(self, texts: Sequence[str]) -> Request:
        """The request for some of them."""
        return embedding_request(self.model, texts, self.dimensions)


class SaidOfTexts(TypedDict, total=False):
    """What can be said of texts whose vectors are wanted."""

    model: str
    dimensions: int
    batch: int
    retries: int
    timeout: float | str
    deadline: float | str
    max_usd: float
    allow_unpriced: bool


EMBEDDER = "openai/text-embedding-3-small"
_BATCH = 256  # texts of one request, if nobody says
_COUNTS = (
    Option("dimensions", "how long the vectors are", whole(1, 100_000), "N"),
    Option("batch", "how many texts a request has at most", whole(1, 2048), "N"),
)
_OF_TEXTS = {name: BY_NAME[name] for name in SaidOfTexts.__annotations__ if name in BY_NAME}
_OF_TEXTS |= {count.name: count for count in _COUNTS}


def wanted_texts(texts: Any, said: Mapping[str, Any], settings: Settings) -> Texts:
    """The texts whose vectors are wanted, each once. Raises UsageFault or OptionError naming the text or option and
    what to do."""
    given = [texts] if isinstance(texts, str) else list(texts) if isinstance(texts, Iterable) else None
    if given is None or isinstance(texts, Mapping | bytes):
        raise UsageFault(f"embed: texts are a text or a list of texts, not {type(texts).__name__}")
    for place, text in enumerate(given):
        if not isinstance(text, str) or not text.strip():
            what = "empty" if isinstance(text, str) else f"no text but {type(text).__name__}"
            raise UsageFault(f"embed: text {place} is {what}: leave it out, or put a word in its place")
    values = read_arguments(said, _OF_TEXTS)
    return Texts(
        texts=tuple(dict.fromkeys(given)),
        model=values.get("model", EMBEDDER),
        dimensions=values.get("dimensions"),
        batch=values.get("batch", _BATCH),
        options=options_of({"model": EMBEDDER, **values}, settings),
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
