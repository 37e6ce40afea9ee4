"""The marks of runs in journals: where they begin, are adopted and end. Found without reading the lines between.

`segments/<journal id>.open` keeps those of runs that did not both begin and end for good in a segment, so a segment
need not be unpacked to know what may be taken up again. What follows from the marks is in `adopt`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

from wfkit.core.events import RunEnded, RunStarted
from wfkit.core.frozen import dataclass
from wfkit.core.terms import RunState
from wfkit.store import wire
from wfkit.store.files import read_file
from wfkit.store.journals import journal
from wfkit.store.journals.journal import Log

SUFFIX = ".open"
_HINTS = (b' {"t":"RunStarted"', b' {"t":"RunEnded"', b' {"t":"Adopted"')
_HEAD = re.compile(rb'[0-9a-f]{8} \{"t":"(\w+)","run":("(?:[^"\\]|\\.)*"),"epoch":(\d+),')
Marks = dict[Log, list["Mark"]]


@dataclass(frozen=True, slots=True)
class Mark:
    """RunStarted, RunEnded or Adopted of a run; the whole line is decoded only when it is asked."""

    kind: str
    run_id: str
    epoch: int
    line: bytes

    def started(self) -> RunStarted | None:
        """The event of a start; None if the line is damaged."""
        event = self._event()
        return event if isinstance(event, RunStarted) else None

    def status(self) -> RunState | None:
        """How the run ended; None if the line is damaged."""
        event = self._event()
        return event.status if isinstance(event, RunEnded) else None

    def _event(self) -> object:
        try:
            return wire.decode(self.line).event
        except wire.Damaged:
            return None


Known = tuple[int, list[Mark]]


class RunMarks:
    """The marks in all logs of a store; what was read once is not read again. `known` says what is known of a journal:
    up to which byte, and which marks."""

    def __init__(self, root: Path, known: Callable[[str], Known] = lambda _: (0, [])) -> None:
        self._root = root
        self._known = known
        self._read: dict[str, tuple[int, list[Mark]]] = {}

    def now(self) -> dict[Log, list[Mark]]:
        """The marks of every log that has some."""
        logs = journal.list_journals(self._root)
        return {log: found for log in logs if (found := self._of(log))}

    def _of(self, log: Log) -> list[Mark]:
        size, found = self._read.get(log.journal_id) or self._known(log.journal_id)
        if log.segment and size != log.size:  # not looked at to its end while it was a journal
            size, found = log.size, list(find(read_file(log.path.with_name(f"{log.journal_id}{SUFFIX}")) or b""))
        elif size < log.size:
            data = journal.read_data(log.path, size)
            size, found = size + data.rfind(b"\n") + 1, [*found, *find(data)]
        self._read[log.journal_id] = size, found
        return found


def find(data: bytes) -> Iterator[Mark]:
    """The marks in the bytes of a journal, in their order."""
    places = sorted(place for hint in _HINTS for place in _places(data, hint))
    for place in places:
        stop = data.find(b"\n", place)
        head = _HEAD.match(data, place - 8)
        whole = place == 8 or data[place - 9 : place - 8] == b"\n"
        if stop > 0 and head and whole:
            kind, run_id, epoch = head.groups()
            yield Mark(kind.decode(), orjson.loads(run_id), int(epoch), data[place - 8 : stop])


def unfinished(found: list[Mark]) -> list[Mark]:
    """Those of runs that did not both begin and end for good here."""
    began = {mark.run_id for mark in found if mark.kind == "RunStarted"}
    ended = {mark.run_id for mark in found if mark.kind == "RunEnded" and mark.status() is not RunState.INTERRUPTED}
    return [mark for mark in found if mark.run_id not in began & ended]


def _places(data: bytes, hint: bytes) -> Iterator[int]:
    place = data.find(hint)
    while place >= 0:
        if place >= 8:
            yield place
        place = data.find(hint, place + 1)
