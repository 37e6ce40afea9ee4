"""A sample first: what the whole would take stands below the run, live and from the store, then the rest is run.

No network; the model is a script with a price.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from tests.engine.lab import Lab, did, run
from wfkit.core.report import RunReport
from wfkit.llm.fake import Say, Script
from wfkit.views.plan import PlanView
from wfkit.views.progress import Progress

ASK = {"told --model fake/script": "#| each: n in numbers\nSay {{ n }}"}
HUNDRED = {"numbers": list(range(100))}


def last_line(report: RunReport | None) -> str:
    assert report is not None
    return Progress(report).text().split("\n")[-1]


def yes(times: int, usd: str | None = "0.02") -> Script:
    return Script([Say("yes", cost_usd=None if usd is None else Decimal(usd)) for _ in range(times)])


def told(report: RunReport) -> Mapping[str, Any]:
    return Progress(report).data().set_index("node").loc["told"].to_dict()


def test_the_whole_stands_below_the_sample(any_lab: Lab) -> None:
    """The last line of the display says what all items would take; text, HTML and data agree, live and from the
    store."""
    live: list[RunReport] = []
    workflow = any_lab.cells(ASK, dict(HUNDRED))
    with yes(20):
        outcome = run(workflow, "told", limit=20, progress=live.append)
    line = last_line(outcome.report)
    assert line.startswith("sample: 20 of 100 items; all of them about $2.00 and ")
    assert line.removeprefix("sample: ") in Progress(outcome.report).html()
    row = told(outcome.report)
    assert (row["sample_of"], row["whole_usd"]) == (100, pytest.approx(2.0))
    stored = workflow.store.report(outcome.run_id)
    assert stored is not None
    assert last_line(stored).startswith("sample: 20 of 100 items; all of them about $2.00 and ")
    assert told(stored)["whole_s"] == pytest.approx(row["whole_s"], rel=0.01)
    assert all(last_line(report).startswith("sample: 20 of 100 items") for report in live if told(report)["sample_of"])


def test_a_cached_sample_and_the_rest(lab: Lab) -> None:
    """A sample that is cached foretells what it cost when it was made; the run of all items foretells nothing."""
    workflow = lab.cells(ASK, dict(HUNDRED))
    with yes(100):
        run(workflow, "told", limit=20)
        again = run(workflow, "told", limit=20)
        whole = run(workflow, "told")
    assert "all of them about $2.00 and " in last_line(again.report)
    assert whole.report.run.spent.calls == 80
    assert "sample" not in Progress(whole.report).text()


def test_a_random_sample_names_its_seed(lab: Lab) -> None:
    """Who wants the same items again reads the seed from the line."""
    with yes(5):
        outcome = run(lab.cells(ASK, dict(HUNDRED)), "told", limit=5, random=True, seed=7)
    assert last_line(outcome.report).startswith("sample: 5 of 100 items at random (seed 7); all of them about $2.00")
    assert told(outcome.report)["sample_seed"] == 7


def test_no_price_is_unknown(lab: Lab) -> None:
    """A model without a price makes the money of the whole `?`; a map that asks no model speaks of time alone."""
    with yes(5, usd=None):
        outcome = run(lab.cells(ASK, dict(HUNDRED)), "told", limit=5)
    assert last_line(outcome.report).startswith("sample: 5 of 100 items; all of them about ? and ")
    free = run(lab.cells({"told --each 'n in numbers'": "n"}, dict(HUNDRED)), "told", limit=5)
    assert "$" not in last_line(free.report)
    assert "all of them about " in last_line(free.report)


def test_one_item(any_lab: Lab) -> None:
    """A sample of a single item is one all the same."""
    workflow = any_lab.cells({"told --each 'n in numbers'": "n"}, dict(HUNDRED))
    outcome = run(workflow, "told", limit=1)
    assert outcome["told"].sample is not None
    assert last_line(outcome.report).startswith("sample: 1 of 100 items; all of them about ")
    assert last_line(workflow.store.report(outcome.run_id)).startswith("sample: 1 of 100 items; ")


def test_the_plan_of_a_sample_shows_the_whole(lab: Lab) -> None:
    """`plan` of a sample foretells both; the plan of all items, and of a shell, has one estimate."""
    workflow = lab.cells(ASK, dict(HUNDRED))
    with yes(10):
        run(workflow, "told", limit=10)
    view = workflow.plan("told", limit=20)
    assert isinstance(view, PlanView)
    assert view.object()["usd"]["expected"] == pytest.approx(0.2)
    assert view.object()["whole"]["usd"]["expected"] == pytest.approx(1.8)
    assert "all items: cost $1.80" in " ".join(view.text().split())
    assert "all items: cost $1.80" in view.html()
    plain = workflow.plan("told")
    assert isinstance(plain, PlanView)
    assert plain.object()["whole"] is None
    assert "all items" not in plain.text()


def test_early_cut_off_after_a_sample(any_lab: Lab) -> None:
    """What needs a sample is keyed by what the sample came to: other code with the same values, or another limit that
    leaves the values as they are, does not run it again."""
    below = {"top": "max(told)", "said": "f'at most {top}'"}
    numbers = {"numbers": [3, 2, 1, 0, 9]}
    first = any_lab.cells({"told --each 'n in numbers'": "n * 2", **below}, dict(numbers))
    run(first, "said", limit=2)
    same = run(any_lab.cells({"told --each 'n in numbers'": "n + n", **below}, dict(numbers)), "said", limit=2)
    assert did(same) == {"told": "run", "top": "hit", "said": "hit"}
    more = run(first, "said", limit=4)
    assert did(more) == {"told": "2 hit 2 run", "top": "run", "said": "hit"}
    assert did(run(first, "said")) == {"told": "4 hit 1 run", "top": "run", "said": "run"}


def test_an_empty_map(any_lab: Lab) -> None:
    """A map without items has nothing to take a sample of, and nothing to foretell."""
    workflow = any_lab.cells({"told --each 'n in numbers'": "n", "count": "len(told)"}, {"numbers": []})
    outcome = run(workflow, "count", limit=5)
    assert (outcome["count"], outcome.report.run.status) == (0, "success")
    assert "sample" not in Progress(outcome.report).text()
    plan = workflow.plan("count", limit=5)
    assert "✓" in plan.text() or "cached" in plan.text()


def test_a_sample_of_a_frame_keeps_its_dtypes(any_lab: Lab) -> None:
    """The rows of a sample are rows of the frame: each value has the type that it has in a run of all, so running the
    rest reuses them, and so has what is made of them."""
    frame = pd.DataFrame({
        "n": pd.array([1, None, 3, 4], dtype="Int64"),
        "at": pd.to_datetime(["2026-01-01", "2026-01-02", None, "2026-01-04"], utc=True),
        "kind": pd.Categorical(["a", "b", "a", "c"]),
        "flag": pd.array([True, None, False, True], dtype="boolean"),
    })  # fmt: skip
    cells = {
        "told --each 'row in rows'": "{'types': [type(one).__name__ for one in (row.n, row.at, row.kind, row.flag)]}"
    }
    workflow = any_lab.cells(cells, {"rows": frame})
    sample = run(workflow, "told", limit=3, random=True, seed=2)
    picked = list(sample["told"].sample.picked)
    whole = run(workflow, "told")
    assert did(whole) == {"told": "3 hit 1 run"}
    assert [whole["told"][place]["types"] for place in picked] == [one["types"] for one in sample["told"]]
    assert sample["told"].frame()["types"].tolist() == whole["told"].frame()["types"].iloc[picked].tolist()
