"""Promises of `views/progress.py`: a line a node and one of totals.

Many quiet nodes fold into one line.
"""

from __future__ import annotations

from tests.views import rows
from wfkit.core.report import RunReport
from wfkit.views.progress import Progress


def test_a_line_a_node_and_the_totals_last() -> None:
    """Glyph, items, time, cost, saving; then status, nodes, calls, elapsed time, money; then errors."""
    lines = Progress(rows.busy(), rows.T + 20).text().split("\n")
    assert lines[2] == "> label    4,812/5,000 (12 ✗)  20.0 s  ≥$0.0412  saved $1.84, 6 m 12 s"
    assert lines[8] == "running: 4/8 nodes, 250 calls  20.0 s  ≥$0.0412  saved $1.84, 6 m 12 s"
    assert lines[9] == "✗ label: RateLimitError: 429"
    assert len(lines) == 10


def test_what_stopped_the_budget_is_told_in_full() -> None:
    """A run that its budget stopped raises nothing, so its display has the whole sentence."""
    told = " ".join(["the budget of the run does not allow this call"] * 3)
    node = rows.node("un", tasks={"failed": 1}, error=told)
    for status, whole in (("budget_stopped", True), ("failed", False)):
        text = Progress(RunReport(rows.run(status=status), (node,))).text()
        assert (told in " ".join(text.split())) is whole


def test_no_clock_means_unknown_time() -> None:
    """Without `now` the elapsed time of a run that goes on is `?`; an ended run needs no clock."""
    assert "  ?  " in Progress(rows.busy()).text()
    assert "20.0 s" in Progress(RunReport(rows.run(), (rows.node("a"),))).text()


def test_many_nodes_fold() -> None:
    """Of 500 nodes those that run or failed are shown, with the last ones that ended; the rest is counted."""
    nodes = [rows.node(f"n{at}") for at in range(500)]
    nodes[3] = rows.node("broken", tasks={"failed": 1}, error="ValueError")
    nodes[400] = rows.node("busy", tasks={"running": 1})
    text = Progress(RunReport(rows.run(), tuple(nodes))).text()
    assert "✗ broken" in text
    assert "> busy" in text
    assert "and 470 more nodes: 470 done" in text
    assert len(text.split("\n")) == 33


def test_skipped_nodes_are_no_errors() -> None:
    """What was skipped for a failure has its glyph; the errors are those of nodes that failed."""
    nodes = (
        rows.node("a", tasks={"failed": 1}, error="ValueError: x"),
        rows.node("b", tasks={"skipped": 1}, error="needs 'a'"),
    )
    assert Progress(RunReport(rows.run(), nodes)).text().split("\n")[-1] == "✗ a: ValueError: x"


def test_it_is_small() -> None:
    """It is sent ten times a second."""
    assert len(Progress(rows.busy()).html()) < 10_000


def test_a_run_without_nodes() -> None:
    """Totals alone."""
    assert Progress(rows.empty()).text() == "running: 0/0 nodes, no calls  ?  $0"


def test_what_a_model_says() -> None:
    """While a model answers, the end of its text is shown on a line: plain text, whatever is in it."""
    said = "x" * 100 + " <img src=x onerror=alert(1)> \x1b[31m**up**"
    view = Progress(RunReport(rows.run(), (rows.node("label", saying=said), rows.node("other"))))
    line = next(line for line in view.text().split("\n") if "**up**" in line)
    assert line.startswith("  label: …")
    assert len(line) <= 80
    assert "\x1b" not in view.text() + view.html()
    assert "&lt;img src=x onerror=alert(1)&gt;" in view.html()
    assert "<img" not in view.html()
