"""`%%wf_node`, `%wf` and `%%wf_sql`: registered at once, at work on first use.

All are synchronous (IPython does not await a cell magic) and get their text as typed: IPython would put variables of
the notebook into `{x}` and `$x`. What they do is in `actions`, which loads on first use: all of wfkit takes longer
than `%load_ext` may.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from typing import Any, Final

from IPython.core.completer import context_matcher
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand

import wfkit
from wfkit.notebook.capture import install_display
from wfkit.notebook.errors import hint_at_nodes, note_rejected, show_cleanly
from wfkit.own_threads import begin
from wfkit.verb_words import HelpShown, overview, read_line
from wfkit.verbs import Where

_ACTIONS: Final = "wfkit.notebook.actions"
_WHEREABOUTS: Final = "wfkit.verify.whereabouts"
_COMPLETION: Final = "wfkit.notebook.completion"


def register(shell: Any) -> None:
    """Add the magics, their completion, and the way errors and displays are shown. Doing it again changes nothing."""
    shell.register_magics(WorkflowMagics)
    show_cleanly(shell)
    hint_at_nodes(shell)
    note_rejected(shell)
    install_display(shell)
    install_completion(shell)
    _remember_cells(shell)
    begin(_load_ahead, "wfkit-load")


@magics_class
class WorkflowMagics(Magics):
    """The three magics. Each reads its words and hands them on."""

    @no_var_expand
    @cell_magic
    def wf_node(self, line: str, cell: str) -> None:
        """Define a node: `%%wf_node NAME [--option value ...]`, options also as `#| option: value`, then the body."""
        _load(_ACTIONS).define(line, cell)

    @no_var_expand
    @line_magic
    def wf(self, line: str) -> Any:
        """`%wf VERB ...`: run, plan, why, show, ...; alone it lists them."""
        if not line.strip():
            sys.stdout.write(f"{overview(Where.NOTEBOOK)}\n")
            return None
        try:
            asked = read_line(line)
        except HelpShown as shown:
            sys.stdout.write(shown.text)
            return None
        return _load(_ACTIONS).ask(self.shell, asked)

    @no_var_expand
    @cell_magic
    def wf_sql(self, line: str, cell: str) -> Any:
        """One read-only SELECT over the store, as a DataFrame; a name on the magic line is bound to it."""
        return _load(_ACTIONS).query(self.shell, line, cell)


def install_completion(shell: Any) -> None:
    """Add our matcher to IPython's completer, once; its rules load with the first Tab."""

    @context_matcher()  # type: ignore[untyped-decorator]
    def wfkit_matcher(context: Any) -> Any:
        completion = _load(_COMPLETION)
        return completion.match(context, completion.Names(lambda: wfkit.current().nodes, shell.user_ns))

    matchers = shell.Completer.custom_matchers
    matchers[:] = [one for one in matchers if getattr(one, "__name__", "") != wfkit_matcher.__name__]
    matchers.append(wfkit_matcher)


def _remember_cells(shell: Any) -> None:
    """Keep when each cell ran, once: `verify` tells by it whether the file on disk is older than the screen."""

    def remember_cell(info: Any) -> None:
        _load(_WHEREABOUTS).remember(shell, info)

    known = shell.events.callbacks["pre_run_cell"]
    known[:] = [one for one in known if getattr(one, "__name__", "") != remember_cell.__name__]
    shell.events.register("pre_run_cell", remember_cell)


def _load_ahead() -> None:
    """Load what the first magic needs while the user still types it."""
    with contextlib.suppress(ImportError):  # the magic that needs it raises it where the user sees it
        _load(_ACTIONS)


def _load(name: str) -> Any:
    """A module of this room, loaded on first use; the names above say which."""
    return importlib.import_module(name)
