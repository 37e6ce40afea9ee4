"""Items of a map that run in slices: what they share is shared, what is each item's own stays its own."""

from __future__ import annotations

import contextvars
import os
from pathlib import Path
from typing import Any

import pytest

from tests.engine.lab import Lab, did, run
from wfkit import Workflow
from wfkit.core.events import SliceSucceeded
from wfkit.core.terms import TaskState

SIZE = 1200


def rows(lab: Lab, items: list[Any], body: str, line: str = "told --each 'row in rows'", **more: Any) -> Workflow:
    """A new workflow that maps over these items."""
    return lab.cells({line: f"{body}\n"}, {"rows": items, **more})


def numbers(count: int = SIZE) -> list[dict[str, int]]:
    return [{"n": n} for n in range(count)]


def test_results_are_columns(any_lab: Lab) -> None:
    """Nearly all items of a plain map are told of in slices, and each has its result, key, input and seconds."""
    workflow = rows(any_lab, numbers(), "row['n'] * 2")
    outcome = run(workflow)
    assert outcome["told"] == [2 * n for n in range(SIZE)]
    entries = workflow.store.entries(outcome.run_id)
    told = [entry.event for entry in entries if isinstance(entry.event, SliceSucceeded)]
    assert sum(len(event.tasks) for event in told) > SIZE * 0.9
    found = workflow.sql("SELECT task, inline, preview, key, digest, inputs, run_s FROM results WHERE node = 'told'")
    assert sorted(map(int, found["inline"])) == sorted(map(int, found["preview"])) == [2 * n for n in range(SIZE)]
    assert found["key"].nunique() == found["digest"].nunique() == found["inputs"].nunique() == SIZE
    assert (found["run_s"] > 0).all()
    tasks = workflow.sql("SELECT item, state, digest FROM tasks_latest WHERE node = 'told' ORDER BY item")
    assert list(tasks["item"]) == list(range(SIZE))
    assert set(tasks["state"]) == {"success"}


def test_items_that_change_touch_only_themselves(lab: Lab) -> None:
    """Of 1,200 items the changed and added ones run; removed and reordered ones make nobody run."""
    items = numbers()
    run(rows(lab, items, "row['n'] * 2"))
    changed = [{"n": -row["n"] - 1} if row["n"] % 300 == 7 else row for row in items]
    for others, ran in ((changed, 4), ([*items[:600], {"n": 9999}, *items[600:]], 1)):
        states = run(rows(lab, others, "row['n'] * 2")).report.run.tasks
        assert (states[TaskState.CACHED], states[TaskState.SUCCESS]) == (len(others) - ran, ran)
    outcome = run(rows(lab, items[:0:-2], "row['n'] * 2"))
    assert did(outcome) == {"told": "hit"}
    assert outcome["told"] == [2 * row["n"] for row in items[:0:-2]]


def test_the_same_in_a_new_process(lab: Lab) -> None:
    """What a closed store holds of slices is found again, value by value."""
    items = numbers()
    first = rows(lab, items, "{'n': row['n'], 'text': 'x' * (row['n'] % 7)}")
    value = run(first)["told"]
    first.close()
    lab.made.remove(first)
    outcome = run(rows(lab, items, "{'n': row['n'], 'text': 'x' * (row['n'] % 7)}"))
    assert did(outcome) == {"told": "hit"}
    assert outcome["told"] == value


def test_reads_belong_to_the_item_that_made_them(lab: Lab, tmp_path: Path) -> None:
    """A file that some items read makes only these run again when it changes."""
    (tmp_path / "few.data").write_text("1", encoding="utf-8")
    body = "len(Path(folder + '/few.data').read_text()) if row['n'] % 100 == 3 else 0"
    run(rows(lab, numbers(), body, folder=str(tmp_path), Path=Path))
    (tmp_path / "few.data").write_text("22", encoding="utf-8")
    outcome = run(rows(lab, numbers(), body, folder=str(tmp_path), Path=Path))
    assert outcome.report.run.tasks[TaskState.SUCCESS] == SIZE // 100
    assert [n for n, size in enumerate(outcome["told"]) if size == 2] == list(range(3, SIZE, 100))


