"""Segments: journals of dead processes, folded to the end, compressed and kept until `gc`.

`segments/<journal id>.<length>.jsonl.gz` holds the journal byte for byte, so its offsets stay what they were. What
the lines say is not known here.
"""

from __future__ import annotations

import logging
import os
import zlib
from functools import lru_cache
from pathlib import Path

from wfkit.store.files import make_folder, read_file, write_file

FOLDER = "segments"
SUFFIX = ".jsonl.gz"
_UNPACKED = 16 << 20
_log = logging.getLogger(__name__)


def listed(root: Path) -> list[tuple[Path, str, int]]:
    """(path, journal id, length of the journal) of every segment of a store."""
    try:
        with os.scandir(root / FOLDER) as found:
            names = [item.name for item in found if item.name.endswith(SUFFIX) and item.name[0] != "."]
    except FileNotFoundError:
        return []
    parts = [(root / FOLDER / name, *name[: -len(SUFFIX)].partition(".")[::2]) for name in names]
    return [(path, journal_id, int(size)) for path, journal_id, size in parts if size.isdecimal()]


def is_segment(path: Path) -> bool:
    """Whether a path is a segment's, not a journal's."""
    return path.name.endswith(SUFFIX)


def read(path: Path, offset: int = 0) -> bytes:
    """The journal's bytes from `offset` on. Of a damaged segment, what comes before the damage; that is logged."""
    packed = read_file(path)
    if packed is None:
        return b""
    unpack = zlib.decompressobj(wbits=31)
    found = bytearray()
    try:
        for start in range(0, len(packed), 1 << 16):
            found += unpack.decompress(packed[start : start + (1 << 16)])
        whole = unpack.eof
    except zlib.error:
        whole = False
    if not whole:
        _log.warning("segment %s is damaged after byte %d; run `wfkit doctor`", path.name, len(found))
    return bytes(memoryview(found)[offset:])


def find(root: Path, journal_id: str) -> Path | None:
    """The segment that a journal has become, if it has."""
    return next((path for path, name, _ in listed(root) if name == journal_id), None)


def part(root: Path, journal_id: str, offset: int, length: int) -> bytes:
    """A part of a journal that is a segment; the bytes that are there, if it is damaged, too large to look, or gone."""
    found = next((path for path, name, size in listed(root) if name == journal_id and size <= _UNPACKED), None)
    return _unpacked(found)[offset : offset + length] if found is not None else b""


@lru_cache(maxsize=2)
def _unpacked(path: Path) -> bytes:
    """Whole, because many parts are asked for after one another; a segment never changes."""
    return read(path)


def write(root: Path, journal_id: str, journal: bytes) -> Path:
    """Make the segment of a journal, durable when this returns."""
    make_folder(root / FOLDER)
    path = root / FOLDER / f"{journal_id}.{len(journal)}{SUFFIX}"
    pack = zlib.compressobj(1, wbits=31)  # what `gzip` reads
    write_file(path, pack.compress(journal) + pack.flush())
    return path
