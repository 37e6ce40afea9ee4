"""Probes in a peer's hands: one process goes through them all, and says of each whether the node ran and what it gave.

`python -m tests.benchmarks.probed PEER`, jobs as JSON on stdin. A peer gets the node as its own users would write it.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from tests.story.probes.driver import as_function, forget_modules

NODE = "answer"


def joblib(folder: Path) -> Any:
    """joblib.Memory around the function."""
    import joblib  # the peer, imported only where it is probed

    return joblib.Memory(str(folder / "cache"), verbose=0).cache(_function())()


def diskcache(folder: Path) -> Any:
    """diskcache.memoize around the function."""
    import diskcache  # the peer, imported only where it is probed

    with diskcache.Cache(str(folder / "cache")) as cache:
        return cache.memoize()(_function())()


def hamilton(folder: Path) -> Any:
    """A Hamilton driver with its cache; the function is its only node, helpers are the module's."""
    from hamilton import ad_hoc_utils, driver  # the peer, imported only where it is probed

    function = _function()
    code = function.__code__
    function.__annotations__ |= dict.fromkeys((*code.co_varnames[: code.co_argcount], "return"), int)  # it insists
    module = ad_hoc_utils.create_temporary_module(function, module_name=f"nodes_{folder.name}")
    made = driver.Builder().with_modules(module).with_cache(path=str(folder / "cache")).build()
    return made.execute([NODE])[NODE]


def pipefunc(folder: Path) -> Any:
    """A pipefunc pipeline with its cache on disk."""
    from pipefunc import PipeFunc, Pipeline  # the peer, imported only where it is probed

    step = PipeFunc(_function(), NODE, cache=True)
    return Pipeline([step], cache_type="disk", cache_kwargs={"cache_dir": str(folder / "cache")}).run(NODE, kwargs={})


def marimo(folder: Path) -> Any:
    """A marimo notebook: a cell with what stands beside the node, a cell with the node behind persistent_cache."""
    module = importlib.import_module("notebook")
    _, definitions = module.app.run()
    return definitions["value"]


def plain(folder: Path) -> Any:
    """No cache at all: what is right."""
    return _function()()


def _function() -> Callable[[], Any]:
    function: Callable[[], Any] = getattr(importlib.import_module("steps"), NODE)
    return function


PEERS: dict[str, Callable[[Path], Any]] = {
    "marimo": marimo,
    "hamilton": hamilton,
    "pipefunc": pipefunc,
    "joblib": joblib,
    "diskcache": diskcache,
}
ALL = {"plain": plain, **PEERS}


def write(folder: Path, cells: str, body: str) -> None:
    """The node as a module of functions, and as a marimo notebook."""
    function = as_function(NODE, body)
    (folder / "steps.py").write_text(f"{cells}\n{function}", encoding="utf-8")
    cached = f'@mo.persistent_cache(save_path="cache")\n{function}value = {NODE}()\n'
    parts = ["import marimo\napp = marimo.App()\n", *map(_cell, ("import marimo as mo\n", cells, cached))]
    (folder / "notebook.py").write_text("\n".join(parts), encoding="utf-8")


def _cell(text: str) -> str:
    lines = "".join(f"    {line}\n" if line else "\n" for line in text.splitlines())
    return f"@app.cell\ndef _():\n{lines}    return\n"


def _told(peer: str, folder: Path) -> tuple[str, str]:
    """`run`, `hit` or why it failed, and the value."""
    ran: list[str] = []

    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name == NODE:
            ran.append(NODE)

    threading.setprofile(watch)
    sys.setprofile(watch)
    try:
        value = repr(ALL[peer](folder))
    except Exception as error:  # noqa: BLE001 - whatever a peer raises is its answer
        return f"failed: {type(error).__name__}: {str(error)[:80]}", ""
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return ("run" if ran else "hit"), value


def main() -> None:
    """All jobs in turn."""
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    sys.dont_write_bytecode = True  # two edits within a second would share a timestamp, and the old one be imported
    project, before, told = Path.cwd(), list(sys.path), []
    for name in json.load(sys.stdin):
        folder = project / name
        os.chdir(folder)
        sys.path[:] = [str(folder), str(folder / "site-packages"), *before]
        told.append(_told(sys.argv[1], folder))
        forget_modules(project)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
