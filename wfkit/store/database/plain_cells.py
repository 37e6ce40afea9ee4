"""What cells that are no node asked: the sums of the calls that belong to no run.

The same figures as those of runs, which are in `reports`; the SQL that tells what a call billed is in schema/views.sql.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from wfkit.core.ledger import Account, spent_of
from wfkit.core.report import CellsRow

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SUMMED = (
    "calls", "input_tokens", "output_tokens", "no_input", "no_output", "cost_usd", "unpriced", "estimated",
    "unanswered", "unanswered_usd", "no_worst", "wasted_usd", "served", "saved_usd",
)  # fmt: skip
_CELLS = """
SELECT
    count(*) FILTER (NOT served), sum(input_tokens) FILTER (NOT served), sum(output_tokens) FILTER (NOT served),
    count(*) FILTER (NOT served AND input_tokens IS NULL), count(*) FILTER (NOT served AND output_tokens IS NULL),
    sum(billed_usd), count(*) FILTER (billed_usd IS NULL),
    count(*) FILTER (NOT served AND (usage_source = 'estimated' OR cost_source = 'estimated')),
    count(*) FILTER (unanswered), sum(worst_usd) FILTER (unanswered),
    count(*) FILTER (unanswered AND worst_usd IS NULL), sum(wasted_usd), count(*) FILTER (served), sum(saved_usd),
    bool_or(saved_usd IS NULL), sum(cache_read_input_tokens) FILTER (NOT served),
    sum(reasoning_output_tokens) FILTER (NOT served), min(started_at), max(started_at)
FROM calls_latest WHERE run_id = '' AND state <> 'started' AND ($1 IS NULL OR journal_id IN (
    SELECT journal_id FROM runs WHERE run_id = $1
))
"""


def plain_cells(cursor: DuckDBPyConnection, run_id: str | None = None) -> CellsRow | None:
    """The sums of all plain cells, or of those in the process that made a run; None where none of them asked."""
    *sums, unknown, cached, reasoning, first, last = cursor.execute(_CELLS, [run_id]).fetchall()[0]
    if first is None:
        return None
    known = Account(**{name: value for name, value in zip(_SUMMED, sums, strict=True) if value is not None})
    return CellsRow(
        spent=spent_of(known),
        served=known.served,
        saved_usd=None if unknown else known.saved_usd,
        wasted_usd=known.wasted_usd or Decimal(0),
        cached_tokens=int(cached or 0),
        reasoning_tokens=int(reasoning or 0),
        first_at=_seconds(first),
        last_at=_seconds(last),
    )


def _seconds(at: datetime) -> float:
    """Unix seconds of a TIMESTAMP, which is UTC."""
    return at.replace(tzinfo=UTC).timestamp()
