"""How displays of a body reach its capture: IPython's publisher is asked to pass them by.

Only the wiring; what is kept of them is in `executors.capture`. Streams need no wiring.
"""

from __future__ import annotations

from typing import Any

from wfkit.executors.capture import set_display


def install_display(shell: Any) -> None:
    """Let bodies' `display(...)` go to their capture. Does nothing where the front end has no hooks (terminal IPython).

    ipykernel keeps hooks per thread, so they are registered on each thread that captures.
    """
    register = getattr(shell.display_pub, "register_hook", None)
    if register is not None:
        set_display(register)
