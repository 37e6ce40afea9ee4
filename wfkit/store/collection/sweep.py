"""Removing objects that no journal speaks of, and what crashed writers left behind.

An object may be written, or found intact and used again, shortly before the line that names it: young ones stay, and
`objects` renews the age of those used again. Which are spoken of is found out by the caller.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from wfkit.store.payloads import objects

GRACE_S = 3600.0
_ASIDE = ".collected"


@dataclass(frozen=True, slots=True)
class Swept:
    """How much was removed, or would be."""

    objects: int = 0
    bytes: int = 0


def sweep(root: Path, spoken_of: Container[str], before: float, dry_run: bool = False) -> Swept:
    """Remove what nobody speaks of and nobody touched since `before` (Unix seconds)."""
    count = size = 0
    for path, name in _files(root / objects.FOLDER):
        if name in spoken_of:
            continue
        found = path.lstat()
        if found.st_mtime <= before and (dry_run or _remove(path, before)):
            count, size = count + 1, size + found.st_size
    return Swept(count, size)


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every file below, with the digest that it holds by its name; leftovers have names that are no digest."""
    for where in sorted(folder.iterdir()) if folder.is_dir() else ():
        if where.is_dir() and not where.is_symlink():
            yield from ((path, where.name + path.name) for path in sorted(where.iterdir()) if not path.is_dir())


def _remove(path: Path, before: float) -> bool:
    """Unlink, unless somebody used the object in this very moment: then its file is back, or written again."""
    aside = path.with_name(f".{path.name.strip('.')}{_ASIDE}")
    try:
        path.rename(aside)
        if aside.lstat().st_mtime > before:
            if not path.exists():
                os.link(aside, path)
            aside.unlink()
            return False
        aside.unlink()
    except FileNotFoundError:
        return False
    return True
