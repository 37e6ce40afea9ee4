"""What the runs of a notebook came to: the sums, the worst status and the exit code.

The kernel appends one JSON line a run, or a question of a plain cell, to the file named by WFKIT_SUMMARY; here they
are added up. None is unknown and stays unknown.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from wfkit.core.terms import RunState

_WORST: Final = (
    RunState.INTERRUPTED,
    RunState.FAILED,
    RunState.BUDGET_STOPPED,
    RunState.PARTIAL,
    RunState.WAITING_REVIEW,
    RunState.CANCELLED,
    RunState.RUNNING,
    RunState.SUCCESS,
)
TASKS: Final = ("run", "cached", "failed", "skipped")


@dataclass(frozen=True, slots=True)
class Tally:
    """Totals over the runs of one notebook. `run_id` is the last one's; money is in US dollars.

    `cost_usd` leaves out the calls that `unpriced_calls` counts."""

    run_id: str | None = None
    status: str = RunState.SUCCESS
    tasks: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TASKS, 0))
    model_calls: int | None = 0
    cost_usd: Decimal | None = Decimal(0)
    saved_usd: Decimal | None = Decimal(0)
    wasted_usd: Decimal | None = Decimal(0)
    unpriced_calls: int | None = 0
    unanswered_calls: int | None = 0
    unanswered_usd: Decimal | None = Decimal(0)
    exit_code: int = 0
    runs: int = 0
    unused: int = 0

    def unknown(self) -> Tally:
        """The same of a kernel that died: it may have paid for calls of which it could not tell."""
        calls = replace(self, model_calls=None, unpriced_calls=None, unanswered_calls=None)
        return replace(calls, cost_usd=None, saved_usd=None, wasted_usd=None, unanswered_usd=None)

    def object(self, seconds: float, artifacts: Sequence[Path]) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {
            "run_id": self.run_id,
            "status": str(self.status),
            "tasks": self.tasks,
            "model_calls": self.model_calls,
            "cost_usd": _number(self.cost_usd),
            "saved_usd": _number(self.saved_usd),
            "wasted_usd": _number(self.wasted_usd),
            "unpriced_calls": self.unpriced_calls,
            "unanswered_calls": self.unanswered_calls,
            "unanswered_usd": _number(self.unanswered_usd),
            "seconds": round(seconds, 3),
            "artifacts": [path.as_posix() for path in artifacts],
        }


def read_summaries(path: Path) -> list[dict[str, Any]]:
    """The finished runs that a kernel wrote down; a line cut off by its death is left out."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [row for row in map(_row, lines) if row is not None]


def tally(rows: Sequence[dict[str, Any]], excused: Collection[int] = ()) -> Tally:
    """Add up the runs of a notebook and what its plain cells asked (rows without a run). Those at the positions
    `excused` failed where failing was expected."""
    if not rows:
        return Tally()
    counted = [row for index, row in enumerate(rows) if index not in excused]
    runs = [row for row in rows if row["run_id"] is not None]
    return Tally(
        run_id=runs[-1]["run_id"] if runs else None,
        status=min((RunState(row["status"]) for row in counted), key=_WORST.index, default=RunState.SUCCESS),
        tasks={name: sum(int(row["tasks"].get(name, 0)) for row in rows) for name in TASKS},
        model_calls=_whole(row.get("model_calls") for row in rows),
        cost_usd=_money(row.get("cost_usd") for row in rows),
        saved_usd=_money(row.get("saved_usd") for row in rows),
        wasted_usd=_money(row.get("wasted_usd") for row in rows),
        unpriced_calls=_whole(row.get("unpriced_calls") for row in rows),
        unanswered_calls=_whole(row.get("unanswered_calls") for row in rows),
        unanswered_usd=_money(row.get("unanswered_usd") for row in rows),
        exit_code=max((int(row.get("exit_code") or 0) for row in counted), default=0),
        runs=len(runs),
        unused=next((int(left) for row in reversed(rows) if (left := row.get("unused_recordings")) is not None), 0),
    )


def _row(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _whole(values: Any) -> int | None:
    found = list(values)
    return None if None in found else sum(map(int, found))


def _money(values: Any) -> Decimal | None:
    found = list(values)
    return None if None in found else sum((Decimal(str(value)) for value in found), Decimal(0))


def _number(money: Decimal | None) -> float | None:
    return None if money is None else float(money)
