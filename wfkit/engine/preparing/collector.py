"""A pause of the garbage collector while a graph is prepared: it makes many objects that all stay, and looking
through the
heap of a kernel for each thousand of them costs more than making them.

No code of the user runs inside a pause.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_pauses = 0
_was_on = False


@contextmanager
def paused() -> Iterator[None]:
    """No automatic collection inside; pauses may nest and overlap between threads."""
    global _pauses, _was_on  # noqa: PLW0603 - the collector is one for the process
    with _lock:
        if not _pauses:
            _was_on = gc.isenabled()
            gc.disable()
        _pauses += 1
    try:
        yield
    finally:
        with _lock:
            _pauses -= 1
            if not _pauses and _was_on:
                gc.enable()
