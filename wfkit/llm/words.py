"""What is heard of a reply while it grows: how much came, and its text cut into words.

Words are cut by rule, not as the network cut them, so that a reply from the log or a cassette is heard in the same
pieces as the one that was streamed.
"""

from __future__ import annotations

import re

from wfkit.core.call import Listener

_WORD = re.compile(r"\s*\S{1,24}")  # a text without blanks (JSON, Chinese) is cut all the same
_WHOLE = 24


class Words:
    """Cuts a growing text into words, each with the white space before it. Together they are the text."""

    def __init__(self) -> None:
        self._left = ""

    def feed(self, piece: str) -> list[str]:
        """The words that are complete with this piece."""
        self._left += piece
        found, at = [], 0
        while (word := _WORD.match(self._left, at)) is not None:
            if word.end() == len(self._left) and len(word[0].lstrip()) < _WHOLE:
                break  # it may go on
            found.append(word[0])
            at = word.end()
        self._left = self._left[at:]
        return found

    def end(self) -> list[str]:
        """What is left at the end of the text."""
        left, self._left = self._left, ""
        return [left] if left else []


def words(text: str) -> list[str]:
    """A whole text as `Words` cuts it."""
    cutter = Words()
    return [*cutter.feed(text), *cutter.end()]


class Ear:
    """Hands on what it hears, and counts it."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.heard = 0

    def begins(self) -> None:
        """A reply begins."""
        self._listener.begins()

    def says(self, piece: str) -> None:
        """The next piece."""
        self.heard += len(piece)
        self._listener.says(piece)
