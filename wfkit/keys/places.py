"""Files and folders as reads see them: portable names, digests of content, and what is no dependency of a body.

Names are relative to the project with forward slashes, or begin with `~/` or a root: then they are outside it.
"""

from __future__ import annotations

import glob
import os
import stat
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from blake3 import blake3

from wfkit.keys.content.plain import THREADS_FROM, TOKEN_BYTES, digest_of
from wfkit.keys.origin import PROJECT, kind_of_file

Signature = tuple[int, int, int, int]  # size, mtime_ns, inode, device

# A file changed within the last two seconds may change again without a new time on coarse clocks: its digest is not
# remembered.
FRESH_S = 2.0
TICK_S = 0.1
_TREE_LIMIT = 2000
_DIGESTS_KEPT = 100_000
_digests: dict[str, tuple[tuple[int, ...], str]] = {}
_ZIPPED = tuple(entry for entry in sys.path if entry.startswith(sys.base_prefix) and entry.endswith(".zip"))
_SYSTEM = ("/proc/", "/dev/", "/sys/", "/usr/share/zoneinfo/", "/etc/localtime", *_ZIPPED)  # the library, zipped


def rooted(project: Path | None) -> Path:
    """The absolute path of a project, default: the working directory; links stay links."""
    normal = _normal(project) if project is not None else None
    return normal or Path(os.path.abspath(project or "."))  # noqa: PTH100 - links stay links


@lru_cache(maxsize=64)
def _normal(path: Path) -> Path | None:
    """The path of one that is absolute: asked for every task."""
    return Path(os.path.normpath(path)) if path.is_absolute() else None


_here: tuple[tuple[int, ...], frozenset[str]] = ((), frozenset())


def names_here() -> frozenset[str]:
    """What is in the working directory. One look at the clock of the folder as long as nothing is added or removed."""
    global _here  # noqa: PLW0603 - there is one working directory
    found = os.stat(".")  # noqa: PTH116 - for every task
    mark = (found.st_ino, found.st_dev, found.st_mtime_ns, found.st_ctime_ns)
    if _here[0] == mark:
        return _here[1]
    with unseen():
        names = frozenset(os.listdir("."))  # noqa: PTH208 - names are wanted
    # A folder that changed just now may change again within one tick of the file system's clock.
    _here = (mark if time.time() - max(found.st_mtime, found.st_ctime) > TICK_S else (), names)
    return names


class _Own(threading.local):
    """Whether this thread reads for us and not for a body."""

    reading = False


own = _Own()


@contextmanager
def unseen() -> Iterator[None]:
    """What is opened inside, on this thread, is no read of any body: it is our own look at a file."""
    before, own.reading = own.reading, True
    try:
        yield
    finally:
        own.reading = before


def signature(path: str) -> Signature | None:
    """What tells that a regular file was written to, or None when there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - called for each open
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev


def is_fresh(found: Signature, now: float | None = None) -> bool:
    """Whether a file was written so recently that its time may not tell the next write."""
    return (time.time() if now is None else now) - found[1] / 1e9 < FRESH_S


def file_digest(path: str) -> str:
    """32 hex characters over the content of a file; empty when it cannot be read."""
    try:
        size = os.stat(path).st_size  # noqa: PTH116
        if size < THREADS_FROM:
            with unseen():
                return digest_of(Path(path).read_bytes()).hex()
        return blake3(max_threads=blake3.AUTO).update_mmap(path).hexdigest(length=TOKEN_BYTES)
    except OSError:
        return ""


def known_digest(path: str) -> str:
    """`file_digest`, remembered for the life of the process while nothing says that the file was touched.

    The time of the last change of any kind (ctime) counts, which no program can set back. Empty for what is no file.
    """
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return ""
    mark = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev)
    known = _digests.get(path)
    if known is not None and known[0] == mark:
        return known[1]
    digest = file_digest(path) if stat.S_ISREG(found.st_mode) else ""
    if time.time() - max(found.st_mtime, found.st_ctime) > FRESH_S and len(_digests) < _DIGESTS_KEPT:
        _digests[path] = (mark, digest)
    return digest


def listing_digest(path: str) -> str:
    """32 hex characters over the names in a folder; empty when there is none."""
    try:
        with unseen():
            names = sorted(name for name in os.listdir(path) if name != "__pycache__")  # noqa: PTH208 - plain names
    except OSError:
        return ""
    return digest_of("\x00".join(["listing", *names]).encode("utf-8", "surrogateescape")).hex()


def pattern_digest(pattern: str, project: Path) -> str:
    """32 hex characters over the names and contents of the files that a pattern matches; `**` goes into folders.

    Beyond 2,000 files sizes and times stand for contents: then a copy of the folder is another one.
    """
    lines = []
    with unseen():
        paths = sorted(path for path in glob.glob(pattern, recursive=True) if signature(path) is not None)  # noqa: PTH207 - any pattern
    for path in paths:
        content = known_digest(path) if len(paths) <= _TREE_LIMIT else repr(signature(path))
        lines.append(f"{portable(path, project)}={content}")
    return digest_of("\n".join(["pattern", *lines]).encode("utf-8", "surrogateescape")).hex() if lines else ""


def portable(path: str, project: Path) -> str:
    """The name of an absolute path in keys and reads: the same on another machine where that is possible."""
    root = str(project)
    if path == root:
        return "."
    if path.startswith(root + os.sep):
        return path[len(root) + 1 :].replace(os.sep, "/")
    home = str(Path.home())
    if path.startswith(home + os.sep):
        return "~/" + path[len(home) + 1 :].replace(os.sep, "/")
    return path.replace(os.sep, "/")


def absolute(name: str, project: Path) -> str:
    """The path that a portable name stands for here."""
    if name.startswith("~/"):
        return str(Path.home() / name[2:])
    return os.path.normpath(os.path.join(project, name))  # noqa: PTH118 - keeps an absolute name as it is


def is_foreign(path: str) -> bool:
    """Whether a path is no dependency of a body: the standard library, installed packages, the system's own files."""
    return path.startswith(_SYSTEM) or kind_of_file(path) != PROJECT
