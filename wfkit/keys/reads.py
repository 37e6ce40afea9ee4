"""What a body reads while it runs, and whether it is still the same: files, folders, environment variables.

One audit hook sees every `open`, and a ContextVar tells whose it is. An open on a thread that nobody knows is charged
to every running recording: a needless rerun at worst, never a stale result. Readers that open in C are invisible to
it; `literals` finds the files that they are given by name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from blake3 import blake3

from wfkit.core.result import Read
from wfkit.keys.audit import ignore_under, watch
from wfkit.keys.literals import literal_paths, named_paths, names_no_path, texts_in
from wfkit.keys.places import absolute, known_digest, listing_digest, names_here, pattern_digest, rooted
from wfkit.keys.recorder import Recorder, active, current, whose

T = TypeVar("T")
__all__ = [
    "ReadChecker",
    "Recorder",
    "env",
    "ignore_under",
    "literal_paths",
    "named_paths",
    "names_here",
    "names_no_path",
    "record",
    "recording",
    "texts_in",
    "unchanged",
    "watch",
]


class recording:  # noqa: N801 - reads as the function it stands for, and costs half of a generator
    """Record what the code inside reads, in this context and on threads that nobody knows. Names will be relative to
    `project`.

    `covered` are files whose content the node's definition counts already. Call `finish` after the block.
    """

    __slots__ = ("_recorder", "_token")

    def __init__(self, project: Path | None = None, covered: Iterable[str] = ()) -> None:
        self._recorder = Recorder(rooted(project), covered)

    def __enter__(self) -> Recorder:
        watch()
        active[id(self._recorder)] = self._recorder
        self._token = current.set(self._recorder)
        return self._recorder

    def __exit__(self, *error: object) -> None:
        active.pop(id(self._recorder), None)
        current.reset(self._token)


def record(recorder: Recorder, body: Callable[..., T], *given: Any) -> T:
    """Run a body whose reads are charged to this recorder. For a context of its own that is thrown away afterwards;
    `watch` was called.
    """
    current.set(recorder)
    active[id(recorder)] = recorder
    try:
        return body(*given)
    finally:
        active.pop(id(recorder), None)


def env(name: str, default: str | None = None) -> str | None:
    """An environment variable that counts: a node that reads it runs again when it changes. Only a digest is kept,
    never the value.
    """
    value = os.environ.get(name)
    for recorder in whose():
        recorder.read_env(name, _env_digest(value))
    return default if value is None else value


def _env_digest(value: str | None) -> str:
    if value is None:
        return ""
    data = value.encode("utf-8", "surrogateescape")
    return blake3(data, derive_key_context="wfkit 2026 environment variable").hexdigest(length=16)


class ReadChecker:
    """Tells whether reads still match, for one plan: each file is looked at once."""

    def __init__(self, project: Path) -> None:
        self.project = rooted(project)
        self._known: dict[tuple[str, str], str] = {}

    def unchanged(self, read: Read) -> bool:
        """Whether what was read then is the same now."""
        slot = (read.kind, read.name)
        now = self._known.get(slot)
        if now is None:
            now = self._known[slot] = self._digest(read)
        return now == read.digest

    def digest(self, read: Read) -> str:
        """The digest of a file, folder or variable as it is now; empty if it is not there."""
        self.unchanged(read)
        return self._known[read.kind, read.name]

    def _digest(self, read: Read) -> str:
        if read.kind == "env":
            return _env_digest(os.environ.get(read.name))
        path = absolute(read.name, self.project)
        if read.kind == "glob":
            return listing_digest(path) if read.name.endswith("/") else pattern_digest(path, self.project)
        return known_digest(path)


def unchanged(read: Read, project: Path) -> bool:
    """Whether one read still matches. For many, use a `ReadChecker`."""
    return ReadChecker(project).unchanged(read)
