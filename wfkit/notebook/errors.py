"""How errors of wfkit look in a cell: the sentence that says what to do, not thirty frames of our own code.

The cell still fails, with an `error` output, so nbclient and CI see it.
"""

from __future__ import annotations

import re
import sys
import textwrap
from types import TracebackType
from typing import Any, Final

from IPython.core.error import UsageError

import wfkit
from wfkit.errors import WfkitError
from wfkit.traces import call_cells

_HOOK: Final = "_render_traceback_"  # IPython's own name: it asks the error for its lines
_CODE: Final = re.compile(r"`[^`\n]{1,60}`")
_WIDTH: Final = 80
# A cell that was meant to define a node: nothing but blanks and comments above its magic, whose name may be misspelt.
_NODE: Final = re.compile(
    r"(?P<above>(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*)%%?wf_?no\w*[ \t]+(?P<name>[^\W\d]\w*)(?P<rest>[^\n]*)"
)
_FIRST: Final = "`%%wf_node` must be the first line of its cell, without blanks before it."
_RED, _PLAIN = "\x1b[31m", "\x1b[0m"


class RunInterrupted(KeyboardInterrupt):
    """The user stopped a run. What was done and paid is kept."""

    def _render_traceback_(self) -> list[str]:
        return [f"{_RED}interrupted{_PLAIN}: {self}"]


def show_cleanly(shell: Any) -> None:
    """From now on, errors that wfkit raises on purpose are shown in this shell as one message."""

    def lines(error: WfkitError) -> list[str]:
        place = _line_of_cell(error.__traceback__, shell.user_ns)
        where = f" (line {place} of this cell)" if place > 1 else ""
        first, *rest = in_lines(f"{type(error).__name__}{where}: {error}")
        return ["\n".join([first.replace(type(error).__name__, f"{_RED}{type(error).__name__}{_PLAIN}", 1), *rest])]

    setattr(WfkitError, _HOOK, lines)

    def cell(file: str) -> str | None:
        found = shell.compile.format_code_name(file)
        return f"{found[0]} {found[1]}" if found else None

    call_cells(cell)


def in_lines(text: str) -> list[str]:
    """The lines of a message, prose wrapped between words: JupyterLab breaks a long line anywhere. Code (what is
    indented, what stands between backticks) stays whole."""
    found: list[str] = []
    for line in text.split("\n"):
        whole = _CODE.sub(lambda code: code[0].replace(" ", "\0"), line)
        parts = [line] if line.startswith(" ") else textwrap.wrap(whole, _WIDTH, break_long_words=False,
                                                                  break_on_hyphens=False)  # fmt: skip
        found += [part.replace("\0", " ") for part in parts] or [""]
    return found


def hint_at_nodes(shell: Any) -> None:
    """From now on, who uses the name of a node that has no variable is told how to get one; registered once."""

    def tell_of_node(result: Any) -> None:
        error = result.error_in_exec
        if isinstance(error, NameError) and error.name in wfkit.current().nodes:
            sys.stderr.write(f"{error.name} is a node: `%wf run {error.name}` binds its value to this name\n")

    known = shell.events.callbacks["post_run_cell"]
    known[:] = [one for one in known if getattr(one, "__name__", "") != tell_of_node.__name__]
    shell.events.register("post_run_cell", tell_of_node)


def note_rejected(shell: Any) -> None:
    """From now on, a cell of a node that IPython itself refuses (no body, a comment above the magic, a misspelt magic)
    counts as a definition that failed; registered once."""

    def tell_of_rejected(result: Any) -> None:
        error = result.error_before_exec or result.error_in_exec
        if result.error_before_exec is None and not isinstance(error, UsageError):
            return  # it ran: our magics say what they refuse
        found = _NODE.match(result.info.raw_cell or "")
        if found and not {"-h", "--help"} & set(found["rest"].split()):
            first = _FIRST if found["above"] else ""
            stands = wfkit.current().drafts.fail(found["name"], str(error))
            sys.stderr.writelines(f"{line}\n" for line in (first, stands) if line)

    known = shell.events.callbacks["post_run_cell"]
    known[:] = [one for one in known if getattr(one, "__name__", "") != tell_of_rejected.__name__]
    shell.events.register("post_run_cell", tell_of_rejected)


def _line_of_cell(trace: TracebackType | None, namespace: dict[str, Any]) -> int:
    """The line of the user's cell that led to an error; 0 if none did."""
    line = 0
    while trace is not None:
        if trace.tb_frame.f_globals is namespace:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
