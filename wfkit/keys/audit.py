"""The audit hook: every `open`, listing of a folder, sqlite connection, process and connection to the network passes
here, and finds its recorder.

It costs a dict look-up when nothing is recorded, it never raises, and it does not see its own reads.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import threading
from types import FrameType
from typing import Any

from wfkit.keys.content.files import own, signature
from wfkit.keys.doors.table import open_doors
from wfkit.keys.places import is_ignored
from wfkit.keys.recorder import active, mine, whose

_WRITE = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC
_IMPORTERS = frozenset({"importlib", "_frozen_importlib_external", "importlib_metadata", "pkg_resources"})

_install = threading.Lock()
_installed = False


def watch() -> None:
    """Install the hook and the doors, once for the process."""
    global _installed  # noqa: PLW0603 - a hook cannot be removed, so there is one for the process
    if _installed:
        return
    with _install:
        if not _installed:
            sys.addaudithook(_hook)
            open_doors()
            _installed = True


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not active or event not in _EVENTS or own.reading:
        return
    own.reading = True
    try:
        _EVENTS[event](arguments)
    except Exception as error:  # noqa: BLE001 - an audit hook that raises would break the user's open
        _note(error)
    finally:
        own.reading = False


def _note(error: Exception) -> None:
    """What went wrong in the hook makes the running results uncacheable rather than wrong."""
    for recorder in whose():
        recorder.refuse(f"what it read cannot be told ({type(error).__name__}: {error})")


def _path(given: Any) -> str | None:
    """An absolute path; None for a file descriptor or what is no path."""
    if isinstance(given, int) or given is None:
        return None
    text = os.fsdecode(given)
    return os.path.abspath(text) if text else None


def _on_open(arguments: tuple[Any, ...]) -> None:
    given, mode, flags = arguments
    path = _path(given)
    if path is None:
        return
    path = _source_of(path)
    if is_ignored(path):
        return
    writes = bool(flags & _WRITE) if isinstance(flags, int) else bool(mode) and not set("wax+").isdisjoint(mode)
    truncates = isinstance(flags, int) and (flags & os.O_TRUNC or flags & os.O_WRONLY)
    for recorder in whose():
        recorder.opened(path, reads=not writes or not truncates, writes=writes)


def _source_of(path: str) -> str:
    """The source that a bytecode file stands for: importing a module of the project reads it."""
    if path.endswith(".pyc"):
        try:
            source = importlib.util.source_from_cache(path)
        except ValueError:  # bytecode that lies beside its source, or is none
            return path
        return source if os.path.exists(source) else path
    return path


def _on_listing(arguments: tuple[Any, ...]) -> None:
    path = _path(arguments[0] if arguments and arguments[0] is not None else ".")
    if path is None or is_ignored(path + os.sep) or _is_import(sys._getframe(2)):
        return
    for recorder in whose():
        recorder.listed(path)


def _is_import(caller: FrameType) -> bool:
    """Whether a folder is listed to find a module or an installed package: that is no look of the body."""
    return str(caller.f_globals.get("__name__", "")).partition(".")[0] in _IMPORTERS


def _on_sqlite(arguments: tuple[Any, ...]) -> None:
    text = os.fsdecode(arguments[0])
    if text.startswith("file:"):
        text = text[5:].partition("?")[0]
    if text and ":memory:" not in text:
        _on_open((text, "r", os.O_RDONLY))


def _on_made_folder(arguments: tuple[Any, ...]) -> None:
    path = _path(arguments[0])
    for recorder in whose() if path is not None and not is_ignored(path) else ():
        recorder.made_folder(str(path))


def _on_renamed(arguments: tuple[Any, ...]) -> None:
    """What a body puts in a place is its own there."""
    path = _path(arguments[1])
    for recorder in whose() if path is not None and not is_ignored(path) else ():
        recorder.opened(str(path), reads=False, writes=True)


def _on_set_variable(arguments: tuple[Any, ...]) -> None:
    for recorder in whose():
        recorder.own_env.add(os.fsdecode(arguments[0]))


def _on_process(arguments: tuple[Any, ...]) -> None:
    """A process reads what nobody sees; the files that its arguments name are at least likely."""
    recorder = mine()
    if recorder is None:
        return
    given, folder = [*_words(arguments[:1]), *_words(arguments[1:2])], ""
    if len(arguments) == _POPEN_ARGUMENTS and arguments[2] is not None:
        folder = os.fsdecode(arguments[2])
    words = [word for text in given for word in (text, *re.split(r"[\s'\"=;|<>()&]+", text))]
    recorder.noted("process", os.path.basename(given[0].split()[0]) if given and given[0].split() else "?")
    for word in dict.fromkeys(words[1:]):
        path = _path(os.path.join(folder, word)) if word and len(word) < _LONGEST and "\x00" not in word else None
        if path is not None and signature(path) is not None and not is_ignored(path) and not os.access(path, os.X_OK):
            recorder.touched(path)


def _words(given: tuple[Any, ...]) -> list[str]:
    parts = given[0] if given and isinstance(given[0], list | tuple) else given
    return [os.fsdecode(part) for part in parts if isinstance(part, str | bytes | os.PathLike)]


def _on_fork(_: tuple[Any, ...]) -> None:
    recorder = mine()
    if recorder is not None:
        recorder.noted("process", "fork")


def _on_address(arguments: tuple[Any, ...]) -> None:
    """An address that is looked up (by name), or connected to."""
    recorder = mine()
    if recorder is None:
        return
    host = arguments[0] if isinstance(arguments[0], str | bytes) else None
    if host is None and isinstance(arguments[1], tuple) and not any(kind == "network" for kind, _ in recorder.notes):
        host = str(arguments[1][0])
    if host:
        recorder.noted("network", os.fsdecode(host))


_POPEN_ARGUMENTS = 4
_LONGEST = 1000
_EVENTS = {
    "open": _on_open,
    "os.listdir": _on_listing,
    "os.scandir": _on_listing,
    "sqlite3.connect": _on_sqlite,
    "os.mkdir": _on_made_folder,
    "os.rename": _on_renamed,
    "os.putenv": _on_set_variable,
    "os.unsetenv": _on_set_variable,
    "subprocess.Popen": _on_process,
    "os.system": _on_process,
    "os.exec": _on_process,
    "os.posix_spawn": _on_process,
    "os.fork": _on_fork,
    "os.forkpty": _on_fork,
    "socket.connect": _on_address,
    "socket.getaddrinfo": _on_address,
}
