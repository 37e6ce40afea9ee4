"""Promises of `views/plan.py`.

What would run and why, in a sentence and a line a node.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from wfkit.core.estimate import Estimate, NodeEstimate, Span
from wfkit.views.columns import width
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
    said = "2 of 4 nodes to run (189 tasks), 1 awaiting its inputs, 1 cached (saving $1.84 and 6 m 12 s of work)."
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
        (ROWS[1:2], "Nothing to run: the one node is cached (saving 1.2 s of work)."),
        (ROWS[1:2] * 2, "Nothing to run: all 2 nodes are cached (saving 2.4 s of work)."),
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
    """All rows are in the data; a table lists 300 and a text 40, first those that run, and both say so."""
    view = PlanView(ROWS * 100)
    assert len(view.data()) == 500
    assert "300 of 500 nodes shown." in view.html()
    assert "and 460 more nodes: 160 to run, 100 awaiting, 100 cached" in view.text()
    assert view.data()["reasons"][2] == "prompt changed"


def test_ten_nodes_fit_a_screen() -> None:
    """A plan of ten nodes with long and wide names takes at most 80 columns and 20 lines."""
    known = NodeEstimate(Span(0.1, 0.2, 0.4), Span(1e3, 2e3, 4e3), Span(1, 2, 8), Span(12, 12, 36))
    rows = tuple(
        PlanRow(
            f"{'評価' * 9}_{n}_{'x' * 30}",
            "prompt",
            12,
            88,
            reasons={"prompt_changed": 12},
            mapped=True,
            estimate=known,
        )
        for n in range(10)
    )
    lines = PlanView(rows, estimate=Estimate(known.usd, known.tokens, known.run_s, known.calls)).text().split("\n")
    assert len(lines) <= 20
    assert max(map(width, lines)) <= 80


def test_costs_stand_beside_the_nodes() -> None:
    """Expected and highest money and time a node; unknown is `?` and says why; the totals come last."""
    known = NodeEstimate(Span(0.1, 0.2, 0.4), Span(1e3, 2e3, 4e3), Span(1, 2, 8), Span(12, 12, 36), free=3)
    open_end = NodeEstimate(Span(0.1, None, None), Span(), Span(0, None, None), gaps=("no list price of m",))
    rows = (
        PlanRow("label", "prompt", 12, reasons={"never_run": 12}, mapped=True, estimate=known),
        PlanRow("odd", "prompt", 1, reasons={"never_run": 1}, estimate=open_end),
    )
    view = PlanView(
        rows, estimate=Estimate(Span(0.2, None, None), Span(1e3, 2e3, 4e3), Span(1, 2, 8), Span(12, 12, 36))
    )
    text = view.text()
    assert "> label  12 to run  never run  $0.20    $0.40  2.0 s" in text
    assert "> odd    runs       never run      ?        ?      ?" in text
    assert "? odd: no list price of m" in text
    assert "cost ? · time 2.0 s (1.0 s to 8.0 s) · calls 12 (12 to 36)" in " ".join(text.split())
    assert "the call log answers 3 more for nothing" in " ".join(text.split())
    for said in ("$0.20", "$0.40", "? odd: no list price of m", "answers 3 more"):
        assert said in view.html()
    data = view.data().set_index("node")
    assert (data.loc["label", "usd_expected"], data.loc["label", "free_calls"]) == (0.2, 3)
    assert data["usd_expected"].isna().tolist() == [False, True]


def test_the_object_keeps_its_keys() -> None:
    """What `--json` prints: stable keys, unknown is null."""
    found = PlanView((PlanRow("odd", "prompt", 1, estimate=NodeEstimate(Span(0.1, None, None))),)).object()
    assert list(found) == [
        "version", "targets", "of_run", "nodes", "usd", "tokens", "run_s", "calls", "free_calls", "unknown",
        "warnings", "max_usd", "refused", "whole",
    ]  # fmt: skip
    assert list(found["nodes"][0]) == [
        "node", "kind", "mapped", "model", "needs", "to_run", "cached", "awaits", "reasons", "usd", "tokens", "run_s",
        "work_s",
        "calls", "free_calls", "basis", "unknown",
    ]  # fmt: skip
    assert found["nodes"][0]["usd"] == {"low": 0.1, "expected": None, "high": None}
