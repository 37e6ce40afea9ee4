"""How large a store is on disk, by what lies in it. Files that vanish while we look are not counted.

Nothing is opened or changed here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wfkit.store.database.database import FILE
from wfkit.store.journals import journal, segments
from wfkit.store.payloads import objects


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes on disk."""

    journals: int
    segments: int
    objects: int
    database: int
    other: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.journals + self.segments + self.objects + self.database + self.other

    def text(self) -> str:
        """`1.2 GB: objects 1.1 GB, database 80 MB, ...`, the largest first."""
        parts = {name: getattr(self, name) for name in ("journals", "segments", "objects", "database", "other")}
        named = sorted(((size, name) for name, size in parts.items() if size), reverse=True)
        return f"{in_units(self.total)}: " + ", ".join(f"{name} {in_units(size)}" for size, name in named)


def measure(root: Path) -> Sizes:
    """The sizes of a store."""
    found = dict.fromkeys(("journals", "segments", "objects", "database", "other"), 0)
    for path, size in _files(root):
        found[_part(path.relative_to(root).parts[0])] += size
    return Sizes(**found)


def in_units(size: float) -> str:
    """Bytes as a person reads them: `312 B`, `4.2 MB`."""
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"


def _part(first: str) -> str:
    folders = {journal.FOLDER: "journals", segments.FOLDER: "segments", objects.FOLDER: "objects"}
    return folders.get(first, "database" if first.startswith((FILE, f".{FILE}")) else "other")


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where, name)
            with suppress(FileNotFoundError):
                yield path, path.lstat().st_size
