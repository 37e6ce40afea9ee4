"""What a body reads while it runs, and whether it is still the same: files, folders, environment variables.

One audit hook sees every `open`, and a ContextVar tells whose it is. An open on a thread that nobody knows is charged
to every running recording: a needless rerun at worst, never a stale result. Readers that open in C pass a door
(`doors`), and `literals` finds the files that any reader is given by name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from wfkit.artifact import File
from wfkit.core.result import Read
from wfkit.errors import UsageFault
from wfkit.keys.artifacts import MADE
from wfkit.keys.audit import watch
from wfkit.keys.content.files import known_digest, listing_digest, look_digest, pattern_digest
from wfkit.keys.environment import WHOLE, digest_of_variable, digest_of_whole
from wfkit.keys.literals import literal_paths, named_paths, names_no_path, texts_in
from wfkit.keys.places import absolute, ignore_under, names_here, rooted
from wfkit.keys.recorder import Recorder, active, current, mine, whose

T = TypeVar("T")
__all__ = [
    "ReadChecker",
    "Recorder",
    "env",
    "file",
    "ignore_under",
    "literal_paths",
    "named_paths",
    "names_here",
    "names_no_path",
    "record",
    "recording",
    "refuse_inside_a_body",
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
    for recorder in whose():
        recorder.read_env(name, digest_of_variable(name))
    return os.environ.get(name, default)


def file(path: str | os.PathLike[str], project: Path) -> File:
    """A file or folder by its content, named from the project. In a body it counts as read; a body that has written it
    and returns it has it brought back on a hit.
    """
    recorder = mine()
    place = os.path.abspath(os.path.expanduser(os.fspath(path)))
    if recorder is not None:
        recorder.touched(place)
    return File.of(place, rooted(project) if recorder is None else recorder.project)


def refuse_inside_a_body() -> None:
    """A run that a body starts would wait for seats that its own run holds. Raises UsageFault."""
    if mine() is not None:
        raise UsageFault(
            "a node's body cannot start a run: let the node take what it needs as inputs (name the other nodes in its"
            " body or parameters), or start the second run in a cell of its own, after this one"
        )


# What a body did that nobody can look at again: it is told, and does not make a result stale.
NOTES = frozenset({"process", "network", MADE})
_NO_SETTINGS: Mapping[str, str] = {}


class ReadChecker:
    """Tells whether reads still match, for one plan: each file is looked at once. `settings` are those in force."""

    def __init__(self, project: Path, settings: Mapping[str, str] = _NO_SETTINGS) -> None:
        self.project = rooted(project)
        self._settings = settings
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
        if read.kind in NOTES:
            return read.digest
        if read.kind == "setting":
            return self._settings.get(read.name, "")
        if read.kind == "env":
            return digest_of_whole() if read.name == WHOLE else digest_of_variable(read.name)
        path = absolute(read.name, self.project)
        if read.kind == "look":
            return look_digest(path)
        if read.kind == "glob":
            return listing_digest(path) if read.name.endswith("/") else pattern_digest(path, self.project) or ""
        return known_digest(path)


def unchanged(read: Read, project: Path, settings: Mapping[str, str] = _NO_SETTINGS) -> bool:
    """Whether one read still matches. For many, use a `ReadChecker`."""
    return ReadChecker(project, settings).unchanged(read)
