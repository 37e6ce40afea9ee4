"""The budget guard: the worst case of a call is reserved in every purse before it is sent, and settled after it.

So no number of calls at once can spend more than a purse holds. A call that may have been billed counts in full. What a
call can cost at worst is told by the caller; nothing here knows prices.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import field
from decimal import Decimal

from wfkit.core.call import NEVER_SENT, Failure, Reply
from wfkit.core.day import Seat, Sum
from wfkit.core.decision import Decision
from wfkit.core.frozen import dataclass
from wfkit.core.report import GuardRow
from wfkit.core.terms import Act, FailureKind
from wfkit.errors import CallFailed, StoreFault
from wfkit.guards.queue import Queue
from wfkit.guards.turn import Count, Turn

_POLL_S = 0.05


async def _sleep(seconds: float) -> None:
    import asyncio  # costs 50 ms: the loop that runs this has loaded it

    await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Amount:
    """What a call costs: US dollars and tokens, sent and answered together. None: not known."""

    usd: Decimal | None = Decimal(0)
    tokens: int | None = 0


@dataclass(slots=True)
class Purse:
    """Money and tokens that calls may use up together. `usd` and `tokens` are limits; None: no limit.

    `name` tells whose it is ("the run", "node label", "today"). Where other processes spend from it too, `seat` is at
    the book that they share, and `elsewhere` is what they had put aside when it was looked at last.
    """

    name: str
    usd: Decimal | None = None
    tokens: int | None = None
    spent: Amount = field(default_factory=Amount)
    reserved: Amount = field(default_factory=Amount)
    count: Count = field(default_factory=Count)
    seat: Seat | None = None
    elsewhere: Amount = field(default_factory=Amount)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Around a look and a change: what others have spent is known, and none of them looks meanwhile."""
        if self.seat is None:
            yield
            return
        with self.seat.open() as page:
            self.spent = Amount(page.spent.usd, page.spent.tokens)
            self.elsewhere = Amount(page.others.usd, page.others.tokens)
            yield
            page.spent = Sum(self.spent.usd or Decimal(0), self.spent.tokens or 0)
            page.mine = Sum(self.reserved.usd or Decimal(0), self.reserved.tokens or 0)

    def lacks(self, worst: Amount, now: bool) -> str | None:
        """What is missing for this amount, in words, or None. With `now` what others have reserved is gone too."""
        held = _sum(self.reserved, self.elsewhere, 1) if now else Amount()
        for limit, unit, spent, kept, asked in (
            (self.usd, "US dollars", self.spent.usd, held.usd, worst.usd),
            (self.tokens, "tokens", self.spent.tokens, held.tokens, worst.tokens),
        ):
            if limit is None:
                continue
            if asked is None:
                return f"what the call may cost in {unit} is not known"
            if (spent or 0) + (kept or 0) + asked > limit:
                return f"it allows {limit:f} {unit}" if unit != "tokens" else f"it allows {limit} tokens"
        return None

    def reserve(self, worst: Amount, sign: int = 1) -> None:
        """Put an amount aside, or with `sign` -1 back."""
        self.reserved = _sum(self.reserved, worst, sign)

    def end(self, worst: Amount, actual: Amount) -> None:
        """Take back what was put aside for a call, and book what it did cost."""
        self.reserve(worst, -1)
        self.spent = _sum(self.spent, actual, 1)


@dataclass(frozen=True, slots=True)
class BudgetStatistics:
    """A purse as it stands. Money in US dollars; None: no limit."""

    name: str
    limit_usd: Decimal | None
    spent_usd: Decimal
    reserved_usd: Decimal
    limit_tokens: int | None
    spent_tokens: int
    reserved_tokens: int
    waiting: int
    count: Count

    def row(self, guard: str, about: str) -> GuardRow:
        """As shown."""
        parts = []
        if self.limit_usd is not None:
            parts.append(f"${self.spent_usd:f} of ${self.limit_usd:f} spent, ${self.reserved_usd:f} reserved")
        if self.limit_tokens is not None:
            parts.append(f"{self.spent_tokens} of {self.limit_tokens} tokens used, {self.reserved_tokens} reserved")
        count = self.count
        return GuardRow(guard, about, "; ".join(parts), count.passed, self.waiting, count.waited_s, count.refused)


