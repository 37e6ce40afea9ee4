"""Cassettes: requests to models and what came back, errors included, as a text file that people review and CI replays.

One JSON line a request, in the order of nodes, items and attempts; no times, no ids, no keys. `Tape` is how one attempt
uses it. When a request is sent is not decided here.
"""

from __future__ import annotations

import difflib
import json
import os
from collections import defaultdict, deque
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from threading import Lock
from typing import Any

from wfkit.core.call import NEVER_SENT, Cost, Failure, Message, Reply, Request, Usage
from wfkit.core.frozen import dataclass
from wfkit.core.secrets import redact
from wfkit.core.terms import CostSource, FailureKind, UsageSource
from wfkit.errors import CallFailed, UsageFault
from wfkit.llm.messages import request_digest

FORMAT = 1
MODES = ("record", "replay", "replay-or-record")
_COMPARED = 200  # recordings that are looked at for the nearest one
_DIFF_LINES = 30
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


class Cassette:
    """The recordings of one file. Raises UsageFault when the file cannot be read or is of another version."""

    def __init__(self, path: Path, mode: str) -> None:
        self.path, self.mode = path, mode
        old = path.exists() if mode != "record" else False
        if mode == "replay" and not old:
            raise UsageFault(f"there is no cassette {path}: make it with --record {path}, with a key at hand")
        self._found = read(path) if old else []
        self._new: list[Recording] = []
        self._left: dict[str, deque[Recording]] = defaultdict(deque)
        for recording in self._found:
            self._left[recording.digest].append(recording)
        self._used: set[str] = set()
        self._lock = Lock()

    @property
    def plays(self) -> bool:
        """Whether what is recorded is played."""
        return self.mode != "record"

    @property
    def records(self) -> bool:
        """Whether what is not recorded is asked and kept."""
        return self.mode != "replay"

    def play(self, place: Place, digest: str, request: Request) -> Recording | None:
        """The next outcome that was recorded for this request; the last one serves again. None if it must be asked.

        Raises CallFailed (diverged) with a diff when it is not on the cassette and must be.
        """
        with self._lock:
            left = self._left.get(digest)
            if left:
                self._used.add(digest)
                return left.popleft() if len(left) > 1 else left[0]
        if self.records:
            return None
        raise CallFailed(self._diverged(place, request))

    def keep(self, recording: Recording) -> None:
        """Add an outcome, unless it is there: several tasks may share a request."""
        with self._lock:
            self._used.add(recording.digest)
            if recording not in self._new and not (self.plays and recording.digest in self._left):
                self._new.append(recording)

    def serve(self, recording: Recording) -> None:
        """A reply that the call log had: it belongs on a cassette that is being recorded, and counts as used."""
        if self.records:
            self.keep(recording)
        self._used.add(recording.digest)

    def save(self) -> None:
        """Write the file anew, whole or not at all, if there is anything new. Secrets in prompts are redacted.

        Raises UsageFault when a reply holds a secret: without it the replay would differ, with it it must not be kept.
        """
        if not self.records or (self.mode != "record" and not self._new):
            return
        kept = self._found + self._new
        order = {name: number for number, name in enumerate(dict.fromkeys(each.place.node for each in kept))}
        kept.sort(key=lambda each: _rank(each, order))
        lines = [json.dumps({"wfkit_cassette": FORMAT}), *(_line(each) for each in kept)]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
        temporary.replace(self.path)

    def unused(self) -> list[Recording]:
        """Recordings that nothing asked for so far."""
        return [each for each in self._found if each.digest not in self._used]

    def _diverged(self, place: Place, request: Request) -> Failure:
        nearest = self._nearest(place, request)
        hint = f"if the change is wanted, record again: --record {self.path}"
        message = f"{place}: this request is not on the cassette {self.path.name}; {hint}"
        if nearest is not None:
            message += f"\nnearest recording: {nearest.place}\n{_diff(nearest.request, request)}"
        return Failure(FailureKind.DIVERGED, NEVER_SENT, redact(message, os.environ), hint=hint)

    def _nearest(self, place: Place, request: Request) -> Recording | None:
        """The recording that is most like the request, first among those of its own node and item."""
        own = [each for each in self._found if each.place.node == place.node]
        same = [each for each in own if each.place.item == place.item]
        text = _text(request)

        def likeness(each: Recording) -> float:
            return difflib.SequenceMatcher(None, _text(each.request)[:2000], text[:2000], autojunk=False).quick_ratio()

        return max((same or own or self._found)[:_COMPARED], key=likeness, default=None)


