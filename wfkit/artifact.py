"""A file as a value: a path whose content counts. It says what it is called in its project; it reads nothing itself.

What its content is worth in a key is in `keys`, how it is kept and brought back in `store`.
"""

from __future__ import annotations

import sys
from pathlib import Path, PosixPath
from typing import Any


class File(PosixPath):
    """A file or folder by its content, usable wherever a path is. Made by `wfkit.file`."""

    _project: Path

    @classmethod
    def of(cls, path: str | Path, project: Path) -> File:
        """The file at an absolute path, named from the project."""
        found = cls(path)
        found._project = project
        return found

    @property
    def project_name(self) -> str:
        """Its name from the project with forward slashes; the absolute path when it lies outside."""
        return self.relative_to(self._project).as_posix() if self.is_relative_to(self._project) else str(self)

    @property
    def is_inside(self) -> bool:
        """Whether it lies in the project, in no hidden folder."""
        name = self.project_name
        return not name.startswith("/") and name != "." and not any(part.startswith(".") for part in name.split("/"))

    def with_segments(self, *segments: Any) -> Path:
        """Other paths made from it are mere paths: Python 3.12 and later make them all here."""
        return Path(*segments)

    if sys.version_info < (3, 12):

        @classmethod
        def _from_parsed_parts(cls, _drive: str, _root: str, parts: list[str]) -> Any:
            """Python 3.11 makes most of them here, and the others in the methods below."""
            return Path(*parts)

        def resolve(self, strict: bool = False) -> Any:
            """As `Path.resolve`."""
            return Path(self).resolve(strict)

        def readlink(self) -> Any:
            """As `Path.readlink`."""
            return Path(self).readlink()

        def rename(self, target: Any) -> Any:
            """As `Path.rename`."""
            return Path(self).rename(target)

        def replace(self, target: Any) -> Any:
            """As `Path.replace`."""
            return Path(self).replace(target)

        def __rtruediv__(self, key: Any) -> Any:
            return Path(key) / Path(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return File.of, (str(self), Path(self._project))
