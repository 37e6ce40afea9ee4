"""Many entries of one run as one line of a journal: `{"t":"Pack", ..., "event": {"order": ..., kind: rows}}`.

Small graphs are made of few kinds of events, thousands of each: as rows of values they cost a fifth of lines of their
own. What a line is, and every other event, is `wire`; what reads several entries from a line calls `decode` here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from wfkit.core.events import Dispatched, Entry, Event, NodeDefined, Resolved, Succeeded
from wfkit.core.result import NOTHING_SPENT, Result, Stored
from wfkit.core.terms import NodeKind
from wfkit.errors import StoreFault
from wfkit.store import wire

KIND = "Pack"
LONGEST = 128  # entries: whoever needs one value decodes its whole line, and damage costs a whole line
Row = Sequence[Any]

_resolved = attrgetter("node", "keys", "reasons", "values", "at", "saved_usd", "saved_s", "from_run")
_dispatched = attrgetter("tasks", "attempt", "at")
_defined = attrgetter("node", "definition", "kind", "source", "options", "parts", "at")
_stored = attrgetter("digest", "codec", "payload", "size", "inline")
_result = attrgetter("key", "node", "definition", "inputs", "preview", "run_s", "cacheable", "run_id", "created_at")


def fits(event: Event) -> bool:
    """Whether an event may stand in a pack: of results those that stand for an answer and that nothing was read,
    printed or paid for, of resolved maps those of all items, without names, and made by their own code."""
    if isinstance(event, Succeeded):
        result = event.result
        free = result.spent is NOTHING_SPENT or result.spent == NOTHING_SPENT
        return free and not result.reads and not result.outputs and event.failure is None
    if isinstance(event, Resolved):
        return not (event.labels or event.made_by) and event.sample is None
    return type(event) in _LETTERS


def encode(entries: Sequence[Entry]) -> bytes:
    """The line of entries that fit, of one run and epoch; newline included."""
    rows: dict[str, list[Row]] = {}
    order = []
    for entry in entries:
        letter, row = _LETTERS[type(entry.event)]
        order.append(letter)
        rows.setdefault(letter, []).append(row(entry.event))
    first = entries[0]
    event: dict[str, Any] = {"order": "".join(order), **rows}
    if entries[-1].seq != first.seq + len(entries) - 1:  # some between were collected
        event["seqs"] = [entry.seq for entry in entries]
    return wire.line({"t": KIND, "run": first.run_id, "epoch": first.epoch, "seq": first.seq, "event": event})


def decode(line: bytes) -> list[Entry]:
    """The entries of any line (without its newline). Raises Damaged, or StoreFault for what a newer version wrote."""
    raw = wire.parse(line)
    if raw.get("t") != KIND:
        return [wire.entry(raw)]
    try:
        run_id, epoch, seq, event = raw["run"], raw["epoch"], raw["seq"], raw["event"]
        unknown = set(event["order"]).difference(_MAKERS)
        if unknown:
            raise StoreFault(f"the journal holds events {''.join(sorted(unknown))!r} in a pack: it {wire.NEWER}")
        seqs = event.get("seqs") or range(seq, seq + len(event["order"]))
        rows = {letter: iter(event[letter]) for letter in set(event["order"])}
        made = [_MAKERS[letter](next(rows[letter])) for letter in event["order"]]
        return [Entry(run_id, epoch, place, found) for place, found in zip(seqs, made, strict=True)]
    except (ValueError, TypeError, LookupError, AttributeError, StopIteration) as error:
        raise wire.Damaged(f"no entries: {error!r}") from None


def grouped(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """The entries in their order, those together that may share a line."""
    group: list[Entry] = []
    for entry in entries:
        if group and not _follows(group, entry):
            yield group
            group = []
        group.append(entry)
    if group:
        yield group


def _follows(group: Sequence[Entry], entry: Entry) -> bool:
    first = group[0]
    return (
        len(group) < LONGEST
        and entry.seq == first.seq + len(group)
        and entry.run_id == first.run_id
        and entry.epoch == first.epoch
        and fits(entry.event)
        and fits(first.event)
    )


def texts(entry: Entry) -> Iterator[str]:
    """What somebody wrote in an event that fits: what may hold a secret. Values were searched before."""
    event = entry.event
    if isinstance(event, Succeeded):
        yield event.result.preview
    elif isinstance(event, NodeDefined):
        yield from (event.node, event.source, event.options)
        for path, _, text in event.parts:
            yield path
            yield text


def _succeeded(event: Succeeded) -> Row:
    result = event.result
    return (event.task, event.attempt, event.at, _stored(result.value), *_result(result))


def _make_resolved(row: Row) -> Resolved:
    node, keys, reasons, values, *rest = row
    return Resolved(node, tuple(keys), tuple(reasons), tuple(values), *rest)


def _make_defined(row: Row) -> NodeDefined:
    node, definition, kind, source, options, parts, at = row
    return NodeDefined(node, definition, NodeKind(kind), source, options, tuple(map(tuple, parts)), at)


def _make_succeeded(row: Row) -> Succeeded:
    task, attempt, at, value, *told = row
    return Succeeded(task, attempt, result_of(value, told), at)


def result_of(value: Row, told: Row) -> Result:
    """A result from its two rows."""
    key, node, definition, inputs, preview, run_s, cacheable, run_id, created_at = told
    return Result(
        key,
        node,
        definition,
        Stored(*value),
        inputs=tuple(map(tuple, inputs)),
        preview=preview,
        run_s=run_s,
        cacheable=cacheable,
        run_id=run_id,
        created_at=created_at,
    )


_LETTERS: dict[type, tuple[str, Callable[[Any], Row]]] = {
    Resolved: ("r", _resolved),
    Dispatched: ("d", _dispatched),
    Succeeded: ("s", _succeeded),
    NodeDefined: ("n", _defined),
}
_MAKERS: dict[str, Callable[[Row], Any]] = {
    "r": _make_resolved,
    "d": lambda row: Dispatched(tuple(row[0]), row[1], row[2]),
    "s": _make_succeeded,
    "n": _make_defined,
}
