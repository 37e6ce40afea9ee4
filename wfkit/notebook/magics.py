"""`%%wf_node`, `%wf` and `%%wf_sql`: they read a cell, call the notebook's workflow and show what comes back.

All are synchronous (IPython does not await a cell magic) and get their text as typed: IPython would put variables of
the notebook into `{x}` and `$x`. What a verb does is not written here.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Final

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand

from wfkit.core.node import Node
from wfkit.core.terms import NodeKind, RunState
from wfkit.define.cell import parse_cell
from wfkit.define.options import help_text
from wfkit.engine.outcome import Outcome, TaskFailure
from wfkit.errors import RunFailed, UsageFault
from wfkit.notebook.capture import install_display
from wfkit.notebook.completion import Names, install_completion
from wfkit.notebook.display import RunDisplay
from wfkit.notebook.errors import RunInterrupted, show_cleanly
from wfkit.verbs import Asked, HelpShown, Where, overview, read_line
from wfkit.workflow import Workflow, current

_SHOWN: Final = 5


def register(shell: Any) -> None:
    """Add the magics, their completion, and the way errors and displays are shown. Doing it again changes nothing."""
    shell.register_magics(WorkflowMagics)
    show_cleanly(shell)
    install_display(shell)
    install_completion(shell, Names(lambda: current().nodes, shell.user_ns))


@magics_class
class WorkflowMagics(Magics):
    """The three magics. Each delegates to the current workflow."""

    shell: Any  # set by IPython; its own type says that it may be missing

    @no_var_expand
    @cell_magic
    def wf_node(self, line: str, cell: str) -> None:
        """Define a node: `%%wf_node NAME [--option value ...]`, options also as `#| option: value`, then the body."""
        if line.strip() in {"", "-h", "--help"}:
            _say(help_text())
            return
        workflow = current()
        node = workflow.add(parse_cell(line, cell, workflow.namespace))
        _say(described(node, workflow))

    @no_var_expand
    @line_magic
    def wf(self, line: str) -> Any:
        """`%wf VERB ...`: run, plan, why, show, ...; alone it lists them."""
        if not line.strip():
            _say(overview(Where.NOTEBOOK))
            return None
        try:
            asked = read_line(line)
        except HelpShown as shown:
            _say(shown.text)
            return None
        if asked.verb.name == "run":
            return self._run(asked)
        answer = getattr(current(), asked.verb.method or asked.verb.name)(*asked.args, **asked.kwargs)
        return _shown(answer)

    @no_var_expand
    @cell_magic
    def wf_sql(self, line: str, cell: str) -> Any:
        """One read-only SELECT over the store, as a DataFrame; a name on the magic line is bound to it."""
        frame = current().sql(cell)
        name = line.strip()
        if not name:
            return frame
        if not name.isidentifier():
            raise UsageFault(f"%%wf_sql takes the name of a variable, not {name!r}; the statement stands below it")
        self.shell.push({name: frame})
        return None

    def _run(self, asked: Asked) -> None:
        display = RunDisplay(self.shell)
        workflow = current()
        try:
            outcome = workflow.run(*asked.args, **asked.kwargs, progress=display, **_origin())
        except KeyboardInterrupt:
            raise RunInterrupted("what was done and paid is kept; `%wf run` goes on from there") from None
        display.final(outcome.report)
        for warning in outcome.warnings:
            sys.stderr.write(f"wfkit: {warning}\n")
        self.shell.push(outcome.values())
        if outcome.status is RunState.FAILED:
            raise RunFailed(told(outcome))


def described(node: Node, workflow: Workflow) -> str:
    """A node in one line: its kind, what it is mapped over, which known nodes it needs."""
    model = node.options.model.model if node.options.model else ""
    parts = [node.name, f"{node.kind} ({model})" if node.kind is NodeKind.PROMPT else str(node.kind)]
    if node.each:
        parts.append(f"each {node.each.item} in {node.each.over}")
    over = {node.each.over} if node.each else set()
    wanted = dict.fromkeys((*node.names, *(node.parameters or ()), *node.options.needs))
    needs = [name for name in wanted if name in workflow.nodes and name not in {node.name, *over}]
    if needs:
        parts.append(f"needs {', '.join(needs)}")
    return " · ".join(parts)


def told(outcome: Outcome) -> str:
    """Why a run failed: the failures with the first one's traceback, and who was skipped for them."""
    failures = outcome.failures
    lines = [_failure(failure, with_trace=index == 0) for index, failure in enumerate(failures[:_SHOWN])]
    if len(failures) > _SHOWN:
        lines.append(f"and {len(failures) - _SHOWN} more")
    if outcome.skipped:
        lines.append("skipped: " + ", ".join(f"{name} (needs {cause})" for name, cause in outcome.skipped.items()))
    node = failures[0].node if failures else "NODE"
    lines.append(f"What worked is kept. After a fix, `%wf run` does the rest; `%wf log {node}` shows what it printed.")
    return "\n".join(lines)


def _failure(failure: TaskFailure, *, with_trace: bool) -> str:
    place = failure.node if failure.item is None else f"{failure.node}[{failure.item}]"
    trace = failure.failure.traceback
    if with_trace and trace:
        return f"{place}\n{trace.rstrip()}"
    hint = f" ({failure.failure.hint})" if failure.failure.hint else ""
    return f"{failure}{hint}"


def _origin() -> dict[str, Any]:
    """Who asked for the run: written into its record, and parameters also tell runs apart."""
    return {
        "trigger": os.environ.get("WFKIT_TRIGGER", "notebook"),
        "notebook": os.environ.get("WFKIT_NOTEBOOK") or os.environ.get("JPY_SESSION_NAME"),
        "params": os.environ.get("WFKIT_PARAMS", "{}"),
    }


def _shown(answer: Any) -> Any:
    """What a cell shows of an answer: a path as a sentence, everything else as itself."""
    if isinstance(answer, os.PathLike):
        _say(f"written: {os.fspath(answer)}")
        return None
    return answer


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
