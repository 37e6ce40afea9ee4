"""How a value was made, as a tree: its node and definition, the call that answered, what it read, what went in.

Built level by level (one query a kind, no recursion) and cut at a depth, at wide maps and at what was told before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from wfkit.core.call import CallRecord, Cost, Message, Usage
from wfkit.core.frozen import dataclass
from wfkit.core.report import LineageStep, Question
from wfkit.core.terms import Verdict
from wfkit.store.database.origins import Made, Origins, Talk, Want

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FAN_IN = 5  # items shown of a mapped node that goes in as a whole


@dataclass(slots=True)
class _Draft:
    """A step before its inputs are steps. `run_id` is the run in which the value was used."""

    role: str
    node: str | None
    item: int | None
    digest: str
    run_id: str
    depth: int
    kind: str = "unknown"
    preview: str = ""
    made: Made | None = None
    inputs: list[_Draft] = field(default_factory=list)
    cut: bool = False


def lineage(
    cursor: DuckDBPyConnection, node: str, item: int | None, run_id: str | None, depth: int
) -> LineageStep | None:
    """The step that made the newest value of a node (or of an item, or in a run), with `depth` levels of inputs.

    None when there is no such value.
    """
    origins = Origins(cursor)
    found = origins.target(node, item, run_id)
    if found is None:
        return None
    run, at_item, digest = found
    origins.load_specs([run])
    if at_item is not None and item is None:  # the whole value of a mapped node
        top = _Draft(node, node, None, "", run, 0, kind="map")
    else:
        top = _Draft(node, node, at_item, digest, run, 0)
    drafts = _grow(origins, top, max(depth, 0))
    return _assemble(origins, drafts)


def _grow(origins: Origins, top: _Draft, depth: int) -> list[_Draft]:
    """All drafts of the tree, each after the one it goes into."""
    drafts = [top]
    told: set[tuple[str | None, str, str]] = set()
    level = [top]
    while level:
        _fill(origins, [draft for draft in level if draft.node is not None and draft.kind == "unknown"])
        following: list[_Draft] = []
        for draft in level:
            inputs = list(_inputs(origins, draft))
            place = (draft.node, draft.digest, draft.kind)
            if inputs and (draft.depth >= depth or place in told):
                draft.cut = True
                continue
            told.add(place)
            draft.inputs = inputs
            following += inputs
        drafts += following
        level = following
    return drafts


def _fill(origins: Origins, drafts: list[_Draft]) -> None:
    """Look up how the values were made."""
    wants = [Want(draft.run_id, draft.node or "", draft.digest, draft.item or 0) for draft in drafts]
    for draft, made in zip(drafts, origins.makers(wants), strict=True):
        draft.made = made
        spec = origins.specs.get(made.run_id if made else draft.run_id, {}).get(draft.node or "")
        draft.kind = spec.kind if spec is not None else draft.kind
        draft.preview = made.result.preview if made else ""


def _inputs(origins: Origins, draft: _Draft) -> Iterator[_Draft]:
    if draft.kind == "map":
        yield from _items(origins, draft)
    elif draft.kind == "item" and draft.node is not None:
        for _, digest in origins.items(draft.run_id, draft.node)[:1]:
            yield _Draft(draft.node, draft.node, None, digest, draft.run_id, draft.depth + 1)
    elif draft.made is not None:
        for name, digest in draft.made.result.inputs:
            yield _input(origins, draft, draft.made, name, digest)


def _items(origins: Origins, draft: _Draft) -> Iterator[_Draft]:
    """The first items of a mapped node; its preview says how many there are."""
    node = draft.node or ""
    found = origins.items(draft.run_id, node)
    draft.preview = f"{len(found)} items"
    draft.cut = len(found) > FAN_IN
    for item, digest in found[:FAN_IN]:
        yield _Draft(f"{node}[{item}]", node, item, digest, draft.run_id, draft.depth + 1)


def _input(origins: Origins, draft: _Draft, made: Made, name: str, digest: str) -> _Draft:
    """What went in under a name: the value of a node, all items of a mapped one, or the item itself."""
    specs = origins.specs.get(made.run_id, {})
    below = draft.depth + 1
    spec = specs.get(name)
    if spec is not None:
        kind = "map" if spec.over is not None else "unknown"
        return _Draft(name, name, None, digest, made.run_id, below, kind=kind)
    own = specs.get(made.result.node)
    over = own.over if own is not None else None
    if own is None or over is None or over not in specs:
        return _Draft(name, None, None, digest, made.run_id, below)
    item = None if own.first is None else made.task - own.first
    if specs[over].over is not None:  # a map over a map: item for item
        return _Draft(name, over, item, digest, made.run_id, below)
    return _Draft(name, over, item, digest, made.run_id, below, kind="item", preview=f"item {item} of {over}")


def _assemble(origins: Origins, drafts: list[_Draft]) -> LineageStep:
    """Steps from the last draft to the first, so that inputs are there before what they go into."""
    steps: dict[int, LineageStep] = {}
    for draft in reversed(drafts):
        inputs = tuple(steps.pop(id(each)) for each in draft.inputs)
        steps[id(draft)] = _step(origins, draft, inputs)
    return steps[id(drafts[0])]


def _step(origins: Origins, draft: _Draft, inputs: tuple[LineageStep, ...]) -> LineageStep:
    return LineageStep(
        role=draft.role,
        node=draft.node,
        item=draft.item,
        kind=draft.kind,
        digest=draft.digest,
        preview=draft.preview,
        inputs=inputs,
        cut=draft.cut,
        **(_story(origins, draft.made) if draft.made is not None else {}),
    )


def _story(origins: Origins, made: Made) -> dict[str, Any]:
    """The fields of a step that tell how its value was made."""
    result = made.result
    spec = origins.specs.get(made.run_id, {}).get(result.node)
    talk = origins.talks.get((made.run_id, made.task, made.attempt), Talk())
    return {
        "definition": result.definition or None,
        "source": origins.sources.get((result.node, result.definition)),
        "run_id": made.run_id,
        "created_at": result.created_at,
        "run_s": result.run_s,
        "model": spec.model if spec is not None else None,
        "answered_by": talk.answered_by,
        "prompt": _conversation(talk.call),
        "reply": _reply(talk.call),
        "rounds": talk.rounds,
        "cost_usd": result.spent.cost_usd,
        "call_id": talk.call_id,
        "reads": result.reads,
        "questions": tuple(_question(call, served) for call, served in talk.first if call is not None),
        "asked": talk.asked,
    }


def _question(call: CallRecord, served: bool) -> Question:
    usage, cost, failure = Usage(), Cost(), call.failure
    if call.reply is not None:
        usage, cost = call.reply.usage, call.reply.cost
    elif failure is not None and not failure.may_be_billed():
        usage, cost = Usage(0, 0), Cost(Decimal(0))
    return Question(
        model=call.request.model,
        answered_by=call.reply.model if call.reply else None,
        verdict=str(call.verdict) if call.reply else str(failure.kind if failure else Verdict.INVALID),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=cost.usd,
        served=served,
        prompt=_conversation(call) or "",
        reply=_reply(call),
        error=f"{failure.error}: {failure.message}" if failure else None,
    )


def _conversation(call: CallRecord | None) -> str | None:
    """What was asked, each message under its role."""
    if call is None:
        return None
    return "\n\n".join(map(_said, call.request.messages))


def _reply(call: CallRecord | None) -> str | None:
    """What was answered; a vector is told by its size."""
    if call is None or call.reply is None:
        return None
    if call.reply.tool_calls:
        asked = "".join(f"\n{each.name}({each.arguments})" for each in call.reply.tool_calls)
        return f"{call.reply.text}{asked}".lstrip("\n")
    if call.request.messages and call.request.messages[0].role == "embed":
        return f"(a vector of {len(call.reply.text) * 3 // 16} numbers)"
    return call.reply.text


def _said(message: Message) -> str:
    asked = "".join(f"\n{call.name}({call.arguments})" for call in message.tool_calls)
    return f"{message.role}:\n{message.content}{asked}"
