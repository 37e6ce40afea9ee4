"""Threads on which wfkit does work of its own. They are known, so that what they read is charged to no body.

No body and no adapter may run there: bodies have the threads of `executors` and the engine's loop, adapters those of
`llm`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

_here = threading.local()


def begin(work: Callable[[], object], name: str) -> threading.Thread:
    """Start a daemon thread that does this work. Raises RuntimeError when no thread can be had."""
    thread = threading.Thread(target=_do, args=(work,), name=name, daemon=True)
    thread.start()
    return thread


def is_own() -> bool:
    """Whether the calling thread is one of them."""
    return getattr(_here, "own", False)


def _do(work: Callable[[], object]) -> None:
    _here.own = True
    work()
