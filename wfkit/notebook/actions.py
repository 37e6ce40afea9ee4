"""What each magic does: define, ask, run, query. Loaded with the first magic, because it brings the whole of wfkit.

Reading words is in `verbs`, running in `workflow`, drawing in `views`; here they meet IPython.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, Final

from wfkit.core.node import Node
from wfkit.core.terms import NodeKind, RunState
from wfkit.define.cell import parse_cell
from wfkit.define.magic_line import split_line
from wfkit.define.options import help_text
from wfkit.engine.execute import Interrupted
from wfkit.engine.outcome import Outcome, TaskFailure
from wfkit.engine.preparing.unready import unready
from wfkit.errors import BudgetRefused, NotTheSame, RunFailed, UsageFault
from wfkit.notebook.display import RunDisplay, SilentDisplay, StatusLine
from wfkit.notebook.errors import RunInterrupted
from wfkit.public import Workflow, current
from wfkit.verb_words import Asked
from wfkit.views import numbers

_SHOWN: Final = 5
_GOES_ON: Final = "what was done and paid is kept; `%wf run` goes on from there"


def define(line: str, cell: str) -> None:
    """Define the node of a cell and say so in a line."""
    if not line.strip() or {"-h", "--help"} & set(line.split()):
        say(help_text())
        return
    workflow = current()
    with workflow.drafts.defining(split_line(line)[0]):
        node = workflow.add(parse_cell(line, cell, workflow.namespace, workflow.settings, workflow.facts))
    say(described(node, workflow))
    if lack := unready(node):
        say(f"not ready to run yet: {lack}")


def ask(shell: Any, asked: Asked) -> Any:
    """What the current workflow answers to a verb, as an object that a cell shows."""
    if asked.verb.name == "run":
        return run(shell, asked)
    if asked.verb.name == "verify":
        return verify(shell, asked)
    if asked.verb.name == "plan":
        asked.kwargs.setdefault("notebook", _origin()["notebook"])
    try:
        answer = getattr(current(), asked.verb.method or asked.verb.name)(*asked.args, **asked.kwargs)
    except BudgetRefused as refused:  # the plan is what the user asked for
        _show(shell, refused)
        raise
    if asked.verb.needs_store and (notice := current().notice):
        sys.stderr.write(f"wfkit: {notice}\n")
    if isinstance(answer, os.PathLike):
        say(f"written: {os.fspath(answer)}")
        return None
    return answer


def run(shell: Any, asked: Asked) -> None:
    """Run, show it meanwhile, bind the targets' values. Raises RunFailed when a node failed, and BudgetRefused when the
    money ran out, so the cell fails too."""
    said = dict(asked.kwargs)
    display = SilentDisplay() if said.pop("quiet", False) else RunDisplay(shell)
    try:
        outcome = current().run(*asked.args, **said, progress=display, **_origin())
    except BudgetRefused as refused:
        _show(shell, refused)
        raise
    except Interrupted as stopped:
        display.final(stopped.report)
        raise RunInterrupted(_GOES_ON) from None
    except KeyboardInterrupt:
        raise RunInterrupted(_GOES_ON) from None
    display.final(outcome.report)
    for warning in outcome.warnings:
        sys.stderr.write(f"wfkit: {warning}\n")
    values = outcome.values()
    shell.push(values)
    current().bound |= {name: id(value) for name, value in values.items()}
    if outcome.status is RunState.FAILED:
        raise RunFailed(told(outcome))
    if outcome.status is RunState.BUDGET_STOPPED:
        raise BudgetRefused(told(outcome))


def _show(shell: Any, refused: BudgetRefused) -> None:
    """The plan that was refused, above the error that says why; a run that cannot begin has none."""
    if refused.plan is not None:
        shell.display_pub.publish(refused.plan._repr_mimebundle_())  # type: ignore[attr-defined] # a view


def verify(shell: Any, asked: Asked) -> None:
    """Verify, show how far it is and what came of it. Raises NotTheSame, so the cell of a notebook in CI fails."""
    display = StatusLine(shell)
    try:
        found = current().verify(**asked.kwargs, progress=display)
    except KeyboardInterrupt:
        raise RunInterrupted("the fresh kernel was stopped; nothing was changed") from None
    display.final(found)
    if found.exit_code:
        raise NotTheSame(found.first or found.sentence())


def query(shell: Any, line: str, cell: str) -> Any:
    """The answer to a SELECT as a DataFrame, or None if the line names the variable for it."""
    frame = current().sql(cell)
    name = line.strip()
    if not name:
        return frame
    if not name.isidentifier():
        raise UsageFault(f"%%wf_sql takes the name of a variable, not {name!r}; the statement stands below it")
    shell.push({name: frame})
    return None


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
    """Why a run failed: each cause once, with the first one's traceback, and who was skipped for them."""
    causes: dict[tuple[str, str, str], list[TaskFailure]] = {}
    for failure in outcome.failures:
        causes.setdefault((failure.node, failure.failure.error, failure.failure.message), []).append(failure)
    alike = list(causes.values())
    lines = [_cause(failures, with_trace=index == 0) for index, failures in enumerate(alike[:_SHOWN])]
    if left := sum(map(len, alike[_SHOWN:])):
        lines.append(f"and {left} more")
    if outcome.skipped:
        lines.append(f"skipped: {_skipped(outcome.skipped)}")
    if not lines and outcome.warnings:  # its deadline came while all waited to be tried again
        return "\n".join(outcome.warnings)
    lines.append("What worked is kept. After a fix, `%wf run` does the rest.")
    if alike and alike[0][0].failure.traceback:  # a body ran, and may have printed something
        lines.append(f"`{_log(alike[0][0])}` shows what it printed.")
    return "\n".join(lines)


def _cause(failures: list[TaskFailure], *, with_trace: bool) -> str:
    """One failure, and how many others are like it."""
    first, others = failures[0], len(failures) - 1
    place = first.place
    place += f" and {numbers.plural(others, 'other item')}" if others else ""
    trace = first.failure.traceback
    if with_trace and trace:
        hint = first.failure.hint
        return f"{place} failed\n{trace.rstrip()}" + (f"\n{hint}" if hint and hint not in trace else "")
    message = first.failure.message.removeprefix(f"{first.place}: ")
    hint = f" ({first.failure.hint})" if first.failure.hint and first.failure.hint not in message else ""
    return f"{place}: {first.failure.error}: {message}{hint}"


def _skipped(skipped: Mapping[str, str]) -> str:
    names = [f"{name} (needs {cause})" for name, cause in skipped.items()]
    left = len(names) - 2 * _SHOWN
    return ", ".join(names[: 2 * _SHOWN]) + (f" and {left} more" if left > 0 else "")


def _log(failure: TaskFailure) -> str:
    item = "" if failure.item is None else f" --item {failure.item}"
    return f"%wf log {failure.node}{item}"


def _origin() -> dict[str, Any]:
    """Who asked for the run: written into its record, and parameters also tell runs apart."""
    return {
        "trigger": os.environ.get("WFKIT_TRIGGER", "notebook"),
        "notebook": os.environ.get("WFKIT_NOTEBOOK") or os.environ.get("JPY_SESSION_NAME"),
        "params": os.environ.get("WFKIT_PARAMS", "{}"),
    }


def say(text: str) -> None:
    """A line of plain text in the output of the cell."""
    sys.stdout.write(f"{text}\n")
