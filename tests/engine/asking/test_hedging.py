"""A hedge: after so long the same request is sent once more; one reply counts, both are paid for and in the books."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from tests.engine.asking.test_paid_once import agree_on_money
from tests.engine.clock import FAR_S, Clock
from tests.engine.lab import PATIENCE_S, Lab, did, run
from wfkit.core.call import Failure, Reply
from wfkit.core.events import CallEnded, CallStarted
from wfkit.core.report import RunReport
from wfkit.core.terms import FailureKind, RunState
from wfkit.engine.asking.hedging import Hedge, hedged
from wfkit.engine.outcome import Outcome
from wfkit.errors import CallFailed, OptionError
from wfkit.llm.fake import Fail, Hang, Say, Script, Step
from wfkit.llm.provider import Behaviour, Provider

SOON = {"said --model fake/script --hedge 0.05s --retries 1": "Go"}


class Grade(BaseModel):
    """What a prompt must answer."""

    mark: int


def calls(lab: Lab, outcome: Outcome) -> tuple[list[CallStarted], list[CallEnded]]:
    events = [entry.event for entry in lab.made[-1].store.entries(outcome.run_id)]
    began = [event for event in events if isinstance(event, CallStarted)]
    return began, [event for event in events if isinstance(event, CallEnded)]


def test_the_second_reply_wins(any_lab: Lab) -> None:
    """The late request is given up and booked as one that may be billed; nothing is asked a third time."""
    with Script([Hang(), Say("yes", cost_usd=Decimal("0.1")), "no"]) as script:
        outcome = run(any_lab.cells(SOON))
        assert outcome["said"] == "yes"
        assert len(script.requests) == 2
        began, ended = calls(any_lab, outcome)
        assert len(began) == len(ended) == 2
        assert len({event.request_digest for event in began}) == 1
        late = next(event.call.failure for event in ended if event.call.failure is not None)
        assert late.may_be_billed()
        assert "the other request was answered first" in late.message
        assert outcome.report.run.spent.calls == 2
        assert outcome.report.run.spent.unpriced == 1
        agree_on_money(any_lab, outcome)
        assert did(run(any_lab.cells(SOON))) == {"said": "hit"}


def test_a_reply_in_time(lab: Lab) -> None:
    """Nothing is sent twice where a reply, or a failure, comes in time."""
    with Script(["yes"]) as script:
        assert run(lab.cells({"said --model fake/script --hedge 60s": "Go"}))["said"] == "yes"
        assert len(script.requests) == 1
    with Script([Fail(FailureKind.INVALID_REQUEST)]) as script:
        assert run(lab.cells({"said --model fake/script --hedge 60s": "Again"})).status is RunState.FAILED
        assert len(script.requests) == 1


def test_a_reply_that_does_not_fit_waits_for_the_other(lab: Lab, clock: Clock) -> None:
    """The first valid reply wins; one that is not valid is no reason to give the other up, nor is a failure."""

    def then(step: Step) -> Step:
        asyncio.get_running_loop().call_later(0.05, clock.forward)  # the first one answers after this one
        return step

    cells = {"said --model fake/script --schema Grade --hedge 0.05s --repairs 0": "Go"}
    with Script([Say('{"mark": 1}', latency_s=FAR_S), lambda _: then("nonsense")]) as script:
        assert run(lab.cells(cells, {"Grade": Grade}))["said"] == Grade(mark=1)
        assert len(script.requests) == 2
    with Script([Say("yes", latency_s=FAR_S), lambda _: then(Fail())]) as script:
        assert run(lab.cells({"said --model fake/script --hedge 0.05s": "Again"}))["said"] == "yes"
        assert len(script.requests) == 2


def test_it_counts_as_a_request(lab: Lab) -> None:
    """With one request left, the second is the last: after two that fail there is no third."""
    cells = {"said --model fake/script --hedge 0.05s --retries 1 --repairs 0": "Go"}
    with Script([Fail(latency_s=1.0)] * 9) as script:
        outcome = run(lab.cells(cells))
        assert len(script.requests) == 2
    assert outcome.status is RunState.FAILED


@pytest.mark.parametrize(("tokens", "requests"), [(1500, 1), (5000, 2)])
def test_a_budget_holds_for_both(
    lab: Lab, clock: Clock, monkeypatch: pytest.MonkeyPatch, tokens: int, requests: int
) -> None:
    """Both are reserved: where the purse has enough for one, no second is sent while the first is under way, nor after
    it was answered, when its reservation is free."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with Provider(Behaviour(latency_s=FAR_S)) as provider:
        monkeypatch.setenv("OPENAI_API_BASE", provider.url)
        workflow = lab.cells({"said --model openai/gpt-4o-mini --hedge 0.05s --max_tokens 1000": "Go"})
        workflow.config("max_tokens_per_run", tokens)
        workflow.config("timeout_s", 10_000 * FAR_S)

        def pass_by(_: RunReport) -> None:
            if provider.most_in_flight == requests:
                provider.idle.wait(0.3)  # time for a request too many
                clock.forward()

        outcome = run(workflow, progress=pass_by)
        assert outcome["said"]
        assert provider.most_in_flight == requests
        assert 1 <= len(provider.effects()) <= requests
        began, ended = calls(lab, outcome)
        assert len(began) == len(ended) == requests


