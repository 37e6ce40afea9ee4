"""Stateful tests of the guards that hold seats, tokens and money, each beside the simplest account of what it does."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.guards.driving import Driver, Held
from tests.guards.test_breakers import failing
from wfkit.core.call import Cost, Reply, Usage
from wfkit.core.terms import FailureKind
from wfkit.guards.budgets import Amount, Budgets, Purse
from wfkit.guards.pools import Pools
from wfkit.guards.rates import Rates
from wfkit.guards.retries import RetryBudget
from wfkit.guards.turn import Turn

YES = Reply("yes", "m")
OUTCOMES = st.sampled_from(["ok", "gone", *(FailureKind.TRANSIENT, FailureKind.TIMEOUT, FailureKind.RATE_LIMITED)])
WHICH = st.integers(0, 99)


class Driven(RuleBasedStateMachine):
    """Calls that come, end and are given up, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.driver, self.now, self.numbers = Driver(), 0.0, count()

    def clock(self) -> float:
        return self.now

    def end(self, held: Held, outcome: str, reply: Reply = YES) -> None:
        """End a call as the strategy says."""
        failed = None if outcome in {"ok", "gone"} else failing(FailureKind(outcome))
        self.driver.end(held, reply if outcome == "ok" else failed)

    def teardown(self) -> None:
        self.driver.close()


class PoolMachine(Driven):
    """Seats: taken by who is sent, given in the order of urgency, fewer after refusals, never lost."""

    def __init__(self) -> None:
        super().__init__()
        self.pools = Pools(3, self.clock)

    @rule(priority=st.integers(-2, 2), seconds=st.floats(0, 5), age_s=st.just(0.0) | st.floats(0, 60))
    def somebody_asks(self, priority: int, seconds: float, age_s: float) -> None:
        self.now += seconds
        turn, rank = Turn(priority, age_s=age_s), (self.now - 10 * priority - min(age_s, 5), next(self.numbers))
        self.driver.ask(lambda call: self.pools.through("p", call, turn), rank=rank)

    @precondition(lambda self: self.driver.sent)
    @rule(which=WHICH, outcome=OUTCOMES)
    def one_ends(self, which: int, outcome: str) -> None:
        waiting = sorted(self.driver.waiting, key=lambda held: held.facts["rank"])
        self.end(self.driver.sent[which % len(self.driver.sent)], outcome)
        left = [held for held in waiting if not held.is_sent]
        assert left == waiting[len(waiting) - len(left) :], "somebody less urgent was let in first"

    @precondition(lambda self: self.driver.waiting)
    @rule(which=WHICH)
    def one_gives_up(self, which: int) -> None:
        self.driver.end(self.driver.waiting[which % len(self.driver.waiting)], None)

    @rule(size=st.integers(1, 6))
    def another_size(self, size: int) -> None:
        self.pools.resize(size)
        self.driver.settle()

    @invariant()
    def no_seat_is_lost(self) -> None:
        for stand in self.pools.statistics().values():
            assert stand.in_use == len(self.driver.sent)
            assert stand.waiting == len(self.driver.waiting)
            assert 1 <= stand.seats <= stand.size == self.pools.size
            assert not stand.waiting or stand.in_use >= stand.seats, "a seat is free, and somebody waits"


class RetryMachine(Driven):
    """Retries: free while the bucket is more than half full, else one at a time; first questions always pass."""

    def __init__(self) -> None:
        super().__init__()
        self.budget, self.tokens = RetryBudget(self.clock), 100.0

    @rule(again=st.booleans(), probe=st.integers(0, 9).map(lambda roll: roll == 9))
    def somebody_asks(self, again: bool, probe: bool) -> None:
        turn = Turn(is_probe=probe)
        held = self.driver.ask(lambda call: self.budget.through("m", again, call, turn), again=again, probe=probe)
        assert again or held.is_sent

    @precondition(lambda self: self.driver.sent)
    @rule(which=WHICH, outcome=OUTCOMES)
    def one_ends(self, which: int, outcome: str) -> None:
        held = self.driver.sent[which % len(self.driver.sent)]
        full = 100 if held.facts["probe"] else 1
        cost = {"ok": full, FailureKind.TRANSIENT: -10, FailureKind.TIMEOUT: -20}.get(outcome, 0)
        self.tokens = min(max(self.tokens + cost, 0.0), 100.0)
        self.end(held, outcome)

    @precondition(lambda self: self.driver.waiting)
    @rule(which=WHICH)
    def one_gives_up(self, which: int) -> None:
        self.driver.end(self.driver.waiting[which % len(self.driver.waiting)], None)

    @invariant()
    def one_at_a_time(self) -> None:
        for held in self.driver.sent:
            held.facts.setdefault("alone", held.facts["again"] and self.tokens <= 50)
        assert sum(held.facts["alone"] for held in self.driver.sent) <= 1

    @invariant()
    def who_waits(self) -> None:
        for stand in self.budget.statistics().values():
            assert stand.tokens == self.tokens
            assert stand.waiting == len(self.driver.waiting)
            if stand.waiting:
                assert self.tokens <= 50
                assert any(held.facts["again"] for held in self.driver.sent), "nothing is under way, and somebody waits"


