"""A scripted model for tests: `Script([...])` says what the model `fake/NAME` answers, how late, and when it fails.

Costs nothing, opens no connection, records what it was asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from decimal import Decimal
from threading import Lock
from types import TracebackType
from typing import Any, Self

from wfkit.core.call import Cost, Failure, Listener, Reply, Request, ToolCall, Usage
from wfkit.core.frozen import dataclass
from wfkit.core.terms import CostSource, FailureKind, UsageSource
from wfkit.errors import CallFailed, ModelUnavailable
from wfkit.llm import tokens
from wfkit.llm.words import words


@dataclass(frozen=True, slots=True)
class Use:
    """Ask for a call of this tool: `Use("search", {"query": "kettle"})`. A text is sent as it is, also no JSON."""

    tool: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Say:
    """Answer this text after `latency_s` seconds. Without `usage` the plain tokenizer counts; `cost_usd` is billed.

    `uses` are the tools that are asked for besides, several at once in one reply.
    """

    text: str
    latency_s: float = 0.0
    finish_reason: str = "stop"
    model: str | None = None
    usage: Usage | None = None
    cost_usd: Decimal | None = Decimal(0)
    uses: tuple[Use, ...] = ()


@dataclass(frozen=True, slots=True)
class Fail:
    """Fail like this after `latency_s` seconds; a stream has said `after` before that."""

    kind: FailureKind = FailureKind.TRANSIENT
    message: str = "scripted failure"
    status: int | None = None
    retry_after_s: float | None = None
    latency_s: float = 0.0
    after: str = ""


@dataclass(frozen=True, slots=True)
class Hang:
    """Never answer: the deadline ends it. A stream says `after`, and then no more."""

    after: str = ""


Step = str | dict[str, Any] | list[Any] | Say | Use | Fail | Hang | Callable[[Request], Any]

_scripts: dict[str, Script] = {}


class Script:
    """A model that answers by rule, else step by step. Use it as a context: inside, the model `fake/NAME` is there.

    `steps` are used up in order of arrival; an iterable may be endless. `rules` map a piece of the last message to
    a step, and go first. A step is a text, JSON (dict or list), Say, Use (a tool is called; the next step
    answers the request that brings its result), Fail, Hang, or a function from the Request to one.

    >>> with Script(["yes", Fail(FailureKind.RATE_LIMITED)], name="shy") as script:
    ...     ...  # model="fake/shy"
    >>> script.requests
    """

    def __init__(
        self, steps: Iterable[Step] = (), rules: Mapping[str, Step] | None = None, name: str = "script"
    ) -> None:
        self.name = name
        self.requests: list[Request] = []
        self._steps = iter(steps)
        self._rules = dict(rules or {})
        self._lock = Lock()

    def register(self) -> Self:
        """Make `fake/NAME` known. Raises ModelUnavailable if another script has the name."""
        if _scripts.setdefault(self.name, self) is not self:
            raise ModelUnavailable(f"there is a script named {self.name!r} already: give this one another name")
        return self

    def remove(self) -> None:
        """Make the name free again."""
        _scripts.pop(self.name, None)

    def __enter__(self) -> Self:
        return self.register()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def next_step(self, request: Request) -> Step:
        """Record the request and choose what happens. Raises CallFailed when the script is at its end."""
        with self._lock:
            self.requests.append(request)
            last = request.messages[-1].content if request.messages else ""
            for piece, step in self._rules.items():
                if piece in last:
                    return step
            for step in self._steps:
                return step
        message = f"the script of fake/{self.name} has no step for request {len(self.requests)}: add one, or a rule"
        raise CallFailed(Failure(FailureKind.INVALID_REQUEST, "ScriptEnded", message))


def find(name: str) -> Script:
    """The script of `fake/NAME`. Raises ModelUnavailable."""
    if name not in _scripts:
        known = ", ".join(sorted(_scripts)) or "none"
        raise ModelUnavailable(
            f"there is no script named {name!r} (there are: {known}); register it: Script(..., name={name!r})"
        )
    return _scripts[name]


async def reply(name: str, request: Request, listener: Listener | None = None) -> Reply:
    """What the script says to this request, word by word to a listener. Raises CallFailed as scripted."""
    import asyncio  # 15 ms: the loop that runs this has loaded it

    step = find(name).next_step(request)
    if callable(step):
        step = step(request)
    match step:
        case Fail():
            _tell(listener, step.after)
            await asyncio.sleep(step.latency_s)
            raise CallFailed(Failure(step.kind, "Scripted", step.message, step.status, step.retry_after_s))
        case Hang():
            _tell(listener, step.after)
            await asyncio.Event().wait()
    said = _said(step)
    await asyncio.sleep(said.latency_s)
    _tell(listener, said.text)
    calls = _calls(said, request)
    written = tokens.count(said.text) + sum(tokens.count(call.name + call.arguments) for call in calls)
    sent = tokens.count_request(request) if request.tools else tokens.count_messages(request.messages)
    counted = Usage(sent, written, source=UsageSource.PROVIDER)
    source = CostSource.UNKNOWN if said.cost_usd is None else CostSource.LOCAL
    usage, finish = (
        said.usage or counted,
        "tool_calls" if calls and said.finish_reason == "stop" else said.finish_reason,
    )
    cost = Cost(said.cost_usd, source=source)
    return Reply(said.text, said.model or f"fake/{name}", finish, None, usage, cost, calls)


def _said(step: Any) -> Say:
    if isinstance(step, Use):
        return Say("", uses=(step,))
    return step if isinstance(step, Say) else Say(step if isinstance(step, str) else json.dumps(step))


def _calls(said: Say, request: Request) -> tuple[ToolCall, ...]:
    """The calls of a reply. Their ids tell the turns of a conversation apart, and are the same each time."""
    turn = sum(bool(message.tool_calls) for message in request.messages)
    return tuple(
        ToolCall(
            f"call_{turn}_{number}",
            use.tool,
            use.arguments if isinstance(use.arguments, str) else json.dumps(dict(use.arguments), ensure_ascii=False),
        )
        for number, use in enumerate(said.uses)
    )


def _tell(listener: Listener | None, text: str) -> None:
    if listener is not None:
        for word in words(text):
            listener.says(word)
