"""Where the money and the tokens of a run go, a bar a node; money and tokens are two sides of one chart.

Cached tokens are part of input and reasoning is part of output, so nothing is added twice. Prices that are not known
are never drawn as 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from wfkit.core.report import CallRow, CellsRow, NodeRow, RunReport
from wfkit.core.result import Spent
from wfkit.core.terms import NodeKind
from wfkit.views import axes, columns, foretold, numbers, pieces, tally, theme, unanswered
from wfkit.views.bundle import View
from wfkit.views.frames import frame
from wfkit.views.markup import Markup, label

if TYPE_CHECKING:
    import pandas as pd

_BARS: Final = 40


@dataclass(frozen=True, slots=True)
class Line:
    """What one node (or all others together) used up. Tokens without overlap: `fresh` and `cached` are the input,
    `said` and `reasoning` the output. None is unknown.
    """

    node: str
    model: str
    spent: Spent
    fresh: int | None
    cached: int | None
    said: int | None
    reasoning: int | None
    saved_usd: Decimal | None
    wasted_usd: Decimal | None = Decimal(0)


@dataclass(frozen=True, slots=True)
class Cost(View):
    """Where does the money go?"""

    report: RunReport

    def data(self) -> pd.DataFrame:
        """A row a node that asked a model or would have: node, model, calls, tokens by kind, cost_usd, unpriced,
        estimated, saved_usd, wasted_usd, and calls that are `unanswered`, which may cost `unanswered_usd` at most. The
        last one, `plain cells`, is what cells asked besides, in the process of the run but in no run.
        """
        records = [
            (line.node, line.model, line.spent.calls, line.spent.input_tokens, line.spent.output_tokens, line.fresh,
            line.cached,
             line.said, line.reasoning, _float(line.spent.cost_usd), line.spent.unpriced, line.spent.estimated,
             _float(line.saved_usd), _float(line.wasted_usd), line.spent.unanswered, _float(line.spent.unanswered_usd))
            for line in (*lines(self.report), *_cells(self.report))
        ]  # fmt: skip
        return frame(records, _COLUMNS)

    def figure(self) -> dict[str, Any]:
        """Stacked bars, dearest on top, with a button that switches between money and tokens. Where everything was
        free, tokens come first."""
        drawn, whole = _top(self.report)
        # Bars of one name would be one bar.
        names = [label(name) for name in columns.cut_names([line.node for line in drawn], 32)]
        money = [*(_trace(names, drawn, side) for side in _MONEY), _unknown(names, drawn)]
        tokens = [_trace(names, drawn, side) for side in _TOKENS]
        sides = [[True] * len(money) + [False] * len(tokens), [False] * len(money) + [True] * len(tokens)]
        axis = [axes.money(_longest(drawn, _MONEY)), axes.tokens(_longest(drawn, _TOKENS))]
        first = int(_free(drawn))
        menu = theme.buttons(
            theme.button("money", sides[0], axes.switch("xaxis", axis[0])),
            theme.button("tokens", sides[1], axes.switch("xaxis", axis[1])),
            active=first,
        )
        return theme.figure(
            [trace | {"visible": on} for trace, on in zip([*money, *tokens], sides[first], strict=True)],
            height=max(190, min(450, 150 + 30 * len(drawn))),
            key=self.report.run.run_id,
            barmode="stack",
            bargap=0.35,
            margin={"l": 8, "r": 8, "t": 94, "b": 24},
            annotations=[
                theme.heading(tally.money_sentence(self.report.run), _told(self.report, drawn, whole), above=44)
            ],
            xaxis={**axis[first], "rangemode": "tozero", "fixedrange": True},
            yaxis={"autorange": "reversed", "fixedrange": True, "ticklen": 4, "type": "category"},
            showlegend=True,
            legend=theme.legend(0.24),
            updatemenus=[menu],
        )

    def shown_as_figure(self) -> bool:
        """Where no model was asked there is nothing to draw."""
        return bool(_top(self.report)[0])

    def fragment(self) -> Markup:
        """A sentence and a table with money and tokens side by side, each with its bar."""
        drawn, whole = _top(self.report)
        foreseen = pieces.note(foretold.compared(self.report.run))
        say = pieces.stack(pieces.say(tally.money_sentence(self.report.run)), foreseen)
        if not drawn:
            return pieces.stack(say, pieces.note("No node asks a model."))
        return pieces.stack(
            say, _table(drawn, self.report), pieces.note(f"{_told(self.report, drawn, whole)} {_LEGEND}".strip()),
            unanswered.section(self.report),
        )  # fmt: skip

    def text(self) -> str:
        """A line a node: money with its bar, calls, tokens in and out."""
        drawn, whole = _top(self.report)
        head = columns.wrap(tally.money_sentence(self.report.run))
        head += columns.wrap(foretold.compared(self.report.run)) if foretold.compared(self.report.run) else []
        if not drawn:
            return "\n".join([*head, "No node asks a model."])
        most = _most(drawn)
        rows = [
            (line.node, tally.cost(line.spent), columns.bar(float(line.spent.cost_usd or 0) / most, 16) if most else "",
             numbers.count(line.spent.calls), numbers.tokens(line.spent.input_tokens),
             numbers.tokens(line.spent.output_tokens),
             numbers.money(line.saved_usd) if line.saved_usd != 0 else "", _wasted(line.wasted_usd))
            for line in drawn
        ]  # fmt: skip
        heads = ["node", "cost", "", "calls", "in", "out", "saved", "wasted"]
        some = 8 if any(row[-1] for row in rows) else 7
        grid = columns.grid(heads[:some], [row[:some] for row in rows], "<><>>>>>"[:some])
        told = [*columns.wrap(_cut(drawn, whole)), *columns.wrap(_with_cells(self.report))]
        return "\n".join([*head, *grid, *filter(None, told), *unanswered.lines(self.report)])


_COLUMNS: Final = ("node", "model", "calls", "input_tokens", "output_tokens", "fresh_input_tokens",
"cached_input_tokens",
                   "said_tokens", "reasoning_tokens", "cost_usd", "unpriced", "estimated", "saved_usd",
                   "wasted_usd", "unanswered", "unanswered_usd")  # fmt: skip
_LEGEND: Final = (
    "Input includes cached tokens, output includes reasoning. "
    "≥: calls of unknown price come on top; ~: estimated; ?: unknown."
)


def lines(report: RunReport) -> list[Line]:
    """What each node used up, dearest first, then by tokens; nodes that have nothing to do with models are left out."""
    calls: dict[str, list[CallRow]] = {}
    for call in report.calls:
        if not call.served:
            calls.setdefault(call.node, []).append(call)
    found = [_line(row, calls.get(row.name, [])) for row in report.nodes if _asks(row)]
    return sorted(found, key=lambda line: (-(line.spent.cost_usd or 0), -(line.spent.input_tokens or 0), line.node))


def _cells(report: RunReport) -> list[Line]:
    """What plain cells used up besides, if they asked anything."""
    cells = report.cells
    if cells is None:
        return []
    tokens = _apart(cells.spent, cells.cached_tokens, cells.reasoning_tokens)
    return [Line(tally.CELLS, "", cells.spent, *tokens, cells.saved_usd, cells.wasted_usd)]


def _with_cells(report: RunReport) -> str:
    """What run and plain cells cost together; empty if no cell asked."""
    if report.cells is None:
        return ""
    spent = tally.spent_sum([report.run.spent, report.cells.spent])
    return f"{tally.cells_sentence(report.cells)} Together with this run: {tally.cost(spent)}."


def _asks(row: NodeRow) -> bool:
    return row.spent.calls > 0 or row.served > 0 or row.kind == NodeKind.PROMPT or bool(row.saved_usd)


def _line(row: NodeRow, calls: list[CallRow]) -> Line:
    """Totals are the node's own; its calls only tell which part was cached and which was reasoning."""
    cached = sum(call.cache_read_input_tokens or 0 for call in calls)
    reasoning = sum(call.reasoning_output_tokens or 0 for call in calls)
    tokens = _apart(row.spent, cached, reasoning)
    return Line(row.name, row.model or "", row.spent, *tokens, row.saved_usd, row.wasted_usd)


