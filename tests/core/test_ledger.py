"""The ledger: sums over calls and nothing else; what is unknown is counted, never added as a zero."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.core.simulation import Simulation
from tests.core.test_apply import ORDERS
from tests.core.worlds import REQUEST, World, calls, worlds
from wfkit.core import events as e
from wfkit.core.call import CallRecord, Cost, Failure, Reply, Usage
from wfkit.core.ledger import Ledger
from wfkit.core.terms import FailureKind, UsageSource, Verdict

TIMED_OUT = Failure(FailureKind.TIMEOUT, "E", "late")
REFUSED = Failure(FailureKind.RATE_LIMITED, "E", "slow down", status=429)


def ended(reply: Reply | None = None, failure: Failure | None = None, **more: object) -> e.CallEnded:
    """A call of attempt 1 of task 0 that came back or failed."""
    verdict = more.pop("verdict", Verdict.VALID)
    call = CallRecord("c", "d", REQUEST, 0.0, 1.0, reply=reply, failure=failure, verdict=verdict)
    return e.CallEnded(0, 1, call, 1.0, **more)


def reply(usd: str | None = "0.5", tokens_in: int | None = 10, tokens_out: int | None = 5) -> Reply:
    """An answer at a price."""
    usage = Usage(tokens_in, tokens_out, source=UsageSource.PROVIDER)
    return Reply("!", "m", usage=usage, cost=Cost(None if usd is None else Decimal(usd)))


@given(worlds(with_calls=True), ORDERS)
def test_sums_are_sums_over_calls(world: World, order: int) -> None:
    """What a node billed is the sum over its calls that were sent; calls that were served bill nothing."""
    run = Simulation(world, order)
    run.finish()
    for node in range(len(world.specs)):
        events = [
            x.event for x in run.log if isinstance(x.event, e.CallEnded) and run.run.node_of[x.event.task] == node
        ]
        sent = [event.call for event in events if not event.served]
        replies = [call.reply for call in sent if call.reply]
        account = run.run.ledger.of(node)
        assert account.calls == len(sent)
        assert account.served == len(events) - len(sent)
        assert account.cost_usd == sum(r.cost.usd or 0 for r in replies)
        assert account.input_tokens == sum(r.usage.input_tokens or 0 for r in replies)
        assert account.output_tokens == sum(r.usage.output_tokens or 0 for r in replies)
        lost = sum(1 for call in sent if call.failure and call.failure.may_be_billed())
        assert account.unanswered == lost
        assert account.unpriced == lost + sum(1 for r in replies if r.cost.usd is None)
        assert account.wasted_usd <= account.cost_usd
        prices = [event.call.reply.cost.usd for event in events if event.served and event.call.reply]
        assert account.hits or account.saved_usd == (None if None in prices else sum(prices))
        assert account.wasted_unpriced <= account.unpriced


@given(st.lists(calls(), max_size=6))
def test_unknown_is_never_zero(records: list[CallRecord]) -> None:
    """A sum of 0 is told only if every call is known to have used nothing; else it is None or a lower bound above 0."""
    ledger = Ledger()
    for call in records:
        ledger.call(0, e.CallEnded(0, 1, call, 1.0))
    spent = ledger.of(0).spent()
    if spent.cost_usd == 0:
        assert spent.unpriced == 0
    if spent.input_tokens == 0:
        assert all(call.reply is None or call.reply.usage.input_tokens == 0 for call in records)
    if spent.output_tokens == 0:
        assert all(call.reply is None or call.reply.usage.output_tokens == 0 for call in records)


@pytest.mark.parametrize(
    ("event", "usd", "tokens", "unpriced"),
    [
        (ended(reply()), Decimal("0.5"), 5, 0),
        (ended(reply(usd=None)), None, 5, 1),
        (ended(reply(tokens_out=None)), Decimal("0.5"), None, 0),
        (ended(failure=REFUSED), Decimal(0), 0, 0),
        (ended(failure=TIMED_OUT), None, None, 1),
        (ended(reply(), served=True), Decimal(0), 0, 0),
    ],
)
def test_one_call(event: e.CallEnded, usd: Decimal | None, tokens: int | None, unpriced: int) -> None:
    """A refused request costs nothing, of one that ran out of time nobody knows, a served one bills nothing."""
    ledger = Ledger()
    ledger.call(0, event)
    spent = ledger.of(0).spent()
    assert (spent.cost_usd, spent.output_tokens, spent.unpriced) == (usd, tokens, unpriced)


def test_nothing_asked_is_a_known_zero() -> None:
    """A node that made no call cost exactly nothing."""
    assert Ledger().of(0).spent().cost_usd == 0


def test_what_failures_waste() -> None:
    """An invalid reply is wasted at once, valid ones when their attempt fails; after a success nothing is."""
    ledger = Ledger()
    ledger.call(0, ended(reply("0.1"), verdict=Verdict.INVALID))
    assert ledger.of(0).wasted_usd == Decimal("0.1")
    ledger.call(0, ended(reply("0.2")))
    ledger.call(0, ended(reply(None)))
    assert ledger.of(0).wasted_usd == Decimal("0.1")
    ledger.failed(0, 0, 1)
    assert ledger.of(0).wasted_usd == Decimal("0.3")
    assert ledger.of(0).wasted_unpriced == 1
    ledger.call(1, replace(ended(reply("0.4")), task=1))
    ledger.worked(1, 1, 1, None)
    ledger.failed(1, 1, 1)
    assert ledger.of(1).wasted_usd == 0
    assert not ledger.of(1).open


def test_what_comes_late_to_a_failure() -> None:
    """An attempt that failed is in vain: so is what its calls cost that come back afterwards."""
    ledger = Ledger()
    ledger.failed(0, 0, 1)
    ledger.call(0, ended(reply("0.2")))
    ledger.worked(0, 0, 1, None)
    assert ledger.of(0).wasted_usd == Decimal("0.2")
    assert not ledger.of(0).open


def test_what_served_replies_save() -> None:
    """A reply from the call log saves its price, one of unknown price an unknown sum, a recorded failure nothing."""
    ledger = Ledger()
    ledger.call(0, ended(reply("0.2"), served=True))
    ledger.call(0, ended(failure=REFUSED, served=True))
    assert (ledger.of(0).saved_usd, ledger.of(0).served) == (Decimal("0.2"), 2)
    ledger.call(0, ended(reply(None), served=True))
    assert ledger.of(0).saved_usd is None


@pytest.mark.parametrize(
    ("saved", "usd", "seconds"),
    [
        ([("0.25", 1.0), ("0.5", 2.0)], Decimal("0.75"), 3.0),
        ([("0.25", 1.0), (None, None)], None, None),
        ([(None, 1.0), ("0.5", 2.0)], None, 3.0),
    ],
)
def test_what_hits_save(
    saved: list[tuple[str | None, float | None]], usd: Decimal | None, seconds: float | None
) -> None:
    """Savings add up; one of unknown size makes the sum unknown."""
    ledger = Ledger()
    for money, time in saved:
        event = e.Resolved(0, ("k",), ("cached",), ("v",), 0.0, saved_usd=money, saved_s=time)
        ledger.hits(0, event, 1)
    assert (ledger.of(0).hits, ledger.of(0).saved_usd, ledger.of(0).saved_s) == (len(saved), usd, seconds)
    ledger.hits(1, e.Resolved(1, ("k",), ("never_run",), (None,), 0.0, saved_usd=None), 0)
    assert ledger.of(1).saved_usd == 0


class Books(RuleBasedStateMachine):
    """A ledger beside the plainest account of it: a list of calls, summed up anew each time."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger, self.numbers = Ledger(), count()
        self.calls: list[dict[str, Any]] = []  # node, attempt, state, usd, worst, verdict

    def pick(self, which: int, *states: str) -> dict[str, Any] | None:
        found = [call for call in self.calls if call["state"] in states]
        return found[which % len(found)] if found else None

    @rule(node=st.integers(0, 2), attempt=st.integers(1, 2), worst=st.sampled_from([Decimal("0.5"), None]))
    def sent(self, node: int, attempt: int, worst: Decimal | None) -> None:
        name = f"c{next(self.numbers)}"
        self.calls.append({"id": name, "node": node, "attempt": attempt, "state": "away", "worst": worst, "usd": None})
        self.ledger.started(node, e.CallStarted(node, attempt, name, "d", "m", 0.0, worst))

    @rule(which=st.integers(0, 99), usd=st.sampled_from(["0.25", "0", None]), verdict=st.sampled_from(Verdict))
    def answered(self, which: int, usd: str | None, verdict: Verdict) -> None:
        call = self.pick(which, "away", "lost")
        if call is not None:
            call |= {"state": "answered", "usd": None if usd is None else Decimal(usd), "verdict": verdict}
            self.came_back(call, reply=reply(usd), verdict=verdict)

    @rule(which=st.integers(0, 99), failure=st.sampled_from([TIMED_OUT, REFUSED]))
    def went_wrong(self, which: int, failure: Failure) -> None:
        call = self.pick(which, "away", "lost")
        if call is not None:
            call["state"] = "refused" if failure is REFUSED else "unanswered"
            self.came_back(call, failure=failure, worst_usd=call["worst"] if failure is TIMED_OUT else None)

    def came_back(self, call: dict[str, Any], **outcome: Any) -> None:
        record = CallRecord(call["id"], "d", REQUEST, 0.0, 1.0, **{"verdict": Verdict.INVALID, **outcome})
        self.ledger.call(call["node"], e.CallEnded(call["node"], call["attempt"], record, 1.0))

    @rule()
    def the_process_ends(self) -> None:
        self.ledger.broken_off()
        for call in self.calls:
            call["state"] = "lost" if call["state"] == "away" else call["state"]

    @invariant()
    def sums_agree(self) -> None:
        for node in range(3):
            mine = [call for call in self.calls if call["node"] == node and call["state"] != "away"]
            lost = [call for call in mine if call["state"] in {"lost", "unanswered"}]
            unpriced = [call for call in mine if call in lost or (call["state"] == "answered" and call["usd"] is None)]
            usd = sum((call["usd"] for call in mine if call["usd"] is not None), Decimal(0))
            spent = self.ledger.of(node).spent()
            assert (spent.calls, spent.unanswered, spent.unpriced) == (len(mine), len(lost), len(unpriced))
            assert spent.cost_usd == (None if unpriced and not usd else usd)
            worst = [call["worst"] for call in lost]
            assert spent.unanswered_usd == (None if None in worst else sum(worst, Decimal(0)))
            bad = [call for call in mine if call["state"] == "answered" and call["verdict"] is not Verdict.VALID]
            assert self.ledger.of(node).wasted_usd == sum((call["usd"] or Decimal(0) for call in bad), Decimal(0))


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
