"""Promises of `views/axes.py`.

Round positions, few of them, labelled in our own number formats.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.views import axes


@given(st.floats(min_value=1e-9, max_value=1e15), st.integers(2, 10))
def test_few_even_steps(most: float, about: int) -> None:
    """From 0 on in equal steps, not beyond the end, at most as many as asked."""
    for found in (axes.ticks(most, about), axes.clock_ticks(most, about)):
        assert found[0] == 0
        assert len(found) <= about + 1
        assert found[-1] <= most * (1 + 1e-6)


@pytest.mark.parametrize(
    ("most", "labels"),
    [
        (0, ["$0"]),
        (0.2, ["$0", "$0.05", "$0.10", "$0.15", "$0.20"]),
        (0.009, ["$0", "$0.002", "$0.004", "$0.006", "$0.008"]),
        (2.3, ["$0", "$0.50", "$1.00", "$1.50", "$2.00"]),
        (50, ["$0", "$10", "$20", "$30", "$40", "$50"]),
    ],
)
def test_money(most: float, labels: list[str]) -> None:
    """Half a dollar is `$0.50`, never `$500m`."""
    assert axes.money(most)["ticktext"] == labels


def test_time_goes_by_minutes() -> None:
    """Above a minute the steps are those of a clock."""
    assert axes.clock_ticks(200, 6) == [0, 60, 120, 180]
    assert axes.clock_ticks(10, 6)[1] == 2


def test_tokens_are_whole() -> None:
    """There is no half token on an axis."""
    assert axes.tokens(2)["ticktext"] == ["0", "1", "2"]


def test_switch_names_the_settings_of_an_axis() -> None:
    """The form that a Plotly button wants."""
    assert axes.switch("xaxis", {"tickvals": [1]}) == {"xaxis.tickvals": [1]}
