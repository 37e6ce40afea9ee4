"""Promises of `engine/aligning.py`: `plan` and `why` say which items of a map differ from those of the last run."""

from __future__ import annotations

import pandas as pd

from tests.engine.lab import Lab, run
from wfkit import Workflow

CELLS = {"told --each 'row in rows' --key id": "row.n", "more --each 'one in told'": "one + 1"}


def rows(**named: int) -> pd.DataFrame:
    return pd.DataFrame({"id": [*named], "n": [*named.values()]})


def said(workflow: Workflow, node: str = "told") -> str:
    return " ".join(workflow.why(node).text().split())


def test_which_items_differ(any_lab: Lab) -> None:
    """Changed, new, gone and moved items are counted and named, against the last run that took all items."""
    before = run(any_lab.cells(CELLS, {"rows": rows(a=1, b=2, c=3, d=4)}), "told")
    workflow = any_lab.cells(CELLS, {"rows": rows(d=4, a=1, b=5, x=6)})
    run(workflow, "told", limit=1)
    counts = "1 changed (b), 1 new (x), 1 gone (c), 1 moved, 2 the same"
    assert f"Items since run {before.run_id[:8]}: {counts}" in said(workflow).replace("; items", "; Items")
    assert counts in " ".join(workflow.plan("told").text().split())
    run(workflow, "told")
    assert "items since" not in said(workflow).lower()
    assert "items since" not in workflow.plan("told").text()


def test_items_that_only_went(lab: Lab) -> None:
    """Also where every item is cached it is told that others are gone; of many names the first are given."""
    run(lab.cells(CELLS, {"rows": rows(a=1, b=2, c=3, d=4, e=5)}), "told")
    text = said(lab.cells(CELLS, {"rows": rows(e=5)}))
    assert "4 gone (a, b, c, …), 1 the same" in text


def test_a_map_over_a_named_map(lab: Lab) -> None:
    """Items keep their names below: what became of them is what is compared."""
    run(lab.cells(CELLS, {"rows": rows(a=1, b=2)}), "more")
    changed = lab.cells(CELLS, {"rows": rows(a=1, b=7)})
    run(changed, "told")
    assert "1 changed (b), 1 the same" in said(changed, "more")


def test_nothing_to_compare(lab: Lab) -> None:
    """The first run, a sample, items without names: nothing is said."""
    workflow = lab.cells(CELLS, {"rows": rows(a=1, b=2)})
    assert "items since" not in said(workflow).lower()
    run(workflow, "told", limit=1)
    assert "items since" not in said(workflow).lower()
    run(workflow, "told")
    nameless = {"told --each 'row in rows'": "row.n"}
    assert "items since" not in said(lab.cells(nameless, {"rows": rows(a=1, b=3)})).lower()
    view = lab.cells(CELLS, {"rows": rows(a=1, b=3)}).plan("told", limit=1)
    assert "items since" not in view.text()