class Budgets:
    """Reserves and settles. One for all runs of a process, because they may share a purse."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]] = _sleep) -> None:
        self._clock, self._sleep = clock, sleep
        self._queue = Queue()
        self._purses: dict[str, Purse] = {}  # the newest of each name

    async def through(
        self, purses: tuple[Purse, ...], worst: Amount, call: Callable[[], Awaitable[Reply]], turn: Turn
    ) -> Reply:
        """Make the call when its worst case fits into every purse.

        Waits while calls under way hold what is missing. Raises CallFailed (budget) when even their end would not help.
        """
        limited = tuple(purse for purse in purses if purse.usd is not None or purse.tokens is not None)
        if not limited:
            return await call()
        if not self._reserve(limited, worst, turn):
            await self._wait(limited, worst, turn)
        actual = worst
        try:
            reply = await call()
            actual = _known(reply, worst)
            return reply
        except CallFailed as error:
            actual = worst if error.failure.may_be_billed() else Amount()
            raise
        finally:
            _settle(limited, worst, actual if turn.sent else Amount())
            self._queue.admit_all()

    async def _wait(self, purses: tuple[Purse, ...], worst: Amount, turn: Turn) -> None:
        full = next(purse for purse in purses if purse.lacks(worst, now=True))
        with full.count.waiting(turn, self._clock, ("budget", full.name, "calls under way hold what is left of it")):
            while not self._reserve(purses, worst, turn):
                if any(purse.elsewhere != Amount() for purse in purses):  # nobody tells when those come back
                    await self._queue.nap(turn.rank(self._clock()), self._sleep(_POLL_S))
                    continue
                await self._queue.wait(turn.rank(self._clock()))

    def _reserve(self, purses: tuple[Purse, ...], worst: Amount, turn: Turn) -> bool:
        with _opened(purses):
            return self._put_aside(purses, worst, turn)

    def _put_aside(self, purses: tuple[Purse, ...], worst: Amount, turn: Turn) -> bool:
        for purse in purses:
            self._purses[purse.name] = purse
            lacking = purse.lacks(worst, now=False)
            if lacking is not None:
                purse.count.refused += 1
                turn.tell(Decision("budget", purse.name, Act.REFUSED, lacking))
                raise CallFailed(_refused(purse, worst, lacking))
        if any(purse.lacks(worst, now=True) for purse in purses):
            return False
        for purse in purses:
            purse.reserve(worst)
            purse.count.passed += 1
        return True

    def statistics(self) -> dict[str, BudgetStatistics]:
        """How every purse with a limit stands that was asked: the newest one of each name."""
        return {
            purse.name: BudgetStatistics(
                purse.name, purse.usd, purse.spent.usd or Decimal(0), purse.reserved.usd or Decimal(0),
                purse.tokens, purse.spent.tokens or 0, purse.reserved.tokens or 0, self._queue.waiting, purse.count,
            )
            for purse in self._purses.values()
        }  # fmt: skip


def _settle(purses: Sequence[Purse], worst: Amount, actual: Amount) -> None:
    """Book the end of a call. A book that cannot be written must not lose its reply."""
    left = list(purses)
    with suppress(StoreFault), _opened(purses):
        while left:
            left.pop().end(worst, actual)
    while left:
        left.pop().end(worst, actual)


@contextmanager
def _opened(purses: Sequence[Purse]) -> Iterator[None]:
    with ExitStack() as open_ones:
        for purse in purses:
            open_ones.enter_context(purse.open())
        yield


def _sum(left: Amount, right: Amount, sign: int) -> Amount:
    return Amount((left.usd or Decimal(0)) + sign * (right.usd or 0), (left.tokens or 0) + sign * (right.tokens or 0))


def _known(reply: Reply, worst: Amount) -> Amount:
    """What a reply did cost; the worst case where it is not known."""
    usage = reply.usage
    known = usage.input_tokens is not None and usage.output_tokens is not None
    tokens = (usage.input_tokens or 0) + (usage.output_tokens or 0) if known else worst.tokens
    return Amount(worst.usd if reply.cost.usd is None else reply.cost.usd, tokens)


def _plain(usd: Decimal) -> str:
    """Without zeros at its end, and never as a power of ten."""
    return f"{usd.normalize():f}"


def _refused(purse: Purse, worst: Amount, lacking: str) -> Failure:
    spent = f"{_plain(purse.spent.usd or Decimal(0))} US dollars and {purse.spent.tokens or 0} tokens are spent"
    asked = f"cost up to {'?' if worst.usd is None else _plain(worst.usd)} US dollars"
    if " tokens" in lacking:
        asked = f"use up to {'?' if worst.tokens is None else worst.tokens} tokens"
    hint = "raise the budget, set a lower max_tokens, or choose a cheaper model"
    if "not known" in lacking:
        hint = "give the model a price (setting prices), allow it (option allow_unpriced), or set max_tokens"
    message = (
        f"the budget of {purse.name} does not allow this call: {lacking}, {spent}, and the call may {asked}; {hint}"
    )
    return Failure(FailureKind.BUDGET, NEVER_SENT, message, hint=hint)
