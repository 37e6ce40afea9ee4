"""Promises of `views/numbers.py`: every number reads as section 7 of the reference says, and none is ever in
scientific notation.

Tables of examples, and properties over all floats.
"""

from __future__ import annotations

import re
from datetime import UTC
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.views import numbers

ANY = (
    st.floats(allow_nan=True, allow_infinity=True) | st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
)


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        (Decimal("12.4"), "$12.40"),
        (Decimal("0.0042"), "$0.0042"),
        (0.01, "$0.0100"),
        (0.31, "$0.31"),
        (Decimal("0.00009"), "<$0.0001"),
        (Decimal("1e-9"), "<$0.0001"),
        (0, "$0"),
        (1234.5, "$1,234.50"),
        (45_678, "$45,678"),
        (12_345_678, "$12.3M"),
        (Decimal("1e18"), "$1,000,000.0T"),
        (-0.31, "−$0.31"),
        (None, "?"),
        (float("nan"), "?"),
        (float("inf"), "?"),
    ],
)
def test_money(usd: Decimal | float | None, shown: str) -> None:
    """Money has as many digits as its size needs; unknown is `?`, never 0."""
    assert numbers.money(usd) == shown


def test_money_says_how_sure_it_is() -> None:
    """`~` is estimated, `≥` leaves out calls of unknown price."""
    assert numbers.money(0.31, estimated=True) == "~$0.31"
    assert numbers.money(0.31, estimated=True, at_least=True) == "≥$0.31"
    assert numbers.money(0.00003, at_least=True) == ">$0"
    assert numbers.money(0, at_least=True) == "≥$0"
    assert numbers.money(None, estimated=True) == "?"


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0"),
        (812, "812"),
        (12_400, "12.4k"),
        (999_950, "1.0M"),
        (3_100_000, "3.1M"),
        (10**15, "1,000.0T"),
        (None, "?"),
    ],
)
def test_tokens(count: int | None, shown: str) -> None:
    """Tokens are short, and never `1000.0k`."""
    assert numbers.tokens(count) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0 s"),
        (0.00001, "<0.1 ms"),
        (0.0042, "4.2 ms"),
        (0.84, "840 ms"),
        (0.9996, "1.0 s"),
        (3.2, "3.2 s"),
        (59.96, "1 m 00 s"),
        (125, "2 m 05 s"),
        (3_725, "1 h 02 m"),
        (3600 * 76, "3 d 04 h"),
        (-0.4, "−400 ms"),
        (None, "?"),
        (float("inf"), "?"),
    ],
)
def test_seconds(value: float | None, shown: str) -> None:
    """Durations have the two units that matter."""
    assert numbers.seconds(value) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.82, "82 %"), (0, "0 %"), (1, "100 %"), (0.001, "<1 %"), (0.9999, ">99 %"), (None, "?")],
)
def test_percent(share: float | None, shown: str) -> None:
    """0 % and 100 % mean none and all, not nearly."""
    assert numbers.percent(share) == shown


def test_moment() -> None:
    """A time is a local minute; one beyond the calendar is unknown."""
    assert numbers.moment(0, UTC) == "1970-01-01 00:00"
    assert numbers.moment(1e30) == "?"
    assert numbers.moment(None) == "?"


def test_plural() -> None:
    """One is one."""
    assert [numbers.plural(n, "node") for n in (0, 1, 4812)] == ["0 nodes", "1 node", "4,812 nodes"]
    assert numbers.plural(2, "reply", "replies") == "2 replies"


@given(ANY)
def test_nothing_is_scientific(value: float | Decimal) -> None:
    """Whatever the number, no formatter fails, writes an exponent, `nan` or `inf`."""
    shows = (numbers.money, numbers.tokens, numbers.seconds, numbers.percent, numbers.count)
    for show in shows:
        assert not re.search(r"\d[eE][+-]?\d|nan|inf", show(value)), show


@given(st.floats(min_value=0, max_value=1e12), st.floats(min_value=0, max_value=1e12))
def test_larger_money_never_reads_smaller(one: float, other: float) -> None:
    """Rounding keeps the order: what is shown of the larger amount is at least what is shown of the smaller."""
    low, high = sorted((one, other))
    assert _value(numbers.money(low)) <= _value(numbers.money(high))


def _value(shown: str) -> float:
    scale = {"T": 1e12, "B": 1e9, "M": 1e6, "k": 1e3}.get(shown[-1], 1.0)
    return 0.00001 if shown.startswith("<") else float(re.sub(r"[^0-9.]", "", shown)) * scale
