"""The command `wfkit`: read the words, call what they name, print the answer, end with the right code.

Verbs that work on a store call the same method of `Workflow` as `%wf` does. Nothing heavy loads before a verb is known.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import warnings
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import wfkit
from wfkit.errors import BudgetRefused, StoreFault, UsageFault, WfkitError
from wfkit.settings import Settings
from wfkit.store.place import locate
from wfkit.verb_words import Asked, HelpShown, find, overview, read
from wfkit.verbs import Where
from wfkit.views import columns

_INTERRUPTED: Final = 130
_OWN: Final = {"run": "commands", "demo": "commands", "verify": "verifying", "provider": "providing"}


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without ✓ is no reason to fail
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: print(f"wfkit: {message}", file=sys.stderr)
            return _obey(sys.argv[1:] if words is None else words)
    except WfkitError as error:
        text = str(error)
        print(text if text.startswith("wfkit ") else f"wfkit: {text}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("wfkit: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:  # `wfkit history | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _obey(words: Sequence[str]) -> int:
    if not words or words[0] in {"-h", "--help", "help"}:
        print(f"wfkit {wfkit.__version__}: {_SUMMARY}\n\n{overview(Where.SHELL, _columns())}")
        return 0
    if words[0] in {"-V", "--version"}:
        print(f"wfkit {wfkit.__version__}")
        return 0
    if words[0].startswith("-"):
        raise UsageFault(f"{words[0]} needs a verb before it; `wfkit` alone lists them")
    try:
        asked = read(find(words[0], Where.SHELL), words[1:], Where.SHELL)
    except HelpShown as shown:
        print(shown.text.rstrip())
        return 0
    module = _OWN.get(asked.verb.name)
    if module is None:
        return _ask_workflow(asked)
    code: int = getattr(importlib.import_module(f"wfkit.cli.{module}"), asked.verb.name)(asked)
    return code


_SUMMARY: Final = "LLM and data workflows in notebook cells, cached, priced and explained"


def _ask_workflow(asked: Asked) -> int:
    """Call the method that the verb names on the store of this folder, and print what it answers as text.

    A shell reads what notebooks made: it makes no store. Raises StoreFault when there is none.
    """
    if asked.verb.name == "config" and "value" in asked.kwargs:
        raise UsageFault(_lasting(**asked.kwargs))
    root = locate(Path.cwd(), os.environ)
    if asked.verb.needs_store and not root.exists():
        raise StoreFault(f"there is no store at {root}: run a workflow first, or set WFKIT_STORE")
    workflow = wfkit.Workflow(store=root)
    said = dict(asked.kwargs)
    as_json = bool(said.pop("json", False))
    try:
        answer = getattr(workflow, asked.verb.method or asked.verb.name)(*asked.args, **said)
        text = _text(answer, as_json)
        notice = workflow.store.notice if asked.verb.needs_store else None
    except BudgetRefused as refused:  # what was asked is answered all the same
        print(_text(refused.plan, as_json))
        raise
    finally:
        workflow.close()
    if text:
        print(text)
    if notice:
        print(f"wfkit: {notice}", file=sys.stderr)
    code: int = getattr(answer, "exit_code", 0)
    return code


def _lasting(name: str, value: str) -> str:
    """A setting given to a command would end with the command."""
    if name not in {item.name for item in fields(Settings)}:
        return f"unknown setting {name!r}; `wfkit config` lists them"
    where = f"write `{name} = {value}` under [tool.wfkit] in pyproject.toml, or set WFKIT_{name.upper()}={value}"
    return f"in a shell a setting is not kept: {where}"


def _columns() -> int:
    """How wide the terminal is; a file or a pipe is taken for one of 80 columns."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else columns.WIDTH


def _text(answer: Any, as_json: bool = False) -> str:
    """An answer for a terminal: a view has its own text, a DataFrame is printed whole; or one JSON object."""
    if answer is None:
        return ""
    if as_json:
        return json.dumps(answer.object(), allow_nan=False)
    if isinstance(answer, os.PathLike):
        return f"written: {os.fspath(answer)}"
    for way in ("text", "to_string"):
        if callable(write := getattr(answer, way, None)):
            with columns.within(_columns()):
                return str(write())
    return str(answer)
