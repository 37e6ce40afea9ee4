"""Reading and writing whole files so that a crash leaves the old one or the new one, and no link leads elsewhere.

Files are 0600, folders 0700. What the bytes mean is not known here.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


def read_file(path: Path, offset: int = 0) -> bytes | None:
    """The bytes of a file from `offset` on; None if it is not there. Raises OSError for a link."""
    try:
        fd = os.open(path, READ)
    except FileNotFoundError:
        return None
    with os.fdopen(fd, "rb") as file:
        file.seek(offset)
        return file.read()


def read_part(path: Path, offset: int, length: int) -> bytes | None:
    """A part of a file; None if the file is not there. Raises OSError for a link."""
    try:
        fd = os.open(path, READ)
    except FileNotFoundError:
        return None
    try:
        return os.pread(fd, length, offset)
    finally:
        os.close(fd)


def write_file(path: Path, data: bytes | memoryview, durable: bool = True) -> None:
    """Write and make durable, then give it its name and make that durable. Raises OSError.

    Without `durable` readers see the old or the new file all the same, but a crash of the machine may leave neither.
    """
    hidden = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    fd = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb", buffering=0) as file:
            view = memoryview(data).cast("B")
            while view:
                view = view[file.write(view) :]
            if durable:
                os.fsync(fd)
        hidden.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            hidden.unlink()
        raise
    if durable:
        sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Make durable what was written to a file, by whomever. Nothing if it is gone."""
    try:
        fd = os.open(path, READ)
    except FileNotFoundError:
        return
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(folder: Path) -> None:
    """A folder for its owner only, durable by name; nothing if it is there."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return
    sync_folder(folder.parent)
