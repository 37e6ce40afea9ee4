"""How one value was made: inputs, code, prompt, model and call, step by step, for a node or for one of its items.

The figure holds names and ids only. Texts of prompts and replies stand in the static HTML, escaped and cut at 4,000
characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wfkit.core.report import LineageStep
from wfkit.core.terms import NodeKind
from wfkit.views import columns, lineage_svg, numbers, pieces, questions, tally, theme
from wfkit.views.bundle import View
from wfkit.views.frames import frame
from wfkit.views.layout import layered
from wfkit.views.lineage_svg import place
from wfkit.views.markup import Markup, join, label, tag
from wfkit.views.wires import smooth

if TYPE_CHECKING:
    import pandas as pd

_STEPS: Final = 200
_MADE: Final[Mapping[str, str]] = {NodeKind.INPUT: "was given", NodeKind.PROMPT: "was answered"}
_LONG: Final = 4000


@dataclass(frozen=True, slots=True)
class Lineage(View):
    """Which inputs, code, prompt and model made this value?"""

    step: LineageStep

    def data(self) -> pd.DataFrame:
        """A row a step, the value first: depth, role, node, item, kind, digest, preview, run_id, model, answered_by,
        run_s, cost_usd, call_id, rounds, reads, cut, asked (requests to models).
        """
        records = [
            (depth, s.role, s.node, s.item, s.kind, s.digest, s.preview, s.run_id, s.model, s.answered_by, s.run_s,
             None if s.cost_usd is None else float(s.cost_usd), s.call_id, s.rounds,
             ", ".join(r.name for r in s.reads), s.cut, s.asked)
            for depth, s in walk(self.step)
        ]  # fmt: skip
        return frame(records, _COLUMNS)

    def shown_as_figure(self) -> bool:
        """No: prompt, reply and price are read, and a figure must not hold them."""
        return False

    def figure(self) -> dict[str, Any]:
        """The steps as marks from left to right over lines; the hover tells role, kind, model, time and cost."""
        steps, deps = lineage_svg.vertices(self.step)
        layout = layered(deps)
        axis = {"visible": False, "showgrid": False, "zeroline": False}
        lines: dict[str, Any] = {"type": "scatter", "mode": "lines", "x": [], "y": [], "hoverinfo": "skip",
                                 "line": {"color": theme.EDGE, "width": 1.2, "shape": "spline",
                                 "smoothing": 0.6}}  # fmt: skip
        for bend in layout.bends.values():
            path = smooth(bend)
            lines["x"] += [*(round(along, 3) for _, along in path), None]
            lines["y"] += [*(round(across, 3) for across, _ in path), None]
        return theme.figure(
            [lines, _marks(steps, layout.points)],
            height=max(160, min(420, 110 + int(64 * layout.width))),
            key=self.step.digest,
            xaxis={**axis, "range": [-0.5, layout.depth - 0.5]},
            yaxis={**axis, "range": [max(layout.width, 0.6) + 0.6, -0.6]},
        )

    def fragment(self) -> Markup:
        """A sentence, the graph of steps, and every step with its texts one toggle away."""
        steps = list(walk(self.step))
        picture = lineage_svg.draw(self.step) if self.step.inputs else None
        caption = pieces.note(
            pieces.shown_of(lineage_svg.shown(self.step), len(steps), "steps", "the rest stands below")
        )
        return pieces.stack(pieces.say(_sentence(self.step)), picture, caption, _nested(steps[:_STEPS]), _rest(steps))

    def text(self) -> str:
        """The sentence, then an indented tree: `how was this made`."""
        steps = list(walk(self.step))
        lines = [line for depth, step in steps[:_STEPS] for line in _text_lines(depth, step)]
        cut = pieces.shown_of(min(_STEPS, len(steps)), len(steps), "steps")
        return "\n".join([*columns.wrap(_sentence(self.step)), *lines, *([cut] if cut else [])])


_COLUMNS: Final = ("depth", "role", "node", "item", "kind", "digest", "preview", "run_id", "model", "answered_by",
"run_s",
                   "cost_usd", "call_id", "rounds", "reads", "cut", "asked")  # fmt: skip


def walk(step: LineageStep) -> Iterator[tuple[int, LineageStep]]:
    """Every step with its depth, the value itself first, then its inputs in their order, each followed by its own."""
    stack = [(0, step)]
    while stack:
        depth, current = stack.pop()
        yield depth, current
        stack.extend((depth + 1, below) for below in reversed(current.inputs))


def _sentence(step: LineageStep) -> str:
    """`classify[17] was made by openai/gpt-5-mini in 1.2 s for $0.0002, from packages and rules.`"""
    text = f"{place(step)} {_MADE.get(step.kind, 'was computed')}"
    if step.model:
        answered = f" (asked: {step.model})" if step.answered_by and step.answered_by != step.model else ""
        text += f" by {step.answered_by or step.model}{answered}"
    text += f" in {numbers.seconds(step.run_s)}" if step.run_s is not None else ""
    text += f" with {numbers.plural(step.asked, 'question')}" if step.asked and step.kind != NodeKind.PROMPT else ""
    text += f" for {numbers.money(step.cost_usd)}" if step.kind == NodeKind.PROMPT or step.asked else ""
    if step.rounds:
        text += f" after {numbers.plural(step.rounds, 'repair')}"
    names = [place(below) for below in step.inputs]
    if names:
        listed = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
        text += f", from {listed}"
    return text + "."


def _facts(step: LineageStep) -> str:
    parts = [step.kind]
    parts += [step.answered_by or step.model or ""] if step.model or step.answered_by else []
    parts += [numbers.seconds(step.run_s)] if step.run_s is not None else []
    parts += [numbers.money(step.cost_usd)] if step.kind == NodeKind.PROMPT or step.asked else []
    parts += [numbers.plural(step.rounds, "repair")] if step.rounds else []
    parts += [f"run {tally.short(step.run_id)}"] if step.run_id else []
    parts += [numbers.moment(step.created_at)] if step.created_at else []
    parts += ["inputs not shown"] if step.cut else []
    return " · ".join(parts)


def _marks(steps: list[LineageStep], points: tuple[tuple[float, float], ...]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [point[1] for point in points],
        "y": [point[0] for point in points],
        "text": [label(columns.cut_middle(place(step), 24)) for step in steps],
        "textposition": "bottom center",
        "cliponaxis": False,
        "hoverinfo": "text",
        "hovertext": [
            f"<b>{label(columns.cut_middle(place(step), 60))}</b><br>{label(_facts(step))}" for step in steps
        ],
        "marker": {
            "size": [22 if step is steps[-1] else 16 for step in steps],
            "symbol": [theme.SYMBOLS.get(step.kind, "square") for step in steps],
            "color": ["#0072B2" if step is steps[-1] else "#56B4E9" for step in steps],
            "opacity": 1,
            "line": {"color": theme.BORDER, "width": 1},
        },
    }


def _nested(steps: list[tuple[int, LineageStep]]) -> Markup:
    """The steps inside one another. Built from the last to the first, so that no depth is too deep."""
    below: dict[int, list[Markup]] = {}
    for depth, step in reversed(steps):
        inner = below.pop(depth + 1, [])
        branch = tag("div", *reversed(inner), class_="wf-tree") if inner else None
        below.setdefault(depth, []).append(tag("div", _head(step), *_texts(step), branch, class_="wf-step"))
    return join(*below.get(0, []))


def _tells(step: LineageStep) -> bool:
    """Whether the role says more than the name of the step."""
    return bool(step.role) and step.role not in {step.node, place(step)}


def _head(step: LineageStep) -> Markup:
    role = join(pieces.muted(step.role), " ") if _tells(step) else None
    return tag(
        "p",
        role,
        tag("b", pieces.code(columns.cut_middle(place(step), 80))),
        " ",
        pieces.muted(_facts(step)),
        class_="wf-say",
    )


def _texts(step: LineageStep) -> list[Markup]:
    texts = (("prompt", step.prompt), ("reply", step.reply), ("source", step.source))
    parts = [tag("p", pieces.code(columns.cut(step.preview, 400)))] if step.preview else []
    parts += [pieces.folded(name, _long(text)) for name, text in texts if text]
    parts += [asked] if (asked := questions.section(step)) is not None else []
    if step.reads:
        rows = [(read.kind, pieces.code(read.name), pieces.code(read.digest[:12])) for read in step.reads[:50]]
        cut = pieces.note(pieces.shown_of(len(rows), len(step.reads), "reads"))
        parts.append(pieces.folded("read", pieces.stack(pieces.table(("kind", "name", "digest"), "-w-", rows), cut)))
    return parts


def _long(text: str) -> Markup:
    cut = (
        pieces.note(f"{numbers.count(_LONG)} of {numbers.count(len(text))} characters shown.")
        if len(text) > _LONG
        else None
    )
    return pieces.stack(tag("pre", text[:_LONG]), cut)


def _rest(steps: list[tuple[int, LineageStep]]) -> Markup | None:
    return pieces.note(pieces.shown_of(min(_STEPS, len(steps)), len(steps), "steps"))


def _text_lines(depth: int, step: LineageStep) -> list[str]:
    indent = "  " * min(depth, 20)
    role = f"{step.role} = " if _tells(step) and depth else ""
    mark = "← " if depth else ""
    head = columns.cut_end(
        f"{indent}{mark}{columns.cut_middle(role + place(step), 44)}  {columns.cut(_facts(step), 200)}"
    )
    value = columns.cut_end(f"{indent}  {columns.cut(step.preview, 200)}")
    reads = [columns.cut_end(f"{indent}  read {read.kind} {columns.cut(read.name, 200)}") for read in step.reads[:5]]
    return [head, *([value] if step.preview else []), *reads, *questions.lines(step, f"{indent}  ")]
