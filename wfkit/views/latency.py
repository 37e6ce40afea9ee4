"""How long attempts and model calls take: what is normal, and what is the tail.

Quartiles are computed here and only they are sent, never thousands of points; below 20 values the points are shown
and no p99 is claimed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wfkit.core.report import RunReport
from wfkit.core.terms import TaskState
from wfkit.views import columns, numbers, pieces, theme
from wfkit.views.bundle import View
from wfkit.views.frames import frame
from wfkit.views.markup import Markup, label, tag

if TYPE_CHECKING:
    import pandas as pd

_FEW: Final = 20
_SHOWN: Final = 40
_NAMES: Final = 190.0
_WIDE: Final = 540.0


@dataclass(frozen=True, slots=True)
class Spread:
    """The seconds of one group: `what` is node (its attempts) or model (its calls). `p99` is None below 20 values;
    `points` are given then only.

    `low` and `high` are the ends of the whiskers: the farthest values within 1.5 times the box (Tukey, 1977).
    """

    what: str
    name: str
    n: int
    q1: float
    p50: float
    q3: float
    p95: float
    p99: float | None
    most: float
    low: float
    high: float
    points: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Latency(View):
    """What is normal, what is the tail?"""

    report: RunReport

    def data(self) -> pd.DataFrame:
        """A row a node and a model: what, name, n, and p25, p50, p75, p95, p99, max in seconds."""
        records = [(s.what, s.name, s.n, s.q1, s.p50, s.q3, s.p95, s.p99, s.most) for s in spreads(self.report)]
        return frame(records, ["what", "name", "n", "p25", "p50", "p75", "p95", "p99", "max"])

    def figure(self) -> dict[str, Any]:
        """A box a node or model on a logarithmic axis of seconds, with p95 and p99 as marks."""
        shown = spreads(self.report)[:_SHOWN]
        return theme.figure(
            [_boxes([s for s in shown if s.n >= _FEW]), _points(shown), *_tails(shown)],
            height=max(160, min(420, 90 + 30 * len(shown))),
            key=self.report.run.run_id,
            margin={"l": 8, "r": 8, "t": 52, "b": 24},
            xaxis={"type": "log", **_axis(shown), "fixedrange": True, "title": theme.caption(_cut(self.report))},
            yaxis={"type": "category", "autorange": "reversed", "fixedrange": True, "categoryorder": "array",
                   "categoryarray": [_label(s) for s in shown]},
            showlegend=True,
            legend=theme.legend(),
        )  # fmt: skip

    def fragment(self) -> Markup:
        """A sentence, boxes as SVG, and the percentiles as a table."""
        found = spreads(self.report)
        shown = found[:_SHOWN]
        if not shown:
            return pieces.say(_NOTHING)
        rows = [
            (pieces.code(columns.cut_middle(s.name, 48)), s.what, numbers.count(s.n), numbers.seconds(s.p50),
            numbers.seconds(s.p95),
             "" if s.p99 is None else numbers.seconds(s.p99), numbers.seconds(s.most))
            for s in shown
        ]  # fmt: skip
        table = pieces.table(("name", "of", "n", "p50", "p95", "p99", "max"), "--nnnnn", rows)
        caption = pieces.note(f"{_cut(self.report)} {_CAPTION}".strip())
        return pieces.stack(pieces.say(_sentence(found)), _svg(shown), caption, table)

    def text(self) -> str:
        """The percentiles as a table."""
        found = spreads(self.report)
        if not found:
            return _NOTHING
        rows = [
            (s.name, s.what, numbers.count(s.n), numbers.seconds(s.p50), numbers.seconds(s.p95),
             "" if s.p99 is None else numbers.seconds(s.p99), numbers.seconds(s.most))
            for s in found[:_SHOWN]
        ]  # fmt: skip
        grid = columns.grid(["name", "of", "n", "p50", "p95", "p99", "max"], rows, "<<>>>>>")
        cut = _cut(self.report)
        return "\n".join([*columns.wrap(_sentence(found)), *grid, *([cut] if cut else [])])


_NOTHING: Final = "No attempt has ended: there is no latency to show."
_CAPTION: Final = (
    "Box: middle half; line: p50; whiskers: within 1.5 boxes; marks: p95 and p99. Cached tasks are not counted."
)


def spreads(report: RunReport) -> list[Spread]:
    """Spreads of the attempts of each node, then of the calls to each model, slowest p95 first within each. Calls
    that were served count not.
    """
    nodes: dict[str, list[float]] = {}
    for attempt in report.attempts:
        if attempt.ended_at is not None and attempt.state != TaskState.CANCELLED:
            nodes.setdefault(attempt.node, []).append(max(0.0, attempt.ended_at - attempt.started_at))
    models: dict[str, list[float]] = {}
    for call in report.calls:
        if call.ended_at is not None and not call.served:
            models.setdefault(call.request_model, []).append(max(0.0, call.ended_at - call.started_at))
    found = [spread("node", name, values) for name, values in nodes.items()]
    asked = [spread("model", name, values) for name, values in models.items()]
    return [*sorted(found, key=_slowest), *sorted(asked, key=_slowest)]


def _slowest(one: Spread) -> tuple[float, str]:
    return -one.p95, one.name


def spread(what: str, name: str, seconds: Sequence[float]) -> Spread:
    """The spread of at least one value. Quantiles are interpolated (Hyndman and Fan 1996, type 7), as in DuckDB's
    quantile_cont.
    """
    values = sorted(seconds)
    q1, p50, q3, p95, p99 = (quantile(values, share) for share in (0.25, 0.5, 0.75, 0.95, 0.99))
    reach = 1.5 * (q3 - q1)
    inside = [value for value in values if q1 - reach <= value <= q3 + reach]
    few = len(values) < _FEW
    return Spread(what, name, len(values), q1, p50, q3, p95, None if few else p99, values[-1], inside[0], inside[-1],
                  tuple(values) if few else ())  # fmt: skip


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the sorted values lie, interpolated."""
    place = (len(values) - 1) * share
    low = math.floor(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def _sentence(found: Sequence[Spread]) -> str:
    slowest = max((s for s in found if s.what == "node"), key=lambda s: s.p95, default=found[0])
    usual = f"p50 {numbers.seconds(slowest.p50)}, p95 {numbers.seconds(slowest.p95)}"
    text = f"Slowest is {columns.cut_middle(slowest.name, 48)}: {usual}"
    of = numbers.plural(slowest.n, "attempt" if slowest.what == "node" else "call")
    return f"{text} over {of}."


def _cut(report: RunReport) -> str:
    cut = pieces.shown_of(min(_SHOWN, len(spreads(report))), len(spreads(report)), "rows")
    if report.cut_attempts:
        known, all_of_them = len(report.attempts), len(report.attempts) + report.cut_attempts
        cut = f"{cut} From {numbers.count(known)} of {numbers.count(all_of_them)} attempts.".strip()
    return cut


def _label(one: Spread) -> str:
    return label(columns.cut_middle(one.name if one.what == "node" else f"{one.name} (calls)", 32))


def _floor(seconds: float) -> float:
    return max(seconds, 1e-5)


def _decades(shown: Sequence[Spread]) -> tuple[int, int]:
    """The powers of ten that enclose all values; at least one decade."""
    least = min((_floor(min(s.points, default=s.low)) for s in shown), default=0.1)
    most = max((_floor(s.most) for s in shown), default=1.0)
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(most))
    return low, max(high, low + 1)


