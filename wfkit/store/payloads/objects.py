"""Objects: payloads too large for a journal line, in files named by their content: `objects/ab/cdef…`.

A payload is durable when `put` returns and verified whenever it is read. What it encodes is not known here.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Protocol

from blake3 import blake3

from wfkit.errors import StoreFault
from wfkit.store.files import make_folder, read_file, write_file

FOLDER = "objects"
_LARGE = 1 << 20
_log = logging.getLogger(__name__)


def payload_digest(payload: bytes | memoryview) -> str:
    """32 hex characters that name a payload."""
    if len(payload) > _LARGE:
        return bytes(blake3(payload, max_threads=blake3.AUTO).digest(16)).hex()
    return bytes(blake3(payload).digest(16)).hex()


class Objects(Protocol):
    """Where large payloads are."""

    def put(self, digest: str, payload: bytes) -> None:
        """Keep a payload under its digest. Raises StoreFault when the disk refuses."""
        ...

    def get(self, digest: str) -> bytes | None:
        """The payload, or None when it is missing or damaged (the damage is logged)."""
        ...


class ObjectFiles:
    """Objects as files below a store."""

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER

    def put(self, digest: str, payload: bytes) -> None:
        """Keep a payload under its digest, durable when this returns. An intact one is not written again."""
        path = self._path(digest)
        try:
            if self.get(digest) is not None and _touch(path):
                return
            make_folder(self._folder)
            make_folder(path.parent)
            write_file(path, payload)
        except OSError as error:
            what = f"object {path} ({len(payload)} bytes) cannot be written: {error.strerror or error}"
            raise StoreFault(f"{what}; free space, or point WFKIT_STORE at another disk") from error

    def get(self, digest: str) -> bytes | None:
        """The payload, or None when it is missing or damaged; a damaged file is set aside, so `put` mends it."""
        path = self._path(digest)
        try:
            payload = read_file(path)
        except OSError as error:  # a link, a directory, no permission
            _log.warning("object %s cannot be read: %s", path, error)
            return None
        if payload is None or payload_digest(payload) == digest:
            return payload
        path.replace(path.with_name(f"{path.name}.damaged"))
        _log.warning("object %s is damaged: set aside, its value will be made again", path)
        return None

    def _path(self, digest: str) -> Path:
        if len(digest) != 32 or not digest.isalnum():
            raise StoreFault(f"{digest!r} names no object: 32 hex characters are expected; run `wfkit doctor`")
        return self._folder / digest[:2] / digest[2:]


def _touch(path: Path) -> bool:
    """Make an object young again: a collection leaves alone what may be spoken of any moment. False if it is gone."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


class ObjectDict:
    """Objects in memory."""

    def __init__(self) -> None:
        self._payloads: dict[str, bytes] = {}

    def put(self, digest: str, payload: bytes) -> None:
        """Keep a payload under its digest."""
        self._payloads[digest] = payload

    def get(self, digest: str) -> bytes | None:
        """The payload, or None when it is missing."""
        return self._payloads.get(digest)
