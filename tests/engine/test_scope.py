"""Promises of what a run takes on: samples, results of older code, what failed last time, items with names."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest

from tests.engine.lab import Lab, did, run
from wfkit.core.scope import Sample
from wfkit.core.terms import RunState
from wfkit.errors import UsageFault

TOLD = {"told --each 'n in numbers'": "f'<{n}>'", "all_told": "' '.join(told)"}


def kept_and_run(outcome: Any, node: str = "told") -> dict[str, int]:
    """How often each reason was given for a node."""
    return next(row.reasons for row in outcome.report.nodes if row.name == node)


def test_a_sample_then_the_rest(any_lab: Lab) -> None:
    """A limit takes the first items; what needs the map sees only those, under a key of its own. The rest reuses
    them, and then the sample is a hit as a whole."""
    workflow = any_lab.cells(TOLD, {"numbers": list(range(10))})
    sample = run(workflow, "told", "all_told", limit=3)
    assert sample["told"] == ["<0>", "<1>", "<2>"]
    assert sample["told"].sample == Sample(10, (0, 1, 2))
    assert sample["all_told"] == "<0> <1> <2>"
    whole = run(workflow)
    assert did(whole) == {"told": "3 hit 7 run", "all_told": "run"}
    assert whole["all_told"].count("<") == 10
    assert did(run(workflow, limit=3)) == {"told": "hit", "all_told": "hit"}


def test_a_random_sample_can_be_repeated(lab: Lab) -> None:
    """A seed picks the same items each time, also when others were added or all have moved; a larger sample holds the
    smaller one, in item order."""
    workflow = lab.cells(TOLD)
    names = [f"n{i}" for i in range(200)]
    first = run(workflow, "told", inputs={"numbers": names}, limit=20, random=True, seed=7)["told"]
    assert first == [f"<n{i}>" for i in first.sample.picked]
    assert list(first.sample.picked) == sorted(first.sample.picked) != list(range(20))
    moved = run(workflow, "told", inputs={"numbers": names[::-1]}, limit=20, random=True, seed=7)
    assert did(moved)["told"] == "hit"
    assert moved["told"] == first[::-1]
    larger = run(workflow, "told", inputs={"numbers": names}, limit=30, random=True, seed=7)["told"]
    assert set(first) < set(larger)
    other = run(workflow, "told", inputs={"numbers": names}, limit=20, random=True, seed=8)["told"]
    assert other != first


def test_limit_as_an_option(lab: Lab) -> None:
    """`limit` on a node bounds that node, is no part of its key, and the smaller limit holds."""
    numbers = {"numbers": list(range(10))}
    assert len(run(lab.cells({"told --each 'n in numbers' --limit 4": "n"}, numbers))["told"]) == 4
    outcome = run(lab.cells({"told --each 'n in numbers' --limit 6": "n"}, numbers), limit=5)
    assert did(outcome) == {"told": "4 hit 1 run"}
    outcome = run(lab.cells({"told --each 'n in numbers' --limit 60": "n"}, numbers))
    assert outcome["told"].sample is None
    assert len(outcome["told"]) == 10


def test_maps_below_a_sample(lab: Lab) -> None:
    """A map over a sampled map has the items of the sample; one over what was made of it takes a sample of its own."""
    cells = {
        "pairs --each 'n in numbers'": "[n, -n]",
        "sums --each 'pair in pairs'": "sum(pair)",
        "flat": "[n for pair in pairs for n in pair]",
        "signs --each 'n in flat'": "n > 0",
    }
    outcome = run(lab.cells(cells, {"numbers": list(range(1, 9))}), "sums", "signs", limit=3)
    assert outcome["sums"] == [0, 0, 0]
    assert outcome["sums"].sample is None
    assert outcome["signs"] == [True, False, True]
    assert outcome["signs"].sample == Sample(6, (0, 1, 2))


def test_kept_for_one_run_only(any_lab: Lab) -> None:
    """With `keep` results of older code stand in where there are none of the new; each task tells which code made it.
    They are never served under the new key: the next run makes them."""
    old, new = {"told --each 'n in numbers'": "10 // n"}, {"told --each 'n in numbers'": "10 // n if n else -1"}
    numbers = {"numbers": [1, 2, 0, 5]}
    before = run(any_lab.cells(old, numbers))
    assert before.status is RunState.FAILED
    kept = run(any_lab.cells(new, numbers), keep=True)
    assert kept["told"] == [10, 5, -1, 2]
    assert kept_and_run(kept) == {"kept_old_code": 3, "input_changed": 1} or kept_and_run(kept)["kept_old_code"] == 3
    codes = list(kept.tasks["code"])
    assert codes[0] == codes[1] == codes[3] == before.tasks["code"][0] != codes[2]
    after = run(any_lab.cells(new, numbers))
    assert did(after) == {"told": "3 run 1 hit"}
    assert set(after.tasks["code"]) == {codes[2]}


def test_kept_only_for_equal_inputs(lab: Lab) -> None:
    """What older code made of other inputs does not stand in, and below a kept map all is keyed by what went in."""
    run(lab.cells({"a": "2", "told --each 'n in numbers'": "n * a", "s": "sum(told)"}, {"numbers": [1, 2]}))
    outcome = run(
        lab.cells({"a": "2", "told --each 'n in numbers'": "a * n", "s": "sum(told)"}, {"numbers": [1, 3]}), keep=True
    )
    assert outcome["s"] == 8
    assert kept_and_run(outcome)["kept_old_code"] == 1
    assert did(outcome)["s"] == "run"


def test_nothing_to_keep(lab: Lab) -> None:
    """`keep` refuses where no older code has left a result, and warns where what it left was made from other inputs."""
    workflow = lab.cells(TOLD, {"numbers": [1, 2]})
    for _ in range(2):
        with pytest.raises(UsageFault, match="nothing to keep"):
            run(workflow, keep=True)
        run(workflow)
    edited = {"told --each 'n in numbers'": "f'({n})'"}
    outcome = run(lab.cells(edited, {"numbers": [3]}), keep=True)
    assert outcome["told"] == ["(3)"]
    assert "nothing was kept" in outcome.warnings[0]
    assert run(lab.cells(edited, {"numbers": [3]}), keep=True).warnings == ()


def test_what_was_kept_is_told(lab: Lab) -> None:
    """A run that went on with results of older code says of which nodes, and how many."""
    run(lab.cells(TOLD, {"numbers": [1, 2]}))
    outcome = run(lab.cells({"told --each 'n in numbers'": "f'({n})'"}, {"numbers": [1, 2]}), keep=True)
    assert outcome.warnings == ("results of older code stand in (told 2); a run without keep makes them again",)


def test_only_what_failed(any_lab: Lab) -> None:
    """`failed` makes the failed items and what needs them; all else serves what it has, also from older code."""
    cells = {
        "base": "1",
        "told --each 'n in numbers' --on_error keep": "10 // n",
        "count": "len(told.failures)",
        "other": "base + 1",
    }
    numbers = {"numbers": [1, 0, 2]}
    assert run(any_lab.cells(cells, numbers)).status is RunState.PARTIAL
    fixed = cells | {"told --each 'n in numbers' --on_error keep": "10 // (n or 1)", "base": "0 + 1", "other": "base"}
    outcome = run(any_lab.cells(fixed, numbers), failed=True)
    assert outcome["count"] == 0
    assert kept_and_run(outcome) == {"kept_old_code": 2, "failed_before": 1}
    assert "other" not in did(outcome)


def test_what_failed_is_not_kept(lab: Lab) -> None:
    """What failed last time runs, even if some still older code had a result for it."""
    numbers = {"numbers": [1, 2]}
    for body in ("n", "n if n == 1 else 1 / 0"):
        run(lab.cells({"told --each 'n in numbers'": body}, numbers))
    outcome = run(lab.cells({"told --each 'n in numbers'": "-n"}, numbers), failed=True)
    assert outcome["told"] == [1, -2]


def test_nothing_failed(lab: Lab) -> None:
    """`failed` refuses when nothing failed, when nothing ran, and when the targets need nothing that failed."""
    workflow = lab.cells(TOLD | {"bad": "1 / 0"}, {"numbers": [1]})
    with pytest.raises(UsageFault, match="has not run yet"):
        run(workflow, failed=True)
    run(workflow)
    with pytest.raises(UsageFault, match="nothing that all_told needs failed"):
        run(workflow, "all_told", failed=True)
    run(workflow, "all_told")
    with pytest.raises(UsageFault, match="nothing failed last time"):
        run(workflow, failed=True)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"limit": 0}, "at least 1"),
        ({"limit": "20"}, "whole number"),
        ({"random": True}, "limit 20"),
        ({"limit": 5, "seed": 3}, "random"),
        ({"failed": True, "limit": 3}, "take one of them"),
        ({"failed": True, "keep": True}, "leave keep out"),
        ({"keep": True, "force": True}, "keep takes results that are there and force makes them anew"),
        ({"failed": True, "fresh_replies": True}, "take one of them"),
        ({"limits": 3}, "did you mean 'limit'"),
    ],
)
def test_contradictions(lab: Lab, said: dict[str, Any], message: str) -> None:
    """What makes no sense is refused with what to do, before anything runs, by `run` and by `plan`."""
    workflow = lab.cells(TOLD, {"numbers": [1]})
    for verb in (workflow.run, workflow.plan):
        with pytest.raises(UsageFault, match=message):
            verb(**said)


def test_a_sample_of_no_map(lab: Lab) -> None:
    """A limit on a run without maps is refused."""
    with pytest.raises(UsageFault, match="no node of this run has `each`"):
        run(lab.cells({"a": "1"}), limit=3)


def test_plan_of_a_sample_and_of_kept_results(lab: Lab) -> None:
    """`plan` asked like `run` says what that run would do."""
    workflow = lab.cells({"told --each 'n in numbers'": "n"}, {"numbers": list(range(10))})
    assert workflow.plan(limit=3).rows[-1].to_run == 3
    run(workflow, limit=3)
    assert workflow.plan().rows[-1].to_run == 7
    edited = lab.cells({"told --each 'n in numbers'": "n + 0"}, {"numbers": list(range(10))})
    row = edited.plan(keep=True).rows[-1]
    assert row.reasons == {"kept_old_code": 3, "code_changed": 7}


ROWS = pd.DataFrame({"id": ["a", "b", "c"], "n": [1, 0, 2]})


def test_items_have_names(any_lab: Lab) -> None:
    """A key column names the items in failures, holes and tasks, also of maps over the map."""
    cells = {
        "told --each 'row in rows' --key id --on_error keep": "10 // row.n",
        "more --each 'one in told' --on_error keep": "one + 1",
    }
    outcome = run(any_lab.cells(cells, {"rows": ROWS}), "told", "more")
    assert str(outcome.failures[0]).startswith("told[1] (b): ZeroDivisionError")
    frame = outcome["told"].failures.frame()
    assert list(frame.columns) == ["item", "key", "kind", "error", "message", "attempts"]
    assert frame.iloc[0][["item", "key", "kind", "error", "attempts"]].tolist() == [
        1, "b", "exception", "ZeroDivisionError", 1,
    ]  # fmt: skip
    tasks = outcome.tasks
    assert list(tasks[tasks["node"] == "more"]["key"]) == ["a", "b", "c"]


def test_left_out_items_keep_the_names_of_others(lab: Lab) -> None:
    """Where failed items are left out, those that remain have their own names."""
    cells = {"told --each 'row in rows' --key id --on_error skip": "10 // row.n", "more --each 'one in told'": "one"}
    tasks = run(lab.cells(cells, {"rows": ROWS}), "more").tasks
    assert list(tasks[tasks["node"] == "more"]["key"]) == ["a", "c"]


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([{"id": 1}, {"id": 2}, {"id": 1}], r"items 0 and 2 both have id '1'"),
        ([{"id": 1}, {"name": 2}], r"item 1 has no 'id' to be named by \(option key\); it has: name"),
        ([{"id": 1}, {"id": None}], "item 1 has no value in 'id'"),
        (pd.DataFrame({"id": [1.0, float("nan")]}), "item 0 has a float in 'id'"),
        ([{"id": "a"}, {"id": float("nan")}], "item 1 has no value in 'id'"),
        ([3], "item 0 has no 'id'.*type int"),
    ],
)
def test_bad_names(lab: Lab, items: Any, message: str) -> None:
    """A missing or repeated name fails the map with the item, the column and what to do; `plan` says the same."""
    workflow = lab.cells({"told --each 'row in rows' --key id": "1"}, {"rows": items})
    failure = run(workflow).failures[0].failure
    assert re.search(message, failure.message), failure.message
    assert "told" in failure.message


def test_a_name_is_no_part_of_the_key(lab: Lab) -> None:
    """Naming the items is no reason to run them again."""
    rows = {"rows": [{"id": 1, "n": 3}]}
    run(lab.cells({"told --each 'row in rows'": "row['n']"}, rows))
    assert did(run(lab.cells({"told --each 'row in rows' --key id": "row['n']"}, rows))) == {"told": "hit"}
