"""Requests that got no reply but may be on the provider's bill: which, when, and what each may cost at most.

Their sum is in `tally`; nothing is decided here about what counts as such.
"""

from __future__ import annotations

from typing import Final

from wfkit.core.report import CallRow, RunReport
from wfkit.views import columns, numbers, pieces, tally
from wfkit.views.markup import Markup

_LISTED: Final = 20


def section(report: RunReport) -> Markup | None:
    """As a table; nothing if there is none."""
    found = _found(report)
    if not found:
        return None
    rows = [
        (
            pieces.code(columns.cut_middle(_place(call), 48)), pieces.muted(columns.cut_middle(call.request_model, 32)),
            numbers.moment(call.started_at), numbers.money(call.worst_usd), columns.cut(call.error or "", 160),
        )
        for call in found[:_LISTED]
    ]  # fmt: skip
    table = pieces.table(("call of", "model", "sent", "at most", "why"), "---n-", rows)
    return pieces.stack(pieces.say(_head(report)), table, pieces.note(_cut(found)))


def lines(report: RunReport) -> list[str]:
    """As text, a line a call; nothing if there is none."""
    found = _found(report)
    if not found:
        return []
    rows = [
        (
            _place(call), columns.cut_middle(call.request_model, 28), numbers.moment(call.started_at),
            numbers.money(call.worst_usd),
        )
        for call in found[:_LISTED]
    ]  # fmt: skip
    grid = columns.grid(["call of", "model", "sent", "at most"], rows, "<<<>")
    return ["", *columns.wrap(_head(report)), *grid, *([_cut(found)] if _cut(found) else [])]


def _found(report: RunReport) -> list[CallRow]:
    return [call for call in report.calls if call.unanswered]


def _head(report: RunReport) -> str:
    return f"{tally.possibly(report.run.spent)}:"


def _place(call: CallRow) -> str:
    return call.node if call.item is None else f"{call.node}[{call.item}]"


def _cut(found: list[CallRow]) -> str:
    return pieces.shown_of(min(_LISTED, len(found)), len(found), "calls", "all are in the view possibly_billed")
