"""One JSON line a finished run, or a question of a plain cell, appended to the file that `WFKIT_SUMMARY` names: how a
notebook runner learns what its kernel did.

Only written when asked for. Unknown amounts are null.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from wfkit.core.events import CallEnded
from wfkit.core.ledger import Ledger
from wfkit.core.result import Spent
from wfkit.core.terms import FailureKind, RunState, TaskState
from wfkit.engine.execute import Interrupted, Ran
from wfkit.engine.outcome import Outcome

DIVERGED = 5
EXIT_CODES = {
    RunState.SUCCESS: 0,
    RunState.PARTIAL: 0,
    RunState.WAITING_REVIEW: 3,
    RunState.BUDGET_STOPPED: 4,
    RunState.INTERRUPTED: 130,
}


def summarised(execute: Callable[[], Ran], env: Mapping[str, str]) -> Outcome:
    """The outcome of a run, its summary written; also of one that the user stops, whose Interrupted is raised on."""
    try:
        outcome = Outcome(execute())
    except Interrupted as stopped:
        write_summary(stopped, env)
        raise
    write_summary(outcome, env)
    return outcome


def write_summary(ended: Outcome | Interrupted, env: Mapping[str, str]) -> None:
    """Append the summary of a run if the environment asks for it."""
    path = env.get("WFKIT_SUMMARY")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(summary(ended)) + "\n")


def asked_in_a_cell(calls: Sequence[CallEnded], unused_recordings: int | None) -> None:
    """Append what a question of a cell that is no node came to: a line without a run."""
    path = os.environ.get("WFKIT_SUMMARY")
    if path is None or (not calls and unused_recordings is None):
        return
    books = Ledger()
    for call in calls:
        books.call(0, call)
    account = books.of(0)
    line = {
        "run_id": None,
        "status": str(RunState.SUCCESS),
        "tasks": {},
        **_books(account.spent(), account.saved_usd, account.wasted_usd),
        "unused_recordings": unused_recordings,
        "exit_code": 0,
    }
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _diverged(ended: Outcome | Interrupted) -> bool:
    """Whether a request was not on the cassette."""
    failures = ended.failures if isinstance(ended, Outcome) else []
    return any(each.failure.kind is FailureKind.DIVERGED for each in failures)


def summary(ended: Outcome | Interrupted) -> dict[str, Any]:
    """What `--json` prints of one run."""
    row = ended.report.run
    return {
        "run_id": row.run_id,
        "status": str(row.status),
        "tasks": {
            "run": row.tasks.get(TaskState.SUCCESS, 0),
            "cached": row.tasks.get(TaskState.CACHED, 0),
            "failed": row.tasks.get(TaskState.FAILED, 0),
            "skipped": row.tasks.get(TaskState.SKIPPED, 0),
        },
        **_books(row.spent, row.saved_usd, row.wasted_usd),
        "seconds": None if row.ended_at is None else row.ended_at - row.started_at - row.paused_s,
        "unused_recordings": ended.unused_recordings if isinstance(ended, Outcome) else None,
        "exit_code": DIVERGED if _diverged(ended) else EXIT_CODES.get(RunState(row.status), 1),
    }


def _books(spent: Spent, saved_usd: Decimal | None, wasted_usd: Decimal | None) -> dict[str, Any]:
    """`cost_usd` adds the known prices; calls without one are `unpriced_calls`, and of those `unanswered_calls` got no
    reply and may be billed all the same, at most `unanswered_usd`."""
    return {
        "model_calls": spent.calls,
        "cost_usd": _number(spent.cost_usd),
        "saved_usd": _number(saved_usd),
        "wasted_usd": _number(wasted_usd),
        "unpriced_calls": spent.unpriced,
        "unanswered_calls": spent.unanswered,
        "unanswered_usd": _number(spent.unanswered_usd),
    }


def _number(usd: Decimal | None) -> float | None:
    return None if usd is None else float(usd)
