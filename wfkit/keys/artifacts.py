"""Files that a body made and returned: which they are, what was written besides, whether they are still in place.

How they are kept and brought back is the store's business.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wfkit.artifact import File
from wfkit.core.result import Read
from wfkit.keys.content.files import artifact_digest, portable
from wfkit.keys.places import absolute, is_ignored
from wfkit.keys.recorder import Recorder, has_made

MADE = "made"
_LOOKED_AT = 1000


def files_in(value: Any) -> Iterator[File]:
    """The files that a value is or holds, two levels deep."""
    kind = type(value)
    if kind is File:
        yield value
    elif kind in (list, tuple, dict):
        for part in list(value.values() if kind is dict else value)[:_LOOKED_AT]:
            parts = list(part.values() if type(part) is dict else part) if type(part) in (list, tuple, dict) else [part]
            yield from (found for found in parts[:_LOOKED_AT] if type(found) is File)


def made_by(recorder: Recorder, value: Any) -> tuple[Read, ...]:
    """The files in a value that the body wrote, as what must be in place when the value is used again. They count as
    written from here on.
    """
    found = []
    for file in files_in(value):
        path = str(file)
        if file.is_inside and has_made(recorder, path):
            recorder.writes[path] = None
            digest = artifact_digest(path, recorder.project)
            found.append(Read(MADE, portable(path, recorder.project), digest))
    return tuple(found)


def left_behind(recorder: Recorder, made: tuple[Read, ...]) -> list[str]:
    """Names of the files of the project that the body wrote, left there and did not return."""
    returned = tuple(absolute(read.name, recorder.project) for read in made)
    within = tuple(path + os.sep for path in returned)
    root, temporary = str(recorder.project) + os.sep, tempfile.gettempdir() + os.sep
    found = []
    for path in recorder.writes:
        is_ours = path.startswith(root) and not (path.startswith(temporary) and not root.startswith(temporary))
        if is_ours and path not in returned and not path.startswith(within) and os.path.isfile(path):
            name = portable(path, recorder.project)
            if not is_ignored(path) and not any(part.startswith(".") for part in name.split("/")):
                found.append(name)
    return found


def in_place(reads: tuple[Read, ...], project: Path) -> bool:
    """Whether all files that a result made are where they were, with the same content."""
    return all(
        artifact_digest(absolute(read.name, project), project) == read.digest for read in reads if read.kind == MADE
    )
