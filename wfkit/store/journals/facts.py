"""`facts.txt`: what was found out about texts, so that a fresh process need not parse a thousand cells again.

Derived and deletable: a fact that is lost, torn or damaged is found out again. What a fact says is not known here.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from blake3 import blake3

from wfkit.store.files import read_file, write_file

FILE = "facts.txt"
LARGEST = 16 << 20  # bytes; a larger file is written anew with what this process used
_LONGEST = 1 << 16  # characters; a longer fact is not kept
_KEY = 32
_HEAD = _KEY + 8
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_PACKAGE = Path(__file__).parents[2]


def finders(rooms: Iterable[str] = ("define", "keys", "keys/code", "keys/content")) -> str:
    """What facts depend on besides the text: this Python, and the files of wfkit that find them out."""
    found = [sys.version]
    for room in rooms:
        with suppress(OSError), os.scandir(_PACKAGE / room) as files:  # none when run from an archive
            seen = [(file.name, file.stat()) for file in files if file.name.endswith(".py")]
            found += sorted(f"{name} {state.st_size} {state.st_mtime_ns}" for name, state in seen)
    return "\n".join(found)


class Facts:
    """The facts of one store: `core.facts.Facts`. The file is read when first asked, in one go, and written by
    `save` with one append, so that processes may share it.

    A line is the key (32 hex: digest of finders and subject), the crc of key and fact (8 hex), and the fact.
    """

    def __init__(self, root: Path, found_by: Callable[[], str] | None = None) -> None:
        self._path = root / FILE
        self._found_by = found_by or finders
        self._used: dict[str, str] = {}
        self._new: dict[str, str] = {}
        self._too_large = False
        self._lock = threading.Lock()

    def recall(self, subject: str) -> str | None:
        """What was found out about this, if it is known."""
        key = self._key(subject)
        line = self._lines.get(key)
        if line is None or line[_KEY:_HEAD] != _check(key, line[_HEAD:]):
            return None
        self._used[key] = line
        return line[_HEAD:]

    def remember(self, subject: str, fact: str) -> None:
        """Keep what was found out; `fact` is ASCII without line ends."""
        if len(fact) <= _LONGEST and fact.isascii() and "\n" not in fact:
            key = self._key(subject)
            with self._lock:
                self._new[key] = f"{key}{_check(key, fact)}{fact}"

    def save(self) -> None:
        """Write what is new. A disk that refuses costs the next process time, nothing else."""
        with self._lock:
            if not self._new:
                return
            new, self._new = self._new, {}
        self._lines.update(new)
        with suppress(OSError):
            if self._too_large:
                write_file(self._path, _written({**self._used, **new}))
                self._too_large = False
                return
            fd = os.open(self._path, _APPEND, 0o600)
            try:
                os.write(fd, _written(new))
            finally:
                os.close(fd)

    @cached_property
    def _lines(self) -> dict[str, str]:
        try:
            found = self._path.lstat()
            self._too_large = found.st_size > LARGEST
            readable = stat.S_ISREG(found.st_mode) and found.st_size <= 2 * LARGEST  # reading a pipe would wait
            data = (read_file(self._path) or b"") if readable else b""
        except OSError:  # not there, or not to be read: everything is found out again
            return {}
        return {line[:_KEY]: line for line in data.decode("ascii", "replace").split("\n")}

    @cached_property
    def _start(self) -> blake3:
        return blake3(self._found_by().encode() + b"\x00")

    def _key(self, subject: str) -> str:
        hasher = self._start.copy()
        hasher.update(subject.encode("utf-8", "surrogatepass"))
        key: str = hasher.hexdigest(_KEY // 2)
        return key


def _check(key: str, fact: str) -> str:
    return f"{zlib.crc32(fact.encode(), zlib.crc32(key.encode())):08x}"


def _written(lines: dict[str, str]) -> bytes:
    """Begins with a line end: what another process left torn stays a line of its own."""
    return ("\n" + "\n".join(lines.values()) + "\n").encode()
