"""Whose money a call spends: the purses of one run, its nodes, single calls and the day, and what a call may cost.

The guard that reserves and settles is `guards.budgets`; prices are `llm.prices`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from wfkit.core.call import Request
from wfkit.core.day import Sum
from wfkit.core.frozen import dataclass
from wfkit.core.ledger import Account
from wfkit.core.policy import Options
from wfkit.core.promises import Store
from wfkit.core.run import Run
from wfkit.guards.budgets import Amount, Purse
from wfkit.guards.chain import About
from wfkit.llm import client, prices, tokens
from wfkit.settings import Settings

_OUTAGE_S = 60.0  # how long a call waits for a model that is left alone


@dataclass(slots=True)
class Turn:
    """Which turn a question is at: whether it asks a model again that has failed, and whether it is the last model that
    could be asked; and since when its task is at work (Unix seconds; None: from now on)."""

    again: bool = False
    last: bool = True
    began: float | None = None


class Purses:
    """The purses of one run, or of a question outside of any. What a run spent before a restart counts."""

    def __init__(self, run: Run | None, settings: Settings, today: Purse, max_usd: float | None = None) -> None:
        self._run = run
        self._call = Purse("one call", money(settings.max_usd_per_call), settings.max_tokens_per_call)
        limits = [limit for limit in (settings.max_usd, max_usd) if limit is not None]
        whole = Purse("the run", money(min(limits, default=None)), settings.max_tokens_per_run)
        if run is not None:
            whole.spent = _spent(list(run.ledger.accounts.values()))
        self._shared = (whole, today)
        self._nodes: dict[str, Purse] = {}

    def about(self, name: str, options: Options, turn: Turn, own: Purse | None = None) -> Callable[[Request], About]:
        """What the guards must know of the calls of one question of a node; `own` is the question's own purse."""
        mine = () if own is None else (own,)

        def told(request: Request) -> About:
            local = client.is_local(request.model)  # it costs nothing, so it takes nothing from a budget
            purses = () if local else (replace(self._call), *mine, self._of_node(name, options), *self._shared)
            sent = tokens.count_request(request)
            limited = any(purse.usd is not None or purse.tokens is not None for purse in purses)
            worst, most = prices.worst_case(request) if limited else (None, None)
            if options.allow_unpriced:
                worst = worst or Decimal(0)
            patience_s = _OUTAGE_S if turn.last else 0.0
            age_s = 0.0 if turn.began is None else max(time.time() - turn.began, 0.0)
            return About(purses, Amount(worst, most), sent, options.priority, turn.again, patience_s, age_s)

        return told

    def _of_node(self, name: str, options: Options) -> Purse:
        purse = self._nodes.get(name)
        if purse is None:
            purse = self._nodes[name] = Purse(f"node {name!r}", money(options.max_usd))
            if purse.usd is not None and self._run is not None:
                index = next(number for number, spec in enumerate(self._run.specs) if spec.name == name)
                purse.spent = _spent([self._run.ledger.of(index)])
        return purse


def open_day(today: Purse, settings: Settings, store: Store) -> None:
    """Set the purse of the day: its limit, and what all runs on this store have spent since midnight, local time.

    What other processes spend from then on is in the book of the day.
    """
    today.usd, today.tokens = money(settings.max_usd_per_day), settings.max_tokens_per_day
    if today.usd is None and today.tokens is None:
        return
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight.astimezone(UTC).replace(tzinfo=None)
    usd = "SELECT (coalesce(sum(billed_usd), 0) + coalesce(sum(worst_usd) FILTER (unanswered), 0))::VARCHAR AS usd"
    tokens = "(coalesce(sum(input_tokens), 0) + coalesce(sum(output_tokens), 0))::BIGINT AS tokens"
    frame = store.sql(f"{usd}, {tokens} FROM calls_latest WHERE NOT served AND started_at >= '{since}'")
    known = Sum(Decimal(str(frame["usd"][0])), int(frame["tokens"][0]))
    if store.day_book is None:
        today.spent = Amount(known.usd, known.tokens)
        return
    today.seat = today.seat or store.day_book.seat()
    with today.seat.open() as page:  # what was spent without a limit of the day, or before the file was there
        aside = page.mine + page.others
        page.spent = Sum(
            max(page.spent.usd, known.usd - aside.usd), max(page.spent.tokens, known.tokens - aside.tokens)
        )


def money(amount: float | None) -> Decimal | None:
    return None if amount is None else Decimal(str(amount))


def _spent(accounts: list[Account]) -> Amount:
    usd = sum((account.cost_usd + account.unanswered_usd for account in accounts), Decimal(0))
    return Amount(usd, sum(account.input_tokens + account.output_tokens for account in accounts))
