"""What guards did to the calls of a run (waits, refusals, opened breakers, fewer seats), and how they stand now.

Rows as the store and the guards give them; calls that simply passed are only counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wfkit.core.report import DecisionRow, GuardRow, RunReport
from wfkit.views import axes, columns, numbers, pieces, tally, theme
from wfkit.views.bundle import View
from wfkit.views.frames import frame
from wfkit.views.markup import Markup, label

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS: Final = ("guard", "about", "act", "times", "waited_s", "longest_s", "first_at", "last_at", "detail")


@dataclass(frozen=True, slots=True)
class Guards(View):
    """What held calls back? `standing` is of this process; empty where it has asked no model."""

    report: RunReport
    standing: tuple[GuardRow, ...] = ()

    def data(self) -> pd.DataFrame:
        """A row a kind of decision in the run: guard, about (model, provider or purse), act, times, waited_s (seconds
        in all), longest_s, first_at, last_at (UTC), detail; and a row a guard with the act `now`, times it let a call
        pass, and its state as detail.
        """
        told = [
            (row.guard, row.about, row.act, row.times, row.waited_s, row.longest_s, row.first_at, row.last_at,
             row.reason)
            for row in self.report.decisions
        ]  # fmt: skip
        now = [
            (row.guard, row.about, "now", row.passed, row.waited_s, None, None, None, row.state)
            for row in self.standing
        ]  # fmt: skip
        found = frame([*told, *now], _COLUMNS)
        for column in ("first_at", "last_at"):
            found[column] = found[column].astype("float64").mul(1e6).round().astype("datetime64[us]")
        return found

    def figure(self) -> dict[str, Any] | None:
        """Seconds that calls waited, a bar a guard; None if none waited."""
        waits = [row for row in self.report.decisions if row.waited_s]
        if not waits:
            return None
        names = [label(columns.cut_middle(f"{row.guard} {row.about}", 40)) for row in waits]
        hover = [f"<b>{name}</b><br>{_times(row)}" for name, row in zip(names, waits, strict=True)]
        longest = max(row.waited_s or 0.0 for row in waits)
        trace = {
            "type": "bar", "orientation": "h", "y": names, "x": [row.waited_s for row in waits], "hoverinfo": "text",
            "hovertext": hover, "marker": {"color": theme.COLOURS["retrying"]}, "textposition": "none",
        }  # fmt: skip
        return theme.figure(
            [trace], height=max(160, 110 + 30 * len(waits)), key=self.report.run.run_id,
            xaxis={**axes.seconds(longest), "rangemode": "tozero", "fixedrange": True},
            yaxis={"autorange": "reversed", "fixedrange": True, "type": "category"},
            annotations=[theme.heading(self._sentence(), "", above=20)], showlegend=False,
        )  # fmt: skip

    def shown_as_figure(self) -> bool:
        """No: what was decided, and why, is read; the chart is one `figure()` away."""
        return False

    def fragment(self) -> Markup:
        """A sentence and a table of decisions; then how each guard stands."""
        told = pieces.table(
            ("guard", "of", "decided", "times", "waited", "longest", "why"), "---nnnw",
            [(*row[:2], *row[2:]) for row in map(_cells, self.report.decisions)],
        ) if self.report.decisions else None  # fmt: skip
        now = pieces.table(
            ("guard", "of", "now", "passed", "waiting", "waited", "refused"), "---nnnn", list(map(_now, self.standing))
        ) if self.standing else None  # fmt: skip
        return pieces.stack(pieces.say(self._sentence()), told, now)

    def text(self) -> str:
        """A line a kind of decision, and one a guard."""
        lines = columns.wrap(self._sentence())
        if self.report.decisions:
            cells = [_cells(row)[:6] for row in self.report.decisions]
            lines += columns.grid(["guard", "of", "decided", "times", "waited", "longest"], cells, "<<<>>>")
            lines += [line for row in self.report.decisions for line in columns.wrap(_why(row), indent="  ")]
        for guard, about, state, passed, waiting, waited, refused in map(_now, self.standing):
            counts = [f"{passed} passed", *([f"{waiting} waiting"] if waiting else [])]
            counts += [f"waited {waited}"] if waited else []
            counts += [f"{refused} refused"] if refused else []
            lines += columns.wrap(f"now {guard} {about}: {state}; {', '.join(counts)}")
        return "\n".join(lines)

    def _sentence(self) -> str:
        run = f"Run {tally.short(self.report.run.run_id)}"
        told = self.report.decisions
        if not told:
            return f"{run}: no guard held a call back."
        waited = sum(row.waited_s or 0.0 for row in told)
        times = sum(row.times for row in told if row.act == "waited")
        refused = sum(row.times for row in told if row.act == "refused")
        parts = [f"{numbers.plural(times, 'wait')} of {numbers.seconds(waited)} in all"] if times else []
        parts += [f"{numbers.plural(refused, 'call')} refused"] if refused else []
        opened = sum(row.times for row in told if row.act == "opened")
        parts += [f"breakers opened {numbers.plural(opened, 'time')}"] if opened else []
        return f"{run}: {', '.join(parts) or 'calls were held back'}."


def _cells(row: DecisionRow) -> tuple[str, ...]:
    waited = "" if row.waited_s is None else numbers.seconds(row.waited_s)
    longest = "" if row.longest_s is None else numbers.seconds(row.longest_s)
    about, reason = columns.cut_middle(row.about, 32), columns.cut(row.reason, 160)
    return (row.guard, about, row.act, numbers.count(row.times), waited, longest, reason)


def _now(row: GuardRow) -> tuple[str, ...]:
    waited = numbers.seconds(row.waited_s) if row.waited_s else ""
    refused = numbers.count(row.refused) if row.refused else ""
    waiting = numbers.count(row.waiting) if row.waiting else ""
    about, state = columns.cut_middle(row.about, 32), columns.cut(row.state, 80)
    return (row.guard, about, state, numbers.count(row.passed), waiting, waited, refused)


def _times(row: DecisionRow) -> str:
    return f"waited {numbers.plural(row.times, 'time')}, {numbers.seconds(row.waited_s)} in all"


def _why(row: DecisionRow) -> str:
    return f"{row.guard} {columns.cut_middle(row.about, 32)} {row.act}: {columns.cut(row.reason, 160)}"
