"""Where a live notebook is: its file, and the cells that its kernel ran.

Reads IPython's history and the environment that the server or wfkit's own runner gave the kernel; a notebook that was
renamed since is asked for at the server. Nothing is written.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from jupyter_core.paths import jupyter_runtime_dir

from wfkit.errors import UsageFault
from wfkit.verify.hidden import Ran

FILE: Final = "WFKIT_NOTEBOOK_FILE"
_SESSION: Final = "JPY_SESSION_NAME"
_VSCODE: Final = "__vsc_ipynb_file__"
_PATIENCE_S: Final = 2.0
_seen: dict[int, tuple[str | None, float]] = {}


def remember(shell: Any, info: Any) -> None:
    """Keep when, and under which id, the front end had a cell run."""
    if getattr(info, "store_history", False):
        count = len(shell.history_manager.input_hist_raw)  # where it will stand: it is not in the history yet
        _seen[count] = (getattr(info, "cell_id", None), time.time())


def shell_of_this_process() -> Any:
    """IPython's shell, None outside of IPython."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def cells_that_ran(shell: Any) -> list[Ran]:
    """What the kernel ran, oldest first, without the cell that is running now."""
    found = []
    for count, source in list(enumerate(shell.history_manager.input_hist_raw))[1:-1]:
        cell_id, at = _seen.get(count, (None, None))
        if source.strip():
            found.append(Ran(count, source, at, cell_id))
    return found


def notebook_file(shell: Any, environment: Mapping[str, str]) -> Path:
    """The file of the notebook that this kernel belongs to. Raises UsageFault when nothing tells."""
    told = [environment.get(FILE), shell.user_ns.get(_VSCODE) if shell is not None else None]
    told.append(environment.get(_SESSION))
    for path in filter(None, told):
        if str(path).endswith(".ipynb") and Path(path).is_file():
            return Path(path)
    found = next(_from_servers(_kernel_id()), None)
    if found is not None:
        return found
    moved = f" ({told[-1]} is not there)" if told[-1] else ""
    raise UsageFault(f"cannot tell which file this notebook is{moved}: name it, `%wf verify NOTEBOOK.ipynb`")


def _kernel_id() -> str:
    """The id under which the server knows this kernel; empty outside of a kernel."""
    app = sys.modules.get("ipykernel.kernelapp")
    if app is None or not app.IPKernelApp.initialized():
        return ""
    return Path(app.IPKernelApp.instance().connection_file).stem.removeprefix("kernel-")


def _from_servers(kernel_id: str) -> Iterator[Path]:
    """The file that a running Jupyter server of this user has open with this kernel."""
    for server in _servers() if kernel_id else ():
        request = urllib.request.Request(  # noqa: S310 (a server of this user, over HTTP)
            f"{server['url']}api/sessions", headers={"Authorization": f"token {server.get('token', '')}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310 (as above)
                sessions = json.load(answer)
        except (OSError, ValueError):  # it is gone, or wants a password: another may know
            continue
        for session in sessions:
            path = Path(server["root_dir"], session.get("path", ""))
            if session.get("kernel", {}).get("id") == kernel_id and path.is_file():
                yield path


def _servers() -> Iterator[dict[str, Any]]:
    folder = Path(jupyter_runtime_dir())
    for path in sorted(folder.glob("jpserver-*.json"), key=os.path.getmtime, reverse=True):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # written or removed at this moment
            continue
        if {"url", "root_dir"} <= set(found):
            yield found
