"""Promises of `views/bundle.py` that hold for every view: four twins, static HTML, plain text, nothing hostile in any
of them.

Each view is drawn over runs that are busy, empty, unknown, huge and hostile.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from plotly.graph_objects import Figure

from tests.views import rows
from tests.views.allowed import outline
from tests.views.test_markup import HOSTILE
from wfkit.views import columns
from wfkit.views.bundle import PLOTLY, View
from wfkit.views.lineage import Lineage
from wfkit.views.log import Log

REPORTS = [rows.busy, rows.empty, rows.unknown, rows.huge]
TAGS_OF_LABELS = re.compile(r"</?b>|<br>")


def strings(value: Any) -> Iterator[str]:
    """Every string within lists and dicts."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for item in value.values() for text in strings(item))
    elif isinstance(value, list | tuple):
        yield from (text for item in value for text in strings(item))


def check(view: View) -> None:
    """HTML within the allow-list, text within its columns, a figure of plain JSON whose labels hold no foreign tag."""
    found = outline(view.html())
    assert found.count["style"] == 1
    text = view.text()
    assert text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    if not isinstance(view, Log):  # output of a body is not cut
        assert max(columns.width(line) for line in text.split("\n")) <= columns.WIDTH
    figure = json.loads(json.dumps(view.figure(), allow_nan=False)) or {"layout": {"uirevision": ""}}
    del figure["layout"]["uirevision"]  # compared, never shown
    for label in strings(figure):
        assert "<" not in TAGS_OF_LABELS.sub("", label), label
    assert len(view.data().columns) >= 2


@pytest.mark.parametrize("make", REPORTS)
def test_every_view_draws_every_run(make: Any) -> None:
    """No run is too empty, too unknown or too large for a view."""
    for view in rows.views(make()):
        check(view)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_gets_out_of_its_place(text: str) -> None:
    """Names, models, errors, prompts, replies, outputs and diffs can make no element, no attribute and no escape
    sequence.
    """
    for view in rows.views(rows.renamed(rows.busy(), text), text):
        check(view)


def test_no_text_of_prompts_or_errors_is_in_a_figure() -> None:
    """Figures travel in notebooks and may be uploaded by a viewer: they hold names and numbers."""
    report = rows.busy()
    nodes = tuple(replace(row, error="secret") for row in report.nodes)
    attempts = tuple(replace(row, error="secret") for row in report.attempts)
    hidden = replace(report, nodes=nodes, attempts=attempts)
    for view in [*rows.views(hidden), Lineage(rows.step("secret"))]:
        assert not [label for label in strings(view.figure()) if "secret" in label]


@pytest.mark.parametrize("make", REPORTS)
def test_figures_are_plotly_figures(make: Any) -> None:
    """Plotly itself accepts every property of every figure, also after each button of it."""
    for view in rows.views(make()):
        figure = view.figure()
        if figure is None:
            continue
        checked = Figure(data=figure["data"], layout=figure["layout"])
        for menu in figure["layout"].get("updatemenus", ()):
            for button in menu["buttons"]:
                checked.plotly_update(*button["args"])


@pytest.mark.parametrize("make", REPORTS)
def test_the_bundle_has_all_twins(make: Any) -> None:
    """A chart gives the figure, HTML and text; what is no chart gives HTML and text. `include` and `exclude` choose."""
    for view in rows.views(make()):
        bundle = view._repr_mimebundle_()
        charts = {PLOTLY} if view.figure() is not None and view.shown_as_figure() else set()
        assert set(bundle) == charts | {"text/html", "text/plain"}
        assert set(view._repr_mimebundle_(include=["text/plain"])) == {"text/plain"}
        assert "text/html" not in view._repr_mimebundle_(exclude=["text/html"])


def test_views_are_frozen_values() -> None:
    """Two views of equal rows are equal, and none can be changed."""
    for one, other in zip(rows.views(rows.busy()), rows.views(rows.busy()), strict=True):
        assert one == other
        assert not hasattr(one, "__dict__")


def test_html_is_not_read_as_tex() -> None:
    """`$0.10 and $0.20` in an output is money: MathJax 2 and 3 are told to keep out."""
    assert 'class="wf tex2jax_ignore mathjax_ignore"' in rows.views(rows.busy())[0].html()
