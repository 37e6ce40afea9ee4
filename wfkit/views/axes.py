"""Axes of figures and drawings: round positions and their labels, in the number formats of `numbers`.

Plotly's own formats are not used: they write half a dollar as `$500m`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from wfkit.views import numbers

_CLOCK: Final = (30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0, 86400.0)


def ticks(most: float, about: int = 6) -> list[float]:
    """Round positions from 0 to `most`, at most `about` steps: 1, 2 or 5 times a power of ten."""
    if most <= 0:
        return [0.0]
    power = 10.0 ** math.floor(math.log10(most / about))
    step = next((base * power for base in (1, 2, 5) if most / (base * power) <= about), 10 * power)
    return [step * at for at in range(int(most / step + 1e-9) + 1)]


def clock_ticks(most: float, about: int = 6) -> list[float]:
    """Like `ticks` for seconds: from half a minute on in steps that are whole minutes, hours or days."""
    found = ticks(most, about)
    if len(found) < 2 or found[1] < 20:
        return found
    days = math.ceil(most / about / 86400) * 86400.0
    step = next((step for step in _CLOCK if most / step <= about), days)
    return [step * at for at in range(int(most / step + 1e-9) + 1)]


def money(most: float) -> dict[str, Any]:
    """Settings of a Plotly axis of dollars from 0 to `most`."""
    at = ticks(most)
    step = at[1] if len(at) > 1 else 1.0
    digits = max(2, -math.floor(math.log10(step))) if step < 1 else 0
    return _axis(at, lambda usd: f"${usd:,.{digits}f}" if usd and step < 1000 else numbers.money(usd))


def tokens(most: float) -> dict[str, Any]:
    """Settings of a Plotly axis of tokens from 0 to `most`."""
    return _axis([at for at in ticks(most) if at == int(at)], numbers.tokens)


def seconds(most: float) -> dict[str, Any]:
    """Settings of a Plotly axis of seconds from 0 to `most`."""
    return _axis(clock_ticks(most, 8), numbers.seconds)


def _axis(at: list[float], show: Callable[[float], str]) -> dict[str, Any]:
    return {"tickmode": "array", "tickvals": at, "ticktext": [show(value) for value in at], "zeroline": False}


def switch(name: str, axis: dict[str, Any]) -> dict[str, Any]:
    """The same settings as the second argument of a Plotly button: `xaxis.tickvals` and so on."""
    return {f"{name}.{key}": value for key, value in axis.items()}
