"""What a plan and a body look up: results by node, key and digest, and logged calls by request.

Each question is one query, whatever the number of keys. Columns come joined into one string each, because a fetched
row costs more than a split one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import orjson

from wfkit.core.call import CallRecord
from wfkit.core.events import NodeDefined, NotKept
from wfkit.core.result import Known, Output, Read, Result, Spent, Stored
from wfkit.core.terms import NodeKind, Reason
from wfkit.store import wire
from wfkit.store.bulk import money, no_collection

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# By rowid, so that the wide columns are read only where there is something to read: half the time.
_KNOWN = """
SELECT
    string_agg(key, '\n'), string_agg(node, '\n'), string_agg(definition, '\n'), string_agg(digest, '\n'),
    string_agg(CASE WHEN escaped THEN '!' ELSE '' END || reads::VARCHAR, '\n'),
    string_agg(epoch_us(created_at), '\n'), string_agg(run_id, '\n'),
    string_agg(coalesce(run_s::VARCHAR, ''), '\n'), string_agg(coalesce(cost_usd::VARCHAR, ''), '\n'),
    (SELECT string_agg(key || ' ' || epoch_us("at"), '\n') FROM forgotten)
FROM results WHERE rowid IN (SELECT rowid FROM results WHERE node IN (SELECT unnest($1::VARCHAR[])) AND cacheable)
"""
RESULT_COLUMNS = """
    key, node, definition, digest, codec, payload, size, inline, reads::VARCHAR, inputs::VARCHAR, preview,
    outputs::VARCHAR, run_s, spent::VARCHAR, cacheable, run_id, epoch_us(created_at), escaped
"""
_RESULT = f"""
SELECT {RESULT_COLUMNS}
FROM results r WHERE key = $1 AND NOT EXISTS (FROM forgotten f WHERE f.key = r.key AND f."at" >= r.created_at)
ORDER BY created_at DESC, epoch DESC, seq DESC LIMIT 1
"""  # noqa: S608 (our own column names)
_STORED = """
SELECT digest, codec, payload, size, inline, escaped
FROM results WHERE rowid IN (SELECT rowid FROM results WHERE digest IN (SELECT unnest($1::VARCHAR[])))
QUALIFY row_number() OVER (
    PARTITION BY digest ORDER BY created_at DESC, epoch DESC, seq DESC) = 1
