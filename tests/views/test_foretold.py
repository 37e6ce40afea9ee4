"""Promises of `views/foretold.py`: an estimate beside what really was."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from wfkit.core.estimate import Estimate, Span
from wfkit.core.report import RunRow
from wfkit.core.result import Spent
from wfkit.views.foretold import compared, span
from wfkit.views.numbers import money

FORETOLD = Estimate(Span(0.1, 0.2, 0.4), Span(900, 1000, 2000), Span(1, 2, 4), Span(3, 3, 9))


def row(estimate: Estimate | None, **more: object) -> RunRow:
    spent = Spent(3, 600, 300, Decimal("0.25"))
    return RunRow("r", "w", "success", 10.0, 15.0, {}, spent=spent, estimate=estimate, **more)


def test_spans() -> None:
    """Expected with its range, one amount if it is certain, `?` if nothing is known."""
    assert span(Span(0.1, 0.2, 0.4), money) == "$0.20 ($0.10 to $0.40)"
    assert span(Span(), money) == "$0"
    assert span(Span(0.1, None, None), money) == "?"
    assert span(Span(0.1, None, 0.4), money) == "? ($0.10 to $0.40)"


def test_what_was_expected_and_what_was() -> None:
    """Money, tokens and time with the change; what went beyond the estimate is said in words."""
    said = compared(row(FORETOLD))
    assert said == (
        "expected $0.20, was $0.25 (+25 %); 1.0k tokens, was 900 tokens (−10 %);"
        " 2.0 s, was 5.0 s (+150 %, more than foretold)"
    )


def test_unknown_is_no_zero() -> None:
    """A run without an estimate says nothing, nor does what nobody could foretell."""
    assert compared(row(None)) == ""
    nobody = Span(0, None, None)
    assert compared(row(Estimate(nobody, calls=Span(1, 1, 1), tokens=nobody, run_s=nobody))) == ""
    assert compared(row(Estimate(nobody, calls=Span(1, 1, 1), tokens=nobody))).startswith("expected 0 s, was 5.0 s")


def test_nothing_to_do_is_not_compared() -> None:
    """A run that served everything from the store has no expectation worth a line."""
    idle = replace(row(Estimate()), spent=Spent(0, 0, 0, Decimal(0)))
    assert compared(idle) == ""
