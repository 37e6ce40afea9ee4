"""Promises of `views/plan.py`.

What would run and why, in a sentence and a line a node.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from wfkit.views.plan import PlanRow, PlanView

ROWS = (
    PlanRow("reviews", "input"),
    PlanRow("clean", "python", cached=1, reasons={"cached": 1}, saved_s=1.2),
    PlanRow("label", "prompt", 188, 4632, 180, {"prompt_changed": 188, "cached": 4632, "awaits": 180}, mapped=True,
            detail="user message", saved_usd=Decimal("1.84"), saved_s=371.0, model="m/one"),
    PlanRow("join", "python", awaits=1, reasons={"awaits": 1}),
    PlanRow("flag", "python", 1, reasons={"code_changed": 1}, detail="helper clean → LIMIT"),
)  # fmt: skip


def test_the_sentence_counts_nodes_and_tasks() -> None:
    """How many run, await, are cached, and what the cache saves; inputs are no steps."""
    said = "2 of 4 nodes to run (189 tasks), 1 awaiting its inputs, 1 cached (saving $1.84 and 6 m 12 s)."
    assert PlanView(ROWS).sentence() == said


def test_a_line_a_node() -> None:
    """Glyph, counts and reason; what changed stands below."""
    text = PlanView(ROWS).text()
    assert "✓ reviews  given" in text
    assert "= clean    cached" in text
    assert "o join     awaits" in text
    assert "code changed\n    helper clean → LIMIT" in text
    assert "188 to run, 4,632 cached, 180 awaiting" in text


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ((), "Nothing to run: the plan has no nodes."),
        (ROWS[1:2], "Nothing to run: the one node is cached (saving 1.2 s)."),
        (ROWS[1:2] * 2, "Nothing to run: all 2 nodes are cached (saving 2.4 s)."),
        (ROWS[4:], "1 of 1 node to run (1 task)."),
    ],
)
def test_plain_cases_are_plain(rows: tuple[PlanRow, ...], said: str) -> None:
    """Nothing to do is said in the first words."""
    assert PlanView(rows).sentence() == said


def test_warnings_come_before_the_table() -> None:
    """What should be read before running is read first."""
    view = PlanView(ROWS, warnings=("conn cannot be cached",))
    assert view.text().index("! conn cannot be cached") < view.text().index("reviews")
    assert view.html().index("conn cannot be cached") < view.html().index("<table")


def test_data_and_cut() -> None:
    """All rows are in the data; 300 are listed, and the list says so."""
    view = PlanView(ROWS * 100)
    assert len(view.data()) == 500
    assert "300 of 500 nodes shown." in view.text()
    assert view.data()["reasons"][2] == "prompt changed"
