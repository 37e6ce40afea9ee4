"""One process of the probes: a notebook kernel that goes through the given jobs and prints what came out of each.

Jobs come as JSON on stdin and outcomes go as JSON to stdout. Started by `lab`, in the project's folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import io
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import duckdb  # noqa: F401 - libraries that probes use, loaded as long as bytecode is kept
import pandas as pd  # noqa: F401
import polars as pl  # noqa: F401
import pyarrow as pa  # noqa: F401
import pydantic  # noqa: F401
from IPython.core.interactiveshell import InteractiveShell

import wfkit

PARAMETERS = "# parameters: "


def main() -> None:
    """All jobs, each in a namespace that is empty but for its own cells."""
    warnings.simplefilter("ignore")
    shell = InteractiveShell.instance(history_length=0)
    shell.run_line_magic("load_ext", "wfkit")
    sys.dont_write_bytecode = True  # two edits within a second would share a timestamp, and the old one be imported
    project = Path.cwd()
    before, names = list(sys.path), set(shell.user_ns)
    workflow, outcomes = wfkit.current(), []
    for job in json.load(sys.stdin):
        os.chdir(project / job["folder"])
        sys.path[:] = [str(project / job["folder"]), str(project / job["folder"] / "site-packages"), *before]
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            outcome = _run(shell, job)
        outcomes.append([*outcome, printed.getvalue()])
        workflow.nodes.clear()
        forget_modules(project)
        for name in set(shell.user_ns) - names:  # as `%reset` does, but without a look through all memory
            del shell.user_ns[name]
    workflow.close()
    print(json.dumps(outcomes))


def _run(shell: InteractiveShell, job: dict[str, str]) -> tuple[str, str, str]:
    """How the task ended, its value, and the value that the same code gives without wfkit."""
    try:
        space = _define(shell, job)
        outcome = wfkit.current().run(job["name"])
        row = next(row for row in outcome.report.nodes if row.name == job["name"])
        if outcome.status != "success":
            return f"failed: {row.error}", "", ""
        status = {"success": "run", "cached": "hit"}["".join(row.tasks)]
        value = repr(outcome[job["name"]])
    except Exception as error:  # noqa: BLE001 - whatever the notebook raises is an outcome
        return f"failed: {type(error).__name__}: {error}", "", ""
    return status, value, value if job["form"] == "prompt" else repr(_plainly(space, job["body"]))


def _define(shell: InteractiveShell, job: dict[str, str]) -> dict[str, Any]:
    """Run the cells and define the node; the namespace in which its code stands."""
    if job["form"] == "module":
        return vars(importlib.import_module("steps"))
    shell.run_cell(job["cells"]).raise_error()
    if job["form"] == "function":
        shell.run_cell(as_node(job["name"], job["body"])).raise_error()
    else:
        head, _, rest = job["body"].partition("\n")
        line, body = (f" {head}", rest) if job["form"] == "prompt" else ("", job["body"])
        shell.run_cell(f"%%wf_node {job['name']}{line}\n{body}").raise_error()
    return shell.user_ns


def _plainly(space: dict[str, Any], body: str) -> Any:
    exec(compile(as_function("plainly", body), "<plainly>", "exec"), inside := dict(space))
    value = inside["plainly"]()
    return asyncio.run(value) if inspect.iscoroutine(value) else value


def as_function(name: str, body: str) -> str:
    """A body as a function; its last line is the value, and a first line `# parameters: x=1` stands in its head."""
    *lines, last = body.rstrip("\n").split("\n")
    parameters = lines.pop(0).removeprefix(PARAMETERS) if body.startswith(PARAMETERS) else ""
    indented = "".join(f"    {line}\n" if line else "\n" for line in [*lines, f"return {last}"])
    return f"{'async ' if 'await ' in body else ''}def {name}({parameters}):\n{indented}"


def as_node(name: str, body: str) -> str:
    """A body as a decorated function."""
    return f"import wfkit\n\n@wfkit.node\n{as_function(name, body)}"


def forget_modules(project: Path) -> None:
    """Let modules of the project be loaded anew."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "")
        if str(file).startswith(f"{project}{os.sep}"):
            del sys.modules[name]
    importlib.invalidate_caches()


if __name__ == "__main__":
    main()
