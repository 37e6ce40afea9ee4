"""The book of the day: each process sees what the others spend, and what one that died had put aside is spent."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from contextlib import suppress
from datetime import datetime
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

pytestmark = pytest.mark.usefixtures("noon")
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


DAMAGED = {
    "no JSON": "no JSON",
    "a list": "[1]",
    "no sums": '{"day": "DAY"}',
    "no amount": '{"day": "DAY", "spent": ["NaN", 0], "held": {}}',
    "no number": '{"day": "DAY", "spent": ["1", null], "held": {}}',
    "a file of another": '{"day": "DAY", "spent": ["1", 1], "held": {"/FOLDER/precious": ["1", 1]}}',
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_book(tmp_path: Path, damage: str) -> None:
    """It is as good as none, and is written anew; what it names that is no seat is not touched."""
    seat, precious = DayBook(tmp_path).seat(), tmp_path / "precious"
    precious.touch()
    today = datetime.now().astimezone().date().isoformat()
    text = DAMAGED[damage].replace("DAY", today).replace("/FOLDER", str(tmp_path))
    (tmp_path / "today" / "book.json").write_text(text)
    with seat.open() as page:
        assert (page.spent, page.others) == (Sum(), Sum())
        page.spent = CENT
    assert told(DayBook(tmp_path)).spent == CENT
    assert precious.exists()


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


CHILD = """
import asyncio, sys
from pathlib import Path
from tests.store.test_day_book import asked
from wfkit.store import day_book

day_book._PATIENCE_S = 60.0
print(asyncio.run(asked(Path(sys.argv[1]), 20)))
"""
HOLDER = """
import sys, time
from pathlib import Path
from tests.store.test_day_book import FIVE
from wfkit.store.day_book import DayBook

book = DayBook(Path(sys.argv[1]))
with book.seat().open() as page:
    page.mine = FIVE
print("held", flush=True)
time.sleep(600)
"""


def child(code: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True)


async def asked(folder: Path, calls: int) -> int:
    """How many of so many calls at once the purse of the day let pass."""
    budgets, purse, sent = Budgets(time.monotonic), Purse("today", Decimal("0.2"), seat=DayBook(folder).seat()), 0

    async def call() -> Reply:
        nonlocal sent
        sent += 1
        await asyncio.sleep(0.001)
        return CHEAP

    async def one() -> None:
        with suppress(CallFailed):
            await budgets.through((purse,), WORST, call, Turn(sent=True))

    await asyncio.gather(*(one() for _ in range(calls)))
    return sent


def test_processes_share_a_limit(tmp_path: Path) -> None:
    """Two processes that ask at the same time never spend more together than one day allows, and nearly all of it."""
    children = [child(CHILD, tmp_path) for _ in range(2)]
    sent = [int(each.communicate()[0]) for each in children]
    assert sum(sent) == 24  # for 0.192: the next one might cost 0.202
    assert told(DayBook(tmp_path)).spent.usd == Decimal("0.192")


def test_a_killed_process(tmp_path: Path) -> None:
    """What it had put aside holds others back while it lives, and is spent when it was killed."""
    book, holder = DayBook(tmp_path), child(HOLDER, tmp_path)
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert (told(book).spent, told(book).others) == (Sum(), FIVE)
        holder.kill()
    assert [(told(book).spent, told(book).others) for _ in range(2)] == [(FIVE, Sum())] * 2
