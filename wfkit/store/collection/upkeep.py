"""The lock of whoever changes a store as a whole: collecting, exporting, importing. One at a time.

A plan that begins meanwhile waits for it, so that no result it finds is gone when it is needed. No files change here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wfkit.errors import StoreFault
from wfkit.store.locks import is_free, take

LOCK = "upkeep.lock"
PATIENCE_S = 120.0
_POLL_S = 0.02


@contextmanager
def exclusive(root: Path) -> Iterator[None]:
    """The sole right to change the store as a whole. Raises StoreFault when another process has it."""
    lock = take(root / LOCK)
    if lock is None:
        raise StoreFault(f"another process collects, exports or imports {root}: try again when it is done")
    try:
        yield
    finally:
        lock.release(unlink=True)


def wait_until_done(root: Path | str) -> None:
    """Wait while the store is changed as a whole; 2 µs when it is not. Raises StoreFault after two minutes."""
    path = f"{root}/{LOCK}"
    until = time.monotonic() + PATIENCE_S
    while os.path.exists(path) and not is_free(path):  # noqa: PTH110 (asked for every plan: a Path costs as much)
        if time.monotonic() > until:
            raise StoreFault(
                f"{root} is being collected or imported for over {PATIENCE_S:g} s: run again when it is done"
            )
        time.sleep(_POLL_S)
