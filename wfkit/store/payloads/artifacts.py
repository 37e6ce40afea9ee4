"""Files as values: their bytes in a payload, and back to the place in the project that they came from.

Only regular files of the project are kept, and nothing is written through a link, into a hidden folder or outside, nor
over a file with other content unless somebody who knows that content says so (`replacing`).
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import orjson

from wfkit.artifact import File
from wfkit.errors import ValueFault

LARGEST = 1_000_000_000
_MOST = 10_000
_home: ContextVar[Path | None] = ContextVar("wfkit_project", default=None)
_replaceable: ContextVar[frozenset[str]] = ContextVar("wfkit_replaceable", default=frozenset())


@contextmanager
def at_home(project: Path | None) -> Iterator[None]:
    """Values decoded inside belong to this project (None: the working directory)."""
    token = _home.set(project)
    try:
        yield
    finally:
        _home.reset(token)


@contextmanager
def replacing(names: frozenset[str]) -> Iterator[None]:
    """What lies at these names of the project may be written over by values decoded inside."""
    token = _replaceable.set(names)
    try:
        yield
    finally:
        _replaceable.reset(token)


def encode(value: object) -> bytes | None:
    """The payload of a file or folder, with names and modes; None for another value. Raises ValueFault."""
    if type(value) is not File:
        return None
    name = value.project_name
    if not value.is_inside:
        raise ValueFault(f"the file {name!r} cannot be kept: it lies outside the project or in a hidden folder")
    _refuse_links(value, value._project)
    if value.is_file():
        found: list[tuple[str, Path]] = [("", value)]
    elif value.is_dir():
        found = [(path.relative_to(value).as_posix(), Path(path)) for path in sorted(Path(value).rglob("*"))]
        found = [(inner, path) for inner, path in found if path.is_symlink() or not path.is_dir()]
    else:
        raise ValueFault(f"the file {name!r} cannot be kept: it is not there, or no regular file")
    return _packed(name, found)


def _packed(name: str, found: list[tuple[str, Path]]) -> bytes:
    rows, contents, size = [], [], 0
    for inner, path in found:
        status = path.lstat()
        size += status.st_size
        if not stat.S_ISREG(status.st_mode):
            raise ValueFault(f"the folder {name!r} cannot be kept: {inner!r} is a link or no regular file")
        if size > LARGEST or len(found) > _MOST:
            raise ValueFault(
                f"{name!r} cannot be kept: it is larger than {LARGEST / 1e9:g} GB or {_MOST:,} files;"
                " return its path as a text, and it is remade when it is missing"
            )
        contents.append(path.read_bytes())
        rows.append((inner, stat.S_IMODE(status.st_mode), len(contents[-1])))
    return b"".join([orjson.dumps((name, rows)), b"\n", *contents])


def decode(payload: bytes) -> File:
    """The file in its place, written only where it is missing, or different and `replacing`. Raises ValueFault."""
    stop = payload.index(b"\n")
    name, rows = orjson.loads(payload[:stop])
    project = _home.get() or Path.cwd()
    file = File.of(project / name, project)
    if not file.is_inside or ".." in Path(name).parts or any(".." in Path(inner).parts for inner, _, _ in rows):
        raise ValueFault(f"a stored file is named {name!r}, which is not in the project: it is not written")
    start, replaces = stop + 1, name in _replaceable.get()
    for inner, mode, size in rows:
        _put(Path(file, inner) if inner else Path(file), mode, payload[start : start + size], project, replaces)
        start += size
    if not rows:
        Path(file).mkdir(parents=True, exist_ok=True)
    return file


def _put(path: Path, mode: int, content: bytes, project: Path, replaces: bool) -> None:
    _refuse_links(path, project)
    if path.is_dir():
        raise ValueFault(f"the file {str(path)!r} cannot be brought back: a folder is in its place")
    try:
        if path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content:
            if stat.S_IMODE(path.stat().st_mode) != mode:
                path.chmod(mode)
            return
        if path.exists() and not replaces:
            raise ValueFault(
                f"the file {str(path)!r} holds something else, which is not written over: move it away, or run again"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".wfkit-")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except OSError as error:
        raise ValueFault(f"the file {str(path)!r} cannot be brought back: {error.strerror or error}") from error


def _refuse_links(path: Path, project: Path) -> None:
    """Neither a file nor a folder on the way to it may be a link: what is behind it is not the project's."""
    for part in (path, *path.parents):
        if part == project:
            return
        if Path(part).is_symlink():
            raise ValueFault(f"the file {str(path)!r} is not kept: {part.name!r} is a link")
