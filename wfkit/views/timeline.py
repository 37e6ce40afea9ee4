"""When everything ran: a row a node, its attempts as bars, the wait before each one hatched.

Bars are capped, and the caption says what was cut. The figure and the SVG draw the same bars, those of `spans`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wfkit.core.report import RunReport
from wfkit.core.terms import TaskState
from wfkit.views import axes, columns, numbers, pieces, spans, tally, theme
from wfkit.views.bundle import View
from wfkit.views.frames import frame
from wfkit.views.markup import Markup, label, tag
from wfkit.views.spans import Row, Span, Times

if TYPE_CHECKING:
    import pandas as pd

_NAMES: Final = 168.0
_WIDE: Final = 660.0
_RIGHT: Final = 64.0


@dataclass(frozen=True, slots=True)
class Timeline(View):
    """Why did it take that long? `now` (Unix seconds) is where running attempts end while the run goes on."""

    report: RunReport
    now: float | None = None

    def data(self) -> pd.DataFrame:
        """A row an attempt: node, item, attempt, state, queued_s, start_s, end_s (since the run began), error. None
        cut but by the store.
        """
        origin = self.report.run.started_at
        records = [
            (row.node, row.item, row.attempt, row.state, None if row.queued_at is None else row.queued_at - origin,
             row.started_at - origin, None if row.ended_at is None else row.ended_at - origin, row.error)
            for row in self.report.attempts
        ]  # fmt: skip
        return frame(records, _COLUMNS)

    def figure(self) -> dict[str, Any]:
        """Horizontal bars: one trace for waiting, one for running. The time axis zooms by itself."""
        found = spans.times(self.report, self.now)
        bars = _placed(found)
        marks = [(row, (low + high) / 2) for row, low, high in _bands(found)]
        lanes = sum(row.lanes for row in found.rows)
        yaxis = {"tickmode": "array", "tickvals": [middle for _, middle in marks], "fixedrange": True,
        "showgrid": False,
                 "ticktext": [label(columns.cut_middle(row.node.name, 28)) for row, _ in marks], "zeroline": False,
                 "range": [_height(found) + 0.2, -0.4]}  # fmt: skip
        return theme.figure(
            [_waits(bars), _runs(bars)],
            height=max(160, min(560, 80 + 16 * lanes + 10 * len(found.rows))),
            key=self.report.run.run_id,
            barmode="overlay",
            margin={"l": 8, "r": 8, "t": 44, "b": 24},
            title={"text": label(columns.cut(_path(self.report), 118)), "font": {"size": 12}, "x": 0, "xref": "paper"},
            xaxis=axes.seconds(found.length),
            yaxis=yaxis,
        )

    def fragment(self) -> Markup:
        """The critical path in a sentence, the bars as SVG, what was cut, and the attempts as a table one toggle
        away.
        """
        found = spans.times(self.report, self.now)
        if not found.rows:
            return pieces.say(_none(self.report))
        table = pieces.folded("Slowest attempts as a table", _table(self.report, self.now))
        return pieces.stack(pieces.say(_path(self.report)), _svg(found), pieces.note(_caption(found)), table)

    def text(self) -> str:
        """A line a node: when it worked, in blocks over the length of the run; `.` is waiting."""
        found = spans.times(self.report, self.now)
        if not found.rows:
            return _none(self.report)
        name_columns = min(
            max(24, columns.room() // 3 - 3), max(columns.width(row.node.name) for row in found.rows) + 2
        )
        room = columns.room() - name_columns - 12
        lines = [_text_line(row, found.length, name_columns, room) for row in found.rows]
        scale = " " * (name_columns + 1) + "0 s" + numbers.seconds(found.length).rjust(room - 3)
        return "\n".join([*columns.wrap(_path(self.report)), *lines, scale, *columns.wrap(_caption(found, "Dots"))])


_COLUMNS: Final = ("node", "item", "attempt", "state", "queued_s", "start_s", "end_s", "error")


def _none(report: RunReport) -> str:
    return f"Run {tally.short(report.run.run_id)} made no attempt: there is nothing to place in time."


def _path(report: RunReport) -> str:
    """`Critical path 14.2 s = fetch › extract › judge; 61 % in model calls, 22 % waiting.`"""
    path = spans.critical_path(report)
    if path is None:
        return "No node has ended yet." if report.attempts else _none(report)
    names = path.nodes
    if len(names) > 7:
        names = (*names[:3], f"… {len(names) - 6} more …", *names[-3:])
    chain = " › ".join(columns.cut_middle(name, 40) for name in names)
    parts = []
    if path.length_s > 0 and path.model_s > 0:
        parts.append(f"{numbers.percent(path.model_s / path.length_s)} in model calls")
    idle = path.length_s - path.busy_s
    if path.length_s > 0 and idle / path.length_s >= 0.01:
        parts.append(f"{numbers.percent(idle / path.length_s)} waiting")
    return f"Critical path {numbers.seconds(path.length_s)} = {chain}{'; ' + ', '.join(parts) if parts else ''}."


def _caption(found: Times, waits: str = "Hatched") -> str:
    """What was cut, and how waiting looks: in a chart (of lanes) hatched, in text dots."""
    drawn = sum(len(row.spans) for row in found.rows)
    parts = [
        pieces.shown_of(len(found.rows), found.nodes, "nodes", "those that took longest"),
        pieces.shown_of(drawn, found.attempts, "attempts", "the slowest of each node"),
    ]
    crowded = any(span.lane == 11 for row in found.rows for span in row.spans)
    lanes = " Lanes overlap below the twelfth." if crowded and waits == "Hatched" else ""
    parts.append(f"{waits}: waiting for a seat or a retry.{lanes}")
    return " ".join(part for part in parts if part)


def _bands(found: Times) -> list[tuple[Row, float, float]]:
    """Each row with the place where its lanes begin and end; a lane is 1 high, rows are 0.6 apart."""
    bands, top = [], 0.0
    for row in found.rows:
        bands.append((row, top, top + row.lanes))
        top += row.lanes + 0.6
    return bands


def _height(found: Times) -> float:
    return sum(row.lanes + 0.6 for row in found.rows)


def _placed(found: Times) -> list[tuple[Span, float]]:
    """Every bar with the middle of its lane."""
    return [(span, top + span.lane + 0.5) for row, top, _ in _bands(found) for span in row.spans]


def _waits(bars: list[tuple[Span, float]]) -> dict[str, Any]:
    waiting = [(span, at) for span, at in bars if span.start - span.seen > 0]
    pattern = {"shape": "/", "fgcolor": theme.IDLE, "bgcolor": "rgba(0,0,0,0)", "size": 5, "fillmode": "replace"}
    return {
        "type": "bar",
        "orientation": "h",
        "name": "waiting",
        "base": [round(span.seen, 4) for span, _ in waiting],
        "x": [round(span.start - span.seen, 4) for span, _ in waiting],
        "y": [at for _, at in waiting],
        "width": 0.45,
        "marker": {"color": theme.IDLE, "pattern": pattern, "line": {"width": 0}},
        "hoverinfo": "text",
        "hovertext": [
            f"{label(_place(span))}<br>waited {numbers.seconds(span.start - span.wait)}" for span, _ in waiting
        ],
        "textposition": "none",
    }


def _runs(bars: list[tuple[Span, float]]) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": "running",
        "base": [round(span.start, 4) for span, _ in bars],
        "x": [round(span.end - span.start, 4) for span, _ in bars],
        "y": [at for _, at in bars],
        "width": 0.8,
        "marker": {
            "color": [theme.COLOURS.get(span.state, theme.IDLE) for span, _ in bars],
            "line": {"color": theme.BORDER, "width": 0.5},
        },
        "hoverinfo": "text",
        "hovertext": [
            f"<b>{label(_place(span))}</b> - {label(theme.word(span.state))}<br>{_hover(span)}" for span, _ in bars
        ],
        "textposition": "none",
    }


def _place(span: Span) -> str:
    item = "" if span.item is None else f"[{span.item}]"
    return f"{columns.cut_middle(span.node, 60)}{item}" + (f", attempt {span.attempt}" if span.attempt > 1 else "")


def _hover(span: Span) -> str:
    return f"{numbers.seconds(span.end - span.start)} from {numbers.seconds(span.start)}"


def _svg(found: Times) -> Markup:
    lane = 14.0 if sum(row.lanes for row in found.rows) <= 60 else 6.0
    marks = [_tick(at, found, lane) for at in axes.clock_ticks(found.length)]
    body: list[Markup] = []
    for row, top, bottom in _bands(found):
        body += _band(row, (top * lane + 4, bottom * lane + 4), found.length)
    width, height = _NAMES + _WIDE + _RIGHT, _height(found) * lane + 28
    return pieces.drawing(width, height, f"Timeline of {numbers.plural(len(found.rows), 'node')}", *marks, *body)


def _tick(at: float, found: Times, lane: float) -> Markup:
    x = _NAMES + _WIDE * at / found.length
    bottom = _height(found) * lane + 4
    line = tag("path", d=f"M{x:.1f},0V{bottom:.1f}", stroke="var(--wf-line)", stroke_width="1")
    return tag("g", line, tag("text", numbers.seconds(at), x=x + 3, y=bottom + 14, class_="wf-muted"))


def _band(row: Row, edges: tuple[float, float], length: float) -> list[Markup]:
    """The name, the bars and the working time of one node."""
    top, bottom = edges
    lane = (bottom - top) / row.lanes
    name = tag(
        "text", columns.cut_middle(row.node.name, 22), x=_NAMES - 10, y=top + min(lane, 14) - 3, text_anchor="end"
    )
    bars = [mark for span in row.spans for mark in _bar(span, top + span.lane * lane, lane, length)]
    last = max(span.end for span in row.spans)
    said = tag(
        "text",
        tally.node_time(row.node),
        x=_NAMES + _WIDE * last / length + 5,
        y=top + min(lane, 14) - 3,
        class_="wf-muted",
    )
    return [name, *bars, said]


def _bar(span: Span, top: float, lane: float, length: float) -> list[Markup]:
    start, end, wait = (_NAMES + _WIDE * at / length for at in (span.start, span.end, span.seen))
    title = tag("title", f"{_place(span)}: {theme.word(span.state)}, {_hover(span)}")
    height = lane - (3 if lane > 8 else 1)
    marks = []
    if start - wait > 1:  # a dashed line through the middle is the hatching of SVG without ids
        middle = top + height / 2
        marks.append(tag("path", d=f"M{wait:.1f},{middle:.1f}H{start:.1f}", stroke="var(--wf-idle)",
        stroke_width=height / 2,
                         stroke_dasharray="1.5 2.5", stroke_opacity="0.55"))  # fmt: skip
    shape = {"x": start, "y": top, "width": max(1.0, end - start - 0.4), "height": height, "rx": 1.5}
    return [*marks, tag("rect", title, class_=theme.css_class(span.state), **shape)]


def _table(report: RunReport, now: float | None) -> Markup:
    found = spans.times(report, now)
    slowest = sorted((span for row in found.rows for span in row.spans), key=lambda span: span.start - span.end)[:50]
    rows = [
        (pieces.glyph(span.state), pieces.code(columns.cut_middle(span.node, 48)),
        "" if span.item is None else numbers.count(span.item),
         span.attempt, numbers.seconds(span.start - span.wait), numbers.seconds(span.start),
         numbers.seconds(span.end - span.start), columns.cut(span.error or "", 160))
        for span in slowest
    ]  # fmt: skip
    return pieces.table(("", "node", "item", "attempt", "waited", "began", "took", "error"), "--nnnnnw", rows)


def _text_line(row: Row, length: float, name_columns: int, room: int) -> str:
    cells = [" "] * room
    for low, high, mark in [(s.seen, s.start, ".") for s in row.spans] + [(s.start, s.end, "█") for s in row.spans]:
        first, last = int(low / length * (room - 1)), int(high / length * (room - 1))
        for at in range(first, last + (mark == "█")):
            cells[at] = mark
    failed = any(span.state == TaskState.FAILED for span in row.spans)
    state = TaskState.FAILED if failed and not row.node.mapped else theme.state_of(row.node.tasks)
    name = columns.fit(columns.cut_middle(f"{theme.GLYPHS[state]} {row.node.name}", name_columns), name_columns)
    return columns.cut_end(f"{name} {''.join(cells)} {tally.node_time(row.node):>9}")