def _axis(shown: Sequence[Spread]) -> dict[str, Any]:
    low, high = _decades(shown)
    at = [10.0**power for power in range(low, high + 1)]
    return {
        "tickmode": "array",
        "tickvals": at,
        "ticktext": [numbers.seconds(s) for s in at],
        "range": [low - 0.05, high + 0.05],
    }


def _boxes(shown: Sequence[Spread]) -> dict[str, Any]:
    return {
        "type": "box",
        "orientation": "h",
        "name": "box",
        "y": [_label(s) for s in shown],
        "lowerfence": [_floor(s.low) for s in shown],
        "q1": [_floor(s.q1) for s in shown],
        "median": [_floor(s.p50) for s in shown],
        "q3": [_floor(s.q3) for s in shown],
        "upperfence": [_floor(s.high) for s in shown],
        "line": {"color": "#0072B2", "width": 1.4},
        "fillcolor": "rgba(0,114,178,0.18)",
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _points(shown: Sequence[Spread]) -> dict[str, Any]:
    points = [(_floor(value), _label(s), s.name) for s in shown for value in s.points]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "attempt or call",
        "x": [value for value, _, _ in points],
        "y": [name for _, name, _ in points],
        "marker": {"color": "#0072B2", "size": 7, "opacity": 0.65},
        "hoverinfo": "text",
        "hovertext": [f"{name}: {numbers.seconds(value)}" for value, name, _ in points],
        "showlegend": bool(points),
    }


