"""What bodies printed and displayed, and how they failed: a node's newest run, per task, after a cache hit too.

Read from the log of the run and from stored results; nothing is captured here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from wfkit.core.apply import replay
from wfkit.core.call import Reply, Request
from wfkit.core.events import CallEnded, Entry, Event, Failed, GuardDecided, Succeeded
from wfkit.core.frozen import dataclass
from wfkit.core.graph import near
from wfkit.core.promises import Store
from wfkit.core.result import Output
from wfkit.core.run import Run
from wfkit.core.terms import NodeKind, TaskState, Verdict
from wfkit.engine.preview import shortened
from wfkit.errors import UsageFault

_SEARCHED: Final = 20  # runs
_CALLS: Final = 50  # of a task


@dataclass(frozen=True, slots=True)
class TaskLog:
    """The output of one task; `error` is its traceback or message if it failed. `item` is None for a node that is
    not mapped."""

    node: str
    item: int | None
    state: str
    outputs: tuple[Output, ...]
    error: str | None = None


def _run_with(store: Store, node: str, run_id: str | None) -> tuple[list[Entry], Run, int]:
    """The newest run with this node (another notebook on the store, or `run OTHER`, may have run since), and its
    position there."""
    ids = [run_id] if run_id is not None else [row.run_id for row in store.runs(_SEARCHED)]
    if not ids:
        raise UsageFault("this store holds no run yet")
    names: list[str] = []
    for each in ids:
        entries = store.entries(each)
        run = replay(entries)
        found = [spec.name for spec in run.specs]
        if node in found:
            return entries, run, found.index(node)
        names += found
    where = "that run" if run_id is not None else "the newest runs"
    raise UsageFault(f"no node of {where} is named {node!r}{near(node, names)}")


def task_logs(store: Store, node: str, item: int | None = None, run_id: str | None = None) -> list[TaskLog]:
    """Logs of the tasks of a node in the newest run that had it, or the run named. Raises UsageFault for an unknown
    node, item or run."""
    entries, run, n = _run_with(store, node, run_id)
    failed = {entry.event.task: entry.event for entry in entries if isinstance(entry.event, Failed)}
    asked = _told([entry.event for entry in entries], at_least=2 if run.specs[n].kind is NodeKind.PROMPT else 1)
    mapped = run.specs[n].over is not None
    tasks = run.tasks(n)
    if item is not None:
        if not 0 <= item < len(tasks):
            raise UsageFault(f"node {node!r} has items 0 to {len(tasks) - 1}, not {item}")
        tasks = tasks[item : item + 1]
    logs = []
    for task in tasks:
        number = task - run.first[n] if mapped else None
        if run.state[task] is TaskState.FAILED and task in failed:
            event = failed[task]
            text = event.failure.traceback or f"{event.failure.error}: {event.failure.message}"
            logs.append(TaskLog(node, number, run.state[task], (*asked.get(task, ()), *event.outputs), text))
            continue
        result = store.result(run.key[task] or "")
        outputs = result.outputs if result is not None else _unkept(entries, task)
        logs.append(TaskLog(node, number, run.state[task], (*asked.get(task, ()), *outputs)))
    return logs


def _unkept(entries: Sequence[Entry], task: int) -> tuple[Output, ...]:
    """What a task printed whose result is not in the store: it could not be cached."""
    found = [entry.event for entry in entries if isinstance(entry.event, Succeeded) and entry.event.task == task]
    return found[-1].result.outputs if found else ()


def _told(events: Sequence[Event], at_least: int) -> dict[int, tuple[Output, ...]]:
    """What is to be said of the calls of each task: what models answered, what guards decided."""
    asked, held = _asked(events, at_least), _held(events)
    return {task: (*asked.get(task, ()), *held.get(task, ())) for task in asked | held}


def _held(events: Sequence[Event]) -> dict[int, tuple[Output, ...]]:
    """What guards did to the calls of each task."""
    lines: dict[int, list[str]] = {}
    for event in events:
        if isinstance(event, GuardDecided):
            made = event.decision
            waited = "" if made.waited_s is None else f" {made.waited_s:.1f} s"
            told = f"attempt {event.attempt}, {made.guard} of {made.about}: {made.act}{waited}: {made.reason}"
            lines.setdefault(event.task, []).append(told)
    return {task: (Output("guards", "text/plain", "\n".join(told) + "\n"),) for task, told in lines.items()}


def _asked(events: Sequence[Event], at_least: int) -> dict[int, tuple[Output, ...]]:
    """What each model was asked and answered, for the tasks that took at least so many lines. Of a prompt whose one
    question was answered there is nothing to tell."""
    lines: dict[int, list[str]] = {}
    for event in events:
        if isinstance(event, CallEnded) and not event.call.part:
            lines.setdefault(event.task, []).append(f"attempt {event.attempt}, {_answered(event)}")
        elif isinstance(event, Failed) and event.retry_at is not None and event.task in lines:
            failed = shortened(event.failure.message.split("\n", maxsplit=1)[0])
            lines[event.task].append(f"attempt {event.attempt} failed: {event.failure.kind}: {failed}")
    return {
        task: (Output("models", "text/plain", "\n".join(_some(told)) + "\n"),)
        for task, told in lines.items()
        if len(told) >= at_least
    }


def _some(told: list[str]) -> list[str]:
    """The first lines; of the others how many there are."""
    left = len(told) - _CALLS
    return [*told[:_CALLS], f"and {left:,} more: all calls are in the table calls_latest"] if left > 0 else told


def _answered(event: CallEnded) -> str:
    call = event.call
    asked = shortened(call.request.messages[-1].content) if call.request.messages else ""
    if call.failure is not None:
        failed = shortened(call.failure.message.split("\n", maxsplit=1)[0])
        return f"{call.request.model}: {call.failure.kind}: {failed}; it was asked: {asked}"
    assert call.reply is not None  # one of both is there
    model = call.reply.model
    name = model if model == call.request.model else f"{call.request.model} ({model})"
    said = "called tools" if call.reply.tool_calls else "answered"
    said += "" if call.verdict is Verdict.VALID else f", {call.verdict}"
    return f"{name}: {said}{_took(event)}: {asked} → {_reply(call.request, call.reply)}"


def _took(event: CallEnded) -> str:
    """` (12 in, 3 out, $0.0001)`; what the call log served cost nothing."""
    if event.served:
        return " (from the call log)"
    assert event.call.reply is not None  # told of answers only
    usage, usd = event.call.reply.usage, event.call.reply.cost.usd
    tokens = (("in", usage.input_tokens), ("out", usage.output_tokens))
    counted = ", ".join(f"{'?' if count is None else format(count, ',')} {name}" for name, count in tokens)
    return f" ({counted}, {'?' if usd is None else f'${usd.normalize():f}'})"


def _reply(request: Request, reply: Reply) -> str:
    if reply.tool_calls:
        return shortened(" ".join(f"{call.name}({call.arguments})" for call in reply.tool_calls))
    if request.messages and request.messages[0].role == "embed":
        return "a vector"
    return shortened(reply.text)
