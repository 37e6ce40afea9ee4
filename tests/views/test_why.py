"""Promises of `views/why.py`.

Reason, path and diff, readable without colour.
"""

from __future__ import annotations

from tests.views.allowed import outline
from wfkit.views.why import Change, Why

VIEW = Why(
    "label",
    "prompt_changed",
    {"cached": 4632, "prompt_changed": 188, "awaits": 180},
    "the template was edited",
    (Change("label → user message", "changed", "@@ -1 +1 @@\n-Label this.\n+Label this well.\n kept"),),
)


def test_the_reason_stands_first() -> None:
    """Reasons to run come before what is cached or awaits."""
    said = "> label runs: prompt changed (prompt changed 188, cached 4,632, awaits 180)."
    assert " ".join(VIEW.text().split()).startswith(said)


def test_one_reason_is_said_once() -> None:
    """The count of tasks does not repeat the reason."""
    assert Why("a", "code_changed", {"code_changed": 3}).sentence() == "runs: code changed (3 tasks)."
    assert Why("a", "code_changed", {"code_changed": 1}).sentence() == "runs: code changed."


def test_a_cached_node_tells_where_its_value_is_from() -> None:
    """It does not run, and the run that made its value is named."""
    assert Why("a", "cached", {"cached": 1}, from_run="r1").text() == "= a does not run: cached.\n  Made by run r1."


def test_the_diff_keeps_its_signs_and_lines() -> None:
    """Came and went differ by sign as well as by colour, in HTML and text."""
    found = outline(VIEW.html())
    assert (found.count["ins"], found.count["del"]) == (1, 1)
    assert "+Label this well." in found.texts
    assert "    -Label this.\n    +Label this well.\n     kept" in VIEW.text()


def test_long_diffs_are_cut_and_said_to_be() -> None:
    """40 lines are shown; the data has all."""
    view = Why("a", "code_changed", changes=(Change("a", "changed", "\n".join(["+x"] * 300)),))
    assert "40 of 300 lines shown." in view.html()
    assert view.data()["diff"][0].count("\n") == 299