def _tails(shown: Sequence[Spread]) -> list[dict[str, Any]]:
    many = [s for s in shown if s.n >= _FEW]
    marks = (("p95", "#E69F00", [s.p95 for s in many]), ("p99", "#C44601", [s.p99 or s.p95 for s in many]))
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": [_floor(value) for value in values],
            "y": [_label(s) for s in many],
            "marker": {"color": colour, "symbol": "line-ns-open", "size": 14, "line": {"width": 2.5, "color": colour}},
            "hoverinfo": "text",
            "hovertext": [_hover(s) for s in many],
            "showlegend": bool(many),
        }
        for name, colour, values in marks
    ]


def _hover(one: Spread) -> str:
    parts = [f"p50 {numbers.seconds(one.p50)}", f"p95 {numbers.seconds(one.p95)}"]
    parts += [] if one.p99 is None else [f"p99 {numbers.seconds(one.p99)}"]
    return f"<b>{_label(one)}</b> ({numbers.count(one.n)})<br>{', '.join(parts)}, max {numbers.seconds(one.most)}"


def _svg(shown: Sequence[Spread]) -> Markup:
    low, high = _decades(shown)

    def across(seconds: float) -> float:
        return _NAMES + _WIDE * (math.log10(_floor(seconds)) - low) / (high - low)

    bottom = 24.0 * len(shown) + 6
    marks = []
    for power in range(low, high + 1):
        x = across(10.0**power)
        marks.append(tag("path", d=f"M{x:.1f},0V{bottom:.1f}", stroke="var(--wf-line)", stroke_width="1"))
        marks.append(
            tag("text", numbers.seconds(10.0**power), x=x, y=bottom + 14, text_anchor="middle", class_="wf-muted")
        )
    for at, one in enumerate(shown):
        marks += _box(
            one, 24.0 * at + 16, [across(s) for s in (one.low, one.q1, one.p50, one.q3, one.high, one.p95)], across
        )
    return pieces.drawing(_NAMES + _WIDE + 50, bottom + 22, "Latency in seconds, logarithmic", *marks)


def _box(one: Spread, middle: float, at: Sequence[float], across: Any) -> list[Markup]:
    name = columns.cut_middle(one.name if one.what == "node" else f"{one.name} (calls)", 26)
    marks = [tag("text", name, x=_NAMES - 12, y=middle + 4, text_anchor="end")]
    if one.points:
        dot = {"cy": middle, "r": 3.5, "class_": "wf-running", "fill_opacity": "0.65"}
        return [
            *marks,
            *(tag("circle", tag("title", numbers.seconds(value)), cx=across(value), **dot) for value in one.points),
        ]
    low, q1, p50, q3, high, p95 = at
    line = {"stroke": "var(--wf-running)", "stroke_width": "1.4"}
    marks.append(tag("path", d=f"M{low:.1f},{middle}H{q1:.1f}M{q3:.1f},{middle}H{high:.1f}", **line))
    box = {"x": q1, "y": middle - 7, "width": max(1.0, q3 - q1), "height": 14, "rx": 2, "fill_opacity": "0.22"}
    marks.append(tag("rect", tag("title", _said(one)), class_="wf-running", **box))
    marks.append(tag("path", d=f"M{p50:.1f},{middle - 7}v14", stroke="var(--wf-running)", stroke_width="2.4"))
    marks.append(tag("path", d=f"M{p95:.1f},{middle - 6}v12", stroke="var(--wf-retrying)", stroke_width="2.4"))
    if one.p99 is not None:
        marks.append(
            tag("path", d=f"M{across(one.p99):.1f},{middle - 6}v12", stroke="var(--wf-failed)", stroke_width="2.4")
        )
    return marks


def _said(one: Spread) -> str:
    return (
        f"{one.name}: p50 {numbers.seconds(one.p50)}, p95 {numbers.seconds(one.p95)}, max {numbers.seconds(one.most)}"
    )
