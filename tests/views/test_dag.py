"""Promises of `views/dag.py` and its drawing.

Every node once, items as counts, positions that do not change.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.views import rows
from tests.views.allowed import outline
from wfkit.core.report import RunReport
from wfkit.views import columns
from wfkit.views.dag import Dag, dependencies


def many(size: int) -> RunReport:
    """A run of a chain of nodes."""
    nodes = tuple(rows.node(f"n{at}", *([f"n{at - 1}"] if at else [])) for at in range(size))
    return RunReport(rows.run(), nodes)


def test_mapped_nodes_show_a_counter_and_a_bar() -> None:
    """A mapped node is one card with `4,812/5,000` and a bar of its states, never 5,000 cards."""
    found = outline(Dag(rows.busy()).html())
    assert "4,812/5,000" in found.texts
    assert found.count["path"] > len(rows.busy().nodes)
    assert sum("label: running" in text for text in found.texts) == 1


def test_data_has_a_row_a_node() -> None:
    """The numbers behind the picture: state, counts, reasons, money; unknown stays unknown."""
    data = Dag(rows.busy()).data().set_index("name")
    assert data.loc["label", ["state", "done", "total"]].tolist() == ["running", 4812, 5000]
    assert data.loc["label", "reasons"] == "cached 4,620, prompt changed 200, awaits 180"
    assert data.loc["label", "cost_usd"] == pytest.approx(0.0412)
    assert data["cost_usd"].isna()["embed"]
    assert data.loc["flag", "state"] == "pending"


def test_figure_has_two_traces() -> None:
    """One trace of lines and one of marks, whatever the size; symbol is kind, colour is state."""
    figure = Dag(rows.busy()).figure()
    lines, marks = figure["data"]
    assert (lines["mode"], marks["mode"]) == ("lines", "markers+text")
    assert marks["marker"]["symbol"][:3] == ["circle", "square", "diamond"]
    assert marks["marker"]["color"][2] == "#0072B2"
    assert "≥$0.0412" in marks["text"][2]
    assert "4,812/5,000 items, 12 failed" in marks["text"][2]
    assert figure["layout"]["annotations"][0]["text"].startswith("Run ")


def test_text_names_what_a_node_needs() -> None:
    """A line a node with glyph, items, time and cost."""
    text = Dag(rows.busy()).text()
    assert "> label    4,812/5,000  1 m 32 s  ≥$0.0412  ← clean" in text
    assert "? " in text


@pytest.mark.parametrize("size", [1, 60, 61, 400])
def test_every_node_is_drawn(size: int) -> None:
    """Cards up to 60 nodes, small marks up to 400, each with its name on hover."""
    titles = outline(Dag(many(size)).html()).texts
    assert sum(text.endswith("why: never run; time 1.0 s") for text in titles) == size


def test_a_cut_is_told() -> None:
    """Beyond 400 nodes the caption says how many are shown; the data has them all."""
    view = Dag(many(450))
    assert "400 of 450 nodes shown" in view.html()
    assert "400 of 450 nodes shown" in view.figure()["layout"]["annotations"][0]["text"]
    assert len(view.data()) == 450
    assert len(view.figure()["data"][1]["x"]) == 400


def test_the_same_graph_is_drawn_at_the_same_places() -> None:
    """States and costs change, the picture does not jump."""
    report = rows.busy()
    later = replace(report, nodes=tuple(replace(row, tasks={"success": 1}) for row in report.nodes))
    one, other = (Dag(run).figure()["data"][1] for run in (report, later))
    assert (one["x"], one["y"]) == (other["x"], other["y"])


def test_dependencies_out_of_sight_are_left_out() -> None:
    """A name that is not a row, or stands later, is no line."""
    assert dependencies((rows.node("a", "b", "z"), rows.node("b", "a"))) == [[], [0]]


@pytest.mark.parametrize("room", [60, 80, 120])
def test_long_names_can_be_told_apart(room: int) -> None:
    """Two nodes whose names differ only at the end do not look alike, however narrow the terminal."""
    names = [f"summarise_customer_reviews_by_product_in_{language}" for language in ("german", "french")]
    with columns.within(room):
        lines = Dag(RunReport(rows.run(), tuple(rows.node(name, "reviews_of_customers") for name in names))).text()
    assert len({line.split()[1] for line in lines.splitlines()[-2:]}) == 2
