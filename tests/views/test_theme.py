"""Promises of `views/theme.py`: every state has colour, glyph and class.

Figures are quiet and send nothing anywhere.
"""

from __future__ import annotations

import pytest

from wfkit.core.terms import RunState, TaskState
from wfkit.views import theme


@pytest.mark.parametrize("state", [*TaskState, *RunState])
def test_every_state_is_drawn(state: str) -> None:
    """No state of a task or run is without colour, glyph, word and class."""
    assert theme.COLOURS[state].startswith("#")
    assert theme.GLYPHS[state].strip()
    assert "_" not in theme.word(state)
    assert f"--{theme.css_class(state)}:" in theme.style()


def test_unknown_states_are_idle() -> None:
    """A word from a newer store is drawn as nothing special and never becomes part of a class."""
    assert theme.css_class('x" onload="') == "wf-idle"
    assert theme.word("half_done") == "half done"


@pytest.mark.parametrize(
    ("tasks", "state"),
    [
        ({}, TaskState.PENDING),
        ({"success": 3, "cached": 2}, TaskState.SUCCESS),
        ({"cached": 2}, TaskState.CACHED),
        ({"success": 3, "failed": 1}, TaskState.FAILED),
        ({"failed": 1, "running": 1}, TaskState.RUNNING),
        ({"success": 1, "pending": 2}, TaskState.PENDING),
        ({"success": 0, "skipped": 1}, TaskState.SKIPPED),
    ],
)
def test_the_state_of_a_node_is_what_needs_attention(tasks: dict[str, int], state: TaskState) -> None:
    """Counts of tasks become one state; a count of zero says nothing."""
    assert theme.state_of(tasks) is state


def test_figures_send_nothing_and_typeset_nothing() -> None:
    """The button that uploads a chart is off by two means, and `$` is money, not TeX."""
    figure = theme.figure([], height=100, key="k")
    assert figure["config"]["showSendToCloud"] is False
    assert figure["config"]["typesetMath"] is False
    assert "sendChartToCloud" in figure["layout"]["modebar"]["remove"]
    assert figure["layout"]["uirevision"] == "k"


def test_the_style_sheet_loads_nothing() -> None:
    """No import, no address, no font file; every rule is for our own elements only."""
    style = theme.style()
    assert "url(" not in style
    assert "@import" not in style
    assert style.count("<") == 2
    rules = style.removeprefix("<style>").removesuffix("</style>").replace("@media (prefers-color-scheme:dark){", "")
    selectors = [part.rpartition("}")[2] for part in rules.split("{")[:-1]]
    assert all(".wf" in selector for selector in selectors), selectors
