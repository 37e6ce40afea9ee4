"""Which files and folders are reads of a body at all, and where a portable name leads on this machine.

Names are relative to the project with forward slashes, or begin with `~/` or a root: then they are outside it.
"""

from __future__ import annotations

import os
import re
import sys
import time
from functools import lru_cache
from pathlib import Path

from wfkit.keys.content.files import unseen
from wfkit.traces import PROJECT, kind_of_file

TICK_S = 0.1
_MAGIC = re.compile(r"[*?\[]")
# A text with one of these endings names a file even if there is none: `os.path.exists("done.flag")` must be seen when
# it appears.
_DATA = frozenset(
    {
        *("arrow", "avro", "bmp", "cfg", "conf", "csv", "db", "duckdb", "feather", "flag", "gif", "gz", "h5", "hdf5"),
        *("html", "ini", "ipc", "j2", "jinja", "jpeg", "jpg", "json", "jsonl", "lock", "log", "md", "ndjson", "npy"),
        *("npz", "orc", "parquet", "pdf", "pickle", "pkl", "png", "sqlite", "sqlite3", "toml", "tsv", "txt", "webp"),
        *("xlsx", "xml", "yaml", "yml", "zip", "zst"),
    }
)
_ignored: set[str] = set()
_ZIPPED = tuple(entry for entry in sys.path if entry.startswith(sys.base_prefix) and entry.endswith(".zip"))
_SYSTEM = ("/proc/", "/dev/", "/sys/", "/usr/share/zoneinfo/", "/etc/localtime", *_ZIPPED)  # the library, zipped


def rooted(project: Path | None) -> Path:
    """The absolute path of a project, default: the working directory; links stay links."""
    normal = _normal(project) if project is not None else None
    return normal or Path(os.path.abspath(project or "."))


@lru_cache(maxsize=64)
def _normal(path: Path) -> Path | None:
    """The path of one that is absolute: asked for every task."""
    return Path(os.path.normpath(path)) if path.is_absolute() else None


_here: tuple[tuple[int, ...], frozenset[str]] = ((), frozenset())


def names_here() -> frozenset[str]:
    """What is in the working directory. One look at the clock of the folder as long as nothing is added or removed."""
    global _here  # noqa: PLW0603 - there is one working directory
    found = os.stat(".")
    mark = (found.st_ino, found.st_dev, found.st_mtime_ns, found.st_ctime_ns)
    if _here[0] == mark:
        return _here[1]
    with unseen():
        names = frozenset(os.listdir("."))
    # A folder that changed just now may change again within one tick of the file system's clock.
    _here = (mark if time.time() - max(found.st_mtime, found.st_ctime) > TICK_S else (), names)
    return names


def absolute(name: str, project: Path) -> str:
    """The path that a portable name stands for here."""
    if name.startswith("~/"):
        return str(Path.home() / name[2:])
    return os.path.normpath(os.path.join(project, name))


def ends_like_data(text: str) -> bool:
    """Whether a text has the ending of a data file."""
    stem, _, ending = text.rpartition(".")
    return ending.lower() in _DATA and " " not in text and not stem.endswith(("/", "\\")) and stem != ""


def is_pattern(text: str) -> bool:
    """Whether a path has wildcards."""
    return _MAGIC.search(text) is not None


def ignore_under(path: Path | str) -> None:
    """Opens below this folder are no reads, by whichever of its names: it is the store."""
    _ignored.update((os.path.abspath(path) + os.sep, os.path.realpath(path) + os.sep))


def is_ignored(path: str) -> bool:
    """Whether an absolute path is no read of any body: bytecode, the store, and what is foreign."""
    return path.endswith(".pyc") or path.startswith(tuple(_ignored)) or is_foreign(path)


def is_foreign(path: str) -> bool:
    """Whether a path is no dependency of a body: the standard library, installed packages, the system's own files."""
    return path.startswith(_SYSTEM) or kind_of_file(path) != PROJECT
