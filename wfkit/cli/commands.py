"""`wfkit run` and `wfkit demo`: what is executed, where its results go, and what is said at the end.

Execution itself is in `notebook_runner`. Files of the user are never overwritten: outputs have a folder of their own.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import wfkit
from wfkit.cli.notebook_file import inject, make_folder, read_notebook
from wfkit.cli.notebook_runner import Executed, Execution, execute, timeout_of
from wfkit.cli.screen import Screen
from wfkit.engine.preparing.wish import SCOPE, deadline_of, scope_text
from wfkit.errors import UsageFault, WfkitError
from wfkit.llm.cassette import MODES, Cassette
from wfkit.verb_words import Asked
from wfkit.views import numbers

_OUT: Final = "wfkit-out"
_DEMO: Final = "wfkit-demo"
_QUICKSTART: Final = Path("notebooks") / "quickstart.ipynb"
_PACKAGE: Final = Path(wfkit.__file__).parent


@dataclass(frozen=True, slots=True)
class _Wish:
    """A notebook, where to work and where to put what comes of it."""

    source: Path
    folder: Path
    saved: Path
    report: Path
    params: Sequence[Sequence[str]] = ()
    store: Path | None = None
    timeout_s: float = 3600.0
    deadline_s: float | None = None
    cassette: str = ""
    as_json: bool = False
    scope: str = ""


def run(asked: Asked) -> int:
    """`wfkit run FILE.ipynb`: execute it where it stands, save the outcome and a report in another folder."""
    said = asked.kwargs
    source = Path(said["notebook"])
    out = Path(said.get("out") or _OUT)
    saved = out / source.name
    if saved.absolute() == source.absolute():
        saved = out / f"{source.stem}.executed.ipynb"
    wish = _Wish(
        source=source,
        folder=source.absolute().parent,
        saved=saved,
        report=saved.with_suffix(".html"),
        params=said.get("p") or (),
        timeout_s=timeout_of(said),
        deadline_s=deadline_of(said.get("deadline")),
        cassette=_cassette(said),
        as_json=said["json"],
        scope=scope_text(said),
    )
    return _carry_out(wish)


def demo(asked: Asked) -> int:
    """`wfkit demo`: the quickstart in ./wfkit-demo, whose store makes the second time free."""
    said = asked.kwargs
    folder = Path(_DEMO)
    store = folder / ".wfkit"
    if said["fresh"] and store.exists():
        _remove_store(store)
    wish = _Wish(
        source=quickstart(),
        folder=folder.absolute(),
        saved=folder / "quickstart.ipynb",
        report=folder / "report.html",
        params=said.get("p") or (),
        store=store.absolute(),
        as_json=said["json"],
    )
    return _carry_out(wish, _next_steps)


def quickstart() -> Path:
    """The quickstart notebook: in an installed package beside the code, in a checkout beside the package."""
    for root in (_PACKAGE, _PACKAGE.parent):
        if (root / _QUICKSTART).is_file():
            return root / _QUICKSTART
    raise UsageFault("the quickstart notebook is missing from this installation: install wfkit again")


def _carry_out(wish: _Wish, advice: Callable[[_Wish, Executed], str] | None = None) -> int:
    screen = _screen(wish)
    notebook = read_notebook(wish.source)
    values = inject(notebook, [(name, value) for name, value in wish.params])
    make_folder(wish.saved.parent)
    with tempfile.TemporaryDirectory(prefix="wfkit-") as scratch:
        execution = Execution(
            notebook=notebook,
            folder=wish.folder,
            saved=wish.saved,
            scratch=Path(scratch),
            store=wish.store,
            timeout_s=wish.timeout_s,
            told={
                SCOPE: wish.scope,
                "WFKIT_NOTEBOOK": wish.source.name,
                "WFKIT_NOTEBOOK_FILE": str(wish.source.absolute()),
                "WFKIT_PARAMS": json.dumps(values, sort_keys=True, default=repr),
                **({"WFKIT_CASSETTE": wish.cassette} if wish.cassette else {}),
                **({"WFKIT_DEADLINE_S": str(wish.deadline_s)} if wish.deadline_s else {}),
            },
        )
        executed = execute(execution, screen)
    artifacts = [wish.saved, *_report(wish, executed)]
    if executed.error is not None:
        print(f"wfkit: {executed.error}", file=sys.stderr)
    screen.line(_sentence(executed))
    if executed.tally.unused:
        unused = numbers.plural(executed.tally.unused, "recording")
        screen.line(f"not used of the cassette: {unused}; record it again to drop what is not used")
    screen.line("saved: " + ", ".join(path.as_posix() for path in artifacts))
    if advice is not None and executed.exit_code == 0:
        screen.line(advice(wish, executed))
    if wish.as_json:
        print(json.dumps(executed.tally.object(executed.seconds, artifacts)), flush=True)
    return executed.exit_code


def _cassette(said: Mapping[str, Any]) -> str:
    """`MODE:FILE`, which the kernel reads wherever it works. Raises UsageFault for two, and for one that is broken."""
    asked = [(mode, said[name]) for mode in MODES if said.get(name := mode.replace("-", "_"))]
    if len(asked) > 1:
        raise UsageFault("a run uses one cassette, in one way: take one of --record, --replay and --replay-or-record")
    for mode, file in asked:
        path = Path(file).absolute()
        Cassette(path, mode)  # a broken one is told before a kernel starts
        return f"{mode}:{path}"
    return ""


def _screen(wish: _Wish) -> Screen:
    """Progress goes to stdout, unless stdout is for one JSON object."""
    return Screen(sys.stderr if wish.as_json else sys.stdout)


def _report(wish: _Wish, executed: Executed) -> list[Path]:
    """The HTML report of the newest run, if the notebook ran anything."""
    if not executed.tally.runs:
        return []
    with contextlib.chdir(wish.folder):  # where the kernel looked for the store
        workflow = wfkit.Workflow(store=wish.store)
    try:
        workflow.report(wish.report)
    except WfkitError as error:
        print(f"wfkit: no report: {error}", file=sys.stderr)
        return []
    finally:
        workflow.close()
    return [wish.report]


def _sentence(executed: Executed) -> str:
    sums = executed.tally
    tasks = ", ".join(f"{count} {name}" for name, count in sums.tasks.items() if count)
    calls = "? model calls" if sums.model_calls is None else numbers.plural(sums.model_calls, "model call")
    billed = numbers.money(sums.cost_usd, at_least=bool(sums.unpriced_calls))
    if not sums.runs:
        asked = f"; plain cells: {calls}, {billed} billed" if sums.model_calls else ""
        return f"{sums.status}: no workflow was run, {numbers.seconds(executed.seconds)}{asked}"
    if sums.model_calls == 0 and sums.tasks["cached"] and executed.exit_code == 0:
        calls += ": nothing was asked again"
    parts = [f"{sums.status}: {calls}", f"{billed} billed", f"tasks: {tasks or 'none'}"]
    return " · ".join([*parts, numbers.seconds(executed.seconds)])


def _next_steps(wish: _Wish, executed: Executed) -> str:
    steps = {
        wish.report.as_posix(): "the report, in a browser",
        f"jupyter lab {wish.saved.as_posix()}": "the notebook as executed: edit a prompt, run again",
        f"cd {wish.folder.name} && wfkit show cost": "any verb on its store: `wfkit` lists them",
    }
    if executed.tally.model_calls != 0:
        steps["wfkit demo"] = "once more: no model call, all from the store"
    width = max(map(len, steps))
    return "\n".join(["look next at:", *(f"  {step.ljust(width)}  {why}" for step, why in steps.items())])


def _remove_store(store: Path) -> None:
    """Delete the demo's own store. Refuses a folder that does not look like one."""
    if store.is_symlink() or not store.is_dir() or not (store / "journal").is_dir():
        raise UsageFault(f"{store} does not look like a store: delete it yourself if it may go")
    try:
        shutil.rmtree(store)
    except OSError as error:
        raise UsageFault(f"cannot delete {store}: {error.strerror}") from error
