"""The archive of a store: one zip file with all its lines and objects, to seed another store or CI.

`journal.jsonl` has the lines as journals have them, `objects/<digest>` the payloads, `wfkit-archive.json` the format.
A run's story stands in one piece, so that another store can take it in as one segment. Taking in is `taking_in`.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import orjson

from wfkit.core.events import Entry, results_of
from wfkit.errors import StoreFault, UsageFault
from wfkit.store import wire
from wfkit.store.collection import upkeep
from wfkit.store.collection.survey import is_filler
from wfkit.store.files import sync_folder
from wfkit.store.journals import adopt, journal
from wfkit.store.payloads.objects import FOLDER, ObjectFiles

FORMAT = 1
HEAD = "wfkit-archive.json"
LINES = "journal.jsonl"


@dataclass(frozen=True, slots=True)
class Moved:
    """What went into an archive, or came out of one. `left_out` are results whose value could not come along."""

    path: Path
    lines: int
    objects: int
    left_out: int = 0


def export(root: Path, path: Path) -> Moved:
    """Write everything that a store holds to a new file. Raises UsageFault when the file is there already."""
    if path.exists():
        raise UsageFault(f"{path} is there already: name another file, or remove it")
    hidden = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        with upkeep.exclusive(root):
            made = _write(root, hidden)
        hidden.replace(path)
        sync_folder(path.absolute().parent)
    except OSError as error:
        raise StoreFault(f"{path} cannot be written: {error.strerror or error}; name a file elsewhere") from error
    finally:
        hidden.unlink(missing_ok=True)
    return Moved(path, *made)


def _write(root: Path, hidden: Path) -> tuple[int, int, int]:
    fd = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w+b") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            lines, names = _add_lines(root, archive)
            objects = ObjectFiles(root)
            missing = sum(not _add(archive, objects, name) for name in sorted(names))
            head = {"format": FORMAT, "wfkit": _version(), "lines": lines, "objects": len(names) - missing}
            archive.writestr(HEAD, orjson.dumps(head))
        file.flush()
        os.fsync(file.fileno())
    return lines, len(names) - missing, missing


def _add_lines(root: Path, archive: zipfile.ZipFile) -> tuple[int, set[str]]:
    """How many lines were added, and the objects that they speak of."""
    lines = 0
    names: set[str] = set()
    with archive.open(LINES, "w", force_zip64=True) as out:
        for entry in _stories(root):
            out.write(wire.encode(entry))
            lines += 1
            names |= {result.value.payload for result in results_of(entry.event) if result.value.inline is None}
    return lines, names - {""}


def _add(archive: zipfile.ZipFile, objects: ObjectFiles, name: str) -> bool:
    payload = objects.get(name)
    if payload is not None:
        archive.writestr(f"{FOLDER}/{name}", payload)
    return payload is not None


def _stories(root: Path) -> Iterator[Entry]:
    """All entries, run by run. What came late, after the run had another owner, stands behind the rest and so stays
    late."""
    runs: dict[str, dict[str, list[Entry]]] = {}
    for log in journal.list_journals(root):
        for _, _, entry in journal.read_entries(log.path):
            if not is_filler(entry):
                runs.setdefault(entry.run_id, {}).setdefault(log.journal_id, []).append(entry)
    for run_id, found in runs.items():
        if not run_id:
            yield from (entry for there in found.values() for entry in there)
            continue
        story = adopt.in_order(found)
        yield from story
        told, last = set(map(id, story)), max((entry.epoch for entry in story), default=0)
        rest = (entry for there in found.values() for entry in there if id(entry) not in told)
        yield from (entry for entry in rest if entry.epoch < last)


def _version() -> str:
    try:
        return metadata.version("wfkit")
    except metadata.PackageNotFoundError:
        return "?"
