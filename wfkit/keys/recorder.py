"""What one body has read so far, and which bodies are being watched now.

Filled by the audit hook and by doors, from any thread; asked once, when the body has ended.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextvars import Context, ContextVar, copy_context
from pathlib import Path

from wfkit.core.result import Read
from wfkit.keys.content.files import (
    Signature,
    file_digest,
    is_fresh,
    known_digest,
    listing_digest,
    look_digest,
    pattern_digest,
    portable,
    signature,
)
from wfkit.keys.environment import digest_of
from wfkit.keys.places import is_pattern
from wfkit.own_threads import is_own

current: ContextVar[Recorder | None] = ContextVar("wfkit_recorder", default=None)
active: dict[int, Recorder] = {}
Seen = tuple[Signature | None, str | None]  # what a file was, and its digest then if its time may not tell


def whose() -> list[Recorder]:
    """The recorders that a read of this thread is charged to: its own, or all of them when nobody knows the thread."""
    recorder = current.get()
    if recorder is None:
        return [] if is_own() else list(active.values())
    return [recorder] if id(recorder) in active else []


def mine() -> Recorder | None:
    """The recorder of the body that runs here, if one does."""
    recorder = current.get()
    return recorder if recorder is not None and id(recorder) in active else None


class Recorder:
    """What one body has read so far. Made by `recording`, or for an item of a slice; filled from any thread.

    `writes` are files that the body wrote; what it did beyond reading stands in `notes` as (kind, name).
    """

    def __init__(self, project: Path, covered: Iterable[str] = ()) -> None:
        self.project = project
        self.covered = covered if type(covered) is frozenset else frozenset(covered)
        self.writes: dict[str, None] = {}
        self.notes: dict[tuple[str, str], None] = {}
        self._files: dict[str, Seen] = {}
        self._touched: dict[str, Seen] = {}
        self._trees: dict[str, str] = {}
        self._folders: dict[str, str] = {}
        self._looks: dict[str, str] = {}
        self._env: dict[str, str] = {}
        self._settings: dict[str, str] = {}
        self.own_env: set[str] = set()
        self._own_folders: tuple[str, ...] = ()
        self._refused: str | None = None
        self._began_ns = time.time_ns()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was seen."""
        seen = self._files or self._touched or self._trees or self._folders or self._looks or self._env
        return not (seen or self._settings or self.writes or self.notes or self._refused)

    def opened(self, path: str, reads: bool, writes: bool) -> None:
        """An open of an absolute path. What the body wrote before it read is its own."""
        if reads and path not in self._files and path not in self.covered and not self.is_own(path):
            found = signature(path)
            if found is not None or not os.path.isdir(path):
                self._files[path] = _seen(path, found)
        if writes:
            self.writes[path] = None

    def touched(self, path: str) -> None:
        """A file, folder or pattern that C code was given: to read it if it is there, else perhaps to make it."""
        if path in self._touched or path in self._files or path in self.covered or self.is_own(path):
            return
        found = signature(path)
        if found is None and (os.path.isdir(path) or (is_pattern(path) and not os.path.lexists(path))):
            tree = path if is_pattern(path) else os.path.join(path, "**")
            if tree not in self._trees:
                digest = pattern_digest(tree, self.project)
                if digest is None:
                    self.refuse(f"it reads {portable(tree, self.project)!r}, which are too many files to look at")
                self._trees[tree] = digest or ""
        else:
            self._touched[path] = _seen(path, found)

    def listed(self, path: str) -> None:
        """A look into a folder, as it is now."""
        if path not in self._folders and not self.is_own(path):
            self._folders[path] = listing_digest(path)

    def looked(self, path: str) -> None:
        """A look at whether something is there."""
        if path not in self._looks and path not in self.covered and not self.is_own(path):
            self._looks[path] = look_digest(path)

    def made_folder(self, path: str) -> None:
        """A folder that the body made: all in it is its own."""
        if not os.path.isdir(path):
            self._own_folders = (*self._own_folders, path + os.sep)
            self.writes[path] = None

    def read_env(self, name: str, digest: str) -> None:
        """A look at an environment variable. What the body set itself (`own_env`) is its own."""
        if name not in self.own_env:
            self._env.setdefault(name, digest)

    def noted(self, kind: str, name: str) -> None:
        """Something that nobody can look at again: a `process` that was started, a `network` address."""
        self.notes[kind, name] = None

    def refuse(self, problem: str) -> None:
        """The body read something that cannot be told: its result must not be cached."""
        self._refused = self._refused or problem

    def finish(self) -> tuple[tuple[Read, ...], str | None]:
        """The reads, in order of name, and why the result must not be cached: a file that changed since it was opened,
        or something that was read unseen. Else None.
        """
        problem = self._refused
        reads: list[Read] = []
        if self.is_empty:
            return (), problem  # nearly always
        for path, seen in _files(self._files, self._touched, self.writes):
            name = portable(path, self.project)
            digest = known_digest(path) if seen[0] is not None else ""
            if not _is_same(path, seen, digest, path in self.writes):
                problem = problem or f"the file {name!r} changed while the body was reading it"
            reads.append(Read("file", name, digest))
        for tree, before in list(self._trees.items()):
            name = portable(tree, self.project)
            if tree.removesuffix("/**") in self.writes:
                continue
            if (pattern_digest(tree, self.project) or "") != before:
                problem = problem or f"files of {name!r} changed while the body was reading them"
            reads.append(Read("glob", name, before))
        reads += [Read("glob", portable(path, self.project) + "/", found) for path, found in self._folders.items()]
        known = self._files.keys() | self._folders.keys()  # what was opened and is there needs no look
        looks = [(path, found) for path, found in self._looks.items() if path not in known or not found]
        reads += [Read("look", portable(path, self.project), found) for path, found in looks]
        reads += [Read("env", name, found) for name, found in self._env.items()]
        reads += [Read("setting", name, found) for name, found in self._settings.items()]
        reads += [Read(kind, name, "") for kind, name in self.notes]
        return tuple(sorted(reads, key=lambda read: (read.kind, read.name))), problem

    def is_own(self, path: str) -> bool:
        """Whether the body wrote this file, or made the folder that it is in."""
        return path in self.writes or path.startswith(self._own_folders)