def _apart(spent: Spent, cached: int, reasoning: int) -> tuple[int | None, int | None, int | None, int | None]:
    """Tokens without overlap: fresh and cached ones of the input, said and reasoning ones of the output."""
    inward, outward = spent.input_tokens, spent.output_tokens
    cached, reasoning = min(cached, inward or 0), min(reasoning, outward or 0)
    apart_in = (None, None) if inward is None else (inward - cached, cached)
    apart_out = (None, None) if outward is None else (outward - reasoning, reasoning)
    return (*apart_in, *apart_out)


def _top(report: RunReport) -> tuple[list[Line], int]:
    """The dearest lines and, as one more, the sum of the others; and how many nodes there are in all. Last stands what
    plain cells asked."""
    found = lines(report)
    if len(found) <= _BARS:
        return [*found, *_cells(report)], len(found)
    rest = found[_BARS:]
    saved = [line.saved_usd for line in rest if line.saved_usd is not None]
    other = Line(
        f"{len(rest)} others",
        "",
        tally.spent_sum(line.spent for line in rest),
        sum(line.fresh or 0 for line in rest),
        sum(line.cached or 0 for line in rest),
        sum(line.said or 0 for line in rest),
        sum(line.reasoning or 0 for line in rest),
        sum(saved, Decimal(0)),
        sum((line.wasted_usd or Decimal(0) for line in rest), Decimal(0)),
    )
    return [*found[:_BARS], other, *_cells(report)], len(found)


