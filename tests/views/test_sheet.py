"""Promises of `views/sheet.py`.

A sentence, a table, numbers to the right.
"""

from __future__ import annotations

from wfkit.views.sheet import Sheet


def test_numbers_stand_to_the_right() -> None:
    """A column of numbers is right-aligned, text is not."""
    sheet = Sheet("Settings:", ("name", "value"), (("threads", 8), ("concurrency", 32)))
    assert sheet.text() == "Settings:\nname         value\nthreads          8\nconcurrency     32"
    assert '<td class="wf-n">8</td>' in sheet.html()


def test_either_part_may_be_missing() -> None:
    """A sentence alone, a table alone."""
    assert Sheet("Done.").text() == "Done."
    assert "<p" not in Sheet("", ("a", "b"), (("x", "y"),)).html()


def test_a_cut_is_told() -> None:
    """200 rows are shown, the data has all."""
    sheet = Sheet("", ("n", "m"), tuple((at, at) for at in range(250)))
    assert "200 of 250 rows shown." in sheet.html()
    assert len(sheet.data()) == 250


def test_long_rows_become_paragraphs() -> None:
    """Advice is never cut: a row that does not fit is wrapped, its further lines indented."""
    row = ("set aside", "warning", "wfkit.duckdb.broken-20261121T090824-293648", "delete it once nothing is missed")
    lines = (
        Sheet("store: well", ("subject", "level", "detail", "what to do"), (row, ("x", "ok", "", "")))
        .text()
        .split("\n")
    )
    assert lines[1] == "set aside: warning; wfkit.duckdb.broken-20261121T090824-293648; delete it"
    assert lines[2:] == ["    once nothing is missed", "x: ok"]
