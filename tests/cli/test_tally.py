"""Promises of the tally: runs of a notebook add up, unknown stays unknown, the worst outcome counts.

Rows as the workflow in the kernel writes them.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from wfkit.cli.tally import Tally, read_summaries, tally

ROW: dict[str, Any] = {
    "run_id": "a",
    "status": "success",
    "tasks": {"run": 3, "cached": 2, "failed": 0, "skipped": 0},
    "model_calls": 2,
    "cost_usd": 0.1,
    "saved_usd": 0.2,
    "wasted_usd": 0.05,
    "unpriced_calls": 1,
    "unanswered_calls": 1,
    "unanswered_usd": 0.5,
    "seconds": 1.0,
    "exit_code": 0,
}
FAILED = {**ROW, "run_id": "b", "status": "failed", "exit_code": 1, "tasks": {"run": 1, "failed": 1}}


def test_runs_add_up() -> None:
    """Counts and money are sums (money exactly), the id is the last run's."""
    sums = tally([ROW, ROW, {**ROW, "run_id": "c"}])
    assert (sums.run_id, sums.status, sums.exit_code, sums.runs) == ("c", "success", 0, 3)
    assert sums.tasks == {"run": 9, "cached": 6, "failed": 0, "skipped": 0}
    assert (sums.model_calls, sums.cost_usd, sums.saved_usd) == (6, Decimal("0.3"), Decimal("0.6"))
    assert (sums.wasted_usd, sums.unpriced_calls, sums.unanswered_calls) == (Decimal("0.15"), 3, 3)
    assert sums.unanswered_usd == Decimal("1.5")


def test_unknown_is_null_and_never_zero() -> None:
    """One unknown amount makes the sum unknown."""
    shown = tally([ROW, {**ROW, "cost_usd": None, "model_calls": None}]).object(1.0, [])
    assert (shown["cost_usd"], shown["model_calls"], shown["saved_usd"]) == (None, None, 0.4)


def test_the_worst_outcome_counts() -> None:
    """A failed run is not undone by a later good one, unless its cell was expected to fail."""
    assert (tally([FAILED, ROW]).status, tally([FAILED, ROW]).exit_code) == ("failed", 1)
    assert (tally([FAILED, ROW], {0}).status, tally([FAILED, ROW], {0}).exit_code) == ("success", 0)
    assert tally([FAILED], {0}).status == "success"


def test_the_object_has_exactly_the_promised_keys() -> None:
    """What `--json` prints is an interface."""
    shown = Tally().object(1.23456, [Path("out") / "x.ipynb"])
    assert list(shown) == [
        "run_id", "status", "tasks", "model_calls", "cost_usd", "saved_usd", "wasted_usd", "unpriced_calls",
        "unanswered_calls", "unanswered_usd", "seconds", "artifacts",
    ]  # fmt: skip
    assert shown["tasks"] == {"run": 0, "cached": 0, "failed": 0, "skipped": 0}
    assert (shown["run_id"], shown["seconds"], shown["artifacts"]) == (None, 1.235, ["out/x.ipynb"])
    assert json.loads(json.dumps(shown)) == shown


def test_a_line_cut_off_is_left_out(tmp_path: Path) -> None:
    """A kernel that died while writing leaves the runs before readable; no file means no run."""
    path = tmp_path / "summary.jsonl"
    assert read_summaries(path) == []
    path.write_text(json.dumps(ROW) + "\n" + json.dumps(ROW)[:20])
    assert read_summaries(path) == [ROW]


def test_questions_of_plain_cells_add_up_too() -> None:
    """Their money is the notebook's, also where no workflow was run; they are no run."""
    asked = {**ROW, "run_id": None, "tasks": {}, "model_calls": 1}
    sums = tally([asked, ROW, asked])
    assert (sums.run_id, sums.runs, sums.model_calls, sums.cost_usd) == ("a", 1, 4, Decimal("0.3"))
    assert sums.tasks == {"run": 3, "cached": 2, "failed": 0, "skipped": 0}
    alone = tally([asked])
    assert (alone.run_id, alone.runs, alone.status, alone.cost_usd) == (None, 0, "success", Decimal("0.1"))