def test_its_deadline_ends_both(lab: Lab, clock: Clock) -> None:
    """A timeout gives both requests up, and each is in the books."""
    with Script([Hang(), clock.hang, Hang()]) as script:
        outcome = run(lab.cells({f"said --model fake/script --hedge 0.05s --retries 1 --deadline {FAR_S}s": "Go"}))
        assert len(script.requests) == 2
    assert outcome.failures[0].failure.kind is FailureKind.TIMEOUT
    began, ended = calls(lab, outcome)
    assert len(began) == len(ended) == 2


def test_a_cassette_has_the_reply_that_counts(lab: Lab) -> None:
    """Of two requests the one that was answered is on the cassette; replayed, it is asked once."""
    with Script([Hang(), "yes"]):
        run(lab.cells(SOON), record=str(lab.root / "replies.jsonl"))
    again = Lab(lab.root / "again")
    outcome = run(again.cells(SOON), replay=str(lab.root / "replies.jsonl"))
    assert outcome["said"] == "yes"
    assert outcome.unused_recordings == 0
    again.close()


def test_a_lonely_hedge(lab: Lab) -> None:
    """A hedge without a request to spare, or with an answer that is shown while it grows, is refused."""
    with pytest.raises(OptionError, match="`stream` could show only one"):
        lab.cells({"said --model fake/script --hedge 1s --stream on": "Go"})
    with pytest.raises(OptionError, match=r"`retries: 0` allows one request"):
        lab.cells({"said --model fake/script --hedge 1s --retries 0": "Go"})


def error(name: str) -> CallFailed:
    return CallFailed(Failure(FailureKind.TRANSIENT, name, name))


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        (["bad", "bad"], "bad"),
        ([error("first"), error("second")], "first"),
        ([error("first"), "bad"], "bad"),
        (["bad", error("second")], "bad"),
        (["bad", "good"], "good"),
    ],
)
def test_which_of_two(ends: list[Any], expected: str) -> None:
    """The good reply, else any reply, else the error of the first; no call is left behind."""
    both = asyncio.Event()
    under_way: list[int] = []

    async def call(left: Callable[[], None]) -> Reply:
        number = len(under_way)
        under_way.append(number)
        left()
        if number == 1:
            both.set()
        await both.wait()
        under_way[number] = -1
        if isinstance(ends[number], CallFailed):
            raise ends[number]
        return Reply(ends[number], "m")

    async def asked() -> Reply:
        hedge = Hedge(0.01, lambda: True, lambda reply: reply.text == "good")
        return await asyncio.wait_for(hedged(call, hedge), PATIENCE_S)

    if expected == "first":
        with pytest.raises(CallFailed, match="first"):
            asyncio.run(asked())
    else:
        assert asyncio.run(asked()).text == expected
    assert under_way == [-1, -1]


def test_cancelling_leaves_nothing() -> None:
    """Who gives the question up gives both calls up, and waits until they have ended."""
    both = asyncio.Event()
    open_calls: set[int] = set()

    async def call(left: Callable[[], None]) -> Reply:
        number = len(open_calls)
        open_calls.add(number)
        left()
        if number == 1:
            both.set()
        try:
            await asyncio.Event().wait()
        finally:
            open_calls.discard(number)
        raise AssertionError(number)

    async def given_up() -> None:
        question = asyncio.ensure_future(hedged(call, Hedge(0.0, lambda: True, lambda _: True)))
        await both.wait()
        question.cancel()
        await asyncio.wait([question])
        assert question.cancelled()

    asyncio.run(given_up())
    assert not open_calls
