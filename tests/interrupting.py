"""A Ctrl-C between any two steps, told by the number of the step instead of by chance.

Python hands a signal to the main thread where a function of Python begins, and where one of C has ended: `interrupt`
sends SIGINT at one of these places, in wfkit and where the standard library waits, so a test can try one after another.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from inspect import CO_GENERATOR
from pathlib import Path
from types import FrameType
from typing import Any

import wfkit

_FILES = (str(Path(wfkit.__file__).parent), threading.__file__)
_EVENTS = ("call", "c_return")


def interrupt(call: Callable[[], object], step: int) -> str | None:
    """Make the call, with a SIGINT that comes at its step of this number (from 1): where, as `file:function`.

    None when the call ended before. What it raises besides is raised.
    """
    left, place = step, None

    def look(frame: FrameType, event: str, _: Any) -> None:
        nonlocal left, place
        if event not in _EVENTS or not frame.f_code.co_filename.startswith(_FILES):
            return
        left -= 1
        if left <= 0 and place is None and not _is_deaf(frame):
            place = f"{Path(frame.f_code.co_filename).name}:{frame.f_code.co_name}"
            signal.raise_signal(signal.SIGINT)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        call()
    except KeyboardInterrupt:
        if place is None:
            raise
    finally:
        sys.setprofile(before)
    return place


def _is_deaf(frame: FrameType | None) -> bool:
    """Whether what is raised here reaches nobody: Python drops what a finalizer raises, also that of a generator."""
    if frame is not None and frame.f_code.co_flags & CO_GENERATOR:
        return True
    while frame is not None and frame.f_code.co_name != "__del__":
        frame = frame.f_back
    return frame is not None
