"""Promises of `views/cost.py`.

Money and tokens on one chart, nothing counted twice, unknown never drawn as zero.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.views import rows
from tests.views.allowed import outline
from wfkit.core.report import CellsRow, RunReport
from wfkit.core.result import Spent
from wfkit.views.cost import Cost, lines


def test_tokens_are_split_without_overlap() -> None:
    """Cached is part of input and reasoning part of output; the parts add up to the node's totals."""
    line = lines(rows.busy())[0]
    assert (line.fresh, line.cached, line.said, line.reasoning) == (20_000 - 1200, 1200, 4000 - 150, 150)


def test_replies_from_the_call_log_are_not_billed() -> None:
    """A served call adds nothing."""
    spent = Spent(1, 100, 20, Decimal("0.01"))
    node = rows.node("ask", kind="prompt", spent=spent)
    report = RunReport(rows.run(), (node,), (), (rows.call("ask", 0, 1), rows.call("ask", 1, 2, served=True)))
    assert lines(report)[0].cached == 40


def test_nothing_asked_is_no_chart() -> None:
    """Where no node asks a model a notebook is told so in words, not shown an empty picture."""
    view = Cost(RunReport(rows.run(), (rows.node("a"),)))
    assert "application/vnd.plotly.v1+json" not in view._repr_mimebundle_()
    assert "No node asks a model." in view.html()
    assert Cost(rows.busy()).shown_as_figure()


def test_a_button_switches_between_money_and_tokens() -> None:
    """One figure holds both; the buttons show one side and label its axis."""
    figure = Cost(rows.busy()).figure()
    money, tokens = figure["layout"]["updatemenus"][0]["buttons"]
    assert [trace.get("visible", True) for trace in figure["data"]] == money["args"][0]["visible"]
    assert money["args"][0]["visible"] == [not shown for shown in tokens["args"][0]["visible"]]
    assert figure["layout"]["updatemenus"][0]["active"] == 0
    assert money["args"][1]["xaxis.ticktext"][1].startswith("$")
    assert not tokens["args"][1]["xaxis.ticktext"][1].startswith("$")
    assert "$0.0412 billed for 250 model calls" in figure["layout"]["annotations"][0]["text"]


def test_where_all_was_free_tokens_come_first() -> None:
    """A model without a price per token still used tokens: an empty chart of money would tell nothing."""
    free = rows.node("label", kind="prompt", spent=Spent(3, 90, 20, Decimal(0)), saved_usd=Decimal(0))
    figure = Cost(RunReport(rows.run(), (free,))).figure()
    _, tokens = figure["layout"]["updatemenus"][0]["buttons"]
    assert [trace["visible"] for trace in figure["data"]] == tokens["args"][0]["visible"]
    assert figure["layout"]["updatemenus"][0]["active"] == 1


def test_both_sides_stand_in_the_static_html() -> None:
    """Without a browser that runs scripts, money and tokens are there together."""
    texts = outline(Cost(rows.busy()).html()).texts
    assert "≥$0.0412" in texts
    assert "20.0k" in texts


def test_unknown_is_no_zero() -> None:
    """A model without a price has no bar, and `?` in its place."""
    view = Cost(rows.unknown())
    billed, _, unknown = view.figure()["data"][:3]
    assert (billed["x"], unknown["text"], unknown["y"]) == ([None], ["  ?"], ["ask"])
    assert view.data()["cost_usd"].isna().all()
    assert "?" in view.text()
    assert "$0" not in view.text()


def test_doubts_are_counted() -> None:
    """The sentence says how many calls are unpriced or estimated, and what was wasted and saved."""
    text = Cost(rows.busy()).text()
    said = " ".join(text.split())
    assert "≥$0.0412 billed for 250 model calls (52 unpriced, 3 estimated)" in said
    assert "the cache saved $1.84 and 6 m 12 s of work; $0.0011 went into failed attempts." in said


def test_many_nodes_become_one_bar_of_others() -> None:
    """The 40 dearest are drawn, the rest is one bar, and the caption gives its share; sums stay whole."""
    nodes = tuple(
        rows.node(f"n{at:02}", kind="prompt", spent=Spent(1, 10, 1, Decimal(100 - at) / 100)) for at in range(50)
    )
    view = Cost(RunReport(rows.run(), nodes))
    bars = view.figure()["data"][0]
    assert len(bars["x"]) == 41
    assert sum(bars["x"]) == pytest.approx(float(sum(row.spent.cost_usd or 0 for row in nodes)))
    assert bars["y"][-1] == "10 others"
    assert "40 of 50 nodes shown; the rest is one bar, 15 % of the cost." in view.html()
    assert len(view.data()) == 50


def test_no_model_was_asked() -> None:
    """A workflow of Python nodes says so instead of drawing nothing."""
    assert "No node asks a model." in Cost(RunReport(rows.run(), (rows.node("a"),))).html()


def test_plain_cells_stand_beside_the_run() -> None:
    """What plain cells of the same process asked is a line of its own; the sentence and the nodes stay those of the
    run, and the sum below the table is of both."""
    spent = Spent(4, 100, 20, Decimal("0.25"))
    asks = rows.node("ask", kind="prompt", spent=Spent(2, 10, 5, Decimal("0.50")))
    cells = CellsRow(spent, 1, Decimal("0.05"), Decimal("0.01"), cached_tokens=40, reasoning_tokens=5)
    view = Cost(RunReport(rows.run(spent=asks.spent), (asks,), cells=cells))
    line = view.data().iloc[-1]
    assert (line["node"], line["calls"], line["cost_usd"]) == ("plain cells", 4, 0.25)
    assert (line["fresh_input_tokens"], line["cached_input_tokens"], line["reasoning_tokens"]) == (60, 40, 5)
    assert view.data()["cost_usd"].sum() == 0.75
    for text in (view.text(), view.html(), str(view.figure())):
        told = " ".join(text.replace("<br>", " ").split())
        assert "$0.50 billed for 2 model calls" in told
        assert "Plain cells asked besides, in no run: $0.25 billed for 4 model calls; the call log saved $0.05" in told
        assert "Together with this run: $0.75." in told
    assert view.figure()["data"][0]["y"] == ["ask", "plain cells"]
    assert outline(view.html()).texts.count("run and plain cells") == 1
