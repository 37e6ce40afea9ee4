"""Where a store is, and whether it may be used: the folder, its owner, its permissions, its format.

`.wfkit/` is 0700 and keeps itself out of git. What lies in it is known to the other files here.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from wfkit.errors import StoreFault
from wfkit.store.files import make_folder, read_file, write_file

NAME = ".wfkit"
DATABASE = "wfkit.duckdb"
FORMAT = 1
_FORMAT_FILE = "format"
_ROOTS = (NAME, "pyproject.toml", ".git")
ELSEWHERE = "or set WFKIT_STORE to a directory of your own"


def locate(start: Path, env: Mapping[str, str]) -> Path:
    """The store of a notebook, a file or a folder: `WFKIT_STORE`, else `.wfkit` in the nearest folder from `start`
    upwards that has one, a pyproject.toml or a .git, else in `start` itself. Nothing is created."""
    if env.get("WFKIT_STORE"):
        return Path(env["WFKIT_STORE"]).expanduser().absolute()
    begin = start.absolute()
    begin = begin if begin.is_dir() else begin.parent
    for folder in (begin, *begin.parents):
        if any((folder / name).exists() for name in _ROOTS):
            return folder / NAME
    return begin / NAME


def prepare(root: Path) -> None:
    """Make the folder of a store if there is none. Raises StoreFault when it must not or cannot be used."""
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        make_folder(root)
        _check_owner(root)
        _check_format(root)
    except OSError as error:
        what = f"the store {root} cannot be used: {error.strerror or error}"
        advice = "mount it writable" if error.errno == errno.EROFS else "make its folder writable"
        raise StoreFault(f"{what}; {advice}, {ELSEWHERE}") from error


def _check_owner(root: Path) -> None:
    found = root.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise StoreFault(f"the store {root} is not a folder: move it away, {ELSEWHERE}")
    if found.st_uid != os.getuid():
        raise StoreFault(f"the store {root} belongs to another user (uid {found.st_uid}): use your own, {ELSEWHERE}")
    if found.st_mode & stat.S_IWOTH:
        raise StoreFault(f"everybody may write to the store {root}: run `chmod go-w {root}`, {ELSEWHERE}")
    if os.statvfs(root).f_flag & os.ST_RDONLY:
        raise StoreFault(f"the store {root} is on a read-only file system: mount it writable, {ELSEWHERE}")
    if not os.access(root, os.W_OK | os.X_OK):
        raise StoreFault(f"the store {root} is not writable: run `chmod u+rwx {root}`, {ELSEWHERE}")


def _check_format(root: Path) -> None:
    text = read_file(root / _FORMAT_FILE)
    if text is None:
        write_file(root / ".gitignore", b"*\n")
        write_file(root / _FORMAT_FILE, b"%d\n" % FORMAT)
        return
    if not text.strip().isdigit():
        raise StoreFault(f"{root / _FORMAT_FILE} is damaged: write {FORMAT} into it if this wfkit made the store")
    if int(text) > FORMAT:
        known = f"format {int(text)}, and this wfkit knows up to {FORMAT}"
        raise StoreFault(f"the store {root} was written by a newer wfkit ({known}): update wfkit, {ELSEWHERE}")
