"""A lock on a file that its holder loses only by letting go or by dying: flock, taken without waiting.

Journals, the lease and flights are held with it. Forked children close what they inherit, else a child would keep its
dead parent's locks. No waiting and no meaning here.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from wfkit.errors import StoreFault

_held: set[int] = set()


class FileLock:
    """An exclusive flock. `fd` is open for reading and appending; closing is left to `release`."""

    __slots__ = ("_pid", "fd", "path")

    def __init__(self, path: Path | str, fd: int) -> None:
        self.path = path
        self.fd = fd
        self._pid = os.getpid()
        _held.add(fd)

    @property
    def held(self) -> bool:
        """Whether this process (not one forked from it) holds the lock."""
        return self.fd >= 0 and self._pid == os.getpid()

    def release(self, unlink: bool = False) -> None:
        """Let go; with `unlink` the file goes too, while it is still locked. Twice is harmless."""
        fd, self.fd = self.fd, -1
        if fd < 0 or self._pid != os.getpid():
            return
        if unlink:
            with suppress(FileNotFoundError):
                os.unlink(self.path)  # noqa: PTH108 (flights are many: a Path costs as much as the call)
        _held.discard(fd)
        os.close(fd)


def take(path: Path | str, create: bool = True) -> FileLock | None:
    """The lock of a file (made 0600 if missing), or None while somebody holds it or, without `create`, it is gone."""
    while True:
        try:
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT * create), 0o600)
        except FileNotFoundError:
            if create:
                raise
            return None
        if not _flock(fd, path):
            return None
        if _still_there(fd, path):  # its last holder may have unlinked it between our open and our lock
            return FileLock(path, fd)
        os.close(fd)


def is_free(path: Path | str) -> bool:
    """Whether nobody holds the lock of this file now; False when there is no such file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    free = _flock(fd, path, fcntl.LOCK_SH)  # shared: two who look at once do not take each other for the holder
    if free:
        os.close(fd)
    return free


def _flock(fd: int, path: Path | str, how: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return False
    except OSError as error:
        os.close(fd)
        raise StoreFault(f"{path} cannot be locked ({error}): keep the store on a local disk (WFKIT_STORE)") from error
    return True


def _still_there(fd: int, path: Path | str) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path, follow_symlinks=False))  # noqa: PTH116 (cost, as above)
    except FileNotFoundError:
        return False


def _close_in_child() -> None:
    for fd in _held:
        with suppress(OSError):
            os.close(fd)
    _held.clear()


os.register_at_fork(after_in_child=_close_in_child)
