"""What the models of a run are saying right now, for its display: the end of each text that grows.

Written on the loop's thread, read by whoever draws. Kept nowhere: when an attempt ends, however it ends, its text goes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from wfkit.core.call import Listener
from wfkit.core.report import RunReport
from wfkit.core.secrets import settled

_SHOWN = 200  # characters


class _Voice:
    """One reply that grows, whole: a secret is found only if it is there from its beginning."""

    __slots__ = ("pieces",)

    def __init__(self) -> None:
        self.pieces: list[str] = []

    def begins(self) -> None:
        self.pieces = []

    def says(self, piece: str) -> None:
        self.pieces.append(piece)

    def said(self) -> str:
        """What it has said so far."""
        self.pieces = ["".join(self.pieces)]
        return self.pieces[0]


class Live:
    """The voices of one run, by node."""

    def __init__(self) -> None:
        self._voices: dict[str, dict[int, _Voice]] = {}

    @contextmanager
    def hearing(self, node: str, task: int) -> Iterator[Listener]:
        """A listener for one attempt; what it heard is gone after it."""
        voices = self._voices.setdefault(node, {})
        voice = voices[task] = _Voice()
        try:
            yield voice
        finally:
            del voices[task]

    def onto(self, report: RunReport) -> RunReport:
        """The report with what each node's models say: of several the one that began last, redacted, on one line."""
        said = {node: text for node, voices in list(self._voices.items()) if (text := _newest(list(voices.values())))}
        if not said:
            return report
        nodes = tuple(replace(row, saying=said.get(row.name)) for row in report.nodes)
        return replace(report, nodes=nodes)


def _newest(voices: list[_Voice]) -> str | None:
    text = next((text for voice in reversed(voices) if (text := voice.said())), None)
    if text is None:
        return None
    line = " ".join(settled(text, os.environ).split())
    return line if len(line) <= _SHOWN else f"…{line[1 - _SHOWN :]}"
