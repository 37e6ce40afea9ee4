"""What a value was asked of models on its way: a line a question, with model, tokens, price, verdict and its texts.

Part of `lineage`. Texts are shortened here and escaped by whoever makes HTML of them.
"""

from __future__ import annotations

from typing import Final

from wfkit.core.report import LineageStep, Question
from wfkit.views import columns, numbers, pieces
from wfkit.views.markup import Markup

_LINES: Final = 5  # in text; in HTML all that the store tells
_ONE: Final = 1  # whose texts stand by themselves
_SHOWN: Final = 400  # characters of a text in HTML


def section(step: LineageStep) -> Markup | None:
    """As a table one toggle away; nothing for a value of one question, whose texts stand by themselves."""
    if step.asked <= _ONE:
        return None
    heads = ("", "model", "in", "out", "price", "verdict", "prompt", "reply")
    rows = [
        (
            at, pieces.muted(columns.cut(_model(one), 40)), numbers.tokens(one.input_tokens),
            numbers.tokens(one.output_tokens), numbers.money(one.cost_usd), _verdict(one),
            columns.cut(one.prompt, _SHOWN), columns.cut(_said(one), _SHOWN),
        )
        for at, one in enumerate(step.questions, 1)
    ]  # fmt: skip
    table = pieces.table(heads, "n-nnn-ww", rows)
    return pieces.folded(_head(step), pieces.stack(table, pieces.note(_cut(step, len(step.questions)))))


def lines(step: LineageStep, indent: str) -> list[str]:
    """As text, two lines a question."""
    if step.asked <= _ONE:
        return []
    shown = step.questions[:_LINES]
    told = [(pad, text) for one in shown for pad, text in (("", _facts(one)), ("  ", one.prompt), ("  → ", _said(one)))]
    told += [("", cut)] if (cut := _cut(step, len(shown))) else []
    return [columns.cut_end(f"{indent}{pad}{columns.cut(text, 200)}") for pad, text in told]


def _head(step: LineageStep) -> str:
    return numbers.plural(step.asked, "question")


def _cut(step: LineageStep, shown: int) -> str:
    left = step.asked - shown
    more = numbers.plural(left, "more question")
    return f"and {more}: all are in the table calls_latest, run {(step.run_id or '')[:8]}." if left > 0 else ""


def _model(one: Question) -> str:
    """The model asked, and who answered if it has another name."""
    answered = one.answered_by
    return one.model if answered in {None, one.model} else f"{one.model} ({answered})"


def _verdict(one: Question) -> str:
    return f"{one.verdict}, from the call log" if one.served else one.verdict


def _facts(one: Question) -> str:
    tokens = f"{numbers.tokens(one.input_tokens)} in, {numbers.tokens(one.output_tokens)} out"
    return f"asked {_model(one)}: {tokens}, {numbers.money(one.cost_usd)}, {_verdict(one)}"


def _said(one: Question) -> str:
    """The reply, or why there is none."""
    return one.reply if one.reply is not None else one.error or "no answer"
