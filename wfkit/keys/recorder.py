"""What one body has read so far, and which bodies are being watched now.

Filled by the audit hook from any thread; asked once, when the body has ended.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextvars import ContextVar
from pathlib import Path

from wfkit.core.result import Read
from wfkit.keys.places import Signature, file_digest, is_fresh, known_digest, listing_digest, portable, signature

current: ContextVar[Recorder | None] = ContextVar("wfkit_recorder", default=None)
active: dict[int, Recorder] = {}


def whose() -> list[Recorder]:
    """The recorders that a read of this thread is charged to: its own, or all of them when nobody knows the thread."""
    recorder = current.get()
    if recorder is None:
        return list(active.values())
    return [recorder] if id(recorder) in active else []


class Recorder:
    """What one body has read so far. Made by `recording`, or for an item of a slice; filled by the hook from any
    thread."""

    __slots__ = ("_env", "_files", "_folders", "covered", "project", "writes")

    def __init__(self, project: Path, covered: Iterable[str] = ()) -> None:
        self.project = project
        self.covered = covered if type(covered) is frozenset else frozenset(covered)
        self.writes: dict[str, None] = {}
        self._files: dict[str, tuple[Signature | None, str | None]] = {}
        self._folders: dict[str, str] = {}
        self._env: dict[str, str] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing was seen."""
        return not (self._files or self.writes or self._folders or self._env)

    def opened(self, path: str, reads: bool, writes: bool) -> None:
        """An open of an absolute path. What the body wrote before it read is its own."""
        if reads and path not in self._files and path not in self.writes and path not in self.covered:
            found = signature(path)
            if found is not None or not os.path.isdir(path):  # noqa: PTH112 - no object for each open
                early = file_digest(path) if found is not None and is_fresh(found) else None
                self._files[path] = (found, early)
        if writes:
            self.writes[path] = None

    def listed(self, path: str) -> None:
        """A look into a folder, as it is now."""
        if path not in self._folders:
            self._folders[path] = listing_digest(path)

    def read_env(self, name: str, digest: str) -> None:
        """A look at an environment variable."""
        self._env.setdefault(name, digest)

    def finish(self) -> tuple[tuple[Read, ...], str | None]:
        """The reads, in order of name, and why the result must not be cached: a file that changed since it was opened.
        Else None.
        """
        if not self._files and not self._folders and not self._env:  # most bodies
            return (), None
        reads, problem = [], None
        for path, (before, early) in list(self._files.items()):
            name = portable(path, self.project)
            digest = known_digest(path) if before is not None else ""
            if not self._is_same(path, before, early, digest):
                problem = problem or f"the file {name!r} changed while the body was reading it"
            reads.append(Read("file", name, digest))
        reads += [Read("glob", portable(path, self.project) + "/", found) for path, found in self._folders.items()]
        reads += [Read("env", name, found) for name, found in self._env.items()]
        return tuple(sorted(reads, key=lambda read: (read.kind, read.name))), problem

    def _is_same(self, path: str, before: Signature | None, early: str | None, digest: str) -> bool:
        """Whether the file is what it was at the first open. One that was not there may have been made by the body."""
        if before is None and path in self.writes:
            return True
        return signature(path) == before and early in (None, digest)
