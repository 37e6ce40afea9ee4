"""Draws a graph as static SVG: cards with name, time, cost and a progress bar; small marks where there are many nodes.

The picture runs down or to the right, whichever stays larger on the page. Positions come from `layout`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from wfkit.core.report import NodeRow
from wfkit.core.terms import NodeKind, TaskState
from wfkit.views import columns, numbers, pieces, tally, theme
from wfkit.views.layout import Layout, layered
from wfkit.views.markup import Markup, join, tag
from wfkit.views.wires import Frame, arrow, wire

_CARDS: Final = 60
_PAGE: Final = 860.0  # the width of an output in JupyterLab at a usual window
_WIDE: Final = 180.0
_LEFT: Final = 30.0
_RIGHT: Final = 170.0


def draw(rows: Sequence[NodeRow], deps: Sequence[Sequence[int]]) -> Markup:
    """The graph of these nodes; `deps[i]` are the positions that row i needs."""
    layout = layered(deps)
    cards = len(rows) <= _CARDS
    frame = _frame(layout, cards=cards, mapped=any(row.mapped and row.tasks for row in rows))
    edges = [wire(frame, points, dashed=_dead(rows[dep])) for (dep, _), points in layout.bends.items()]
    heads = [arrow(frame, points[-1]) for points in layout.bends.values()] if cards else []
    marks = []
    for row, point in zip(rows, layout.points, strict=True):
        x, y = frame.at(point)
        corner = x - frame.width / 2, y - frame.height / 2
        marks.append(_card(row, *corner, frame.height) if cards else _dot(row, *corner))
    width, height = frame.size(layout)
    lines = tag("g", *edges, fill="none", stroke="var(--wf-muted)", stroke_opacity="0.55", stroke_width="1.3")
    lines = join(lines, tag("g", *heads, fill="var(--wf-muted)", fill_opacity="0.8"))
    title = f"Graph of {numbers.plural(len(rows), 'node')}"
    return pieces.drawing(width, height, title, lines, *marks)


def _frame(layout: Layout, *, cards: bool, mapped: bool) -> Frame:
    if not cards:
        return Frame(9.0, 9.0, 5.0, 26.0, right=layout.width < layout.depth)
    high = 62.0 if mapped else 46.0
    down, right = Frame(_WIDE, high, 18.0, 34.0, right=False), Frame(_WIDE, high, 16.0, 40.0, right=True)
    shrink_down, shrink_right = (min(1.0, _PAGE / frame.size(layout)[0]) for frame in (down, right))
    if abs(shrink_down - shrink_right) < 0.02:
        return right if right.size(layout)[1] <= down.size(layout)[1] else down
    return down if shrink_down > shrink_right else right


def _dead(row: NodeRow) -> bool:
    """Whether nothing will come along the lines that leave a node."""
    return theme.state_of(row.tasks) in {TaskState.SKIPPED, TaskState.CANCELLED, TaskState.FAILED}


def _card(row: NodeRow, x: float, y: float, high: float) -> Markup:
    state = theme.state_of(row.tasks)
    css = theme.css_class(state)
    dashed = "4 3" if state in {TaskState.SKIPPED, TaskState.CANCELLED, TaskState.PENDING} else None
    box = tag("rect", x=0.5, y=0.5, width=_WIDE - 1, height=high - 1, rx=6, fill="var(--wf-page)",
    stroke="var(--wf-line)",
              stroke_dasharray=dashed)  # fmt: skip
    strip = tag("rect", x=0.5, y=0.5, width=4, height=high - 1, rx=2, class_=css)
    top = 20.0 if row.mapped and row.tasks else high / 2 - 3
    mark = tag("text", theme.GLYPHS[state], x=18, y=top, text_anchor="middle", class_=f"wf-name {css}")
    name = tag("text", columns.cut_middle(row.name, 17), x=_LEFT, y=top, class_="wf-name")
    facts = " · ".join(part for part in (tally.node_time(row), tally.node_cost(row)) if part) or _idle(row, state)
    below = tag("text", facts, x=_LEFT, y=top + 16, class_="wf-muted")
    return tag("g", tag("title", explain(row)), box, strip, mark, name, _kind(row.kind), below, *_stacked(row),
               transform=f"translate({x:.1f} {y:.1f})")  # fmt: skip


def _idle(row: NodeRow, state: TaskState) -> str:
    return (
        "given" if row.kind == NodeKind.INPUT and state in {TaskState.SUCCESS, TaskState.CACHED} else theme.word(state)
    )


def _kind(kind: str) -> Markup:
    """A small symbol in the corner: square for Python, diamond for a prompt, circle for an input."""
    shape = {"fill": "none", "stroke": "var(--wf-muted)", "stroke_width": "1.2"}
    if kind == NodeKind.PROMPT:
        return tag("path", d="M165,11l5,5l-5,5l-5,-5z", **shape)
    if kind == NodeKind.INPUT:
        return tag("circle", cx=165, cy=16, r=4, **shape)
    return tag("rect", x=161, y=12, width=8, height=8, **shape)


def _stacked(row: NodeRow) -> list[Markup]:
    if not row.mapped or not row.tasks:
        return []
    said = tally.counter(row)
    room = _RIGHT - _LEFT - 6.2 * len(said) - 8
    counted = tag("text", said, x=_RIGHT, y=53, text_anchor="end", class_="wf-muted")
    bars = [counted, tag("rect", x=_LEFT, y=48, width=room, height=4, rx=2, fill="var(--wf-line)")]
    start = _LEFT
    for state, share in pieces.shares(row.tasks):
        bars.append(tag("rect", x=start, y=48, width=max(1.0, room * share), height=4, class_=theme.css_class(state)))
        start += room * share
    return bars


def _dot(row: NodeRow, x: float, y: float) -> Markup:
    css = theme.css_class(theme.state_of(row.tasks))
    shape = {"stroke": "var(--wf-edge)", "stroke_width": "0.6", "class_": css}
    title = tag("title", explain(row))
    if row.kind == NodeKind.PROMPT:
        return tag("path", title, d=f"M{x + 4.5:.1f},{y:.1f}l4.5,4.5l-4.5,4.5l-4.5,-4.5z", **shape)
    radius = 4.5 if row.kind == NodeKind.INPUT else 1.5
    return tag("rect", title, x=x, y=y, width=9, height=9, rx=radius, **shape)


def explain(row: NodeRow) -> str:
    """What a pointer on a node tells: name, state, counts, reasons, time, cost."""
    parts = [f"{row.name}: {theme.word(theme.state_of(row.tasks))}"]
    parts += [tally.states(row.tasks)] if row.mapped and row.tasks else []
    parts += [f"why: {tally.reasons(row)}"] if row.reasons else []
    parts += [f"time {tally.node_time(row)}"] if tally.node_time(row) else []
    parts += [f"work {tally.node_work(row)} in all"] if tally.node_work(row) else []
    parts += [f"cost {tally.node_cost(row)}"] if tally.node_cost(row) else []
    return columns.cut("; ".join(parts), 400)
