"""Tracebacks as users read them: their own lines, libraries shortened to where they were entered and where they raised,
never a line of wfkit. And where a source file comes from, which tells these apart.

Knows no node, and no front end: a notebook says what its cells are called.
"""

from __future__ import annotations

import os
import re
import site
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from traceback import FrameSummary, StackSummary, TracebackException
from typing import Any, Final

PROJECT: Final = "project"
PACKAGE: Final = "package"
STANDARD: Final = "standard"
_INSTALLED: Final = ("site-packages", "dist-packages")
_OWN: Final = str(Path(__file__).parent) + os.sep
_COMPILED: Final = (".pyx", ".pxd", ".pxi")  # Cython writes names of files that nobody has
_LINKS: Final = 4  # errors of a chain, newest first
_USERS: Final = 10  # frames in a row that are shown
_ERROR: Final = re.compile(r"^wfkit\.errors\.(?=\w+:)", re.MULTILINE)  # of `wfkit.errors.KeyMissing: ...`
_LEFT_OUT: Final = "<left out>"


def _roots() -> tuple[str, ...]:
    found = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    return tuple(sorted(str(Path(path).resolve()) + os.sep for path in found if path))


_STANDARD_ROOTS = _roots()
_USER_SITE = site.getusersitepackages()
_cells: list[Callable[[str], str | None]] = []


def kind_of_file(path: str) -> str:
    """Where a source file comes from: PROJECT, PACKAGE or STANDARD. A virtual environment inside the project is not
    the project."""
    if not path or path.startswith("<frozen"):
        return STANDARD
    parts = path.replace("\\", "/").split("/")
    if any(part in _INSTALLED for part in parts) or path.startswith(_USER_SITE):
        return PACKAGE
    if path.startswith(_STANDARD_ROOTS) or str(_resolved(path)).startswith(_STANDARD_ROOTS):
        return STANDARD
    return PROJECT


@lru_cache(maxsize=4096)
def _resolved(path: str) -> Path:
    return Path(path).resolve()


def call_cells(name: Callable[[str], str | None]) -> None:
    """From now on cells of a notebook are called what `name` says of the file that they are compiled as (None: it is
    no cell)."""
    _cells[:] = [name]


def users_lines(error: BaseException) -> str | None:
    """The traceback of an error from the first line of the user's on, with the errors that led to it.

    None if no line of the user's was under way: then the message is all there is to say.
    """
    found = TracebackException.from_exception(error, lookup_lines=False, compact=True)
    if not _is_users(found):
        return None
    _shorten(found, _LINKS)
    return _ERROR.sub("", "".join(found.format()))


def _shorten(found: TracebackException, links: int) -> None:
    """Shorten the stacks of an error, of those that it came from and of those that it holds."""
    found.stack = _Short(_kept(found.stack))
    for inner in found.exceptions or ():
        _shorten(inner, links)
    found.__cause__, found.__context__ = _earlier(found.__cause__, links), _earlier(found.__context__, links)


def _earlier(found: TracebackException | None, links: int) -> TracebackException | None:
    """The error that led to another, shortened; one that a library caught by itself is none of the user's."""
    while found is not None and found.stack and not _is_users(found):
        found = found.__cause__ or found.__context__
    if found is None or links <= 1:
        return None
    _shorten(found, links - 1)
    return found


def _is_users(found: TracebackException) -> bool:
    return any(_whose(frame) == PROJECT for frame in found.stack)


class _Short(StackSummary):
    """A stack in which a frame may stand for those that were left out."""

    def format_frame_summary(self, frame_summary: FrameSummary, **look: Any) -> str:
        """`look` is what Python 3.13 and later say of colours."""
        if frame_summary.filename == _LEFT_OUT:
            return f"  ... {frame_summary.name}\n"
        return super().format_frame_summary(frame_summary, **look)


def _kept(frames: Sequence[FrameSummary]) -> Iterator[FrameSummary]:
    """The frames of users and of the libraries they call. What wfkit calls is as little theirs as wfkit itself."""
    theirs: list[tuple[str, FrameSummary]] = []
    ours = True
    for frame in frames:
        whose = _whose(frame)
        ours = whose is None or (ours and whose != PROJECT)
        if whose is not None and not ours:
            theirs.append((whose, frame))
    for users, group in groupby(theirs, key=lambda pair: pair[0] == PROJECT):
        row = [frame for _, frame in group]
        yield from _middle_out(row, _USERS // 2, "") if users else _middle_out(row, 1, _libraries(row[1:-1]))


def _middle_out(row: list[FrameSummary], ends: int, of: str) -> Iterator[FrameSummary]:
    """The ends of a row of frames, and how many were between them."""
    between = len(row) - 2 * ends
    if between <= 0:
        yield from map(_named, row)
        return
    yield from map(_named, row[:ends])
    yield FrameSummary(_LEFT_OUT, 0, f"{between} more line{'s' * (between > 1)}{of}", lookup_line=False)
    yield from map(_named, row[-ends:])


def _whose(frame: FrameSummary) -> str | None:
    """PROJECT, PACKAGE or STANDARD; None for a line of wfkit."""
    if frame.filename.startswith(_OWN):
        return None
    return PACKAGE if frame.filename.endswith(_COMPILED) else kind_of_file(frame.filename)


def _libraries(frames: Sequence[FrameSummary]) -> str:
    names = dict.fromkeys(_below(frame.filename).partition("/")[0].removesuffix(".py") for frame in frames)
    return f" in {', '.join(names)}"


def _below(path: str) -> str:
    """The path of a library's file from the folder where it is installed on; empty for what is no file of one."""
    path = path.replace("\\", "/")
    for root in (*(f"/{name}/" for name in _INSTALLED), *_STANDARD_ROOTS):
        if root in path:
            return path.rpartition(root)[2]
    return path


def _named(frame: FrameSummary) -> FrameSummary:
    """The frame as it is called: a cell by its number, a file of a library from where that is installed on."""
    name = next((found for each in _cells if (found := each(frame.filename))), None)
    if name is None and _whose(frame) != PROJECT:
        name = _below(frame.filename)
    if name is None or name == frame.filename:
        return frame
    return FrameSummary(name, frame.lineno or 0, frame.name, lookup_line=False, line=frame.line)
