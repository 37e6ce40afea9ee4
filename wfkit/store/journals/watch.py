"""Which journals of other processes have grown: exact whenever it is asked, and cheap when nothing has.

New names change the time of their folder, so it is listed only then (a journal that becomes a segment changes it, too);
of the journals listed only those whose owner lives can grow. Reading what grew is `tails`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from wfkit.store.journals import journal, segments
from wfkit.store.journals.journal import Log
from wfkit.store.locks import is_free

_SETTLED_NS = 100_000_000  # the clock of a file system ticks every 4 to 10 ms: a younger time may hide a change


class Watch:
    """Looks at one store. Not thread-safe: whoever shares it locks it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = f"{root}/{journal.FOLDER}"
        self._seen = -1
        self._dead: set[str] = set()
        self._alive: dict[str, str] = {}  # path by journal id

    def grown(self, read_to: Mapping[str, int], own: str) -> Iterator[Log]:
        """The journals and segments that are longer than `read_to` says; never `own`. About 3 µs without news."""
        try:
            changed_ns = os.stat(self._folder).st_mtime_ns  # noqa: PTH116 (asked for every call: a Path costs as much)
        except FileNotFoundError:
            changed_ns = 0
        if changed_ns == self._seen:
            with suppress(FileNotFoundError):  # it became a segment in between
                yield from self._among_alive(read_to)
                return
        self._seen = -1
        began = time.time_ns()
        yield from self._among_all(read_to, own)
        if began - changed_ns > _SETTLED_NS:  # and whoever read what we gave had no trouble
            self._seen = changed_ns

    def _among_alive(self, read_to: Mapping[str, int]) -> Iterator[Log]:
        for journal_id, path in self._alive.items():
            size = os.stat(path).st_size  # noqa: PTH116 (as above)
            if size > read_to.get(journal_id, 0):
                yield Log(journal_id, Path(path), size)

    def _among_all(self, read_to: Mapping[str, int], own: str) -> Iterator[Log]:
        self._alive = {}
        for path in journal.paths(self._root):
            journal_id = journal.journal_id_of(path)
            if journal_id == own:
                continue
            if journal_id not in self._dead and not is_free(path):
                self._alive[journal_id] = str(path)
            else:
                self._dead.add(journal_id)
            with suppress(FileNotFoundError):  # it is among the segments then
                size = path.stat().st_size  # after its owner was found dead: what it wrote last is seen
                if size > read_to.get(journal_id, 0):
                    yield Log(journal_id, path, size)
        for path, journal_id, size in segments.listed(self._root):
            if size > read_to.get(journal_id, 0):
                yield Log(journal_id, path, size, segment=True)
