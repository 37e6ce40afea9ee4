"""What the journals of a store hold, as a collection must know it: runs, the results they made or used, replies.

Read from journals and segments alone, so it holds whatever became of the database. What may go is decided in `keeping`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from wfkit.core.events import (
    CallEnded,
    Entry,
    Forgotten,
    NodeDefined,
    Resolved,
    RunEnded,
    RunStarted,
    results_of,
)
from wfkit.core.result import Result
from wfkit.core.terms import RunState
from wfkit.store.journals import journal
from wfkit.store.journals.journal import Log

Use = tuple[str, str]  # task key, value digest


class Made(NamedTuple):
    """A result. `payload` names its object (None: it stands in the line), `line` are its bytes in the journal."""

    run_id: str
    node: str
    use: Use
    definition: str
    payload: str | None
    size: int
    line: float


@dataclass(slots=True)
class RunFacts:
    """A run, or what is left of one. Times are Unix seconds, `line` bytes of what is neither result nor reply."""

    run_id: str
    started: bool = False
    unfinished: bool = True
    movable: bool = True  # no line of it is in a journal that may still grow
    last_at: float = 0.0
    nodes: tuple[str, ...] = ()
    definitions: set[str] = field(default_factory=set)
    used: set[Use] = field(default_factory=set)
    replies: int = 0
    line: float = 0.0


@dataclass(slots=True)
class Facts:
    """All of it. `movable` are the logs that may be rewritten, `fixed` bytes of lines that stay."""

    runs: dict[str, RunFacts] = field(default_factory=dict)
    made: list[Made] = field(default_factory=list)
    movable: list[Log] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)  # task keys of all results
    fixed: float = 0.0  # replies, definitions, what was forgotten

    def run(self, run_id: str) -> RunFacts:
        """The facts of a run, begun when first asked."""
        if run_id not in self.runs:
            self.runs[run_id] = RunFacts(run_id)
        return self.runs[run_id]


def survey(root: Path, may_move: Callable[[Log], bool]) -> Facts:
    """Read every journal and segment. Raises StoreFault for what a newer version wrote."""
    facts = Facts()
    for log in journal.list_journals(root):
        movable = may_move(log)
        if movable:
            facts.movable.append(log)
        packed = log.path.stat().st_size / max(log.size, 1)
        for start, end, entries in journal.read_packs(log.path):
            for entry in entries:
                _note(facts, entry, (end - start) * packed / len(entries), movable)
    return facts


def is_filler(entry: Entry) -> bool:
    """Whether a line only fills the place of lines that were collected."""
    return isinstance(entry.event, Forgotten) and not entry.event.keys


def payloads(logs: Iterable[Log]) -> Iterator[str]:
    """The names of the objects that these logs speak of."""
    for log in logs:
        for _, _, entry in journal.read_entries(log.path):
            yield from (result.value.payload for result in results_of(entry.event) if result.value.inline is None)


def has_reply(entry: Entry) -> bool:
    """Whether an entry holds a reply that was paid for."""
    event = entry.event
    return isinstance(event, CallEnded) and not event.served and event.call.reply is not None


def _note(facts: Facts, entry: Entry, line: float, movable: bool) -> None:
    run, event = facts.run(entry.run_id), entry.event
    run.movable &= movable
    run.last_at = max(run.last_at, getattr(event, "at", 0.0))
    results = results_of(entry.event)
    for result in results:
        _note_result(facts, run, result, line / len(results))
    if has_reply(entry) or isinstance(event, NodeDefined | Forgotten):
        facts.fixed += line
        run.replies += has_reply(entry)
    elif not results:
        run.line += line
    if isinstance(event, RunStarted):
        run.started, run.nodes = True, tuple(spec.name for spec in event.nodes)
        run.definitions.update(spec.definition for spec in event.nodes if spec.definition)
    elif isinstance(event, RunEnded):
        run.unfinished = event.status is RunState.INTERRUPTED
    elif isinstance(event, Resolved):
        pairs = zip(event.keys, event.values, strict=True)
        run.used.update((key, digest) for key, digest in pairs if key is not None and digest is not None)


def _note_result(facts: Facts, run: RunFacts, result: Result, line: float) -> None:
    use = (result.key, result.value.digest)
    run.used.add(use)
    run.definitions.add(result.definition)
    payload = result.value.payload if result.value.inline is None else None
    facts.keys.add(result.key)
    facts.made.append(Made(run.run_id, result.node, use, result.definition, payload, result.value.size, line))
