"""The books of a run: what each node billed, what the cache saved, what failures wasted. Sums only, made from events.

Unknown stays unknown: a call without tokens or price is left out of the sum and counted, never added as a zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from decimal import Decimal
from typing import Protocol

from wfkit.core import events as e
from wfkit.core.call import CallRecord, Cost, Usage
from wfkit.core.frozen import dataclass
from wfkit.core.result import Spent
from wfkit.core.terms import CostSource, UsageSource, Verdict


class Sums(Protocol):
    """What `spent_of` needs to know."""

    calls: int
    input_tokens: int
    output_tokens: int
    no_input: int
    no_output: int
    cost_usd: Decimal
    unpriced: int
    estimated: int
    unanswered: int
    unanswered_usd: Decimal
    no_worst: int


def spent_of(sums: Sums) -> Spent:
    """Sums as a row. A sum to which only calls of unknown size could have added is None, not 0."""
    return Spent(
        calls=sums.calls,
        input_tokens=None if sums.no_input and not sums.input_tokens else sums.input_tokens,
        output_tokens=None if sums.no_output and not sums.output_tokens else sums.output_tokens,
        cost_usd=None if sums.unpriced and not sums.cost_usd else sums.cost_usd,
        unpriced=sums.unpriced,
        estimated=sums.estimated,
        unanswered=sums.unanswered,
        unanswered_usd=None if sums.no_worst else sums.unanswered_usd,
    )


@dataclass(slots=True)
class Account:
    """Sums of one node.

    `cost_usd` adds the known prices; `unpriced` counts the calls left out of it. `no_input` and `no_output` count the
    calls whose tokens of that side are unknown, `untokened` those that lack either; `wasted_unpriced` counts the calls
    left out of `wasted_usd`. `saved_usd` is what cached results and replies that the call log served had cost. A
    request without a reply may have been billed: its price and tokens are unknown, `unanswered` counts such,
    `unanswered_usd` adds what they may cost at most, `no_worst` counts those left out of it.
    """

    calls: int = 0
    served: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    untokened: int = 0
    no_input: int = 0
    no_output: int = 0
    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    estimated: int = 0
    unanswered: int = 0
    unanswered_usd: Decimal = Decimal(0)
    no_worst: int = 0
    wasted_usd: Decimal = Decimal(0)
    wasted_unpriced: int = 0
    work_s: float = 0.0
    hits: int = 0
    saved_usd: Decimal | None = Decimal(0)
    saved_s: float | None = 0.0
    open: dict[tuple[int, int], tuple[Decimal, int]] = field(default_factory=dict)

    def spent(self) -> Spent:
        """The billed part as a row. A sum to which only calls of unknown size could have added is None, not 0."""
        return spent_of(self)


@dataclass(slots=True)
class Ledger:
    """One account a node, the attempts (task, number) that were in `vain`, and by call id the requests `under_way` and
    those `lost`, with their nodes: whoever sent them is gone, they may have been billed.
    """

    accounts: dict[int, Account] = field(default_factory=dict)
    vain: set[tuple[int, int]] = field(default_factory=set)
    under_way: dict[str, tuple[int, e.CallStarted]] = field(default_factory=dict)
    lost: dict[str, tuple[int, e.CallStarted]] = field(default_factory=dict)

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
        if event.saved_usd == "0":  # most hits: a Decimal costs more than all the rest
            return
        known = account.saved_usd is not None and event.saved_usd is not None
        account.saved_usd = account.saved_usd + Decimal(event.saved_usd) if known else None  # type: ignore[arg-type,operator]

    def worked(self, node: int, task: int, attempt: int, run_s: float | None) -> None:
        """Book the seconds of an attempt that ended well; what its calls cost was not wasted."""
        account = self.of(node)
        account.work_s += run_s or 0.0
        if account.open:
            account.open.pop((task, attempt), None)

    def worked_all(self, node: int, tasks: Sequence[int], attempt: int, seconds: Sequence[float | None]) -> None:
        """Book attempts that ended well, in order."""
        account = self.of(node)
        for run_s in seconds:
            account.work_s += run_s or 0.0
        if account.open:
            for task in tasks:
                account.open.pop((task, attempt), None)

    def failed(self, node: int, task: int, attempt: int) -> None:
        """What the calls of a failed attempt cost was wasted, also what those cost that still come back."""
        account = self.of(node)
        self.vain.add((task, attempt))
        usd, unpriced = account.open.pop((task, attempt), (Decimal(0), 0))
        account.wasted_usd += usd
        account.wasted_unpriced += unpriced

    def started(self, node: int, event: e.CallStarted) -> None:
        """A request is on its way."""
        self.under_way[event.call_id] = (node, event)

    def broken_off(self) -> None:
        """Nobody waits any more for what is under way: it may be billed, and nobody will tell."""
        for node, event in self.under_way.values():
            self._lose(node, event, 1)
        self.lost |= self.under_way
        self.under_way.clear()

    def _lose(self, node: int, event: e.CallStarted, sign: int) -> None:
        """Book a call of which nothing is known, or with `sign` -1 take it back: it came home after all."""
        account = self.of(node)
        account.calls += sign
        _unknown(account, event.worst_usd, sign)

    def call(self, node: int, event: e.CallEnded) -> None:
        """Book a call that ended. One answered from the call log bills nothing."""
        if event.call.part:
            return
        account = self.of(node)
        self.under_way.pop(event.call.call_id, None)
        if (late := self.lost.pop(event.call.call_id, None)) is not None:
            self._lose(*late, -1)
        if event.served:
            account.served += 1
            _save(account, event.call)
            return
        account.calls += 1
        failure = event.call.failure
        if failure is not None and failure.may_be_billed():
            _unknown(account, event.call.worst_usd, 1)
            self._spend(account, event, None)
            return
        usage, cost = _billed(event.call)
        account.no_input += usage.input_tokens is None
        account.no_output += usage.output_tokens is None
        account.untokened += usage.input_tokens is None or usage.output_tokens is None
        account.input_tokens += usage.input_tokens or 0
        account.output_tokens += usage.output_tokens or 0
        account.estimated += usage.source == UsageSource.ESTIMATED or cost.source == CostSource.ESTIMATED
        account.unpriced += cost.usd is None
        account.cost_usd += cost.usd or 0
        self._spend(account, event, cost.usd)

    def _spend(self, account: Account, event: e.CallEnded, paid_usd: Decimal | None) -> None:
        """Money is wasted at once on a reply that cannot be used and on an attempt that was in vain; else the end of
        its attempt tells."""
        place, call = (event.task, event.attempt), event.call
        if place in self.vain or (call.reply is not None and call.verdict is not Verdict.VALID):
            account.wasted_usd += paid_usd or 0
            account.wasted_unpriced += paid_usd is None
            return
        usd, unpriced = account.open.get(place, (Decimal(0), 0))
        account.open[place] = (usd + (paid_usd or 0), unpriced + (paid_usd is None))


def _save(account: Account, call: CallRecord) -> None:
    """A reply that was there already cost nothing now: its price was saved. A failure on a cassette saves nothing."""
    if call.reply is None:
        return
    usd = call.reply.cost.usd
    account.saved_usd = None if usd is None or account.saved_usd is None else account.saved_usd + usd


def _billed(call: CallRecord) -> tuple[Usage, Cost]:
    """What a request used and cost that was answered, or refused: then nothing."""
    if call.reply is not None:
        return call.reply.usage, call.reply.cost
    return Usage(0, 0), Cost(Decimal(0))


def _unknown(account: Account, worst_usd: Decimal | None, sign: int) -> None:
    """A call that may have been billed, nobody knows how much."""
    account.untokened += sign
    account.no_input += sign
    account.no_output += sign
    account.unpriced += sign
    account.unanswered += sign
    account.unanswered_usd += sign * (worst_usd or 0)
    account.no_worst += sign * (worst_usd is None)
