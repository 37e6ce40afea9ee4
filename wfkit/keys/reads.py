"""What a body reads while it runs: one audit hook sees every `open`, and a ContextVar tells whose it is.

An open on a thread that nobody knows is charged to every running recording: a needless rerun at worst, never a stale result. Readers that
open in C are invisible here; `literals` finds the files that they are given by name.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from blake3 import blake3

from wfkit.core.result import Read
from wfkit.keys.literals import literal_paths
from wfkit.keys.places import (
    Signature,
    absolute,
    file_digest,
    is_foreign,
    is_fresh,
    listing_digest,
    pattern_digest,
    portable,
    signature,
)

__all__ = ["ReadChecker", "Recorder", "env", "ignore_under", "literal_paths", "recording", "unchanged"]

_WRITE = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC
_IMPORTER = "<frozen importlib._bootstrap_external>"

_current: ContextVar[Recorder | None] = ContextVar("wfkit_recorder", default=None)
_active: dict[int, Recorder] = {}
_ignored: set[str] = set()
_busy = threading.local()
_install = threading.Lock()
_installed = False


class Recorder:
    """What one body has read so far. Made by `recording`; filled by the hook from any thread."""

    def __init__(self, project: Path, covered: Iterable[str] = ()) -> None:
        self.project = project
        self.covered = frozenset(covered)
        self.writes: dict[str, None] = {}
        self._files: dict[str, tuple[Signature | None, str | None]] = {}
        self._folders: dict[str, str] = {}
        self._env: dict[str, str] = {}

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
        """The reads, in order of name, and why the result must not be cached: a file that changed since it was opened. Else None."""
        reads, problem = [], None
        for path, (before, early) in list(self._files.items()):
            name = portable(path, self.project)
            digest = file_digest(path) if before is not None else ""
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


@contextmanager
def recording(project: Path | None = None, covered: Iterable[str] = ()) -> Iterator[Recorder]:
    """Record what the code inside reads, in this context and on threads that nobody knows. Names will be relative to `project`.

    `covered` are files whose content the node's definition counts already. Call `finish` after the block.
    """
    _watch()
    recorder = Recorder(Path(os.path.abspath(project or Path.cwd())), covered)  # noqa: PTH100 - links stay links
    _active[id(recorder)] = recorder
    token = _current.set(recorder)
    try:
        yield recorder
    finally:
        _active.pop(id(recorder), None)
        _current.reset(token)


def ignore_under(path: Path | str) -> None:
    """Opens below this folder are no reads: it is the store."""
    _ignored.add(os.path.abspath(path) + os.sep)  # noqa: PTH100


def env(name: str, default: str | None = None) -> str | None:
    """An environment variable that counts: a node that reads it runs again when it changes. Only a digest is kept, never the value."""
    value = os.environ.get(name)
    for recorder in _whose():
        recorder.read_env(name, _env_digest(value))
    return default if value is None else value


def _env_digest(value: str | None) -> str:
    if value is None:
        return ""
    data = value.encode("utf-8", "surrogateescape")
    return blake3(data, derive_key_context="wfkit 2026 environment variable").hexdigest(length=16)


def _watch() -> None:
    global _installed  # noqa: PLW0603 - a hook cannot be removed, so there is one for the process
    with _install:
        if not _installed:
            sys.addaudithook(_hook)
            _installed = True


def _whose() -> list[Recorder]:
    recorder = _current.get()
    if recorder is not None:
        return [recorder] if id(recorder) in _active else []
    return list(_active.values())


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _active or event not in _EVENTS:
        return
    if getattr(_busy, "now", False):
        return
    _busy.now = True
    try:
        _EVENTS[event](arguments)
    except Exception as error:  # an audit hook that raises would break the user's open
        _note(error)
    finally:
        _busy.now = False


def _note(error: Exception) -> None:
    """What went wrong in the hook makes the running results uncacheable rather than wrong."""
    for recorder in _whose():
        recorder.read_env(f"(unseen read: {type(error).__name__})", "?")


def _path(given: Any) -> str | None:
    """An absolute path; None for a file descriptor or what is no path."""
    if isinstance(given, int) or given is None:
        return None
    text = os.fsdecode(given)
    return os.path.abspath(text) if text else None  # noqa: PTH100 - links stay links


def _is_ignored(path: str) -> bool:
    return path.endswith(".pyc") or path.startswith(tuple(_ignored)) or is_foreign(path)


def _on_open(arguments: tuple[Any, ...]) -> None:
    given, mode, flags = arguments
    path = _path(given)
    if path is None:
        return
    path = _source_of(path)
    if _is_ignored(path):
        return
    writes = bool(flags & _WRITE) if isinstance(flags, int) else bool(mode) and not set("wax+").isdisjoint(mode)
    truncates = isinstance(flags, int) and (flags & os.O_TRUNC or flags & os.O_WRONLY)
    for recorder in _whose():
        recorder.opened(path, reads=not writes or not truncates, writes=writes)


def _source_of(path: str) -> str:
    """The source that a bytecode file stands for: importing a module of the project reads it."""
    if path.endswith(".pyc") and f"{os.sep}__pycache__{os.sep}" in path:
        folder, _, name = path.rpartition(f"{os.sep}__pycache__{os.sep}")
        source = f"{folder}{os.sep}{name.partition('.')[0]}.py"
        return source if os.path.exists(source) else path  # noqa: PTH110
    return path


def _on_listing(arguments: tuple[Any, ...]) -> None:
    path = _path(arguments[0] if arguments and arguments[0] is not None else ".")
    if path is None or _is_ignored(path + os.sep) or sys._getframe(2).f_code.co_filename == _IMPORTER:
        return
    for recorder in _whose():
        recorder.listed(path)


def _on_sqlite(arguments: tuple[Any, ...]) -> None:
    text = os.fsdecode(arguments[0])
    if text.startswith("file:"):
        text = text[5:].partition("?")[0]
    if text and ":memory:" not in text:
        _on_open((text, "r", os.O_RDONLY))


_EVENTS = {"open": _on_open, "os.listdir": _on_listing, "os.scandir": _on_listing, "sqlite3.connect": _on_sqlite}


class ReadChecker:
    """Tells whether reads still match, for one plan: each file is looked at once."""

    def __init__(self, project: Path) -> None:
        self.project = Path(os.path.abspath(project))  # noqa: PTH100 - links stay links
        self._known: dict[tuple[str, str], str] = {}

    def unchanged(self, read: Read) -> bool:
        """Whether what was read then is the same now."""
        slot = (read.kind, read.name)
        now = self._known.get(slot)
        if now is None:
            now = self._known[slot] = self._digest(read)
        return now == read.digest

    def _digest(self, read: Read) -> str:
        if read.kind == "env":
            return _env_digest(os.environ.get(read.name))
        path = absolute(read.name, self.project)
        if read.kind == "glob":
            return listing_digest(path) if read.name.endswith("/") else pattern_digest(path, self.project)
        return _digests.of(path)


class _FileDigests:
    """Digests of files by path and signature, for the life of the process; a file that was written just now is looked at again."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Signature, str]] = {}

    def of(self, path: str) -> str:
        found = signature(path)
        if found is None:
            return ""
        known = self._known.get(path)
        if known is not None and known[0] == found:
            return known[1]
        digest = file_digest(path)
        if not is_fresh(found) and signature(path) == found:
            self._known[path] = (found, digest)
        return digest


_digests = _FileDigests()


def unchanged(read: Read, project: Path) -> bool:
    """Whether one read still matches. For many, use a `ReadChecker`."""
    return ReadChecker(project).unchanged(read)
