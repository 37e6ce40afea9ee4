"""An entry of a journal as rows of the projection: which table, which columns.

A pure function of one entry, so the order of folding cannot matter. Times are microseconds here and become TIMESTAMP
when they are inserted. No SQL and no files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from wfkit.core import events as e
from wfkit.core.call import CallRecord, Cost, Failure, Usage
from wfkit.core.columns import Items, cut
from wfkit.core.result import Result

Row = dict[str, Any]
Place = dict[str, Any]
Tables = dict[str, list[Row]]
_NO_USAGE, _NO_COST = Usage(), Cost()


def micros(at: float | None) -> int | None:
    """Unix seconds as whole microseconds, the precision of a TIMESTAMP."""
    return None if at is None else round(at * 1e6)


def add_rows(tables: Tables, journal_id: str, entry: e.Entry) -> None:
    """Append the rows of an entry to lists by table name."""
    place = {"journal_id": journal_id, "run_id": entry.run_id, "epoch": entry.epoch, "seq": entry.seq}
    for table, rows in _MAKERS[type(entry.event)](place, entry.event):
        tables.setdefault(table, []).extend(rows)


def weight(entry: e.Entry) -> int:
    """About how many rows an entry gives."""
    match entry.event:
        case e.SliceSucceeded(tasks=tasks) | e.ItemsSucceeded(tasks=tasks):
            return len(tasks) + 1
        case e.Resolved(keys=many) | e.RunStarted(nodes=many):
            return len(many) + 1
    return 1


Made = Iterator[tuple[str, list[Row]]]
_RUN = dict.fromkeys(
    ("workflow", "targets", "graph", "seed", "trigger", "params", "notebook", "owner", "estimate", "idle_s")
)


def _run_started(place: Place, event: e.RunStarted) -> Made:
    run = {
        "workflow": event.workflow, "targets": event.targets, "graph": event.graph, "seed": event.seed,
        "trigger": event.trigger, "params": event.params, "notebook": event.notebook, "owner": None,
        "estimate": event.estimate, "idle_s": None,
    }  # fmt: skip
    yield "runs", [place | run | {"status": "running", "at": micros(event.at)}]
    yield "nodes", [place | _node(position, spec) for position, spec in enumerate(event.nodes)]


def _node(position: int, spec: e.NodeSpec) -> Row:
    return {
        "node": position, "name": spec.name, "kind": spec.kind, "deps": spec.deps, "over": spec.over,
        "definition": spec.definition, "model": spec.model, "pool": spec.pool, "priority": spec.priority,
        "timeout_s": spec.timeout_s, "retries": spec.retry.retries, "on_error": spec.on_error,
    }  # fmt: skip


def _run_ended(place: Place, event: e.RunEnded) -> Made:
    yield "runs", [place | _RUN | {"status": event.status, "at": micros(event.at)}]


def _adopted(place: Place, event: e.Adopted) -> Made:
    epoch = {
        "epoch": event.epoch,
        "status": "running",
        "at": micros(event.at),
        "owner": event.by,
        "idle_s": event.idle_s,
    }
    yield "runs", [place | _RUN | epoch]


def _defined(place: Place, event: e.NodeDefined) -> Made:
    text = {
        "at": micros(event.at), "node": event.node, "definition": event.definition, "kind": event.kind,
        "source": event.source, "options": event.options, "parts": event.parts,
    }  # fmt: skip
    yield "definitions", [place | text]


_UNRESOLVED = {
    "state": "failed", "tasks": 0, "saved_usd": "0", "saved_s": 0.0, "from_run": None, "because": None, "error": None,
    "message": None, "sample_of": None, "sample_seed": None,
}  # fmt: skip


def _resolved(place: Place, event: e.Resolved) -> Made:
    at = {"at": micros(event.at), "node": event.node}
    books: Row = {"saved_usd": event.saved_usd, "saved_s": event.saved_s, "from_run": event.from_run}
    if event.sample is not None:
        books |= {"sample_of": event.sample.total, "sample_seed": event.sample.seed}
    yield "resolutions", [place | _UNRESOLVED | at | books | {"state": "resolved", "tasks": len(event.keys)}]
    yield "tasks", [place | at | {"reason": event.reasons, "key": event.keys, "digest": event.values}]
    if event.labels or event.made_by or event.sample is not None:
        yield "map_items", list(_told_items(place, event))


def _told_items(place: Place, event: e.Resolved) -> Iterator[Row]:
    picked = event.sample.picked if event.sample is not None else range(len(event.keys))
    for item, position in enumerate(picked):
        yield {
            **place, "node": event.node, "item": item, "position": position,
            "label": event.labels[item] if event.labels else None,
            "digest": event.items[item] if event.items else None,
            "made_by": event.made_by[item] if event.made_by else None,
        }  # fmt: skip


def _skipped(place: Place, event: e.Skipped) -> Made:
    at = {"at": micros(event.at), "node": event.node, "state": "skipped", "because": event.because}
    yield "resolutions", [place | _UNRESOLVED | at]


def _unresolvable(place: Place, event: e.Unresolvable) -> Made:
    error = {"error": event.failure.error, "message": event.failure.message}
    yield "resolutions", [place | _UNRESOLVED | error | {"at": micros(event.at), "node": event.node}]


_WENT_WELL = dict.fromkeys(("error_kind", "error", "message", "failure", "retry_at", "outputs"))


def _attempt(place: Place, tasks: range, attempt: int, state: str, at: float) -> Row:
    span = {"at": micros(at), "task": tasks.start, "tasks": len(tasks), "attempt": attempt, "state": state}
    return {**place, **_WENT_WELL, **span}


def spans(tasks: Sequence[int]) -> Iterator[range]:
    """The numbers as ranges of consecutive ones, in their order."""
    start = end = None
    for task in tasks:
        if task != end:
            if start is not None and end is not None:
                yield range(start, end)
            start = task
        end = task + 1
    if start is not None and end is not None:
        yield range(start, end)


def _dispatched(place: Place, event: e.Dispatched) -> Made:
    yield "attempts", [_attempt(place, span, event.attempt, "running", event.at) for span in spans(event.tasks)]


def _succeeded(place: Place, event: e.Succeeded) -> Made:
    row = _attempt(place, range(event.task, event.task + 1), event.attempt, "success", event.at)
    yield "attempts", [row if event.failure is None else row | _error(event.failure) | {"failure": event.failure}]
    yield "results", [_result(place, event.task, event.attempt, event.result)]


def _items_succeeded(place: Place, event: e.ItemsSucceeded) -> Made:
    yield "attempts", [_attempt(place, span, event.attempt, "success", event.at) for span in spans(event.tasks)]
    columns = zip(event.tasks, event.results, strict=True)
    yield "results", [_result(place, task, event.attempt, result) for task, result in columns]


def _slice_succeeded(place: Place, event: e.SliceSucceeded) -> Made:
    yield "attempts", [_attempt(place, span, event.attempt, "success", event.at) for span in spans(event.tasks)]
    yield "items", [_items(place, event.tasks, event.attempt, event.items)]


def _items(place: Place, tasks: Sequence[int], attempt: int, items: Items) -> Row:
    """A row of columns: `spread` makes rows of results of it. A column of nothing is None."""
    outputs, previews = dict(items.outputs), dict(items.previews)
    return {
        **place, "attempt": attempt, "node": items.node, "definition": items.definition, "task": tasks,
        "key": cut(items.keys) or [""] * len(tasks), "digest": cut(items.digests),
        "codec": items.codecs * len(tasks) if len(items.codecs) == 1 else items.codecs,
        "payload": cut(items.payloads), "size": items.sizes, "inline": items.inlines, "item": items.item,
        "input": cut(items.inputs), "shared": items.shared,
        "reads": [[(read.kind, read.name, read.digest) for read in reads] for reads in items.reads],
        "read_of": items.read_of or ([0] * len(tasks) if items.reads else None),
        "preview": [previews.get(i) for i in range(len(tasks))] if previews else None,
        "outputs": [
            [(out.stream, out.mime, out.data) for out in outputs.get(i, ())] for i in range(len(tasks))
        ] if outputs else None,
        "run_s": items.run_s, "cacheable": items.cacheable, "created_at": round(items.created_at * 1e6),
        "escaped": False,
    }  # fmt: skip


def _result(place: Place, task: int, attempt: int, result: Result) -> Row:
    value, spent = result.value, result.spent
    return {
        **place, "task": task, "attempt": attempt, "key": result.key, "node": result.node,
        "definition": result.definition, "digest": value.digest, "codec": value.codec, "payload": value.payload,
        "size": value.size, "inline": value.inline, "inputs": result.inputs,
        "reads": [(read.kind, read.name, read.digest) for read in result.reads] if result.reads else (),
        "preview": result.preview,
        "outputs": [(out.stream, out.mime, out.data) for out in result.outputs] if result.outputs else (),
        "run_s": result.run_s, "cost_usd": spent.cost_usd, "spent": spent if spent.calls else None,
        "cacheable": result.cacheable, "created_at": round(result.created_at * 1e6), "escaped": False,
    }  # fmt: skip


def _failed(place: Place, event: e.Failed) -> Made:
    row = _attempt(place, range(event.task, event.task + 1), event.attempt, "failed", event.at)
    outputs = [(out.stream, out.mime, out.data) for out in event.outputs]
    end = {"failure": event.failure, "retry_at": micros(event.retry_at), "outputs": outputs}
    yield "attempts", [row | _error(event.failure) | end]


def _error(failure: Failure | None) -> Row:
    if failure is None:
        return {"error_kind": None, "error": None, "message": None}
    return {"error_kind": failure.kind, "error": failure.error, "message": failure.message}


def _call_started(place: Place, event: e.CallStarted) -> Made:
    started = {
        "at": micros(event.at), "task": event.task, "attempt": event.attempt, "call_id": event.call_id,
        "state": "started", "request_digest": event.request_digest, "request_model": event.model,
        "started_at": micros(event.at), "served": False, "worst_usd": event.worst_usd, "escaped": False,
    }  # fmt: skip
    yield "calls", [_UNKNOWN_CALL | place | started]


def _call_ended(place: Place, event: e.CallEnded) -> Made:
    ended = {
        "at": micros(event.at),
        "task": event.task,
        "attempt": event.attempt,
        "state": "ended",
        "worst_usd": event.call.worst_usd,
    }
    # What the call log served stands there already, under the same request digest.
    record = {"served": event.served, "record": None if event.served else event.call, "escaped": False}
    yield "calls", [place | ended | record | _call(event.call) | _error(event.call.failure)]


def _call(call: CallRecord) -> Row:
    reply = call.reply
    usage, cost = (reply.usage, reply.cost) if reply else (_NO_USAGE, _NO_COST)
    return {
        "call_id": call.call_id, "request_digest": call.request_digest, "provider": call.provider,
        "request_model": call.request.model, "response_model": reply and reply.model,
        "started_at": micros(call.started_at), "ended_at": micros(call.ended_at), "verdict": call.verdict,
        "round": call.round, "part": call.part,
        "input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens,
        "cache_read_input_tokens": usage.cache_read_input_tokens,
        "cache_write_input_tokens": usage.cache_write_input_tokens,
        "reasoning_output_tokens": usage.reasoning_output_tokens, "usage_source": usage.source,
        "cost_usd": cost.usd, "input_cost_usd": cost.input_usd, "output_cost_usd": cost.output_usd,
        "cost_source": cost.source, "finish_reason": reply and reply.finish_reason,
        "unanswered": call.failure is not None and call.failure.may_be_billed(),
    }  # fmt: skip


_CALL = (
    "call_id", "state", "request_digest", "provider", "request_model", "response_model", "started_at", "ended_at",
    "verdict", "round", "served", "input_tokens", "output_tokens", "cache_read_input_tokens",
    "cache_write_input_tokens", "reasoning_output_tokens", "usage_source", "cost_usd", "input_cost_usd",
    "output_cost_usd", "cost_source", "finish_reason", "error_kind", "error", "message", "record", "part", "worst_usd",
    "unanswered",
)  # fmt: skip
_UNKNOWN_CALL = dict.fromkeys(_CALL)


def _guard_decided(place: Place, event: e.GuardDecided) -> Made:
    made = event.decision
    told = {
        "at": micros(event.at), "task": event.task, "attempt": event.attempt, "guard": made.guard,
        "about": made.about, "act": made.act, "reason": made.reason, "waited_s": made.waited_s, "escaped": False,
    }  # fmt: skip
    yield "decisions", [place | told]


_CALLED = ("result", "error", "run_s", "problem", "idempotency_key")
_UNKNOWN_TOOL: Row = {**dict.fromkeys(_CALLED), "reads": [], "served": False, "escaped": False}


def _tool(event: e.ToolStarted | e.ToolEnded, state: str) -> Row:
    return {
        **_UNKNOWN_TOOL, "at": micros(event.at), "state": state, "task": event.task, "attempt": event.attempt,
        "turn": event.turn, "place": event.place, "tool": event.tool, "arguments": event.arguments,
    }  # fmt: skip


def _tool_started(place: Place, event: e.ToolStarted) -> Made:
    yield "tools", [place | _tool(event, "started") | {"idempotency_key": event.idempotency_key}]


def _tool_ended(place: Place, event: e.ToolEnded) -> Made:
    reads = [(read.kind, read.name, read.digest) for read in event.reads]
    ended = {"result": event.result, "error": event.error, "run_s": event.run_s, "problem": event.problem}
    yield "tools", [place | _tool(event, "ended") | ended | {"reads": reads, "served": event.served}]


def _forgotten(place: Place, event: e.Forgotten) -> Made:
    yield "forgotten", [{**place, "at": micros(event.at), "node": event.node, "key": key} for key in event.keys]


def _not_kept(place: Place, event: e.NotKept) -> Made:
    told = {
        "at": micros(event.at), "node": event.node, "definition": event.definition, "reason": event.reason,
        "message": event.message, "of_run": event.run_id, "escaped": False,
    }  # fmt: skip
    yield "not_kept", [{**place, **told, "key": key} for key in event.keys]


_MAKERS: dict[type, Callable[[Place, Any], Made]] = {
    e.RunStarted: _run_started,
    e.NodeDefined: _defined,
    e.Resolved: _resolved,
    e.Dispatched: _dispatched,
    e.Succeeded: _succeeded,
    e.SliceSucceeded: _slice_succeeded,
    e.ItemsSucceeded: _items_succeeded,
    e.Failed: _failed,
    e.Skipped: _skipped,
    e.Unresolvable: _unresolvable,
    e.CallStarted: _call_started,
    e.CallEnded: _call_ended,
    e.ToolStarted: _tool_started,
    e.ToolEnded: _tool_ended,
    e.GuardDecided: _guard_decided,
    e.RunEnded: _run_ended,
    e.Adopted: _adopted,
    e.Forgotten: _forgotten,
    e.NotKept: _not_kept,
}
