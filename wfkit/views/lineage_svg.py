"""Draws the steps that made a value from left to right, as cards with name, kind and role.

Equal values under equal names are one card. Positions come from `layout`, lines from `wires`.
"""

from __future__ import annotations

from typing import Final

from wfkit.core.report import LineageStep
from wfkit.views import columns, numbers, pieces
from wfkit.views.layout import layered
from wfkit.views.markup import Markup, tag
from wfkit.views.wires import Frame, arrow, wire

_DRAWN: Final = 40
_WIDE: Final = 168.0
_HIGH: Final = 44.0
_FRAME: Final = Frame(_WIDE, _HIGH, 12.0, 40.0, right=True)


def place(step: LineageStep) -> str:
    """The value's place: `classify[17]`, or its role where no node made it."""
    name = step.node or step.role or step.kind
    return name if step.item is None else f"{name}[{step.item}]"


def vertices(step: LineageStep) -> tuple[list[LineageStep], list[list[int]]]:
    """The steps nearest to the value, inputs first and the value last, at most 40; and for each the positions of its
    inputs.
    """
    nearest: dict[tuple[str, str], LineageStep] = {}
    rank: dict[tuple[str, str], int] = {}
    queue = [(0, step)]
    for depth, current in queue:  # grows while it is read: breadth first
        key = _key(current)
        if key not in nearest and len(nearest) >= _DRAWN:
            continue
        if rank.get(key, -1) < depth:
            nearest.setdefault(key, current)
            rank[key] = depth
            queue.extend((depth + 1, below) for below in current.inputs[:_DRAWN])
    order = sorted(nearest, key=lambda key: -rank[key])
    at = {key: number for number, key in enumerate(order)}
    deps = [
        sorted({at[_key(below)] for below in nearest[key].inputs if at.get(_key(below), len(at)) < at[key]})
        for key in order
    ]
    return [nearest[key] for key in order], deps


def _key(step: LineageStep) -> tuple[str, str]:
    return place(step), step.digest


def shown(step: LineageStep) -> int:
    """How many steps of the tree the cards stand for."""
    kept = {_key(one) for one in vertices(step)[0]}
    stack, found = [step], 0
    while stack:
        current = stack.pop()
        found += _key(current) in kept
        stack.extend(current.inputs)
    return found


def draw(step: LineageStep) -> Markup:
    """The graph of the steps that made a value; the value stands at the right."""
    steps, deps = vertices(step)
    layout = layered(deps)
    wires = [wire(_FRAME, bend) for bend in layout.bends.values()]
    heads = [arrow(_FRAME, bend[-1]) for bend in layout.bends.values()]
    lines = tag("g", *wires, fill="none", stroke="var(--wf-muted)", stroke_opacity="0.55", stroke_width="1.3")
    cards = []
    for one, point in zip(steps, layout.points, strict=True):
        x, y = _FRAME.at(point)
        cards.append(_card(one, x - _WIDE / 2, y - _HIGH / 2, final=one is steps[-1]))
    width, height = _FRAME.size(layout)
    title = f"How {columns.cut_middle(place(step), 60)} was made, in {numbers.plural(len(steps), 'step')}"
    return pieces.drawing(width, height, title, lines, tag("g", *heads, fill="var(--wf-muted)"), *cards)


def _card(step: LineageStep, x: float, y: float, *, final: bool) -> Markup:
    css = "wf-running" if final else "wf-cached"
    facts = step.answered_by or step.model or step.kind
    box = tag(
        "rect", x=0.5, y=0.5, width=_WIDE - 1, height=_HIGH - 1, rx=6, fill="var(--wf-page)", stroke="var(--wf-line)"
    )
    strip = tag("rect", x=0.5, y=0.5, width=4, height=_HIGH - 1, rx=2, class_=css)
    name = tag("text", columns.cut_middle(place(step), 20), x=14, y=18, class_="wf-name")
    below = tag("text", columns.cut(facts, 25), x=14, y=34, class_="wf-muted")
    title = tag("title", columns.cut(f"{step.role or place(step)}: {place(step)}, {step.kind}", 200))
    return tag("g", title, box, strip, name, below, transform=f"translate({x:.1f} {y:.1f})")
