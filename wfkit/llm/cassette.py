"""Cassettes: requests to models and what came back, errors included, that CI replays without a key or a socket.

What is played and kept is decided here; `Tape` is how one attempt uses it. The file is `cassette_file`; when a request
is sent is decided elsewhere.
"""

from __future__ import annotations

import difflib
import os
from collections import defaultdict, deque
from collections.abc import Iterable
from pathlib import Path
from threading import Lock

from wfkit.core.call import NEVER_SENT, Failure, Message, Reply, Request
from wfkit.core.frozen import dataclass
from wfkit.core.secrets import redact
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed, UsageFault
from wfkit.llm.cassette_file import Place, Recording, check_place, read, write
from wfkit.llm.messages import request_digest

MODES = ("record", "replay", "replay-or-record")
_COMPARED = 200  # recordings that are looked at for the nearest one
_DIFF_LINES = 30


class Cassette:
    """The recordings of one file. Raises UsageFault when the file cannot be read or is of another version."""

    def __init__(self, path: Path, mode: str) -> None:
        self.path, self.mode = path, mode
        old = path.exists() if mode != "record" else False
        if mode == "replay" and not old:
            raise UsageFault(f"there is no cassette {path}: make it with --record {path}, with a key at hand")
        if mode != "replay":
            check_place(path)
        self._found = read(path) if old else []
        self._new: dict[tuple[Place, str], list[Recording]] = defaultdict(list)
        self._left: dict[str, deque[Recording]] = defaultdict(deque)
        for recording in self._found:
            self._left[recording.digest].append(recording)
        self._used: set[str] = set()
        self._nodes = dict.fromkeys(recording.place.node for recording in self._found)
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
            there = self._new[recording.place, recording.digest]
            if recording not in there and not (self.plays and recording.digest in self._left):
                there.append(recording)

    def serve(self, recording: Recording) -> None:
        """A reply that the call log had: it belongs on a cassette that is being recorded, and counts as used."""
        if self.records:
            self.keep(recording)
        self._used.add(recording.digest)

    def save(self, nodes: Iterable[str] = ()) -> None:
        """Write the file anew, whole or not at all, if there is anything new. Secrets in prompts are redacted.

        `nodes` are those that ran: they stand in this order, whichever of them was answered first.

        Raises UsageFault when a reply holds a secret: without it the replay would differ, with it it must not be kept.
        """
        with self._lock:
            self._nodes |= dict.fromkeys(nodes)
            new = [recording for there in self._new.values() for recording in there]
            if self.records and (self.mode == "record" or new):
                write(self.path, self._found + new, self._nodes)

    def unused(self) -> list[Recording]:
        """Recordings that nothing asked for so far."""
        return [each for each in self._found if each.digest not in self._used]

    def left(self) -> int | None:
        """How many recordings nothing asked for so far; None where none is played."""
        return len(self.unused()) if self.plays else None

    def _diverged(self, place: Place, request: Request) -> Failure:
        nearest = self._nearest(place, request)
        hint = f"if the change is wanted, record again: --record {self._said()}"
        message = f"{place}: this request is not on the cassette {self.path.name}; {hint}"
        if nearest is not None:
            message += f"\nnearest recording: {nearest.place}\n{_diff(nearest.request, request)}"
        return Failure(FailureKind.DIVERGED, NEVER_SENT, redact(message, os.environ), hint=hint)

    def _said(self) -> Path:
        """The path as one would write it here."""
        folder = Path.cwd()
        return self.path.relative_to(folder) if self.path.is_relative_to(folder) else self.path

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


def _text(request: Request) -> str:
    head = [f"model: {request.model}", *(f"{name}: {value}" for name, value in request.params)]
    head += [f"schema: {request.schema}"] if request.schema else []
    head += [f"tool {tool.name}: {tool.parameters} {tool.description}" for tool in request.tools]
    return redact("\n".join([*head, *map(_told, request.messages)]), os.environ)  # before lines of it are left out


def _told(message: Message) -> str:
    asked = "".join(f"\n{call.name}({call.arguments})" for call in message.tool_calls)
    return f"{message.role}:\n{message.content}{asked}"


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
