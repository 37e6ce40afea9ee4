"""The book of the day: each process sees what the others spend, and what one that died had put aside is spent."""

from __future__ import annotations

import asyncio
import json
import time
from decimal import Decimal
from pathlib import Path

import pytest

from wfkit.core.call import Cost, Reply, Usage
from wfkit.core.day import Page, Sum
from wfkit.core.terms import CostSource, UsageSource
from wfkit.errors import CallFailed, StoreFault
from wfkit.guards.budgets import Amount, Budgets, Purse
from wfkit.guards.turn import Turn
from wfkit.store import day_book
from wfkit.store.day_book import DayBook

CENT, FIVE = Sum(Decimal("0.01"), 10), Sum(Decimal("0.05"), 50)
WORST = Amount(Decimal("0.01"), 10)
CHEAP = Reply(
    "yes", "m", usage=Usage(3, 4, source=UsageSource.PROVIDER), cost=Cost(Decimal("0.008"), source=CostSource.LOCAL)
)


def told(book: DayBook) -> Page:
    """What a newcomer is told."""
    with book.seat().open() as page:
        return page


def test_others_are_seen(tmp_path: Path) -> None:
    """What one spends and puts aside the other sees; money that was put back is there again."""
    mine, book = DayBook(tmp_path).seat(), DayBook(tmp_path)
    with mine.open() as page:
        page.spent, page.mine = CENT, FIVE
    assert (told(book).spent, told(book).others) == (CENT, FIVE)
    with mine.open() as page:
        assert (page.mine, page.others) == (FIVE, Sum())
        page.mine = Sum()
    assert told(book).others == Sum()


def test_whoever_is_gone(tmp_path: Path) -> None:
    """What a process had put aside when it ended may be billed: it is spent, once."""
    gone, book = DayBook(tmp_path), DayBook(tmp_path)
    with gone.seat().open() as page:
        page.spent, page.mine = CENT, FIVE
    gone.close()
    assert [(told(book).spent, told(book).others) for _ in range(2)] == [(CENT + FIVE, Sum())] * 2


def test_a_new_day(tmp_path: Path) -> None:
    """A new day begins with nothing spent; what is under way over midnight stays put aside."""
    here, book = DayBook(tmp_path), DayBook(tmp_path)
    with here.seat().open() as page:
        page.spent, page.mine = CENT, FIVE
    file = tmp_path / "today" / "book.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "day": "2001-01-01"}))
    assert (told(book).spent, told(book).others) == (Sum(), FIVE)
    file.write_text("no JSON")
    assert told(book).spent == Sum()


def test_it_stands_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever keeps the book for too long is told of, and a call that was answered keeps its answer."""
    monkeypatch.setattr(day_book, "_PATIENCE_S", 0.01)
    purse = Purse("today", Decimal(1), seat=DayBook(tmp_path).seat())

    async def work() -> Reply:
        async def call() -> Reply:
            holding.__enter__()
            return CHEAP

        return await Budgets(time.monotonic).through((purse,), WORST, call, Turn(sent=True))

    holding = DayBook(tmp_path).seat().open()
    try:
        assert asyncio.run(work()) == CHEAP
        assert purse.spent.usd == Decimal("0.008")
        with pytest.raises(StoreFault, match="stands still"), purse.open():
            pass
    finally:
        holding.__exit__(None, None, None)


def test_two_processes_share_a_limit(tmp_path: Path) -> None:
    """Two processes that ask at the same time never spend more together than one day allows, and nearly all of it."""

    async def work() -> tuple[int, int]:
        sent = refused = 0

        async def call() -> Reply:
            nonlocal sent
            sent += 1
            await asyncio.sleep(0.001)
            return CHEAP

        async def one(budgets: Budgets, purse: Purse) -> None:
            nonlocal refused
            try:
                await budgets.through((purse,), WORST, call, Turn(sent=True))
            except CallFailed:
                refused += 1

        purses = [Purse("today", Decimal("0.2"), seat=DayBook(tmp_path).seat()) for _ in range(2)]
        both = [(Budgets(time.monotonic), purse) for purse in purses]
        await asyncio.gather(*(one(*side) for side in both for _ in range(20)))
        return sent, refused

    sent, refused = asyncio.run(work())
    assert (sent + refused, sent) == (40, 24)  # 24 for 0.192: the next one might cost 0.202
    assert told(DayBook(tmp_path)).spent.usd == Decimal("0.192")
