"""The file of a cassette: one JSON line a request with its outcome, after a first line with the version.

In the order of nodes, items and attempts; no times, no ids, no keys. What is played when is in `cassette`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from wfkit.core.call import MOST_TOKENS, MOST_USD, Cost, Failure, Message, Reply, Request, Tool, ToolCall, Usage
from wfkit.core.frozen import dataclass
from wfkit.core.secrets import REDACTED, redact
from wfkit.core.terms import CostSource, FailureKind, UsageSource
from wfkit.errors import UsageFault
from wfkit.llm.messages import request_digest

FORMAT = 1
_USAGE = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_write_input_tokens",
    "reasoning_output_tokens",
)
_AMOUNTS = ("usd", "input_usd", "output_usd")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request was made: node, item (None: not mapped), attempt from 1, round from 0 (corrections: 1 and up)."""

    node: str
    item: int | None = None
    attempt: int = 1
    round: int = 0

    def __str__(self) -> str:
        return self.node if self.item is None else f"{self.node}[{self.item}]"


@dataclass(frozen=True, slots=True)
class Recording:
    """One request and its outcome: exactly one of `reply` and `failure` is set."""

    place: Place
    digest: str
    request: Request
    reply: Reply | None = None
    failure: Failure | None = None


def write(path: Path, kept: list[Recording], nodes: Iterable[str] = ()) -> None:
    """Write a cassette anew, whole or not at all, in the order of these nodes; others after them. Secrets in prompts
    are redacted.

    Raises UsageFault when a reply holds a secret (without it the replay would differ, with it it must not be kept), and
    when the file cannot be written.
    """
    order = {name: number for number, name in enumerate(dict.fromkeys([*nodes, *(each.place.node for each in kept)]))}
    ranked = sorted(kept, key=lambda each: _rank(each, order))
    lines = [json.dumps({"wfkit_cassette": FORMAT}), *(_line(each) for each in ranked)]
    with _writing(
        path, "replies are on the call log: make room and run it again, nothing is bought twice"
    ) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
        temporary.replace(path)


def check_place(path: Path) -> None:
    """Raises UsageFault where no cassette can be written, before anything is asked for it."""
    with _writing(path, "name another file") as temporary:
        temporary.touch()
        if path.is_dir():
            raise IsADirectoryError("it is a folder")


