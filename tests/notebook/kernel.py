"""A real kernel to run cells in, and to interrupt. Not a test.

The kernel lives in a folder of its own with an empty store.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

PATIENCE_S = 250.0
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Ran:
    """What a cell left: texts of its streams, displays with their last state, its result, its error."""

    streams: dict[str, str] = field(default_factory=dict)
    displays: dict[str, dict[str, Any]] = field(default_factory=dict)
    updates: int = 0
    result: dict[str, Any] | None = None
    error: tuple[str, str, str] | None = None

    @property
    def stdout(self) -> str:
        return self.streams.get("stdout", "")

    @property
    def text(self) -> str:
        """The plain text of the result."""
        return "" if self.result is None else str(self.result["text/plain"])

    @property
    def shown(self) -> str:
        """The plain text of the only display."""
        (display,) = self.displays.values()
        return str(display["text/plain"])

    def take(self, message: Any) -> None:
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                self.streams[content["name"]] = self.streams.get(content["name"], "") + content["text"]
            case "display_data" | "update_display_data":
                name = content.get("transient", {}).get("display_id", str(len(self.displays)))
                self.updates += message["msg_type"] == "update_display_data"
                self.displays[name] = content["data"]
            case "execute_result":
                self.result = content["data"]
            case "error":
                trace = ANSI.sub("", "\n".join(content["traceback"]))
                self.error = (content["ename"], content["evalue"], trace)


class Kernel:
    """One kernel and its client."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient, folder: Path) -> None:
        self.manager = manager
        self.client = client
        self.folder = folder

    def run(self, cell: str, interrupted: bool = False, meanwhile: Callable[[Ran], object] | None = None) -> Ran:
        """Run a cell to its end. With `interrupted` it gets a Ctrl-C as soon as it displays something; `meanwhile` is
        called again and again with what it has left so far."""
        ran = Ran()
        asked = self.client.execute(cell, store_history=True)
        began = time.monotonic()
        while True:
            if interrupted and ran.displays:
                self.manager.interrupt_kernel()
                interrupted = False
            if meanwhile is not None:
                meanwhile(ran)
            assert time.monotonic() - began < PATIENCE_S, f"the cell does not end:\n{cell}"
            if not self._next(asked, ran):
                return ran

    def _next(self, asked: str, ran: Ran) -> bool:
        """Take one message; False when the cell has ended."""
        if not self.client.iopub_channel.socket.poll(50):
            return True
        message = self.client.get_iopub_msg(timeout=1)
        if message["parent_header"].get("msg_id") != asked:
            return True
        ran.take(message)
        return not (message["msg_type"] == "status" and message["content"]["execution_state"] == "idle")

    def complete(self, code: str) -> list[str]:
        """What Tab offers at the end of the code."""
        reply = self.client.complete(code, len(code), reply=True, timeout=PATIENCE_S)
        return list(reply["content"]["matches"])


@contextmanager
def kernel(folder: Path, scratch: Path) -> Iterator[Kernel]:
    """A kernel that works in the folder; its store is `.wfkit` there."""
    manager = KernelManager(transport="ipc", ip=str(scratch / "k"))
    environment = {**os.environ, "WFKIT_STORE": str(folder / ".wfkit"), "IPYTHONDIR": str(scratch / "ipython")}
    manager.start_kernel(cwd=str(folder), env=environment)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=180)
        yield Kernel(manager, client, folder)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
