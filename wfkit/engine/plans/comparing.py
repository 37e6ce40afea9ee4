"""What changed between a result and what a node is given now: its definition, and its inputs by value.

Both as paths and unified diffs. Values are loaded for this alone; one that is large or lost is told by its preview.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from wfkit.core.frozen import dataclass
from wfkit.core.promises import Store
from wfkit.core.report import LineageStep
from wfkit.core.terms import NodeKind
from wfkit.define.each import items_of
from wfkit.engine.plans.planning import Walk
from wfkit.engine.preparing.prepare import ReadyNode
from wfkit.engine.preparing.values import Values
from wfkit.engine.preview import preview
from wfkit.errors import ValueFault
from wfkit.keys.explain import difference
from wfkit.store.secrets import Secrets

_SECRETS = Secrets()
Change = tuple[str, str, str]  # path, what happened to it, unified diff
_LINES = 24  # of the diff of a value
_PARTS = 2_000  # elements of a list, lines of a table
_WIDE = 72


@dataclass(frozen=True, slots=True)
class Input:
    """Something that goes into a task: the digest of its value, and the value as lines of text."""

    digest: str
    lines: Sequence[str]


def definition_changes(store: Store, old: str, ready: ReadyNode) -> tuple[Change, ...]:
    """What is new in the definition since the one with this digest; nothing if its text is not there any more."""
    if not old or old == ready.definition.digest:
        return ()
    found = store.definition(old)
    parts = found.parts if found is not None else ()
    found_now = difference(parts, ready.definition.parts)
    return tuple((change.path, change.kind, _SECRETS.redact(change.diff)) for change in found_now)


def given_now(walk: Walk, values: Values, n: int, item: int) -> dict[str, Input]:
    """What would go into a task: the item, by its place, and what all tasks of the node share."""
    ready, resolver = walk.prepared.ready[n], walk.resolver
    found = {}
    for name, digest in resolver.shared.get(n, ()):
        dep = walk.prepared.graph.position[name]
        whole = walk.value_of(dep)
        if whole is not None and whole.items is not None:
            found[name] = Input(digest, [f"{len(whole.items)} items"])
            continue
        below = walk.prepared.ready[dep].node
        at_hand = below.kind is NodeKind.INPUT
        found[name] = Input(digest, text_of(below.value) if at_hand else _loaded(values, digest))
    each = ready.node.each
    if each is not None and n in resolver.item_keys:
        digest = resolver.item_keys[n][item]
        plain = resolver.items.get(n)
        found[each.item] = Input(digest, _loaded(values, digest) if plain is None else text_of(plain[item]))
    return found


def given_then(store: Store, values: Values, name: str, item: int | None, run_id: str) -> dict[str, Input] | None:
    """What went into a task in a run, None if that is not known."""
    step = store.lineage(name, item, run_id, 2)
    if step is None:
        return None
    return {below.role: Input(below.digest, _lines_then(values, below, item)) for below in step.inputs}


def _lines_then(values: Values, below: LineageStep, item: int | None) -> list[str]:
    """A value that went in. An item of a plain list is not stored by itself: it is taken from the list."""
    if below.kind != "item" or item is None or not below.inputs:
        return _loaded(values, below.digest, below.preview)
    try:
        return text_of(items_of(values.get(below.inputs[0].digest))[item])
    except (ValueFault, IndexError):
        return [below.preview]


def input_changes(node: str, old: Mapping[str, Input], new: Mapping[str, Input]) -> tuple[Change, ...]:
    """Inputs whose value is another, with both digests and a diff of the values."""
    changes: list[Change] = []
    for name, now in new.items():
        was = old.get(name)
        path = f"{node} -> input {name}"
        if was is None:
            changes.append((path, f"added, {now.digest[:8]}", _diff([], now.lines)))
        elif was.digest != now.digest:
            changes.append((path, f"changed from {was.digest[:8]} to {now.digest[:8]}", _diff(was.lines, now.lines)))
    gone = [name for name in old if name not in new]
    return (*changes, *((f"{node} -> input {name}", "removed", _diff(old[name].lines, [])) for name in gone))


def text_of(value: Any) -> list[str]:
    """A value as lines that can be compared: elements, items, rows; what is larger as its preview."""
    if isinstance(value, str):
        return _SECRETS.redact(value).splitlines()[:_PARTS] or [""]
    if isinstance(value, (list, tuple)) and 0 < len(value) <= _PARTS:
        return [preview(part) if isinstance(part, str) else preview(part).replace("\n", " ") for part in value]
    if isinstance(value, dict) and 0 < len(value) <= _PARTS:
        return [f"{key!r}: {preview(part)}" for key, part in value.items()]
    if hasattr(value, "to_csv") and hasattr(value, "columns") and 0 < len(value) <= _PARTS:
        return [preview(value), *str(value.to_csv(index=False)).splitlines()]
    return preview(value).splitlines() or [""]


def _loaded(values: Values, digest: str, otherwise: str = "?") -> list[str]:
    try:
        return text_of(values.get(digest))
    except ValueFault:
        return otherwise.splitlines() or ["?"]


def _diff(old: Sequence[str], new: Sequence[str]) -> str:
    """A unified diff without headers and secrets. Long lines are cut to where they begin to differ."""
    old, new = _without_secrets(old), _without_secrets(new)
    if list(old) == list(new):
        return f" {new[0][:_WIDE] if new else ''}\n (it looks the same when shortened, but its content differs)"
    if len(old) == len(new):
        pairs = [_focused(one, other) for one, other in zip_longest(old, new, fillvalue="")]
        old, new = [one for one, _ in pairs], [other for _, other in pairs]
    lines = [line for line in difflib.unified_diff(old, new, lineterm="", n=1) if line[:3] not in ("---", "+++")]
    shown = [line for line in lines if not line.startswith("@@")]
    left = len(shown) - _LINES
    return "\n".join([*shown[:_LINES], *([f" … {left} more lines"] if left > 0 else [])])


def _without_secrets(lines: Sequence[str]) -> list[str]:
    """A secret may stand on several lines."""
    return _SECRETS.redact("\n".join(lines)).split("\n") if lines else []


def _focused(old: str, new: str) -> tuple[str, str]:
    """Both lines from a little before they begin to differ, if they are too long to show the difference."""
    if old == new or max(len(old), len(new)) <= _WIDE:
        return old, new
    same = next((i for i, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), 0)
    start = max(0, min(same, len(old), len(new)) - 20)
    mark = "…" if start else ""
    return f"{mark}{old[start : start + _WIDE]}", f"{mark}{new[start : start + _WIDE]}"
