"""What a call that passes a door tells: the paths among its arguments, whether it writes, the files that a query names.

Each function here makes one listener of the table. A listener never raises: what it cannot make out is written down
as a read that nobody saw, and the result is not cached.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FrameType
from typing import Any
from urllib.parse import unquote, urlsplit

from wfkit.keys.content.files import own
from wfkit.keys.doors.query import files_of
from wfkit.keys.environment import WHOLE, digest_of_variable, digest_of_whole, note_load
from wfkit.keys.places import ends_like_data, is_ignored, is_pattern
from wfkit.keys.recorder import Recorder, active, whose
from wfkit.traces import PROJECT, kind_of_file

Arguments = tuple[Any, ...]
Names = dict[str, Any]
Told = Callable[[Arguments, Names], None]

_BETWEEN = frozenset(
    {
        *("os", "_collections_abc", "collections.abc", "posixpath", "genericpath"),
        *("pathlib", "pathlib._local", "functools"),
    }
)


def _listener(note: Callable[[Recorder, Any, Any], None], place: int, *names: str) -> Told:
    """Tell the recorders of this thread of one argument, by place or name; the second is what follows it."""

    def told(args: Arguments, kwargs: Names) -> None:
        if not active or own.reading:
            return
        own.reading = True
        try:
            given = args[place] if len(args) > place else next((kwargs[n] for n in names if n in kwargs), None)
            if given is not None and not _is_ours(sys._getframe(2)):
                for recorder in whose():
                    note(recorder, given, args[place + 1 : place + 2] or kwargs)
        except Exception as error:  # noqa: BLE001 - the user's call must go on
            for recorder in whose():
                recorder.refuse(f"what it read cannot be told ({type(error).__name__}: {error})")
        finally:
            own.reading = False

    return told


def named(place: int, *names: str) -> Told:
    """A path that is read, or written: what was not there before is the body's own."""
    return _listener(lambda recorder, given, _: _touch(recorder, given), place, *names)


def written(place: int, *names: str) -> Told:
    """A path that is written, not read."""

    def note(recorder: Recorder, given: Any, _: Any) -> None:
        for path in _local(recorder, given):
            recorder.opened(path, reads=False, writes=True)

    return _listener(note, place, *names)


def opened_by_mode(place: int, *names: str) -> Told:
    """A path followed by a mode, as for `open`."""

    def note(recorder: Recorder, given: Any, rest: Any) -> None:
        mode = rest.get("mode") if isinstance(rest, Mapping) else next(iter(rest), None)
        if isinstance(mode, str) and mode[:1] in ("w", "x"):
            for path in _local(recorder, given):
                recorder.opened(path, reads=False, writes=True)
        else:
            _touch(recorder, given)

    return _listener(note, place, *names)


def looked(place: int) -> Told:
    """A look at whether something is there and how large it is."""

    def note(recorder: Recorder, given: Any, _: Any) -> None:
        for path in _local(recorder, given):
            recorder.looked(path)

    return _listener(note, place)


def queried(place: int, *names: str) -> Told:
    """A query in SQL, followed by its parameters."""

    def note(recorder: Recorder, given: Any, rest: Any) -> None:
        values = (rest.get("parameters") or rest.get("params")) if isinstance(rest, Mapping) else next(iter(rest), None)
        texts, problem = files_of(str(getattr(given, "query", given)), values)
        _touch(recorder, [text for text in texts if _names_a_file(text)])
        if problem is not None:
            recorder.refuse(problem)

    return _listener(note, place, *names)


def connected(place: int, *names: str) -> Told:
    """A database file."""

    def note(recorder: Recorder, given: Any, _: Any) -> None:
        text = str(given)
        if text.startswith(("md:", "motherduck:")):
            recorder.noted("network", "motherduck")
        elif text and not text.startswith(":"):
            _touch(recorder, given)

    return _listener(note, place, *names)


def environ_read(place: int) -> Told:
    """A variable of the environment that code of the project looks up."""

    def note(recorder: Recorder, given: Any, _: Any) -> None:
        name = os.fsdecode(given)
        if _is_of_project(frame := sys._getframe(3)):
            digest = digest_of_variable(name)
            recorder.read_env(name, digest)
            note_load(frame, name, digest)

    return _listener(note, place)


def environ_whole(args: Arguments, kwargs: Names) -> None:
    """A look at all variables by code of the project."""
    _whole(args, kwargs)


def _note_whole(recorder: Recorder, _: Any, __: Any) -> None:
    if _is_of_project(frame := sys._getframe(4)):
        digest = digest_of_whole()
        recorder.read_env(WHOLE, digest)
        note_load(frame, WHOLE, digest)


_whole = _listener(_note_whole, 0)


def _touch(recorder: Recorder, given: Any) -> None:
    for path in _local(recorder, given):
        recorder.touched(path)


def _local(recorder: Recorder, given: Any) -> Iterator[str]:
    """Absolute paths of the files on this machine that are named; what is elsewhere is noted."""
    for text in _texts(given):
        local = _without_scheme(recorder, text) if "://" in text else text
        if local and "\x00" not in local and not local.startswith("py::"):
            path = os.path.abspath(os.path.expanduser(local))
            if not is_ignored(path):
                yield path


def _without_scheme(recorder: Recorder, text: str) -> str:
    """The path of a `file:` address; nothing for others, which are noted, and for settings of a file system."""
    parts = urlsplit(text)
    if parts.scheme != "file":
        recorder.noted("network", parts.hostname or parts.scheme)
        return ""
    return "" if parts.query or parts.path == "/_" else unquote(parts.path)  # url2pathname, without all of HTTP


def _names_a_file(text: str) -> bool:
    """Whether a text of a query names a file, there or not: most are mere values."""
    if "://" in text or ends_like_data(text):
        return True
    if is_pattern(text):
        return "/" in text or "." in text
    path = os.path.expanduser(text)
    return os.path.isfile(path) or ("/" in text and os.path.isdir(path))


def _texts(given: Any) -> Iterable[str]:
    if isinstance(given, str | bytes | os.PathLike):
        return [os.fsdecode(given)]
    if isinstance(given, list | tuple | set | frozenset):
        return [text for part in given for text in _texts(part)]
    return []


def _caller(frame: FrameType | None) -> FrameType | None:
    """The nearest frame that is neither a door nor of a module that only passes the call on."""
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if not name.startswith("wfkit.keys.doors") and name not in _BETWEEN and not name.startswith("duckdb"):
            return frame
        frame = frame.f_back
    return None


def _is_ours(frame: FrameType | None) -> bool:
    """Whether wfkit itself makes the call: its store asks DuckDB too."""
    caller = _caller(frame)
    return caller is not None and str(caller.f_globals.get("__name__", "")).startswith("wfkit.")


def _is_of_project(frame: FrameType | None) -> bool:
    """Whether code of the notebook or the project makes the call; what packages look up for themselves is theirs."""
    caller = _caller(frame)
    return caller is not None and kind_of_file(caller.f_code.co_filename) == PROJECT
