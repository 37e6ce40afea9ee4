"""Numbers as people read them: money, tokens, counts, seconds, shares, changes, moments.

The only place that formats a number for the screen. Unknown (None, NaN) is `?`, never 0; nothing is ever in
scientific notation.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Final

Number = int | float | Decimal

UNKNOWN = "?"
MINUS = "\N{MINUS SIGN}"
_SCALES: Final[tuple[tuple[int, str], ...]] = (
    (1_000_000_000_000, "T"),
    (1_000_000_000, "B"),
    (1_000_000, "M"),
    (1_000, "k"),
)


_LEAST_USD: Final = Decimal("0.0001")


def _known(value: Number | None) -> bool:
    return value is not None and math.isfinite(value)


def money(usd: Number | None, *, estimated: bool = False, at_least: bool = False) -> str:
    """US dollars: `$12.40`, `$0.0042`, `<$0.0001`, `~$0.31` estimated, `≥$0.31` when calls of unknown price come on
    top (`>$0` for less than can be shown), `?` unknown.
    """
    if usd is None or not _known(usd):
        return UNKNOWN
    sign = MINUS if usd < 0 else ""
    if at_least and 0 < usd < _LEAST_USD:
        return ">$0"
    mark = "≥" if at_least else "~" if estimated else ""
    return f"{mark}{sign}{_dollars(abs(Decimal(str(usd))))}"


def _dollars(usd: Decimal) -> str:
    if usd == 0:
        return "$0"
    if usd < _LEAST_USD:
        return "<$0.0001"
    if usd < Decimal("0.1"):
        return f"${usd:.4f}"
    if usd < 10_000:
        return f"${usd:,.2f}"
    if usd < 1_000_000:
        return f"${usd:,.0f}"
    return f"${_scaled(usd)}"


def tokens(count: Number | None, *, estimated: bool = False) -> str:
    """Tokens, short: `812`, `12.4k`, `3.1M`; `?` unknown."""
    if count is None or not _known(count):
        return UNKNOWN
    sign = MINUS if count < 0 else ""
    return f"{'~' if estimated else ''}{sign}{_scaled(-count if count < 0 else count)}"


def _scaled(value: Number) -> str:
    for size, letter in _SCALES:
        # 999,950 rounds to 1000.0k, which is better said as 1.0M
        if value >= (size if letter == "k" else size - size // 20_000):
            shown = Decimal(str(value)) / size
            return f"{shown:,.1f}{letter}" if shown < 1000 or letter == "T" else f"{shown:,.0f}{letter}"
    return f"{value:,.0f}"


def count(number: Number | None) -> str:
    """An exact count with thousands separators: `4,812`; `?` unknown."""
    return UNKNOWN if number is None or not _known(number) else f"{number:,.0f}".replace("-", MINUS)


def seconds(value: Number | None) -> str:
    """A duration in seconds: `840 ms`, `3.2 s`, `2 m 05 s`, `1 h 02 m`, `3 d 04 h`; `?` unknown."""
    if value is None or not _known(value):
        return UNKNOWN
    sign = MINUS if value < 0 else ""
    return f"{sign}{_duration(abs(float(value)))}"


def _duration(value: float) -> str:
    if value == 0:
        return "0 s"
    if value < 0.0095:
        return "<0.1 ms" if value < 0.0001 else f"{value * 1000:.1f} ms"
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    if value < 59.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    minutes = round(value / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} m"
    hours = round(value / 3600)
    return f"{hours // 24:,} d {hours % 24:02d} h"


def percent(share: Number | None) -> str:
    """A share from 0 to 1: `82 %`, `<1 %`, `>99 %`; only exact 0 and 1 are `0 %` and `100 %`; `?` unknown."""
    if share is None or not _known(share):
        return UNKNOWN
    value = float(share)
    if not _known(value * 100):
        return UNKNOWN
    if 0 < value < 0.01:
        return "<1 %"
    if 0.99 < value < 1:
        return ">99 %"
    return f"{value * 100:,.0f} %".replace("-", MINUS)


def moment(at: float | None, zone: tzinfo | None = None) -> str:
    """A Unix time as local date and minute, `2026-11-21 07:31` (or in `zone`); `?` unknown."""
    if at is None or not _known(at):
        return UNKNOWN
    try:
        return f"{datetime.fromtimestamp(at, UTC).astimezone(zone):%Y-%m-%d %H:%M}"
    except (OverflowError, OSError, ValueError):  # a time outside the years that datetime knows
        return UNKNOWN


def plural(number: int, noun: str, nouns: str = "") -> str:
    """`1 node`, `4,812 nodes`."""
    return f"{count(number)} {noun if number == 1 else nouns or noun + 's'}"
