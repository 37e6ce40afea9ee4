"""Digests of files and folders by content, and the names that they have in keys: relative to the project.

What is remembered is remembered only while nothing says that the file was touched. What counts as a read is `places`.
"""

from __future__ import annotations

import glob
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from blake3 import blake3

from wfkit.keys.content.plain import THREADS_FROM, TOKEN_BYTES, digest_of

Signature = tuple[int, int, int, int]  # size, mtime_ns, inode, device

# A file changed within the last two seconds may change again without a new time on coarse clocks: its digest is not
# remembered.
FRESH_S = 2.0
_TREE_LIMIT = 2000
_WALK_LIMIT = 20_000
_DIGESTS_KEPT = 100_000
_digests: dict[str, tuple[tuple[int, ...], str]] = {}


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
        found = os.stat(path)
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
        size = os.stat(path).st_size
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
        found = os.stat(path)
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
            names = sorted(name for name in os.listdir(path) if name != "__pycache__")
    except OSError:
        return ""
    return digest_of("\x00".join(["listing", *names]).encode("utf-8", "surrogateescape")).hex()


def look_digest(path: str) -> str:
    """What a look at a path tells, but for its times: empty, 32 hex characters for a folder or a file and its size."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return ""
    size = found.st_size if stat.S_ISREG(found.st_mode) else 0
    return digest_of(f"look {stat.S_IFMT(found.st_mode)} {size}".encode()).hex()


def pattern_digest(pattern: str, project: Path) -> str | None:
    """32 hex characters over the names and contents of the files that a pattern matches; `**` goes into folders.

    Beyond 2,000 files sizes and times stand for contents: then a copy of the folder is another one. None beyond what
    anybody would read (20,000 entries), empty when there is no file.
    """
    lines = []
    with unseen():
        found = list(islice(glob.iglob(pattern, recursive=True), _WALK_LIMIT))
        paths = sorted(path for path in found if signature(path) is not None)
    if len(found) == _WALK_LIMIT:
        return None
    for path in paths:
        content = known_digest(path) if len(paths) <= _TREE_LIMIT else repr(signature(path))
        lines.append(f"{portable(path, project)}={content}")
    return digest_of("\n".join(["pattern", *lines]).encode("utf-8", "surrogateescape")).hex() if lines else ""


def artifact_digest(path: str, project: Path) -> str:
    """32 hex characters over a file, or over all files of a folder; empty when there is none, or too many."""
    if os.path.isdir(path):
        return pattern_digest(os.path.join(path, "**"), project) or ""
    return known_digest(path)


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