class BudgetMachine(Driven):
    """Money: what is spent and what is reserved never exceed the purse; what was not sent costs nothing."""

    LIMIT = Decimal(10)

    def __init__(self) -> None:
        super().__init__()
        self.budgets, self.purse, self.spent = Budgets(self.clock), Purse("the run", self.LIMIT), Decimal(0)

    @rule(worst=st.integers(1, 6))
    def somebody_asks(self, worst: int) -> None:
        turn = Turn(sent=True)
        through = partial(self.budgets.through, (self.purse,), Amount(Decimal(worst), 1), turn=turn)
        held = self.driver.ask(lambda call: through(call=call), worst=Decimal(worst))
        refused = held not in self.driver.calls
        assert refused == (self.spent + worst > self.LIMIT)

    @precondition(lambda self: self.driver.sent)
    @rule(
        which=WHICH, outcome=st.sampled_from(["ok", "gone", FailureKind.TIMEOUT, FailureKind.RATE_LIMITED]), part=WHICH
    )
    def one_ends(self, which: int, outcome: str, part: int) -> None:
        held = self.driver.sent[which % len(self.driver.sent)]
        worst: Decimal = held.facts["worst"]
        usd = worst * part / 99
        self.spent += {"ok": usd, FailureKind.RATE_LIMITED: 0}.get(outcome, worst)
        self.end(held, outcome, Reply("yes", "m", usage=Usage(1, 0), cost=Cost(usd)))

    @precondition(lambda self: self.driver.waiting)
    @rule(which=WHICH)
    def one_gives_up(self, which: int) -> None:
        self.driver.end(self.driver.waiting[which % len(self.driver.waiting)], None)

    @invariant()
    def the_purse_holds(self) -> None:
        reserved = sum((held.facts["worst"] for held in self.driver.sent), Decimal(0))
        assert self.purse.reserved.usd == reserved
        assert self.purse.spent.usd == self.spent
        assert self.spent + reserved <= self.LIMIT
        for held in self.driver.waiting:
            assert self.spent + reserved + held.facts["worst"] > self.LIMIT, "there is money, and somebody waits"


class RateMachine(RuleBasedStateMachine):
    """Limits: what the provider said is left, less what was sent since, until its time has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.left = 0.0, {"requests": (0.0, -1.0), "tokens": (0.0, -1.0)}
        self.rates = Rates(lambda: self.now, _never, lambda: 0.0)

    @rule(of=st.sampled_from(["requests", "tokens"]), remaining=st.integers(0, 20), reset_s=st.integers(0, 30))
    def the_provider_tells(self, of: str, remaining: int, reset_s: int) -> None:
        self.left[of] = (float(remaining), self.now + reset_s)
        told = {f"x-ratelimit-remaining-{of}": f"{remaining}", f"x-ratelimit-reset-{of}": f"{reset_s}s"}
        self.rates.heard("m", told)

    @rule(seconds=st.floats(0, 20))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(tokens=st.integers(0, 12))
    def somebody_is_at_a_seat(self, tokens: int) -> None:
        needs = {"requests": 1, "tokens": max(tokens, 1)}
        waits = [until for of, (left, until) in self.left.items() if until > self.now and left < needs[of]]
        assert self.rates.wait_s("m", tokens) == max(waits, default=self.now) - self.now
        assert self.rates.takes("m", tokens) is not bool(waits)
        if not waits:
            taken = {"requests": 1, "tokens": tokens}
            self.left = {of: (left - taken[of], until) for of, (left, until) in self.left.items()}


async def _never(seconds: float) -> None:
    raise AssertionError(f"nobody waits here, not even {seconds} s")


STEPS = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestPools, TestRetries = PoolMachine.TestCase, RetryMachine.TestCase
TestBudgets, TestRates = BudgetMachine.TestCase, RateMachine.TestCase
TestPools.settings = TestRetries.settings = TestBudgets.settings = TestRates.settings = STEPS