"""
_DEFINITION = """
SELECT node, definition, kind, source, options, parts::VARCHAR, epoch_us("at")
FROM definitions WHERE definition = $1 ORDER BY "at" DESC, seq DESC LIMIT 1
"""
_NOT_KEPT = """
SELECT node, definition, list(key), reason, message, epoch_us("at"), of_run, escaped
FROM not_kept WHERE node IN (SELECT unnest($1::VARCHAR[])) GROUP BY ALL
"""
# By place, so that the record is read only where it is wanted.
_CALLS = """
SELECT name, record::VARCHAR, escaped FROM replies
WHERE place IN (SELECT place FROM replies WHERE name IN (SELECT unnest($1::VARCHAR[])))
QUALIFY row_number() OVER (PARTITION BY name ORDER BY ended_at DESC, epoch DESC, seq DESC) = 1
"""


def known(cursor: DuckDBPyConnection, nodes: Iterable[str]) -> list[Known]:
    """The results of these nodes that may serve, newest first; without forgotten ones."""
    *columns, forgotten = cursor.execute(_KNOWN, [list(nodes)]).fetchall()[0]
    if columns[0] is None:
        return []
    with no_collection():
        found = _knowns([column.split("\n") for column in columns])
    return _served(found, forgotten) if forgotten else found


def _knowns(columns: Sequence[list[str]]) -> list[Known]:
    keys, names, definitions, digests, reads, times, runs, seconds, costs = columns
    made_at = [int(at) / 1e6 for at in times]
    texts, spans, amounts = map(_reads, reads), map(_float, seconds), map(money, costs)
    found = list(map(Known, keys, names, definitions, digests, texts, made_at, runs, spans, amounts))
    found.reverse()  # rows are appended, so this is nearly the order; later rows win among equals
    found.sort(key=attrgetter("created_at"), reverse=True)
    return found


def _served(found: list[Known], forgotten: str) -> list[Known]:
    """Without those that were forgotten after they were made."""
    until: dict[str, float] = {}
    for line in forgotten.split("\n"):
        key, at = line.split(" ")
        until[key] = max(int(at) / 1e6, until.get(key, 0.0))
    return [item for item in found if item.created_at > until.get(item.key, -1.0)]


def not_kept(cursor: DuckDBPyConnection, nodes: Iterable[str]) -> list[NotKept]:
    """Which tasks of these nodes ended without a result that serves, and why."""
    found = cursor.execute(_NOT_KEPT, [list(nodes)]).fetchall()
    return [
        NotKept(node, definition, tuple(keys), Reason(reason), wire.unescape(text) if escaped else text, at / 1e6, run)
        for node, definition, keys, reason, text, at, run, escaped in found
    ]


def result(cursor: DuckDBPyConnection, key: str) -> Result | None:
    """The newest whole result under a task key, unless it is forgotten."""
    found = cursor.execute(_RESULT, [key]).fetchall()
    return make_result(found[0]) if found else None


def make_result(row: Sequence[Any]) -> Result:
    """A result from its columns, in the order of RESULT_COLUMNS."""
    *values, escaped = row
    parse = _unescaped if escaped else orjson.loads
    if escaped:
        values = wire.unescape(values)
    key, node, definition, digest, codec, payload, size, inline = values[:8]
    reads, inputs, preview, outputs, run_s, spent, cacheable, run_id, created_us = values[8:]
    return Result(
        key=key,
        node=node,
        definition=definition,
        value=Stored(digest, codec, payload, size, inline),
        reads=tuple(Read(*each) for each in parse(reads)),
        inputs=tuple((name, value) for name, value in parse(inputs)),
        preview=preview,
        outputs=tuple(Output(*each) for each in parse(outputs)),
        run_s=run_s,
        spent=wire.decoder(Spent)(parse(spent)) if spent else Spent(),
        cacheable=cacheable,
        run_id=run_id,
        created_at=created_us / 1e6,
    )


def stored(cursor: DuckDBPyConnection, digests: Iterable[str]) -> dict[str, Stored]:
    """Where the values with these digests are; those that are nowhere are left out."""
    found = {}
    for digest, codec, payload, size, inline, escaped in cursor.execute(_STORED, [list(digests)]).fetchall():
        text = wire.unescape(inline) if escaped else inline
        found[digest] = Stored(digest, codec, payload, size, text)
    return found


def calls_by_digest(cursor: DuckDBPyConnection, digests: Iterable[str]) -> dict[str, CallRecord]:
    """The newest reply under each of these names, whole."""
    found = cursor.execute(_CALLS, [list(digests)]).fetchall()
    return {digest: make_call(record, escaped) for digest, record, escaped in found}


def definition(cursor: DuckDBPyConnection, digest: str) -> NodeDefined | None:
    """The text of a definition, as it was logged last."""
    for node, name, kind, source, options, parts, at in cursor.execute(_DEFINITION, [digest]).fetchall():
        reached = tuple((path, part, text) for path, part, text in orjson.loads(parts))
        return NodeDefined(node, name, NodeKind(kind), source, options, reached, at / 1e6)
    return None


def make_call(record: str, escaped: bool) -> CallRecord:
    """A call from its JSON."""
    made: CallRecord = wire.decoder(CallRecord)(_unescaped(record) if escaped else orjson.loads(record))
    return made


def _unescaped(text: str) -> Any:
    """JSON of a row that holds lone surrogates."""
    return wire.unescape(orjson.loads(text))


@lru_cache(maxsize=4096)  # the items of a map have read the same things
def _reads(text: str) -> tuple[Read, ...]:
    if text == "[]":
        return ()
    return tuple(Read(*each) for each in (_unescaped(text[1:]) if text[0] == "!" else orjson.loads(text)))


def _float(text: str) -> float | None:
    return float(text) if text else None
