"""What is foretold, in words: a span of money, time or tokens, and an estimate beside what really was.

No table and no chart here: `plan`, `progress`, `history` and `cost` put these words where they belong.
"""

from __future__ import annotations

from collections.abc import Callable

from wfkit.core.estimate import Estimate, Span
from wfkit.core.report import RunReport, RunRow
from wfkit.core.terms import RunState
from wfkit.views import numbers
from wfkit.views.whole import Taken, whole

_NAMED = 2  # maps that a sentence names beside the first
_LEAST_USD, _LEAST_S = 0.0001, 1.0  # below these an estimate is compared with noise
Show = Callable[[numbers.Number | None], str]


def span(amount: Span, show: Show) -> str:
    """`$0.15 ($0.10 to $0.31)`; `?` when it is not known how much; one amount if it is certain."""
    if amount.low == amount.expected == amount.high or (
        amount.expected is not None and show(amount.low) == show(amount.expected) == show(amount.high)
    ):
        return show(amount.expected)
    if amount.expected is None and amount.high is None:
        return numbers.UNKNOWN
    return f"{show(amount.expected)} ({show(amount.low)} to {show(amount.high)})"


def summary(found: Estimate) -> str:
    """`cost $0.15 ($0.10 to $0.31) · time 12 s (9 s to 40 s) · 12 calls · 24.1k tokens`, without what is nothing."""
    time = f"time {span(found.run_s, numbers.seconds)}"
    if found.calls.high == 0:
        return time
    cost, calls = span(found.usd, numbers.money), span(found.calls, numbers.count)
    return f"cost {cost} · {time} · calls {calls} · tokens {span(found.tokens, numbers.tokens)}"


def compared(run: RunRow) -> str:
    """`expected $0.15, was $0.14 (−7 %); 12 s, was 14 s (+17 %)`, without what nobody could foretell; empty for a run
    without an estimate, for one that had nothing to do, and for one that did not come to its end."""
    found = run.estimate
    if found is None or run.ended_at is None or run.status not in {RunState.SUCCESS, RunState.PARTIAL}:
        return ""
    spent = run.spent
    used = (
        None if spent.input_tokens is None or spent.output_tokens is None else spent.input_tokens + spent.output_tokens
    )
    usd = None if spent.cost_usd is None or spent.unpriced else float(spent.cost_usd)
    asked = found.calls.high != 0 or spent.calls
    parts = [_pair(found.usd, usd, numbers.money, _LEAST_USD)] if asked else []
    parts += [_pair(found.tokens, used, lambda count: f"{numbers.tokens(count)} tokens")] if asked else []
    if asked or found.run_s.high != 0:
        parts.append(_pair(found.run_s, run.ended_at - run.started_at - run.paused_s, numbers.seconds, _LEAST_S))
    told = [part for part in parts if part]
    return "expected " + "; ".join(told) if told else ""


def sampled(report: RunReport) -> str:
    """`sample: 20 of 1,000 items; all of them about $0.42 and ≤ 3 m 00 s`; empty for a run that took all items.

    At most, because the first items also load what the others find ready.
    """
    found = whole(report.nodes)
    if found is None:
        return ""
    first, *others = found.samples
    named = [f"{_taken(first)} of {first.node}", *(f"{_taken(one, '')} of {one.node}" for one in others[:_NAMED])]
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    text = f"sample: {', '.join(named) + more if others else _taken(first)}"
    if not found.measured:
        return text
    lasting = "?" if found.run_s is None else f"≤ {numbers.seconds(found.run_s)}"
    parts = [*([numbers.money(found.usd)] if found.asks else []), lasting]
    return f"{text}; all of them about {' and '.join(parts)}"


def _taken(one: Taken, what: str = " items") -> str:
    seed = "" if one.seed is None else f" at random (seed {one.seed})"
    return f"{numbers.count(one.taken)} of {numbers.count(one.total)}{what}{seed}"


def _pair(amount: Span, was: float | None, show: Show, least: float = 0.0) -> str:
    """What was expected and what was; empty where nobody could foretell it, or both are below what is worth a word."""
    if amount.expected is None or (was is not None and max(was, amount.expected) < least):
        return ""
    text = f"{show(amount.expected)}, was {show(was)}"
    if not amount.expected or was is None:
        return text
    change = was / amount.expected - 1
    sign = "+" if change > 0 else numbers.MINUS if change < 0 else ""
    beyond = "" if amount.high is None or was <= amount.high else ", more than foretold"
    return f"{text} ({sign}{abs(change) * 100:,.0f} %{beyond})"