@dataclass(frozen=True, slots=True)
class Tape:
    """A cassette as one attempt of one task uses it."""

    cassette: Cassette
    node: str
    item: int | None
    attempt: int

    def play(self, round_: int, digest: str, request: Request) -> Recording | None:
        """See `Cassette.play`."""
        return self.cassette.play(self._place(round_), digest, request) if self.cassette.plays else None

    def keep(self, round_: int, digest: str, request: Request, outcome: Reply | Failure) -> None:
        """Keep what was asked."""
        self.cassette.keep(self._recording(round_, digest, request, outcome))

    def serve(self, round_: int, digest: str, request: Request, reply: Reply) -> None:
        """See `Cassette.serve`."""
        self.cassette.serve(self._recording(round_, digest, request, reply))

    def _place(self, round_: int) -> Place:
        return Place(self.node, self.item, self.attempt, round_)

    def _recording(self, round_: int, digest: str, request: Request, outcome: Reply | Failure) -> Recording:
        place = self._place(round_)
        if isinstance(outcome, Reply):
            return Recording(place, digest, request, reply=outcome)
        return Recording(place, digest, request, failure=outcome)


def parse_mode(text: str) -> tuple[str, Path]:
    """`replay:FILE` as mode and path. Raises UsageFault."""
    mode, colon, name = text.partition(":")
    if not colon or mode not in MODES or not name:
        raise UsageFault(f"a cassette is named MODE:FILE, where MODE is {', '.join(MODES)}, not {text!r}")
    return mode, Path(name)


def read(path: Path) -> list[Recording]:
    """The recordings of a file. Raises UsageFault naming the line and what to do."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
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
    if lines[-1]:
        raise UsageFault(f"the cassette {path} is cut off in line {len(lines)}; {again}")
    found = []
    for number, line in enumerate(lines[1:-1], 2):
        if redact(line, os.environ) != line:
            raise UsageFault(f"line {number} of the cassette {path} holds a secret: remove it there and {again}")
        try:
            found.append(_recording(_loaded(line)))
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
    row["messages"] = [[message.role, redact(message.content, os.environ)] for message in request.messages]
    if each.reply is not None:
        row["reply"] = _plain_reply(each.reply)
        if redact(text := json.dumps(row["reply"]), os.environ) != text:
            raise UsageFault(f"{place}: the reply holds a secret, so it cannot be recorded; change the prompt")
    if each.failure is not None:
        failure = each.failure
        message = redact(failure.message, os.environ)
        row["failure"] = {"kind": failure.kind, "error": failure.error, "message": message, "status": failure.status}
    row["digest"] = each.digest
    short = {name: value for name, value in row.items() if value not in (None, {}, 0) or name in {"item", "round"}}
    text = json.dumps(short, ensure_ascii=False)
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
    }


def _loaded(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def _recording(row: dict[str, Any]) -> Recording:
    place = Place(str(row["node"]), row["item"], int(row["attempt"]), int(row["round"]))
    messages = tuple(Message(str(role), str(content)) for role, content in row["messages"])
    params = tuple(sorted(dict(row.get("params", {})).items()))
    request = Request(str(row["model"]), messages, params, row.get("schema"), int(row.get("sample", 0)))
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
    counts = {name: said.get(name) for name in _USAGE}
    usage = Usage(**counts, source=UsageSource(said["source"]))
    usd, input_usd, output_usd = (None if paid.get(name) is None else Decimal(paid[name]) for name in _AMOUNTS)
    cost = Cost(usd, input_usd, output_usd, CostSource(paid["source"]))
    return Reply(str(row["text"]), str(row["model"]), row.get("finish_reason"), None, usage, cost)


def _failure(row: dict[str, Any]) -> Failure:
    return Failure(FailureKind(row["kind"]), str(row["error"]), str(row["message"]), row.get("status"))


def _text(request: Request) -> str:
    head = [f"model: {request.model}", *(f"{name}: {value}" for name, value in request.params)]
    head += [f"schema: {request.schema}"] if request.schema else []
    return "\n".join([*head, *(f"{message.role}:\n{message.content}" for message in request.messages)])


def _diff(old: Request, new: Request) -> str:
    lines: Iterable[str] = difflib.unified_diff(
        _text(old).split("\n"), _text(new).split("\n"), "recorded", "asked now", lineterm="", n=1
    )
    found = list(lines)
    cut = found[:_DIFF_LINES]
    if len(found) > len(cut):
        cut.append(f"… {len(found) - len(cut)} more lines")
    return (
        "\n".join(cut) if cut else f"the same words, but another request: {request_digest(old)}, {request_digest(new)}"
    )
