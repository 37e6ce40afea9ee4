"""What all processes on one store spend today, and what they have put aside for calls under way: one small file.

A process that is gone may be billed for what it had put aside: that is spent. What a budget allows is not known here.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from wfkit.core.day import Page, Sum
from wfkit.errors import StoreFault
from wfkit.store.files import make_folder, read_file, write_file
from wfkit.store.locks import FileLock, is_free, take

_FOLDER, _FILE, _LOCK = "today", "book.json", "book.lock"
_SEAT = re.compile(r"[0-9a-f]{32}\.[0-9]+")  # the file of its process, and a number
_PATIENCE_S, _POLL_S = 5.0, 0.0005


class DayBook:
    """The book of one store. `seat` gives a reader and writer that is told from all others."""

    def __init__(self, root: Path) -> None:
        self._folder = root / _FOLDER
        self._guard = Lock()
        self._alive: FileLock | None = None
        self._name = ""
        self._seats = 0

    def seat(self) -> Seat:
        """A new seat at the book. This process is known to be alive from now on."""
        with self._guard:
            if self._alive is None or not self._alive.held:
                make_folder(self._folder)
                self._name = uuid.uuid4().hex
                self._alive = take(self._folder / self._name)
            self._seats += 1
            return Seat(self._folder, f"{self._name}.{self._seats}", self._alive)

    def close(self) -> None:
        """Leave. What is still put aside counts as spent."""
        with self._guard:
            if self._alive is not None:
                self._alive.release(unlink=True)
                self._alive = None


class Seat:
    """One purse of one process at the book. `alive` is what tells that the process is there."""

    def __init__(self, folder: Path, name: str, alive: FileLock | None) -> None:
        self._folder, self._name, self._alive = folder, name, alive

    @contextmanager
    def open(self) -> Iterator[Page]:
        """The page of today, while nobody else has it; what is changed in it is kept. Raises StoreFault."""
        try:
            lock = _locked(self._folder / _LOCK)
        except OSError as error:
            raise StoreFault(f"the book of the day in {self._folder} cannot be opened: {error}") from error
        try:
            day, spent, held = self._read()
            known = _row(day, spent, held)
            for name in [name for name in held if self._is_gone(name)]:
                spent += held.pop(name)
            mine = held.pop(self._name, Sum())
            page = Page(spent, mine, sum(held.values(), Sum()))
            yield page
            kept = {**held, **({self._name: page.mine} if page.mine != Sum() else {})}
            now = _row(day, page.spent, kept)
            if now != known:
                _write(self._folder / _FILE, now)
        finally:
            lock.release()

    def _read(self) -> tuple[str, Sum, dict[str, Sum]]:
        """Today, what is spent and what is put aside.

        A book that is damaged is as good as none: a run begins with writing into it what the call log knows.
        """
        today = datetime.now().astimezone().date().isoformat()
        day, spent, held = _understood(read_file(self._folder / _FILE)) or (today, Sum(), {})
        return today, spent if day == today else Sum(), held

    def _is_gone(self, name: str) -> bool:
        """Whether the process of a seat has ended. Its file goes when that is noticed."""
        if name == self._name:
            return False
        path = self._folder / name.partition(".")[0]
        if not path.exists():
            return True
        if not is_free(path):
            return False
        path.unlink(missing_ok=True)
        return True


def _understood(data: bytes | None) -> tuple[str, Sum, dict[str, Sum]] | None:
    """A page as it was written, None for one that cannot be."""
    try:
        row = json.loads(data or b"null")
        spent, held = Sum.of(row["spent"]), {str(name): Sum.of(said) for name, said in row["held"].items()}
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError):
        return None
    is_sound = all(map(_SEAT.fullmatch, held)) and all(each.usd.is_finite() for each in (spent, *held.values()))
    return (str(row.get("day")), spent, held) if is_sound else None


def _row(day: str, spent: Sum, held: Mapping[str, Sum]) -> dict[str, Any]:
    """A page as it is written."""
    return {"day": day, "spent": spent.plain(), "held": {name: held[name].plain() for name in held}}


def _write(path: Path, row: dict[str, Any]) -> None:
    try:
        write_file(path, json.dumps(row).encode(), durable=False)
    except OSError as error:
        raise StoreFault(f"{path} cannot be written ({error}): make room, or move the store (WFKIT_STORE)") from error


def _locked(path: Path) -> FileLock:
    until = time.monotonic() + _PATIENCE_S
    while (lock := take(path)) is None:
        if time.monotonic() > until:
            raise StoreFault(f"{path} is held by a process that stands still: end it, or wait for it")
        time.sleep(_POLL_S)
    return lock
