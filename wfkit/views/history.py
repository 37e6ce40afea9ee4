"""The runs of a store, newest first: outcome, tasks, time, cost, what the cache saved; and how cost and time went
from run to run.

Rows as the store gives them; nothing is compared or judged here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from wfkit.core.report import CellsRow, RunRow
from wfkit.core.terms import RunState, TaskState
from wfkit.views import axes, columns, numbers, pieces, tally, theme
from wfkit.views.bundle import View
from wfkit.views.frames import frame
from wfkit.views.markup import Markup, label, tag

if TYPE_CHECKING:
    import pandas as pd

_LISTED: Final = 100
_HIGH: Final = 44.0


@dataclass(frozen=True, slots=True)
class History(View):
    """Is it getting better or worse? `runs` are newest first; `cells` is what plain cells asked, in no run."""

    runs: tuple[RunRow, ...]
    cells: CellsRow | None = None

    def data(self) -> pd.DataFrame:
        """A row a run: run_id, workflow, status, started_at (UTC), seconds, run, cached, failed, skipped, calls,
        cost_usd, saved_usd, trigger, targets; and what its plan expected, low, expected and high: usd, tokens, run_s
        (NaN: not known, or no plan was made); wasted_usd, and how many calls are unpriced, or unanswered and may cost
        unanswered_usd at most. The last row, without a run_id, is of the workflow `plain cells`: what they asked, in no
        run.
        """
        records = [
            (run.run_id, run.workflow, run.status, run.started_at, tally.elapsed_s(run), *_counts(run), run.spent.calls,
             None if run.spent.cost_usd is None else float(run.spent.cost_usd),
             None if run.saved_usd is None else float(run.saved_usd), run.trigger, ", ".join(run.targets),
             *_expected(run), _money(run.wasted_usd), run.spent.unpriced, run.spent.unanswered,
             _money(run.spent.unanswered_usd))
            for run in (*self.runs, *_as_run(self.cells))
        ]  # fmt: skip
        found = frame(records, _COLUMNS)
        found["started_at"] = found["started_at"].astype("float64").mul(1e6).round().astype("datetime64[us]")
        return found

    def shown_as_figure(self) -> bool:
        """No: ids, counts and times of runs are read; the chart is one `figure()` away."""
        return False

    def figure(self) -> dict[str, Any]:
        """Cost and time of each run, oldest left, switched by a button; the colour is the outcome."""
        runs = self.runs[:_LISTED][::-1]
        cost = [None if run.spent.cost_usd is None else float(run.spent.cost_usd) for run in runs]
        time = [tally.elapsed_s(run) for run in runs]
        in_money, in_seconds = axes.money(_most(cost)), axes.seconds(_most(time))
        menu = theme.buttons(
            theme.button("cost", [True, False], axes.switch("yaxis", in_money)),
            theme.button("time", [False, True], axes.switch("yaxis", in_seconds)),
        )
        said = (
            f"{self._cut()} Newest at the right; the colour is the outcome. {_besides(self.runs, self.cells)}".strip()
        )
        return theme.figure(
            [_trace("cost", cost, runs), _trace("time", time, runs) | {"visible": False}],
            height=320,
            key="history",
            margin={"l": 8, "r": 8, "t": 64, "b": 24},
            xaxis={"showticklabels": False, "showgrid": False, "zeroline": False, "title": theme.caption(said)},
            yaxis={**in_money, "rangemode": "tozero", "fixedrange": True},
            updatemenus=[menu],
        )

    def fragment(self) -> Markup:
        """A sentence, cost and time as small bars, and the runs as a table."""
        if not self.runs and self.cells is None:
            return pieces.say(_sentence(self.runs))
        rows: list[tuple[object, ...]] = [
            (pieces.glyph(run.status), pieces.code(tally.short(run.run_id)), *_cells(run))
            for run in self.runs[:_LISTED]
        ]
        rows += [("", pieces.muted(tally.CELLS), *_cells(run)) for run in _as_run(self.cells)]
        heads = (
            "",
            "run",
            "started",
            "outcome",
            "run",
            "cached",
            "failed",
            "time",
            "calls",
            "cost",
            "expected",
            "saved",
            "by",
        )
        table = pieces.table(heads, "----nnnnnnnn-", rows)
        picture = _bars(self.runs[:_LISTED][::-1]) if len(self.runs) > 1 else None
        notes = map(pieces.note, (self._cut(), _besides(self.runs, self.cells), _unanswered(self.runs)))
        return pieces.stack(pieces.say(_sentence(self.runs)), picture, table, *notes)

    def text(self) -> str:
        """A line a run, newest first."""
        if not self.runs and self.cells is None:
            return _sentence(self.runs)
        rows = [
            (f"{theme.GLYPHS.get(run.status, 'o')} {tally.short(run.run_id)}", *_cells(run)[:-1])
            for run in self.runs[:_LISTED]
        ]
        rows += [("  cells", *_cells(run)[:-1]) for run in _as_run(self.cells)]
        counted = [name if any(row[at] for row in rows) else "" for at, name in ((4, "cached"), (5, "failed"))]
        heads = ("run", "started", "run", *counted, "time", "cost", _head(self.runs), "saved")
        # The glyph tells the outcome, and the year is in the HTML.
        narrow = [(row[0], row[1][5:], *row[3:7], *row[8:]) for row in rows]
        grid = columns.grid(heads, narrow, "<>>>>>>>>", whole=0)
        notes = (self._cut(), _besides(self.runs, self.cells), _unanswered(self.runs))
        told = [line for note in notes if note for line in columns.wrap(note)]
        return "\n".join([*columns.wrap(_sentence(self.runs)), *grid, *told])

    def _cut(self) -> str:
        return pieces.shown_of(min(_LISTED, len(self.runs)), len(self.runs), "runs")


_COLUMNS: Final = ("run_id", "workflow", "status", "started_at", "seconds", "run", "cached", "failed", "skipped",
"calls",
                   "cost_usd", "saved_usd", "trigger", "targets",
                   *(f"expected_{name}_{case}" for name in ("usd", "tokens", "run_s") for case in
                     ("low", "expected", "high")),
                   "wasted_usd", "unpriced", "unanswered", "unanswered_usd")  # fmt: skip


def _as_run(cells: CellsRow | None) -> list[RunRow]:
    """What plain cells asked, in the columns of a run that has no id and no outcome; of the last question the time."""
    if cells is None:
        return []
    books = (cells.spent, cells.saved_usd, None, cells.wasted_usd)
    return [RunRow("", tally.CELLS, "", cells.last_at, None, {}, *books, trigger="")]


def _besides(runs: Sequence[RunRow], cells: CellsRow | None) -> str:
    """What plain cells asked, and what they and the runs that are listed cost together."""
    if cells is None:
        return ""
    spent = tally.spent_sum([cells.spent, *(run.spent for run in runs)])
    return f"{tally.cells_sentence(cells)} Together with these runs: {tally.cost(spent)}."


def _money(usd: Decimal | None) -> float | None:
    return None if usd is None else float(usd)


def _unanswered(runs: Sequence[RunRow]) -> str:
    """Of the runs that are listed: what may be on the bill besides."""
    told = tally.possibly(tally.spent_sum(run.spent for run in runs))
    return f"{told}: see `show cost --run RUN`." if told else ""


def _expected(run: RunRow) -> tuple[float | None, ...]:
    """The spans of the estimate of a run."""
    found = run.estimate
    spans = (None, None, None) if found is None else (found.usd, found.tokens, found.run_s)
    return tuple(
        None if span is None else getattr(span, case) for span in spans for case in ("low", "expected", "high")
    )


def _counts(run: RunRow) -> tuple[int, int, int, int]:
    """Tasks that ran well, came from the cache, failed, were skipped."""
    states = (TaskState.SUCCESS, TaskState.CACHED, TaskState.FAILED, TaskState.SKIPPED)
    ran, cached, failed, skipped = (run.tasks.get(state, 0) for state in states)
    return ran, cached, failed, skipped


def _head(runs: Sequence[RunRow]) -> str:
    """The head of what was expected, if anything was."""
    return "expected" if any(map(_foreseen, runs)) else ""


def _foreseen(run: RunRow) -> str:
    """The money that the plan of a run expected; nothing where it expected none."""
    found = run.estimate
    return "" if found is None or found.calls.high == 0 else numbers.money(found.usd.expected)


def _cells(run: RunRow) -> tuple[str, ...]:
    ran, cached, failed, _ = _counts(run)
    return (
        numbers.moment(run.started_at), theme.words(run.status), _some(ran), _some(cached), _some(failed),
        numbers.seconds(tally.elapsed_s(run)) if run.ended_at is not None else "", _some(run.spent.calls),
        tally.cost(run.spent), _foreseen(run),
        numbers.money(run.saved_usd) if run.saved_usd != 0 else "", run.trigger,
    )  # fmt: skip


def _some(number: int) -> str:
    return numbers.count(number) if number else ""


def _sentence(runs: Sequence[RunRow]) -> str:
    if not runs:
        return "This store holds no run yet."
    spent = tally.spent_sum(run.spent for run in runs)
    known = [run.saved_usd for run in runs if run.saved_usd is not None]
    well = sum(run.status == RunState.SUCCESS for run in runs)
    saved = f"; the cache saved {numbers.money(sum(known))}" if any(known) else ""
    outcome = f"{numbers.plural(len(runs), 'run')}, {numbers.count(well)} of them a success"
    return f"{outcome}: {tally.cost(spent)} billed{saved}."


def _most(values: Sequence[float | None]) -> float:
    return max((value for value in values if value is not None), default=0.0)


def _trace(what: str, values: list[float | None], runs: Sequence[RunRow]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": what,
        "x": list(range(len(runs))),
        "y": values,
        "line": {"color": theme.EDGE, "width": 1.2},
        "marker": {
            "size": 9,
            "color": [theme.COLOURS.get(run.status, theme.IDLE) for run in runs],
            "line": {"color": theme.BORDER, "width": 1},
        },
        "hoverinfo": "text",
        "hovertext": [_hover(run) for run in runs],
    }


def _hover(run: RunRow) -> str:
    return "<br>".join(
        [
            f"<b>{label(tally.short(run.run_id))}</b> - {label(theme.words(run.status))}",
            numbers.moment(run.started_at),
            f"{numbers.seconds(tally.elapsed_s(run))}, {label(tally.cost(run.spent))}",
            label(tally.states(run.tasks)),
        ]
    )


def _bars(runs: Sequence[RunRow]) -> Markup:
    """Two rows of bars, oldest left: cost and time, each to its own scale."""
    cost = [None if run.spent.cost_usd is None else float(run.spent.cost_usd) for run in runs]
    time = [tally.elapsed_s(run) for run in runs]
    costs = _row(runs, cost, 4.0, ("cost", numbers.money(_most(cost))))
    times = _row(runs, time, 4.0 + _HIGH + 14, ("time", numbers.seconds(_most(time))))
    width = 90.0 + max(len(runs), 8) * 12
    return pieces.drawing(width, 2 * _HIGH + 24, "Cost and time of each run, newest at the right", *costs, *times)


def _row(runs: Sequence[RunRow], values: Sequence[float | None], top: float, names: tuple[str, str]) -> list[Markup]:
    most = _most(values)
    name, largest = names
    marks = [tag("text", name, x=0, y=top + 12), tag("text", f"≤ {largest}", x=0, y=top + 27, class_="wf-muted")]
    marks.append(tag("path", d=f"M84,{top + _HIGH:.1f}h{len(runs) * 12}", stroke="var(--wf-line)"))
    for at, (run, value) in enumerate(zip(runs, values, strict=True)):
        x = 85.0 + 12 * at
        title = tag("title", f"{tally.short(run.run_id)}: {theme.words(run.status)}, {tally.cost(run.spent)}")
        if value is None:
            marks.append(tag("text", title, "?", x=x + 1, y=top + _HIGH - 3, class_="wf-muted"))
            continue
        high = max(1.5, _HIGH * value / most) if most else 1.5
        shape = {"x": x, "y": top + _HIGH - high, "width": 9, "height": high, "rx": 1}
        marks.append(tag("rect", title, class_=theme.css_class(run.status), **shape))
    return marks
