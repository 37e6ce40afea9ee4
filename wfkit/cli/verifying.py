"""`wfkit verify NOTEBOOK`: all its cells in a fresh kernel on the same store, held against the live kernel that asks,
or against its last runs.

The notebook's own file is only read, nothing is bought, and outputs go to a folder that is removed.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from wfkit.cli.notebook_file import inject, read_notebook
from wfkit.cli.notebook_runner import INTERRUPTED, Executed, Execution, execute, timeout_of
from wfkit.cli.screen import Screen
from wfkit.core.events import RunStarted
from wfkit.core.graph import near
from wfkit.core.report import RunRow
from wfkit.core.standing import Standing, loads
from wfkit.engine.plans.standing import remembered
from wfkit.errors import UsageFault
from wfkit.store.disk import DiskStore, open_store
from wfkit.store.place import locate
from wfkit.verb_words import Asked
from wfkit.verify import asking, verdict
from wfkit.verify.notebook_cells import code_cells

_ENDING: Final = "__import__('wfkit.public').public.tell_standing()"
_SEARCHED: Final = 500
_RUNS: Final = 20
TRIGGER: Final = "verify"
_SURROUNDINGS: Final = {"WFKIT_TRIGGER": TRIGGER, "WFKIT_BUY": "off"}


class StatusOnly(Screen):
    """Progress that leaves no lines behind: what stays is the verdict."""

    def line(self, text: str) -> None:
        """A line that would stay is a status."""
        self.status(text)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the fresh kernel is held against: a live kernel, or the runs that this notebook left in the store."""

    root: Path
    live: asking.Live | None
    runs: tuple[RunRow, ...]

    @property
    def workflow(self) -> str:
        """Its name, by which the fresh kernel finds its own."""
        return self.live.workflow if self.live is not None else self.runs[0].workflow

    @property
    def name(self) -> str:
        """In words."""
        return "the live kernel" if self.live is not None else f"run {self.runs[0].run_id[:8]}"

    def params(self) -> dict[str, Any]:
        """The parameters that it ran with."""
        if self.live is not None:
            return dict(self.live.params)
        with _opened(self.root) as store:
            entries = store.entries(self.runs[0].run_id)
        started = entries[0].event if entries else None
        found: dict[str, Any] = json.loads(started.params) if isinstance(started, RunStarted) else {}
        return found

    def standing(self, fresh: Standing | None) -> Standing:
        """How its nodes stand."""
        if self.live is not None:
            return self.live.standing
        wanted = {node.name for node in fresh.nodes} if fresh is not None else set()
        with _opened(self.root) as store:
            return remembered(store, [row.run_id for row in self.runs], wanted)


def verify(asked: Asked) -> int:
    """Execute, compare, print. Raises UsageFault when there is nothing to execute or to compare with."""
    said = asked.kwargs
    source = Path(said["notebook"])
    notebook = read_notebook(source)
    cells = code_cells(notebook)
    known = _known(source)
    params = said.get("p") or [(name, repr(value)) for name, value in known.params().items()]
    values = inject(notebook, params)
    told = {"WFKIT_PARAMS": json.dumps(values, sort_keys=True, default=repr), "WFKIT_STORE": str(known.root)}
    screen = Screen(sys.stderr) if said["json"] else StatusOnly(sys.stdout)
    with tempfile.TemporaryDirectory(prefix="wfkit-") as scratch:
        standing = Path(scratch, "standing.json")
        wish = asking.Asked(str(standing), known.workflow, tuple(said.get("rerun") or ()), said["force"])
        execution = Execution(
            notebook=notebook,
            folder=source.absolute().parent,
            saved=Path(scratch, source.name),
            scratch=Path(scratch),
            timeout_s=timeout_of(said),
            told={**told, asking.TOLD: json.dumps(asdict(wish)), **_SURROUNDINGS, "WFKIT_NOTEBOOK": source.name},
            ending=_ENDING,
        )
        executed = execute(execution, screen)
        fresh = loads(standing.read_text(encoding="utf-8")) if standing.exists() else None
    screen.status("")
    _check_rerun(wish, fresh)
    ran = known.live.ran if known.live is not None else ()
    found = verdict.verdict(
        known.standing(fresh), fresh, _ended(executed, len(cells)), cells=cells, ran=ran, against=known.name
    )
    view = verdict.view(found)
    print(json.dumps(found) if said["json"] else view.text(), flush=True)
    return view.exit_code


def _known(source: Path) -> _Known:
    """What there is to compare with. Raises UsageFault when this notebook never ran here."""
    root, live = locate(source.absolute().parent, os.environ), asking.read_live(os.environ)
    if live is not None:
        return _Known(root, live, ())
    rows: list[RunRow] = []
    if root.exists():
        with _opened(root) as store:
            rows = [row for row in store.runs(_SEARCHED) if row.trigger != TRIGGER]
    named = [row for row in rows if row.notebook and Path(row.notebook).name == source.name]
    runs = named or [row for row in rows if row.notebook is None and row.trigger == "notebook"]
    if not runs:
        raise UsageFault(
            f"nothing to compare with: the store {root} holds no run of {source.name}; run its cells, or `wfkit run"
            f" {source}`, then verify"
        )
    return _Known(root, None, tuple(row for row in runs if row.workflow == runs[0].workflow)[:_RUNS])


def _check_rerun(wish: asking.Asked, fresh: Standing | None) -> None:
    """Raise UsageFault for a node that is to run again and is none."""
    if fresh is None or not fresh.nodes:
        return
    names = [node.name for node in fresh.nodes]
    for name in wish.rerun:
        if name not in names:
            raise UsageFault(f"--rerun: the notebook has no node {name!r}{near(name, names)}")


def _ended(executed: Executed, cells: int) -> verdict.Ended:
    return verdict.Ended(cells, executed.seconds, executed.error, executed.exit_code == INTERRUPTED)


@contextmanager
def _opened(root: Path) -> Iterator[DiskStore]:
    """The store, for a moment: the fresh kernel wants its database."""
    store = open_store(root)
    try:
        yield store
    finally:
        store.close()
