"""The graph of a run: every node once, with its state, its items, its time and its cost.

Items of a mapped node are counted in it (4,812/5,000), never drawn one by one. Drawing as SVG is in `dag_svg`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wfkit.core.report import NodeRow, RunReport
from wfkit.core.terms import TaskState
from wfkit.views import columns, dag_svg, numbers, pieces, tally, theme
from wfkit.views.bundle import View
from wfkit.views.frames import frame
from wfkit.views.layout import Point, layered
from wfkit.views.markup import Markup, label
from wfkit.views.wires import smooth

if TYPE_CHECKING:
    import pandas as pd

_DRAWN: Final = 400  # nodes; beyond, a picture says less than the table
_LABELLED: Final = 40
_LISTED: Final = 300
# States that a label says in a word; of the others, colour and numbers tell enough.
_TOLD: Final = {
    state: theme.word(state)
    for state in (TaskState.RUNNING, TaskState.FAILED, TaskState.CACHED, TaskState.SKIPPED, TaskState.CANCELLED)
}


@dataclass(frozen=True, slots=True)
class Dag(View):
    """What is happening, and where is it stuck?"""

    report: RunReport

    def data(self) -> pd.DataFrame:
        """A row a node: name, kind, state, done, total, reasons, run_s (from its first start to its last end),
        work_s (of its tasks together), calls, cost_usd, saved_usd, model, needs, error.
        """
        return frame([_record(row) for row in self.report.nodes], _COLUMNS)

    def figure(self) -> dict[str, Any]:
        """Nodes as marks (symbol is kind, colour is status) over lines; the first 400 nodes in the order of the
        graph.
        """
        rows = self.report.nodes[:_DRAWN]
        layout = layered(dependencies(rows))
        height = max(160, min(560, 90 + 92 * layout.depth))
        axis = {"visible": False, "showgrid": False, "zeroline": False}
        reach = [-0.3, max(layout.width, 1.0) + 0.9]
        return theme.figure(
            [_lines(layout.bends, curved=len(rows) <= _LABELLED), _marks(rows, layout.points)],
            height=height,
            key=self.report.run.run_id,
            margin={"l": 8, "r": 8, "t": 56, "b": 8},
            annotations=[theme.heading(tally.sentence(self.report), _caption(self.report))],
            xaxis={**axis, "range": reach},
            yaxis={**axis, "range": [layout.depth - 0.4, -0.6]},
        )

    def fragment(self) -> Markup:
        """A sentence, the drawn graph, and the nodes as a table one toggle away."""
        rows = self.report.nodes
        picture = dag_svg.draw(rows[:_DRAWN], dependencies(rows[:_DRAWN])) if rows else None
        table = pieces.folded(f"Nodes as a table ({numbers.count(len(rows))})", node_table(rows)) if rows else None
        return pieces.stack(pieces.say(tally.sentence(self.report)), picture, pieces.note(_caption(self.report)), table)

    def text(self) -> str:
        """The nodes in the order of the graph, each with its glyph, items, time and cost."""
        rows = self.report.nodes
        lines = [
            (f"{theme.GLYPHS[theme.state_of(row.tasks)]} {row.name}", tally.counter(row), tally.node_time(row),
             tally.node_cost(row), _needs(row))
            for row in rows[:_LISTED]
        ]  # fmt: skip
        head = columns.wrap(tally.sentence(self.report))
        cut = pieces.shown_of(len(lines), len(rows), "nodes")
        grid = columns.grid(["node", "items", "time", "cost", "needs"], lines, "<>>><") if lines else []
        return "\n".join([*head, *grid, *([cut] if cut else [])])


_COLUMNS: Final = (
    "name", "kind", "state", "done", "total", "reasons", "run_s", "work_s", "calls", "cost_usd", "saved_usd", "model",
    "needs", "error",
)  # fmt: skip


def _record(row: NodeRow) -> tuple[object, ...]:
    cost, saved = row.spent.cost_usd, row.saved_usd
    return (
        row.name, row.kind, str(theme.state_of(row.tasks)), tally.ended(row.tasks), tally.total(row.tasks),
        tally.reasons(row),
        row.run_s, row.work_s, row.spent.calls,
        None if cost is None else float(cost), None if saved is None else float(saved),
        row.model, ", ".join(row.deps), row.error,
    )  # fmt: skip


def dependencies(rows: tuple[NodeRow, ...]) -> list[list[int]]:
    """Positions of what each row needs, as far as it stands before it; names outside are left out."""
    place = {row.name: at for at, row in enumerate(rows)}
    return [sorted({place[dep] for dep in row.deps if place.get(dep, at) < at}) for at, row in enumerate(rows)]


def _needs(row: NodeRow) -> str:
    return f"← {', '.join(row.deps)}" if row.deps else ""


def _caption(report: RunReport) -> str:
    return pieces.shown_of(min(_DRAWN, len(report.nodes)), len(report.nodes), "nodes", "the rest is in the data")


def _lines(bends: dict[tuple[int, int], tuple[Point, ...]], *, curved: bool) -> dict[str, Any]:
    across: list[float | None] = []
    down: list[float | None] = []
    for points in bends.values():
        path = smooth(points) if curved else points
        across += [*(round(point[0], 3) for point in path), None]
        down += [*(round(point[1], 3) for point in path), None]
    line = {"color": theme.EDGE, "width": 1.2}
    return {"type": "scatter", "mode": "lines", "x": across, "y": down, "line": line, "hoverinfo": "skip"}


def _marks(rows: tuple[NodeRow, ...], points: tuple[Point, ...]) -> dict[str, Any]:
    few = len(rows) <= _LABELLED
    states = [theme.state_of(row.tasks) for row in rows]
    return {
        "type": "scatter",
        "mode": "markers+text" if few else "markers",
        "x": [point[0] for point in points],
        "y": [point[1] for point in points],
        "text": [_label(row) for row in rows] if few else None,
        "textposition": "middle right",
        "cliponaxis": False,
        "hovertext": [hover(row) for row in rows],
        "hoverinfo": "text",
        "marker": {
            "size": 18 if few else 9,
            "symbol": [theme.SYMBOLS.get(row.kind, "square") for row in rows],
            "color": [theme.COLOURS[state] for state in states],
            "opacity": 1,
            "line": {"color": theme.BORDER, "width": 1},
        },
    }


def _label(row: NodeRow) -> str:
    """The name, the items of a mapped node and its state, its time and cost, a line each; blanks keep it off the
    mark."""
    state, failed = theme.state_of(row.tasks), row.tasks.get(TaskState.FAILED, 0)
    told = f"{numbers.count(failed)} failed" if failed and row.mapped else _TOLD.get(state, "")
    items = f"{tally.counter(row)} items" if tally.counter(row) else ""
    facts = [part for part in (tally.node_time(row), tally.node_cost(row)) if part]
    lines = [
        f"<b>{label(columns.cut_middle(row.name, 24))}</b>",
        ", ".join(filter(None, (items, told))),
        " · ".join(facts),
    ]
    return "<br>".join(f"  {line}" for line in lines if line)


def hover(row: NodeRow) -> str:
    """At most six lines about a node, for a Plotly hover; no text of prompts, replies or errors."""
    lines = [f"<b>{label(columns.cut_middle(row.name, 60))}</b> - {theme.word(theme.state_of(row.tasks))}"]
    lines += [label(tally.states(row.tasks))] if row.mapped and row.tasks else []
    lines += [label(tally.reasons(row))] if row.reasons else []
    lines += [_times(row)] if tally.node_time(row) else []
    if row.spent.calls:
        tokens = f"{numbers.tokens(row.spent.input_tokens)} in, {numbers.tokens(row.spent.output_tokens)} out"
        lines.append(f"{numbers.plural(row.spent.calls, 'call')}, tokens {tokens}, {label(tally.cost(row.spent))}")
    spared = tally.saved(row.saved_usd, row.saved_s)
    lines += [f"saved {label(spared)}"] if spared else []
    return "<br>".join(lines)


def _times(row: NodeRow) -> str:
    work = tally.node_work(row)
    return f"time {tally.node_time(row)}" + (f", work {work} in all" if work else "")


def node_table(rows: tuple[NodeRow, ...]) -> Markup:
    """The nodes as a table: the twin of the picture."""
    heads = ("", "node", "kind", "items", "why", "time", "work", "calls", "cost", "saved", "error")
    body = [
        (
            pieces.glyph(theme.state_of(row.tasks)), pieces.code(row.name), row.kind, tally.counter(row),
            tally.reasons(row), tally.node_time(row), tally.node_work(row),
            numbers.count(row.spent.calls) if row.spent.calls else "",
            tally.node_cost(row), tally.saved(row.saved_usd, row.saved_s), columns.cut(row.error or "", 160),
        )
        for row in rows[:_LISTED]
    ]  # fmt: skip
    cut = pieces.note(pieces.shown_of(len(body), len(rows), "nodes"))
    return pieces.stack(pieces.table(heads, "---nwnnnnnw", body), cut)