def test_output_belongs_to_the_item_that_made_it(lab: Lab) -> None:
    """What an item prints is told of that item and no other, after a hit too."""
    workflow = rows(lab, numbers(), "if row['n'] % 2:\n    print('item', row['n'])\nrow['n']")
    run(workflow)
    assert workflow.log("told", 7).text().endswith("item 7")
    assert "item" not in workflow.log("told", 8).text()
    found = workflow.sql("SELECT count(*) AS n FROM results WHERE node = 'told' AND outputs::VARCHAR <> '[]'")
    assert list(found["n"]) == [SIZE // 2]


def test_an_item_that_fails_keeps_the_others(lab: Lab) -> None:
    """The items beside those that raise end well, and are hits when the rest is mended."""
    body = "1 // (row['n'] % 400)"
    outcome = run(rows(lab, numbers(), body))
    assert [failure.item for failure in outcome.failures] == [0, 400, 800]
    assert "ZeroDivisionError" in outcome.failures[1].failure.traceback or ""
    mended = [row for row in numbers() if row["n"] % 400]
    assert did(run(rows(lab, mended, body))) == {"told": "hit"}


def test_nothing_leaks_from_item_to_item(lab: Lab) -> None:
    """Each item has its own context and its own fresh names."""
    seen = contextvars.ContextVar("seen", default=0)
    body = "mine = globals().get('left', 0) + seen.get()\nseen.set(row['n'])\nleft = 5\nmine"
    outcome = run(rows(lab, numbers(), body, line="told --each 'row in rows' --ignore seen", seen=seen))
    assert set(outcome["told"]) == {0}


def test_an_item_changed_in_place_is_named(lab: Lab) -> None:
    """A body that changes its item is not cached, with a warning; items that it leaves alone are."""
    body = "if row['n'] % 600 == 5:\n    row['n'] = -1\nrow['n']"
    outcome = run(rows(lab, numbers(), body))
    assert any("'told'" in warning and "changed its input 'row'" in warning for warning in outcome.warnings)
    again = run(rows(lab, numbers(), body))
    assert again.report.run.tasks[TaskState.SUCCESS] == 2
    assert again["told"] == outcome["told"] == [-1 if n % 600 == 5 else n for n in range(SIZE)]


def test_a_shared_input_changed_in_place_is_handed_to_nobody(lab: Lab) -> None:
    """The items after one that changes a shared input get it as it was; none that saw the change is cached."""
    cells = {
        "bag": "[0]",
        "told --each 'row in rows' --needs bag": "if row['n'] == 600:\n    bag.append(1)\nlen(bag)",
    }
    workflow = lab.cells(cells, {"rows": numbers()})
    workflow.config("threads", 1)  # what runs at the same moment on another thread may see the change
    outcome = run(workflow)
    assert outcome["told"] == [2 if n == 600 else 1 for n in range(SIZE)]
    assert any("changed its input 'bag'" in warning for warning in outcome.warnings)
    kept = workflow.sql("SELECT inline FROM results WHERE node = 'told' AND cacheable")
    assert list(kept["inline"]) == ["1"] * (SIZE - 1)


def test_a_secret_among_the_values(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The value that holds a secret is not stored; its neighbours are."""
    monkeypatch.setenv("SOME_API_KEY", "correct horse battery")
    body = "key if row['n'] == 700 else str(row['n'])"
    workflow = rows(lab, numbers(), body, line="told --each 'row in rows' --ignore key", key=os.environ["SOME_API_KEY"])
    outcome = run(workflow)
    assert outcome["told"][700] == "correct horse battery"
    written = b"".join(path.read_bytes() for path in lab.store.glob("journal/*"))
    assert b"correct horse" not in written
    assert list(workflow.sql("SELECT count(*) AS n FROM results WHERE node = 'told' AND cacheable")["n"]) == [SIZE - 1]


def test_equal_items_run_once(lab: Lab) -> None:
    """Of 1,200 items with seven values seven run; all have their value."""
    calls: list[int] = []
    outcome = run(
        rows(
            lab,
            [{"n": n % 7} for n in range(SIZE)],
            "calls.append(row['n'])\nrow['n'] * 3",
            line="told --each 'row in rows' --ignore calls",
            calls=calls,
        )
    )
    assert outcome["told"] == [n % 7 * 3 for n in range(SIZE)]
    assert len(calls) < 7 * 8 + 1  # at most once a thread


def test_a_file_that_comes_to_be_named(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that the code names and that appears while the map runs is a read: when it changes, items run again."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    body = "from pathlib import Path\nif row['n'] == 600:\n    maker(row['n'])\nPath('sub/marker').exists()"

    def maker(n: int) -> None:
        os.system(f"echo {n} > sub/marker")

    line = "told --each 'row in rows' --ignore maker"
    run(rows(lab, numbers(), body, line=line, maker=maker))
    (tmp_path / "sub" / "marker").write_text("another", encoding="utf-8")
    assert did(run(rows(lab, numbers(), body, line=line, maker=maker)))["told"] != "hit"


def test_maps_over_maps_and_fan_in(any_lab: Lab) -> None:
    """Maps over maps and over lists of lists keep the order down to a fan-in; a changed item touches its own."""
    cells = {
        "parity --each 'row in rows'": "{'n': row['n'], 'odd': row['n'] % 2}",
        "odd --each 'one in parity'": "one['odd']",
        "nested --each 'row in rows'": "[row['n']] * (row['n'] % 3)",
        "sizes --each 'many in nested'": "sum(many)",
        "total": "[odd, sizes]",
    }
    outcome = run(any_lab.cells(cells, {"rows": numbers()}))
    assert outcome["total"] == [[n % 2 for n in range(SIZE)], [n * (n % 3) for n in range(SIZE)]]
    changed = [{"n": 1201} if row["n"] == 601 else row for row in numbers()]
    again = run(any_lab.cells(cells, {"rows": changed}))
    assert again["total"][0] == outcome["total"][0]
    tasks = {row.name: row.tasks.get(TaskState.SUCCESS, 0) for row in again.report.nodes if row.name != "rows"}
    assert tasks == {"parity": 1, "odd": 1, "nested": 1, "sizes": 1, "total": 1}
