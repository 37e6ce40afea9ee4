"""Two standings held against each other: a line a node, and for the first that differs what is not the same.

Pure: both standings were made elsewhere, nothing is looked up.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from wfkit.core.secrets import redact
from wfkit.core.standing import NodeStanding, Rerun, Standing
from wfkit.keys.explain import Change, difference


class Likeness(StrEnum):
    """What came of one node."""

    EQUAL = "equal"
    DIFFERS = "differs"
    FOLLOWS = "follows"
    ABSENT = "absent"
    NEW = "new"
    NOT_REACHED = "not reached"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Line:
    """One node: how it compares, in a sentence. `changes` are of its definition; `tasks` None: not known."""

    node: str
    likeness: Likeness
    tasks: int | None
    text: str
    changes: tuple[Change, ...] = ()


BAD: Final = frozenset({Likeness.DIFFERS, Likeness.ABSENT, Likeness.NEW})
_SAME_KEY: Final = (
    "the same key has another value: its body is not deterministic, or reads something that is not in the key"
)


def compare(here: Standing, fresh: Standing, *, ended: bool = True) -> tuple[Line, ...]:
    """A line a node, those that only `here` has first, then in order of the fresh graph.

    `ended`: the notebook ran to its end, so a node that the fresh kernel does not have is in no cell.
    """
    new = {node.name: node for node in fresh.nodes}
    old = {node.name: node for node in here.nodes}
    gone = Likeness.ABSENT if ended else Likeness.NOT_REACHED
    lines: dict[str, Line] = {}
    for node in here.nodes:
        if node.name not in new:
            text = "no cell of the notebook defines it" if ended else "the notebook did not come that far"
            lines[node.name] = Line(node.name, gone, len(node.keys) or None, text)
    reruns = {rerun.node: rerun for rerun in fresh.reruns}
    for node in fresh.nodes:
        line = _line(old.get(node.name), node, lines)
        again = reruns.get(node.name)
        lines[node.name] = line if again is None else _with_rerun(line, again)
    return tuple(lines.values())


def _line(old: NodeStanding | None, new: NodeStanding, lines: Mapping[str, Line]) -> Line:
    tasks = len(new.keys) or (len(old.keys) if old is not None else 0) or None
    if old is None:
        return Line(new.name, Likeness.NEW, tasks, "only the notebook has it: it never ran here")
    if problem := new.problem or old.problem:
        return Line(new.name, Likeness.UNKNOWN, tasks, problem)
    if old.definition != new.definition:
        changes = difference(old.parts, new.parts)
        what = ", ".join(change.path for change in changes[:3]) or "its definition"
        return Line(new.name, Likeness.DIFFERS, tasks, f"not the same: {what}", changes)
    if old.keys and old.keys == new.keys:
        return _same_keys(old, new, tasks)
    return _other_keys(old, new, lines, tasks)


def _same_keys(old: NodeStanding, new: NodeStanding, tasks: int | None) -> Line:
    if old.kind == "input" and old.values != new.values:
        return _other_input(old, new)
    pairs = list(zip(old.values, new.values, strict=True))
    other = [at for at, (left, right) in enumerate(pairs) if left and right and left != right]
    if other:
        reads = _reads(old, new)
        text = f"the same key has another value, because {reads}" if reads else _SAME_KEY
        return Line(new.name, Likeness.DIFFERS, tasks, f"{_place(new, other)}{text}")
    if not new.keys or any(left is None or right is None for left, right in pairs):
        where = "it has no value in the fresh kernel" if any(value is None for value in new.values) else "no value here"
        return Line(new.name, Likeness.EQUAL, tasks, f"the same key; {where}" if new.keys else "no key yet")
    return Line(new.name, Likeness.EQUAL, tasks, "")


def _other_keys(old: NodeStanding, new: NodeStanding, lines: Mapping[str, Line], tasks: int | None) -> Line:
    if new.kind == "input":
        return _other_input(old, new)
    causes = [dep for dep in new.deps if dep in lines and lines[dep].likeness is not Likeness.EQUAL]
    if causes:
        return Line(new.name, Likeness.FOLLOWS, tasks, f"because of {', '.join(causes)}")
    if not new.keys:
        return Line(new.name, Likeness.NOT_REACHED, tasks, "it was not run, so its key is not known")
    if not old.keys:
        return Line(new.name, Likeness.NEW, tasks, "it has not run here")
    if len(old.keys) != len(new.keys):
        return Line(
            new.name, Likeness.DIFFERS, tasks, f"{len(old.keys):,} items here, {len(new.keys):,} in the fresh kernel"
        )
    other = [at for at, (left, right) in enumerate(zip(old.keys, new.keys, strict=True)) if left != right]
    return Line(new.name, Likeness.DIFFERS, tasks, f"{_place(new, other)}what goes in is not the same")


def _other_input(old: NodeStanding, new: NodeStanding) -> Line:
    return Line(
        new.name, Likeness.DIFFERS, 1, "the variable has another value", tuple(difference(old.parts, new.parts))
    )


def _place(node: NodeStanding, items: list[int]) -> str:
    if not node.mapped or not items:
        return ""
    return f"item {items[0]}{f' and {len(items) - 1:,} more' if len(items) > 1 else ''}: "


def _reads(old: NodeStanding, new: NodeStanding) -> str:
    """What both read with another content, in words."""
    before = {(kind, name): digest for kind, name, digest in old.reads}
    names = [name for kind, name, digest in new.reads if before.get((kind, name), digest) != digest]
    return f"{', '.join(names[:3])} is not what it was" if names else ""


def _with_rerun(line: Line, again: Rerun) -> Line:
    """A line with what came of running bodies again; a fault of that is no difference by itself."""
    if line.likeness in BAD:
        return line
    tried = f"{again.tasks:,} {'body' if again.tasks == 1 else 'bodies'} run again"
    if again.fault is not None:
        return replace(line, likeness=Likeness.UNKNOWN, text=f"could not be run again: {again.fault}")
    if not again.changed:
        return replace(line, text="; ".join(filter(None, (line.text, f"{tried}: the same value"))))
    place = "" if again.item is None else f"item {again.item}: "
    share = "" if again.tasks == 1 else f" ({again.changed:,} of {again.tasks:,} tasks)"
    text = f"{place}the same key gives another value when its body is run again{share}; {_cause(again)}"
    diff = "\n".join(_sides(again))
    return replace(line, likeness=Likeness.DIFFERS, text=text, changes=(Change(again.node, "value", diff),))


def _cause(again: Rerun) -> str:
    if again.suspects:
        files = ", ".join(again.suspects)
        return f"changed since, and not seen as read: {files} (write their path out in the body)"
    return "a clock, chance, the network or an undeclared file is in it, none of which is in the key"


def _sides(again: Rerun) -> Iterator[str]:
    for sign, text in (("-", again.before), ("+", again.after)):
        yield from (f"{sign}{each}" for each in redact(text, os.environ).splitlines()[:20] or [""])
    if again.before == again.after:
        yield " (they look the same when shortened, but their contents differ)"
