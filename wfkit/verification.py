"""`verify` of a workflow: finds the notebook, hands over what this kernel knows, and draws the answer.

The fresh kernel is started by the command `wfkit verify`; what it ends with is `tell`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wfkit.engine.execute import Session
from wfkit.errors import UsageFault
from wfkit.verify import asking, verdict, whereabouts
from wfkit.views.verified import Verified


@dataclass(frozen=True, slots=True)
class Here:
    """A workflow of this process, by its name, with what is asked of it."""

    name: str
    root: Path
    prepare: asking.Prepare
    session: Callable[[], Session]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be verified: the notebook (None: this one), nodes whose bodies run again, whether all are sampled,
    seconds for a cell."""

    notebook: str | Path | None = None
    rerun: tuple[str, ...] = ()
    force: bool = False
    timeout_s: float = 3600.0

    def words(self, path: Path) -> list[str]:
        """As arguments of the command."""
        again = [word for node in self.rerun for word in ("--rerun", node)]
        return [str(path), *again, *(["--force"] if self.force else []), "--timeout", str(self.timeout_s)]


def verify(here: Here, wish: Wish, progress: Callable[[str], None] | None = None) -> Verified:
    """Hold this process's nodes against a fresh kernel's. Raises UsageFault when the notebook cannot be found, or is
    not saved."""
    if asking.asked(os.environ) is not None:
        return verdict.SKIPPED
    shell = whereabouts.shell_of_this_process()
    path = Path(wish.notebook) if wish.notebook is not None else whereabouts.notebook_file(shell, os.environ)
    if not path.is_file():
        raise UsageFault(f"notebook not found: {path}")
    ran = whereabouts.cells_that_ran(shell) if shell is not None else []
    asking.check_saved(path, ran)
    params = os.environ.get("WFKIT_PARAMS", "{}")
    known = asking.live(here.name, here.prepare, here.session(), ran, params)
    found = asking.ask_fresh(known, wish.words(path), here.root, progress or _silent)
    return verdict.view(found)


def tell(current: Here, made: Sequence[Here]) -> None:
    """Write how the workflow that is asked for stands: by its name, else that of the notebook."""
    wish = asking.asked(os.environ)
    if wish is None:
        raise UsageFault("nobody verifies with this kernel: `wfkit verify NOTEBOOK` starts one of its own")
    named = next((here for here in made if here.name == wish.workflow), current)
    asking.tell(wish, named.prepare, named.session)


def _silent(line: str) -> None:
    del line  # nobody asked for progress
