"""Promises of `views/log.py`.

Output is shown as what it is, and never runs.
"""

from __future__ import annotations

from tests.views.allowed import outline
from wfkit.core.result import Output
from wfkit.views.log import Log, LogEntry


def entry(*outputs: Output, error: str | None = None, item: int | None = None) -> LogEntry:
    """The output of a task of `clean`."""
    return LogEntry("clean", item, "failed" if error else "success", outputs, error)


def test_printed_text_and_tracebacks_keep_their_lines() -> None:
    """What was printed, then how it failed; colours of a terminal are taken out."""
    view = Log(
        (entry(Output("stdout", "text/plain", "one\n  two\x1b[31m red\x1b[0m\n"), error="Traceback:\nValueError"),)
    )
    assert view.text() == "✗ clean\n  one\n    two red\n  Traceback:\n  ValueError"
    assert "one\n  two red\n" in outline(view.html()).texts


def test_displayed_html_is_shown_as_source() -> None:
    """HTML that a body displayed is text here; a PNG is a picture."""
    outputs = (Output("display", "text/html", "<b onclick=x>b</b>"), Output("display", "image/png", "iVBORw0K\n"))
    found = outline(Log((entry(*outputs),)).html())
    assert found.count["img"] == 1
    assert "<b onclick=x>b</b>" in found.texts
    assert "[text/html, 18 characters]" in Log((entry(*outputs),)).text()


def test_silence_is_told() -> None:
    """Nothing printed is a sentence."""
    assert Log((entry(), entry(item=1))).text() == "clean printed nothing in 2 tasks."
    assert Log(()).text() == "There is no output."


def test_cuts_are_told() -> None:
    """20,000 characters of an output and 100 tasks are shown; the data has all."""
    long = Log((entry(Output("stdout", "text/plain", "x" * 30_000)),))
    assert "20,000 of 30,000 characters shown." in long.html()
    many = Log(tuple(entry(Output("stdout", "text/plain", f"x{at}"), item=at) for at in range(150)))
    assert "100 of 150 tasks shown" in many.text()
    assert len(many.data()) == 150


def test_what_is_the_same_is_told_once() -> None:
    """Forty items that failed alike are one entry with a count; the data has a row each."""
    view = Log((entry(item=0, error="ValueError"), entry(Output("stdout", "text/plain", "x"), item=1),
                *(entry(item=at, error="ValueError") for at in range(2, 41))))  # fmt: skip
    assert view.text() == "✗ clean[0] and 39 other items\n  ValueError\n✓ clean[1]\n  x"
    assert len(view.data()) == 41
