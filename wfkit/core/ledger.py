"""The books of a run: what each node billed, what the cache saved, what failures wasted. Sums only, made from events.

Unknown stays unknown: one call without tokens or price makes the sum None-marked by a count, never by a zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from wfkit.core import events as e
from wfkit.core.result import Spent
from wfkit.core.terms import CostSource, UsageSource, Verdict


@dataclass(slots=True)
class Account:
    """Sums of one node.

    `cost_usd` adds the known prices; `unpriced` counts the calls left out of it, `untokened` those without usage.
    """

    calls: int = 0
    served: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    untokened: int = 0
    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    estimated: int = 0
    wasted_usd: Decimal = Decimal(0)
    run_s: float = 0.0
    hits: int = 0
    saved_usd: Decimal | None = Decimal(0)
    saved_s: float | None = 0.0
    by_attempt: dict[tuple[int, int], Decimal] = field(default_factory=dict)

    def spent(self) -> Spent:
        """The billed part as a row. With calls of unknown price or tokens only, the sum is None."""
        none_priced = self.calls > 0 and self.unpriced == self.calls
        none_counted = self.calls > 0 and self.untokened == self.calls
        return Spent(
            calls=self.calls,
            input_tokens=None if none_counted else self.input_tokens,
            output_tokens=None if none_counted else self.output_tokens,
            cost_usd=None if none_priced else self.cost_usd,
            unpriced=self.unpriced,
            estimated=self.estimated,
        )


@dataclass(slots=True)
class Ledger:
    """One account a node."""

    accounts: dict[int, Account] = field(default_factory=dict)

    def of(self, node: int) -> Account:
        """The account of a node, opened when asked for first."""
        account = self.accounts.get(node)
        if account is None:
            account = self.accounts[node] = Account()
        return account

    def hits(self, node: int, event: e.Resolved, hits: int) -> None:
        """Book what cached results would have cost."""
        if not hits:
            return
        account = self.of(node)
        account.hits += hits
        account.saved_s = None if account.saved_s is None or event.saved_s is None else account.saved_s + event.saved_s
        known = account.saved_usd is not None and event.saved_usd is not None
        account.saved_usd = account.saved_usd + Decimal(event.saved_usd) if known else None  # type: ignore[arg-type,operator]

    def worked(self, node: int, run_s: float | None) -> None:
        """Book the seconds of an attempt that ended well."""
        self.of(node).run_s += run_s or 0.0

    def failed(self, node: int, task: int, attempt: int) -> None:
        """What the calls of a failed attempt cost was wasted."""
        account = self.of(node)
        account.wasted_usd += account.by_attempt.pop((task, attempt), Decimal(0))

    def call(self, node: int, event: e.CallEnded) -> None:
        """Book a call that ended. One answered from the call log bills nothing."""
        account = self.of(node)
        if event.served:
            account.served += 1
            return
        account.calls += 1
        reply = event.call.reply
        if reply is None:
            return
        usage, cost = reply.usage, reply.cost
        account.untokened += usage.input_tokens is None
        account.input_tokens += usage.input_tokens or 0
        account.output_tokens += usage.output_tokens or 0
        account.unpriced += cost.usd is None
        account.estimated += usage.source == UsageSource.ESTIMATED or cost.source == CostSource.ESTIMATED
        if cost.usd is None:
            return
        account.cost_usd += cost.usd
        if event.call.verdict is not Verdict.VALID:
            account.wasted_usd += cost.usd
            return
        slot = (event.task, event.attempt)
        account.by_attempt[slot] = account.by_attempt.get(slot, Decimal(0)) + cost.usd