@contextmanager
def _writing(path: Path, advice: str) -> Iterator[Path]:
    """Around a write: the file that is written first, gone when this ends."""
    temporary = None
    try:
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
    except (OSError, ValueError) as error:
        raise UsageFault(f"the cassette {path} cannot be written ({error}); {advice}") from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def read(path: Path) -> list[Recording]:
    """The recordings of a file. Raises UsageFault naming the line and what to do."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageFault(f"the cassette {path} cannot be read: {error}") from None
    again = f"record it again with --record {path}"
    version = _loaded(lines[0]).get("wfkit_cassette")
    if version != FORMAT:
        said = (
            "no cassette of wfkit"
            if version is None
            else f"a cassette of version {version}, and this wfkit reads {FORMAT}"
        )
        raise UsageFault(f"{path} is {said}; {again}")
    if lines[-1] and not _loaded(lines[-1]):
        raise UsageFault(f"the cassette {path} is cut off in line {len(lines)}; {again}")
    found = []
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        if redact(line, os.environ) != line:
            raise UsageFault(f"line {number} of the cassette {path} holds a secret: remove it there and {again}")
        try:
            found.append(_recording(json.loads(line)))
        except (KeyError, TypeError, ValueError, InvalidOperation) as error:
            raise UsageFault(f"line {number} of the cassette {path} is no recording ({error!r}); {again}") from None
    return found


def _rank(each: Recording, order: dict[str, int]) -> tuple[Any, ...]:
    place = each.place
    return (order[place.node], -1 if place.item is None else place.item, place.attempt, place.round, each.digest)


def _line(each: Recording) -> str:
    request, place = each.request, each.place
    row: dict[str, Any] = {"node": place.node, "item": place.item, "attempt": place.attempt, "round": place.round}
    row |= {"model": request.model, "params": dict(request.params), "sample": request.sample, "schema": request.schema}
    row |= {"tools": [[tool.name, tool.description, tool.parameters] for tool in request.tools] or None}
    row["messages"] = [_plain_message(message) for message in request.messages]
    if each.reply is not None:
        row["reply"] = _plain_reply(each.reply)
        if redact(text := json.dumps(row["reply"]), os.environ) != text:
            raise UsageFault(f"{place}: the reply holds a secret, so it cannot be recorded; change the prompt")
    if each.failure is not None:
        failure = each.failure
        message = redact(failure.message, os.environ)
        row["failure"] = {"kind": failure.kind, "error": failure.error, "message": message, "status": failure.status}
    row["digest"] = each.digest
    always = {"item", "attempt", "round"}
    short = {name: value for name, value in row.items() if value not in (None, {}, 0) or name in always}
    text = json.dumps(short, ensure_ascii=False)
    if redact(text, os.environ) != text:
        raise UsageFault(
            f"{place}: the question holds a secret besides its text (in a tool, schema or name): remove it"
        )
    return text if text.isprintable() else json.dumps(short)


def _plain_reply(reply: Reply) -> dict[str, Any]:
    usage = {name: value for name in _USAGE if (value := getattr(reply.usage, name)) is not None}
    cost = {
        name: str(value)
        for name in ("usd", "input_usd", "output_usd")
        if (value := getattr(reply.cost, name)) is not None
    }
    return {
        "text": reply.text,
        "model": reply.model,
        "finish_reason": reply.finish_reason,
        "usage": {**usage, "source": reply.usage.source},
        "cost": {**cost, "source": reply.cost.source},
        **({"tool_calls": _plain_calls(reply.tool_calls)} if reply.tool_calls else {}),
    }


def _plain_message(message: Message) -> list[Any]:
    said = [message.role, redact(message.content, os.environ)]
    if not message.tool_calls and message.tool_call_id is None:
        return said
    return [*said, _plain_calls(message.tool_calls), message.tool_call_id]


def _plain_calls(calls: tuple[ToolCall, ...]) -> list[list[str]]:
    return [[call.id, call.name, call.arguments] for call in calls]


def _message(said: list[Any]) -> Message:
    role, content, asked, answers = [*said, (), None] if len(said) == 2 else said
    return Message(str(role), str(content), _calls(asked), answers)


def _calls(rows: Iterable[Iterable[str]]) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(*map(str, row)) for row in rows)


def _loaded(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def _recording(row: dict[str, Any]) -> Recording:
    if not isinstance(row["node"], str) or not isinstance(row["item"], int | None):
        raise ValueError("a node is a text, an item a number or null")
    place = Place(row["node"], row["item"], int(row["attempt"]), int(row["round"]))
    messages = tuple(_message(said) for said in row["messages"])
    tools = tuple(Tool(*map(str, tool)) for tool in row.get("tools", ()))
    params = tuple(sorted(dict(row.get("params", {})).items()))
    request = Request(str(row["model"]), messages, params, row.get("schema"), int(row.get("sample", 0)), tools)
    if request_digest(request) != row["digest"] and REDACTED not in json.dumps(row["messages"]):
        raise ValueError("its request was changed by hand: only its outcome may be")
    reply, failure = row.get("reply"), row.get("failure")
    if (reply is None) == (failure is None):
        raise ValueError("neither a reply nor a failure, or both")
    return Recording(
        place,
        str(row["digest"]),
        request,
        None if reply is None else _reply(reply),
        None if failure is None else _failure(failure),
    )


def _reply(row: dict[str, Any]) -> Reply:
    said, paid = dict(row["usage"]), dict(row["cost"])
    counts = {name: _count(said.get(name), name) for name in _USAGE}
    usage = Usage(**counts, source=UsageSource(said["source"]))
    usd, input_usd, output_usd = (_amount(paid.get(name), name) for name in _AMOUNTS)
    cost = Cost(usd, input_usd, output_usd, CostSource(paid["source"]))
    asked = _calls(row.get("tool_calls", ()))
    return Reply(str(row["text"]), str(row["model"]), row.get("finish_reason"), None, usage, cost, asked)


def _count(value: Any, name: str) -> int | None:
    if value is not None and not (type(value) is int and 0 <= value <= MOST_TOKENS):
        raise ValueError(f"{name} is no number of tokens: {value!r}")
    return value


def _amount(value: Any, name: str) -> Decimal | None:
    found = None if value is None else Decimal(value)
    if found is not None and not 0 <= found <= MOST_USD:
        raise ValueError(f"{name} is no price of a call: {value!r}")
    return found


def _failure(row: dict[str, Any]) -> Failure:
    return Failure(FailureKind(row["kind"]), str(row["error"]), str(row["message"]), row.get("status"))