def _cut(drawn: list[Line], whole: int) -> str:
    if whole <= _BARS:
        return ""
    nodes = drawn[: _BARS + 1]
    most, other = float(sum(line.spent.cost_usd or 0 for line in nodes)), float(nodes[-1].spent.cost_usd or 0)
    share = f", {numbers.percent(other / most)} of the cost" if most else ""
    return f"{_BARS} of {numbers.count(whole)} nodes shown; the rest is one bar{share}."


def _told(report: RunReport, drawn: list[Line], whole: int) -> str:
    return " ".join(filter(None, (_cut(drawn, whole), _with_cells(report))))


def _free(drawn: list[Line]) -> bool:
    """Whether a chart of money would be empty though tokens were used."""
    priced = not any(line.spent.unpriced for line in drawn)
    return priced and _longest(drawn, _MONEY) == 0 and _longest(drawn, _TOKENS) > 0


def _float(usd: Decimal | None) -> float | None:
    return None if usd is None else float(usd)


def _most(drawn: list[Line]) -> float:
    return max((float(line.spent.cost_usd or 0) for line in drawn), default=0.0)


_MONEY: Final = (("billed", "#0072B2", ""), ("saved by the cache", "#56B4E9", "/"))
_TOKENS: Final = (("input", "#0072B2", ""), ("input, cached", "#56B4E9", ""), ("output", "#E69F00", ""),
                  ("output, reasoning", "#E69F00", "/"))  # fmt: skip


def _amounts(line: Line) -> dict[str, float | None]:
    return {
        "billed": _float(line.spent.cost_usd),
        "saved by the cache": _float(line.saved_usd),
        "input": line.fresh,
        "input, cached": line.cached,
        "output": line.said,
        "output, reasoning": line.reasoning,
    }


