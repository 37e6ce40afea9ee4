"""Locks that their holder loses only by letting go or by dying, taken without waiting: on a file, or on bytes of one.

Journals and the lease are held with a flock, flights with bytes. Forked children close what they inherit, else a child
would keep its dead parent's locks. No waiting and no meaning here.
"""

from __future__ import annotations

import fcntl
import os
import sys
from contextlib import suppress
from pathlib import Path
from struct import Struct

from wfkit.errors import StoreFault

_held: set[int] = set()
# The command is where the layout of `struct flock` is known: Linux with 64 bits.
_OFD_SETLK: int | None = (
    getattr(fcntl, "F_OFD_SETLK", None) if sys.platform == "linux" and sys.maxsize > 2**32 else None
)
_FLOCK = Struct("hhqqi4x")


class FileLock:
    """An exclusive flock. `fd` is open for reading and appending; closing is left to `release`.

    One that nobody has any more lets go too: a Ctrl-C may come before whoever took it has it.
    """

    __slots__ = ("_pid", "fd", "path")

    def __init__(self, path: Path | str, fd: int) -> None:
        self._pid = os.getpid()
        self.path = path
        self.fd = fd
        _held.add(fd)

    @property
    def held(self) -> bool:
        """Whether this process (not one forked from it) holds the lock."""
        return self.fd >= 0 and self._pid == os.getpid()

    def release(self, unlink: bool = False) -> None:
        """Let go; with `unlink` the file goes too, while it is still locked. Twice is harmless."""
        if not self.held:
            return
        if unlink:
            with suppress(FileNotFoundError):
                os.unlink(self.path)  # noqa: PTH108 (flights are many: a Path costs as much as the call)
        _held.discard(self.fd)
        fd, self.fd = self.fd, -1  # nothing comes between this and closing it, no other thread and no Ctrl-C
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        if hasattr(self, "fd"):  # else it was never made
            self.release()


def take(path: Path | str, create: bool = True) -> FileLock | None:
    """The lock of a file (made 0600 if missing), or None while somebody holds it or, without `create`, it is gone."""
    while True:
        try:
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT * create), 0o600)
        except FileNotFoundError:
            if create:
                raise
            return None
        lock = FileLock(path, fd)
        try:
            if not _flock(fd, path):
                lock.release()
                return None
            if _still_there(fd, path):  # its last holder may have unlinked it between our open and our lock
                return lock
        except BaseException:
            lock.release()
            raise
        lock.release()


def is_free(path: Path | str) -> bool:
    """Whether nobody holds the lock of this file now; False when there is no such file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return _flock(fd, path, fcntl.LOCK_SH)  # shared: two who look at once do not take each other for the holder
    finally:
        os.close(fd)


class Ranges:
    """Locks on single bytes of one file, taken without waiting: as many as are wanted with one file open.

    They belong to the open file (F_OFD_SETLK), so they are lost by letting go or by the death of the process, and
    exclude whoever opened the file anew, in this process, too. Who holds what in here is for the caller to know.
    """

    __slots__ = ("_command", "_fd", "_pid")

    def __init__(self, fd: int, command: int) -> None:
        self._fd = fd
        self._command = command
        self._pid = os.getpid()
        _held.add(fd)

    @property
    def ours(self) -> bool:
        """Whether they belong to this process: a forked child has to open its own."""
        return self._pid == os.getpid()

    def take(self, place: int) -> bool:
        """Lock the byte at `place` (below 2**63); False while somebody else has it. About 1 µs."""
        try:
            fcntl.fcntl(self._fd, self._command, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, place, 1, 0))
        except (BlockingIOError, PermissionError):
            return False
        return True

    def free(self, place: int) -> None:
        """Unlock it."""
        if self.ours:
            fcntl.fcntl(self._fd, self._command, _FLOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, place, 1, 0))

    def close(self) -> None:
        """Let go of all. Twice is harmless."""
        fd, self._fd = self._fd, -1
        if fd >= 0 and self.ours:
            _held.discard(fd)
            os.close(fd)


def open_ranges(path: Path | str) -> Ranges | None:
    """The byte locks of a file (made 0600 if missing); None where the system or the file system has no such locks."""
    if _OFD_SETLK is None:
        return None
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.fcntl(fd, _OFD_SETLK, _FLOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, 0, 1, 0))  # never refused for a holder
    except OSError:
        os.close(fd)
        return None
    return Ranges(fd, _OFD_SETLK)


def _flock(fd: int, path: Path | str, how: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
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
