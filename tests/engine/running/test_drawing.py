"""Promises of figures as values: the same after a hit as after a run, shown in a notebook, one drawn at a time."""

from __future__ import annotations

import importlib
import threading
from typing import Any

import matplotlib as mpl
import plotly.graph_objects as go
import pytest

from tests.engine.lab import Lab, did, run
from wfkit.core.picture import Picture
from wfkit.keys.values import digest

DRAW = "figure, axes = plt.subplots(figsize=(2, 1))\naxes.plot([1, HIGH])\n"


@pytest.fixture
def plt() -> Any:
    mpl.use("agg")
    return importlib.import_module("matplotlib.pyplot")  # after its backend is chosen


@pytest.mark.parametrize("last", ["figure", "axes"])
def test_a_figure_of_matplotlib_is_a_picture(last: str, lab: Lab, plt: Any) -> None:
    """A figure, or its axes, becomes a PNG that shows itself, live and after a hit; pyplot does not keep it."""
    cells = {"drawn": DRAW + last, "size": "len(drawn.png)"}
    workflow = lab.cells(cells, {"plt": plt, "HIGH": 2})
    first = run(workflow)
    assert type(run(workflow, "drawn")["drawn"]) is Picture
    picture = run(workflow, "drawn")["drawn"]
    assert picture._repr_png_().startswith(b"\x89PNG")
    assert first["size"] == len(picture.png)
    assert did(run(workflow)) == {"drawn": "hit", "size": "hit"}
    assert plt.get_fignums() == []
    assert "<Picture 1" in repr(picture)
    again = run(lab.cells({"drawn": DRAW + f"{last}  # changed\n1 and {last}", "size": "len(drawn.png)"},
                          {"plt": plt, "HIGH": 2}))  # fmt: skip
    assert did(again) == {"drawn": "run", "size": "hit"}  # the same pixels
    assert did(run(lab.cells(cells, {"plt": plt, "HIGH": 3}))) == {"drawn": "run", "size": "run"}


def test_a_figure_with_pickle_stays_a_figure(lab: Lab, plt: Any) -> None:
    """With `codec: pickle` nodes below get the figure itself, in another session too."""
    cells = {"drawn --codec pickle": DRAW + "figure", "lines": "len(drawn.axes[0].lines)"}
    outcome = run(lab.cells(cells, {"plt": plt, "HIGH": 2}))
    assert outcome["lines"] == 1
    again = run(lab.cells({**cells, "more": "drawn.axes[0].lines[0].get_ydata().tolist()"}, {"plt": plt, "HIGH": 2}))
    assert again["more"] == [1, 2]
    assert did(again) == {"drawn": "hit", "lines": "hit", "more": "run"}
    plt.close("all")


def test_a_figure_within_a_value_says_what_to_do(lab: Lab, plt: Any) -> None:
    """A figure in a dict is used below, not cached, and the warning says how it would be."""
    outcome = run(lab.cells({"drawn": DRAW + "{'figure': figure}"}, {"plt": plt, "HIGH": 2}))
    assert "codec: pickle" in outcome.warnings[0]
    plt.close("all")


def test_a_figure_that_cannot_be_drawn(lab: Lab, plt: Any) -> None:
    """A mistake that only drawing brings to light is told with the node's name."""
    outcome = run(lab.cells({"drawn": DRAW + "axes.set_title('$\\\\frac$')\nfigure"}, {"plt": plt, "HIGH": 2}))
    assert outcome.warnings[0].startswith("node 'drawn': its figure cannot be drawn")
    plt.close("all")


def test_bodies_that_draw_run_one_at_a_time(lab: Lab, plt: Any) -> None:
    """pyplot has one current figure for all threads, so bodies that reach it share one seat; others run beside them."""
    inside, most, lock = [0], [0], threading.Lock()

    def draw(number: int) -> Any:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        plt.figure(figsize=(1, 1))
        plt.plot([1, number])
        made = plt.gcf()
        with lock:
            inside[0] -= 1
        return made

    cells = {f"drawn{number} --ignore inside,most,lock": f"draw({number})" for number in range(8)}
    workflow = lab.cells({**cells, "beside": "1"}, {"draw": draw})
    workflow.config("threads", 4)
    outcome = run(workflow)
    assert not outcome.failures
    assert most == [1]
    pools = {spec.name: spec.pool for spec in outcome._context.run.specs}
    assert (pools["drawn0"], pools["beside"]) == ("pyplot", "python")
    assert len({outcome[f"drawn{number}"].png for number in range(8)}) == 8


def test_a_plotly_figure_comes_back(lab: Lab) -> None:
    """A figure of Plotly is stored by its JSON and comes back as one; the order of its properties does not count."""
    cells = {
        "drawn": "go.Figure(go.Scatter(x=[1, 2], y=[3, HIGH]), {'title': 'x', 'height': 300})",
        "n": "len(drawn.data)",
    }
    workflow = lab.cells(cells, {"go": go, "HIGH": 4})
    outcome = run(workflow)
    figure = outcome["drawn"] if "drawn" in outcome.values() else run(workflow, "drawn")["drawn"]
    assert type(figure) is go.Figure
    assert (figure.layout.height, list(figure.data[0].y)) == (300, [3, 4])
    assert did(run(workflow)) == {"drawn": "hit", "n": "hit"}
    figure.update_layout(height=100)
    assert run(workflow, "drawn")["drawn"].layout.height == 300
    one = go.Figure(layout={"title": "x", "height": 300})
    two = go.Figure(layout={"height": 300, "title": "x"})
    assert digest(one) == digest(two)
    assert digest(one) != digest(go.Figure(layout={"height": 301, "title": "x"}))
