"""What the calls behind one value cost: the sum that is kept with a result, so that a later hit can say what it
saved."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from wfkit.core.events import CallEnded
from wfkit.core.result import Spent
from wfkit.core.terms import CostSource, UsageSource


def spending(calls: Sequence[CallEnded]) -> Spent:
    """Tokens and money of these calls at the price when they were made, whether billed now or before. None: one of
    them is unknown."""
    whole = [ended.call for ended in calls if not ended.call.part]
    replies = [call.reply for call in whole if call.reply is not None]
    inputs = [reply.usage.input_tokens for reply in replies]
    outputs = [reply.usage.output_tokens for reply in replies]
    costs = [reply.cost.usd for reply in replies]
    return Spent(
        calls=len(whole),
        input_tokens=_total(inputs),
        output_tokens=_total(outputs),
        cost_usd=_sum(costs),
        unpriced=costs.count(None),
        estimated=sum(
            reply.usage.source is UsageSource.ESTIMATED or reply.cost.source is CostSource.ESTIMATED
            for reply in replies
        ),
    )


def together(parts: Sequence[Spent]) -> Spent:
    """The sum of what was spent in several places."""
    return Spent(
        calls=sum(part.calls for part in parts),
        input_tokens=_total([part.input_tokens for part in parts]),
        output_tokens=_total([part.output_tokens for part in parts]),
        cost_usd=_sum([part.cost_usd for part in parts]),
        unpriced=sum(part.unpriced for part in parts),
        estimated=sum(part.estimated for part in parts),
        unanswered=sum(part.unanswered for part in parts),
        unanswered_usd=_sum([part.unanswered_usd for part in parts]),
    )


def _sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    return None if None in amounts else sum((amount for amount in amounts if amount is not None), Decimal(0))


def _total(counts: Sequence[int | None]) -> int | None:
    return None if None in counts else sum(count for count in counts if count is not None)
