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
        cost_usd=None if None in costs else sum((cost for cost in costs if cost is not None), Decimal(0)),
        unpriced=costs.count(None),
        estimated=sum(
            reply.usage.source is UsageSource.ESTIMATED or reply.cost.source is CostSource.ESTIMATED
            for reply in replies
        ),
    )


def _total(counts: Sequence[int | None]) -> int | None:
    return None if None in counts else sum(count for count in counts if count is not None)
