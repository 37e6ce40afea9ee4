"""The audit hook: every `open`, listing of a folder and sqlite connection of the process passes here, and finds its
recorder.

It costs a dict look-up when nothing is recorded, it never raises, and it does not see its own reads.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from wfkit.keys.places import is_foreign, own
from wfkit.keys.recorder import active, whose

_WRITE = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC
_IMPORTER = ("<frozen importlib._bootstrap_external>", str(Path(os.__file__).parent / "importlib"))

_ignored: set[str] = set()
_install = threading.Lock()
_installed = False


def watch() -> None:
    """Install the hook, once for the process."""
    global _installed  # noqa: PLW0603 - a hook cannot be removed, so there is one for the process
    if _installed:
        return
    with _install:
        if not _installed:
            sys.addaudithook(_hook)
            _installed = True


def ignore_under(path: Path | str) -> None:
    """Opens below this folder are no reads: it is the store."""
    _ignored.add(os.path.abspath(path) + os.sep)  # noqa: PTH100


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
    for recorder in whose():
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
    if path is None or _is_ignored(path + os.sep) or _is_import(sys._getframe(2)):
        return
    for recorder in whose():
        recorder.listed(path)


def _is_import(caller: FrameType) -> bool:
    """Whether a folder is listed to find a module or an installed package: that is no look of the body."""
    return caller.f_code.co_filename.startswith(_IMPORTER)


def _on_sqlite(arguments: tuple[Any, ...]) -> None:
    text = os.fsdecode(arguments[0])
    if text.startswith("file:"):
        text = text[5:].partition("?")[0]
    if text and ":memory:" not in text:
        _on_open((text, "r", os.O_RDONLY))


_EVENTS = {"open": _on_open, "os.listdir": _on_listing, "os.scandir": _on_listing, "sqlite3.connect": _on_sqlite}
