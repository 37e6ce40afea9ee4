"""Places and lines of a layered graph in SVG: layout points become pixels, edges become smooth wires with heads.

What stands at the places is drawn by who draws the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from wfkit.views.layout import Layout, Point
from wfkit.views.markup import Markup, tag

PAD: Final = 8.0
_STEPS: Final = 10


@dataclass(frozen=True, slots=True)
class Frame:
    """Sizes in pixels: of a node, and the room around it along both directions; `right` if layers run to the right."""

    width: float
    height: float
    gap: float
    run: float
    right: bool

    def size(self, layout: Layout) -> Point:
        """Width and height of the whole picture."""
        wide, high = self._cells(layout.width, layout.depth - 1)
        return wide + self.width + 2 * PAD, high + self.height + 2 * PAD

    def at(self, point: Point) -> Point:
        """The centre of the node at a layout point."""
        x, y = self._cells(*point)
        return x + self.width / 2 + PAD, y + self.height / 2 + PAD

    def _cells(self, across: float, along: float) -> Point:
        if self.right:
            return along * (self.width + self.run), across * (self.height + self.gap)
        return across * (self.width + self.gap), along * (self.height + self.run)


def wire(frame: Frame, points: tuple[Point, ...], *, dashed: bool = False) -> Markup:
    """A smooth line from the border of one node to that of another, through the middles of the gaps it passes."""
    half = (frame.width if frame.right else frame.height) / 2
    stops: list[tuple[Point, Point]] = []
    for at, point in enumerate(points):
        x, y = frame.at(point)
        before, after = (0.0 if at == 0 else -half), (0.0 if at == len(points) - 1 else half)
        if at == 0:
            before = half
        if at == len(points) - 1:
            after = -half
        stops.append(((x + before, y), (x + after, y)) if frame.right else ((x, y + before), (x, y + after)))
    path = f"M{_pair(stops[0][1])}"
    for (_, start), (enter, leave) in pairwise(stops):
        path += _curve(frame, start, enter)
        if enter != leave:
            path += f"L{_pair(leave)}"
    return tag("path", d=path, stroke_dasharray="3 4" if dashed else None)


def _curve(frame: Frame, start: Point, end: Point) -> str:
    if frame.right:
        middle = (start[0] + end[0]) / 2
        return f"C{_pair((middle, start[1]))} {_pair((middle, end[1]))} {_pair(end)}"
    middle = (start[1] + end[1]) / 2
    return f"C{_pair((start[0], middle))} {_pair((end[0], middle))} {_pair(end)}"


def _pair(point: Point) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}".replace(".0,", ",").removesuffix(".0")


def arrow(frame: Frame, end: Point) -> Markup:
    """The head of a wire that ends at the node at this layout point."""
    x, y = frame.at(end)
    if frame.right:
        return tag("path", d=f"M{_pair((x - frame.width / 2, y))}l-6,-3.5v7z")
    return tag("path", d=f"M{_pair((x, y - frame.height / 2))}l-3.5,-6h7z")


def smooth(points: Sequence[Point]) -> list[Point]:
    """Layout points of an edge with points between them, along the curve that `wire` draws."""
    path = [points[0]]
    for (across, along), (across_next, along_next) in pairwise(points):
        steps = 1 if across == across_next else _STEPS
        for step in range(1, steps + 1):
            t = step / steps
            path.append((across + (across_next - across) * (3 - 2 * t) * t * t, along + (along_next - along) * t))
    return path