def _trace(names: list[str], drawn: list[Line], side: tuple[str, str, str]) -> dict[str, Any]:
    what, colour, pattern = side
    marker: dict[str, Any] = {"color": colour, "line": {"color": theme.BORDER, "width": 0.5}}
    if pattern:
        marker["pattern"] = {
            "shape": pattern,
            "fgcolor": colour,
            "bgcolor": "rgba(0,0,0,0)",
            "size": 5,
            "fillmode": "replace",
        }
    said = [tally.cost(line.spent) if what == "billed" else _amount(what, line) for line in drawn]
    return {
        "type": "bar",
        "orientation": "h",
        "name": what,
        "y": names,
        "x": [_amounts(line)[what] for line in drawn],
        "marker": marker,
        "hoverinfo": "text",
        "hovertext": [f"<b>{name}</b><br>{what}: {label(text)}" for name, text in zip(names, said, strict=True)],
        "textposition": "none",
    }


def _unknown(names: list[str], drawn: list[Line]) -> dict[str, Any]:
    """A `?` where a bar of money would stand if its price were known."""
    where = [name for name, line in zip(names, drawn, strict=True) if line.spent.cost_usd is None]
    texts = {"text": ["  ?"] * len(where), "textposition": "middle right", "hoverinfo": "skip", "showlegend": False}
    return {"type": "scatter", "mode": "text", "x": [0] * len(where), "y": where, **texts}


def _amount(what: str, line: Line) -> str:
    value = _amounts(line)[what]
    return numbers.money(value) if what == "saved by the cache" else numbers.count(value)


def _longest(drawn: list[Line], sides: tuple[tuple[str, str, str], ...]) -> float:
    """The length of the longest stacked bar."""
    return max((sum(_amounts(line)[what] or 0 for what, _, _ in sides) for line in drawn), default=0.0)


def _wasted(usd: Decimal | None) -> str:
    return numbers.money(usd) if usd else ""


def _table(drawn: list[Line], report: RunReport) -> Markup:
    cells = report.cells or CellsRow()
    spent = tally.spent_sum([report.run.spent, cells.spent])
    wasted = (report.run.wasted_usd or Decimal(0)) + (cells.wasted_usd or Decimal(0))
    most = _most(drawn)
    largest = max((line.spent.input_tokens or 0) + (line.spent.output_tokens or 0) for line in drawn)
    heads = ("node", "model", "calls", "cost", "", "saved", "wasted", "tokens in", "cached", "out", "reasoning", "")
    rows = [
        (
            pieces.code(columns.cut_middle(line.node, 48)), pieces.muted(columns.cut_middle(line.model, 32)),
            numbers.count(line.spent.calls),
            tally.cost(line.spent), _money_bar(line, most),
            numbers.money(line.saved_usd) if line.saved_usd != 0 else "", _wasted(line.wasted_usd),
            numbers.tokens(line.spent.input_tokens), _some(line.cached), numbers.tokens(line.spent.output_tokens),
            _some(line.reasoning), _token_bar(line, largest),
        )
        for line in drawn
    ]  # fmt: skip
    total = "total" if report.cells is None else f"run and {tally.CELLS}"
    foot = (total, "", numbers.count(spent.calls), tally.cost(spent), "", "", _wasted(wasted),
            numbers.tokens(spent.input_tokens), "",
            numbers.tokens(spent.output_tokens), "", "")  # fmt: skip
    return pieces.table(heads, "--nn-nnnnnn-", rows, foot)


def _some(count: int | None) -> str:
    return "" if count == 0 else numbers.tokens(count)


def _money_bar(line: Line, most: float) -> Markup:
    return pieces.share_bar(
        [("wf-running", float(line.spent.cost_usd or 0))], most, f"{line.node}: {tally.cost(line.spent)}"
    )


def _token_bar(line: Line, largest: int) -> Markup:
    parts = [("wf-running", float(line.fresh or 0)), ("wf-cached", float(line.cached or 0)),
             ("wf-retrying", float((line.said or 0) + (line.reasoning or 0)))]  # fmt: skip
    exact = f"{numbers.count(line.spent.input_tokens)} in, {numbers.count(line.spent.output_tokens)} out"
    return pieces.share_bar(parts, float(largest), f"{line.node}: {exact}")
