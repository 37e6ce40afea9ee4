"""A terminal, or a log that looks like one: lines that stay, and on a terminal one status line that changes.

Nothing here knows what the lines say.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TextIO

_CLEAR = "\r\x1b[K"


@dataclass(slots=True)
class Screen:
    """Where progress goes. On anything but a terminal, status lines are left out, so a CI log holds each line once."""

    stream: TextIO
    quiet: bool = False
    _status: bool = False

    def line(self, text: str) -> None:
        """A line that stays."""
        if self.quiet:
            return
        self.stream.write(f"{_CLEAR if self._status else ''}{text}\n")
        self._status = False
        self.stream.flush()

    def status(self, text: str) -> None:
        """What is going on now; the next line or status takes its place."""
        if self.quiet or not self.stream.isatty():
            return
        width = shutil.get_terminal_size().columns - 1
        self.stream.write(f"{_CLEAR}{text[:width]}")
        self._status = True
        self.stream.flush()
