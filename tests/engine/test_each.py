"""Promises of maps: one task an item, in order, cached an item, over whatever has items."""

from __future__ import annotations

import pandas as pd

from tests.engine.lab import Lab, did, run


def test_results_in_item_order(any_lab: Lab) -> None:
    """The value is a list in item order, and `.frame()` has a row an item."""
    outcome = run(any_lab.cells({"numbers": "[3, 1, 2]", "squares --each 'n in numbers'": "{'n': n, 'square': n * n}"}))
    assert [row["square"] for row in outcome["squares"]] == [9, 1, 4]
    assert list(outcome["squares"].frame()["n"]) == [3, 1, 2]


def test_only_new_items_run(lab: Lab) -> None:
    """After an edit of the list, items that were there before are hits, wherever they stand now."""
    cells = {"squares --each 'n in numbers'": "n * n"}
    assert run(lab.cells(cells, {"numbers": [1, 2, 3]}))["squares"] == [1, 4, 9]
    outcome = run(lab.cells(cells, {"numbers": [3, 4, 1, 2]}))
    assert outcome["squares"] == [9, 16, 1, 4]
    assert outcome.report.nodes[-1].tasks == {"cached": 3, "success": 1}


def test_equal_items_share_one_result(lab: Lab) -> None:
    """Equal items are equal tasks: their value is the same even where the body would make another one each time."""
    outcome = run(lab.cells({"ids --each 'n in numbers'": "import uuid\nuuid.uuid4().hex"}, {"numbers": [1, 2, 1, 1]}))
    first, second, third, fourth = outcome["ids"]
    assert first == third == fourth != second


def test_rows_of_a_frame(lab: Lab) -> None:
    """A row is a record, read by attribute and by key; the index is no part of it."""
    frame = pd.DataFrame({"name": ["a", "b"], "count": [1, 2]}, index=[7, 8])
    workflow = lab.cells({"told --each 'row in frame'": "f'{row.name}{row[\"count\"]}'"})
    assert run(workflow, inputs={"frame": frame})["told"] == ["a1", "b2"]
    assert did(run(workflow, inputs={"frame": frame.reset_index(drop=True)})) == {"told": "hit"}
    assert run(workflow, inputs={"frame": frame.assign(extra=[0, 1])}).report.nodes[-1].tasks == {"success": 2}


def test_maps_of_maps(any_lab: Lab) -> None:
    """A map over a map runs item by item; a map whose items are lists can be mapped again after a flattening node."""
    cells = {
        "numbers": "[1, 2]",
        "pairs --each 'n in numbers'": "[n, n * 10]",
        "swapped --each 'pair in pairs'": "pair[::-1]",
        "flat": "[n for pair in swapped for n in pair]",
        "last --each 'n in flat'": "n + 1",
    }
    outcome = run(any_lab.cells(cells))
    assert outcome["swapped"] == [[10, 1], [20, 2]]
    assert outcome["last"] == [11, 2, 21, 3]


def test_a_map_reads_other_nodes(lab: Lab) -> None:
    """Every item sees the other inputs of the node, and the whole list under its name."""
    cells = {"numbers": "[1, 2]", "base": "10", "shares --each 'n in numbers'": "base * n / sum(numbers)"}
    assert [round(x, 2) for x in run(lab.cells(cells))["shares"]] == [3.33, 6.67]


def test_no_items(any_lab: Lab) -> None:
    """A map over nothing is an empty list, and what needs it runs."""
    outcome = run(any_lab.cells({"numbers": "[]", "squares --each 'n in numbers'": "n", "count": "len(squares)"}))
    assert outcome["squares"] == []
    assert outcome["count"] == 0


def test_what_has_no_items(any_lab: Lab) -> None:
    """A map over what is no list fails with the node, the option and the type."""
    outcome = run(any_lab.cells({"numbers": "7", "squares --each 'n in numbers'": "n", "count": "len(squares)"}))
    message = outcome.failures[0].failure.message
    assert "node 'squares' (each: n in numbers)" in message
    assert "int" in message
    assert outcome.skipped == {"count": "squares"}


def test_handing_a_map_on(lab: Lab) -> None:
    """A body that returns the mapped value it was given hands on a list, which is stored."""
    cells = {"numbers": "[1, 2]", "squares --each 'n in numbers'": "n * n", "same": "squares"}
    workflow = lab.cells(cells)
    outcome = run(workflow)
    assert outcome["same"] == [1, 4]
    assert not outcome.warnings
    assert did(run(workflow))["same"] == "hit"


def test_ten_thousand_items(lab: Lab) -> None:
    """A large map works, and adding an item runs one task."""
    cells = {"squares --each 'n in numbers'": "n * n", "total": "sum(squares)"}
    workflow = lab.cells(cells)
    assert run(workflow, inputs={"numbers": list(range(10_000))})["total"] == sum(n * n for n in range(10_000))
    outcome = run(workflow, inputs={"numbers": list(range(10_001))})
    assert outcome.report.nodes[-2].tasks == {"cached": 10_000, "success": 1}


def test_a_chain_of_ten_thousand(lab: Lab) -> None:
    """A chain of any length runs, and is a hit as a whole afterwards: nothing here is recursive."""
    cells = {"n0": "0"} | {f"n{i}": f"n{i - 1} + 1" for i in range(1, 10_000)}
    workflow = lab.cells(cells)
    assert run(workflow)["n9999"] == 9999
    assert run(workflow).report.run.tasks == {"cached": 10_000}
