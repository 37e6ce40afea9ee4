"""What became of the tasks of a node in the past: what its results took, by definition, why they ran, and of which
items a map was.

One query sums up in DuckDB, so a node of a hundred thousand results costs one row. What a plan foretells from it is in
`core.estimate`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from wfkit.core.estimate import MapSize, Past, Sample

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_AMOUNTS = ("run_s", "usd", "input_tokens", "output_tokens", "calls")
_SAMPLES = ", ".join(
    f"count({name}), avg({name}), coalesce(stddev_samp({name}), 0), quantile_cont({name}, [0.05, 0.95])"
    for name in _AMOUNTS
)
_PAST = f"""
SELECT node, definition, count(*), epoch_us(max(created_at)), {_SAMPLES}
FROM (
    SELECT
        node, definition, created_at, run_s, cost_usd::DOUBLE AS usd,
        (spent ->> '$.input_tokens')::DOUBLE AS input_tokens, (spent ->> '$.output_tokens')::DOUBLE AS output_tokens,
        (spent ->> '$.calls')::DOUBLE AS calls
    FROM results WHERE node IN (SELECT unnest($1::VARCHAR[]))
) GROUP BY node, definition
"""  # noqa: S608 (our own column names)


_REASONS = """
SELECT t.reason FROM tasks t JOIN nodes n ON n.run_id = t.run_id AND n.node = t.node
WHERE t.run_id = $1 AND n.name = $2 AND ($3::INTEGER IS NULL OR t.item = $3::INTEGER) ORDER BY t.item
"""


_NAMED = """
SELECT m.run_id, m.label, m.digest FROM map_items m JOIN (
    SELECT n.run_id, n.node FROM nodes n
    JOIN resolutions s ON s.run_id = n.run_id AND s.node = n.node
    JOIN runs_latest l ON l.run_id = n.run_id
    WHERE n.name = $1 AND s.state = 'resolved' AND s.sample_of IS NULL AND EXISTS (
        FROM map_items i WHERE i.run_id = n.run_id AND i.node = n.node AND i.label IS NOT NULL
    ) ORDER BY l.started_at DESC, n.run_id DESC LIMIT 1
) newest ON newest.run_id = m.run_id AND newest.node = m.node ORDER BY m.item
"""


_SIZES = """
SELECT coalesce(s.sample_of, s.tasks), l.workflow, l.notebook
FROM nodes n JOIN resolutions s ON s.run_id = n.run_id AND s.node = n.node JOIN runs_latest l ON l.run_id = n.run_id
WHERE n.name = $1 AND n.over IS NOT NULL AND s.state = 'resolved'
ORDER BY l.started_at DESC, n.run_id DESC LIMIT 100
"""


def past(cursor: DuckDBPyConnection, nodes: Iterable[str]) -> list[Past]:
    """A row a node and definition, in no order."""
    return [_past(row) for row in cursor.execute(_PAST, [list(nodes)]).fetchall()]


def reasons(cursor: DuckDBPyConnection, run_id: str, node: str, item: int | None) -> list[str]:
    """The reasons that the tasks of a node had in a run, in order."""
    found = cursor.execute(_REASONS, [run_id, node, item]).fetchall()
    return [str(reason) for (reason,) in found]


def named_items(cursor: DuckDBPyConnection, node: str) -> tuple[str, list[tuple[str, str]]] | None:
    """The newest run that took all items of a map which names them, and the name and digest of each, in order."""
    found = cursor.execute(_NAMED, [node]).fetchall()
    return (found[0][0], [(label, digest) for _, label, digest in found]) if found else None


def sizes(cursor: DuckDBPyConnection, node: str) -> list[MapSize]:
    """How many items a map of this name had in the newest runs, newest first."""
    return [MapSize(*row) for row in cursor.execute(_SIZES, [node]).fetchall()]


def _past(row: Sequence[Any]) -> Past:
    node, definition, results, newest_us, *rest = row
    samples = [_sample(rest[4 * place : 4 * place + 4]) for place in range(len(_AMOUNTS))]
    return Past(node, definition, results, newest_us / 1e6, *samples)


def _sample(columns: Sequence[Any]) -> Sample:
    count, mean, deviation, tails = columns
    return Sample(count, mean, deviation, *tails) if count else Sample()