def _seen(path: str, found: Signature | None) -> Seen:
    return found, file_digest(path) if found is not None and is_fresh(found) else None


def _files(opened: dict[str, Seen], touched: dict[str, Seen], writes: dict[str, None]) -> Iterator[tuple[str, Seen]]:
    """Files that were read. One that was only touched, and then written or made, is none."""
    yield from list(opened.items())
    for path, seen in list(touched.items()):
        is_own = path in writes or (seen[0] is None and os.path.lexists(path))
        if path not in opened and not is_own:
            yield path, seen


def _is_same(path: str, seen: Seen, digest: str, is_written: bool) -> bool:
    """Whether the file is what it was at the first open. One that was not there may have been made by the body."""
    before, early = seen
    if before is None and is_written:
        return True
    return signature(path) == before and early in (None, digest)


_NOBODY = Recorder(Path())


def unwatched() -> Context:
    """A copy of this context in which reads are charged to nobody: for what wfkit does on behalf of a body."""
    context = copy_context()
    context.run(current.set, _NOBODY)
    return context


def expect(recorder: Recorder, environment: Iterable[str]) -> None:
    """Variables that count whether or not they are seen to be looked up: the module that does may be loaded by now."""
    for name in environment:
        recorder.read_env(name, digest_of(name))


def read_setting(recorder: Recorder, name: str, value: str) -> None:
    """A look at a setting of wfkit that the body's value depends on. It is no secret: its value stands for a digest."""
    recorder._settings.setdefault(name, value)


def has_made(recorder: Recorder, path: str) -> bool:
    """Whether the body wrote a file, or something in a folder: by an open that was seen, or by what it is now."""
    folder = path + os.sep
    if recorder.is_own(path) or any(written.startswith(folder) for written in recorder.writes):
        return True
    if path in recorder._files:
        return False
    if path in recorder._touched:
        return signature(path) != recorder._touched[path][0]
    now = signature(path)
    return now is not None and now[1] > recorder._began_ns
