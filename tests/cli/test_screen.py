"""Promises of the screen: a log holds each line once; a terminal shows one status line that makes room for lines.

Both kinds of stream are simulated by text buffers.
"""

from __future__ import annotations

import io

from wfkit.cli.screen import Screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_has_lines_only() -> None:
    """No status and no control character reaches a file."""
    stream = io.StringIO()
    screen = Screen(stream)
    screen.status("working")
    screen.line("done")
    assert stream.getvalue() == "done\n"


def test_a_terminal_has_one_status_line() -> None:
    """A line takes the place of the status, and the status is cut to the width."""
    stream = Terminal()
    screen = Screen(stream)
    screen.status("x" * 500)
    screen.line("done")
    screen.line("again")
    written = stream.getvalue()
    assert written.endswith("\r\x1b[Kdone\nagain\n")
    assert len(written.split("\r\x1b[K")[1]) < 500


def test_quiet_is_quiet() -> None:
    """Nothing at all is written."""
    stream = Terminal()
    screen = Screen(stream, quiet=True)
    screen.status("a")
    screen.line("b")
    assert stream.getvalue() == ""
