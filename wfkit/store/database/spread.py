"""Columns become rows: the INSERT of what is written as one JSON line for many tasks, a list a column.

Ten thousand results are forty lines this way, and no Python is run for each. Other tables are in `fold`.
"""

from __future__ import annotations

import orjson

_PLACE = {"journal_id": "VARCHAR", "run_id": "VARCHAR", "epoch": "INTEGER", "seq": "BIGINT"}
_TASKS = {**_PLACE, "at": "BIGINT", "node": "INTEGER", "reason": "VARCHAR[]", "key": "VARCHAR[]", "digest": "VARCHAR[]"}
_ITEMS = {
    **_PLACE, "attempt": "INTEGER", "node": "VARCHAR", "definition": "VARCHAR", "task": "INTEGER[]", "key": "VARCHAR[]",
    "digest": "VARCHAR[]", "codec": "VARCHAR[]", "payload": "VARCHAR[]", "size": "BIGINT[]", "inline": "VARCHAR[]",
    "item": "VARCHAR", "input": "VARCHAR[]", "shared": "JSON[]", "reads": "JSON[]", "read_of": "INTEGER[]",
    "preview": "VARCHAR[]", "outputs": "JSON[]", "run_s": "DOUBLE[]", "cacheable": "BOOLEAN", "created_at": "BIGINT",
    "escaped": "BOOLEAN",
}  # fmt: skip
_WHOLE = frozenset({"shared", "reads"})  # lists that all items have

_INSERT_TASKS = """
INSERT INTO tasks
SELECT journal_id, run_id, epoch, seq, make_timestamp("at"), node, item,
    CASE WHEN digest IS NULL THEN 'queued' ELSE 'cached' END, reason, key, digest
FROM ({columns})
"""
_INSERT_ITEMS = """
INSERT INTO results
SELECT journal_id, run_id, epoch, seq, task, attempt, key, node, definition, digest, codec, payload, size, inline,
    to_json(list_append(shared, json_array(item, input))), coalesce(reads[read_of + 1], '[]'::JSON),
    coalesce(preview, left(inline, 500), ''), coalesce(outputs, '[]'::JSON), run_s, 0::DECIMAL(18, 9), NULL::JSON,
    cacheable, make_timestamp(created_at), escaped
FROM ({columns})
"""


def inserts() -> dict[str, str]:
    """By the name that `rows` gives them: an INSERT that takes a list of JSON lines."""
    counted = _columns(_TASKS, ", unnest(range(len(r.key)))::INTEGER AS item")
    return {"tasks": _INSERT_TASKS.format(columns=counted), "items": _INSERT_ITEMS.format(columns=_columns(_ITEMS))}


def _columns(kinds: dict[str, str], also: str = "") -> str:
    """Rows of single values: what is a list in a line, one by one."""
    spec = orjson.dumps(kinds).decode()
    values = ", ".join(
        f'unnest(r."{name}") AS "{name}"' if kind.endswith("[]") and name not in _WHOLE else f'r."{name}" AS "{name}"'
        for name, kind in kinds.items()
    )
    lines = "SELECT unnest($1::VARCHAR[]) AS line"
    return f"SELECT {values}{also} FROM (SELECT from_json_strict(line, '{spec}') AS r FROM ({lines}))"  # noqa: S608 (our own names)
