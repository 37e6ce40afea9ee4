"""One question to a provider, through the real litellm: one request, one deadline, one kind of error."""

from __future__ import annotations

import asyncio
import json
import socket
from decimal import Decimal
from typing import Any

import pytest

from tests.engine.clock import FAR_S, Clock
from tests.llm.conftest import Serve, run
from wfkit.core.call import Message, Reply, Request
from wfkit.core.terms import CostSource, FailureKind, UsageSource, Verdict
from wfkit.errors import CallFailed
from wfkit.llm import client, messages
from wfkit.llm.fake import Hang, Script
from wfkit.llm.provider import Behaviour, Faults

REQUEST = Request("openai/gpt-4o-mini", (Message("user", "The sky is up very high."),))
LONG_S = 60.0


def ask(request: Request = REQUEST, deadline_s: float = LONG_S) -> Reply:
    return run(lambda: client.ask(request, deadline_s))


def failing(fault: str, serve: Serve) -> CallFailed:
    """The error for a fault, after exactly one request."""
    with serve(Behaviour(faults=Faults(script=(fault, "ok"), retry_after_s=7))) as provider:
        with pytest.raises(CallFailed) as caught:
            ask()
        assert len(provider.effects()) == 1
    assert "canary" not in str(caught.value)
    return caught.value


def test_reply(serve: Serve) -> None:
    """Text, model, id, tokens and money arrive, each with its source."""
    with serve(Behaviour()) as provider:
        reply = ask()
    assert (reply.text, reply.model, reply.finish_reason) == ("The sky is up very high.", "gpt-4o-mini", "stop")
    assert reply.response_id is not None
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (14, 7)
    assert reply.usage.source is UsageSource.PROVIDER
    assert (reply.cost.usd, reply.cost.source) == (Decimal("0.0000063"), CostSource.LOCAL)
    assert len(provider.effects()) == 1


def test_parameters_are_sent(serve: Serve) -> None:
    """Sampling parameters reach the provider; a cut answer comes back as it is, to be judged."""
    with serve(Behaviour()):
        reply = ask(Request(REQUEST.model, REQUEST.messages, (("max_tokens", 2), ("temperature", 0.0))))
    assert (reply.text, reply.finish_reason) == ("The sky", "length")
    assert messages.judge(reply) is Verdict.TRUNCATED


@pytest.mark.parametrize(
    ("fault", "kind", "status"),
    [
        ("400", FailureKind.INVALID_REQUEST, 400),
        ("401", FailureKind.INVALID_REQUEST, 401),
        ("402", FailureKind.QUOTA, 402),
        ("403", FailureKind.INVALID_REQUEST, 403),
        ("404", FailureKind.INVALID_REQUEST, 404),
        ("408", FailureKind.TRANSIENT, 408),
        ("409", FailureKind.TRANSIENT, 409),
        ("413", FailureKind.INVALID_REQUEST, 413),
        ("422", FailureKind.INVALID_REQUEST, 422),
        ("429", FailureKind.RATE_LIMITED, 429),
        ("quota", FailureKind.QUOTA, 429),
        ("500", FailureKind.TRANSIENT, 500),
        ("502", FailureKind.TRANSIENT, 502),
        ("503", FailureKind.TRANSIENT, 503),
        ("504", FailureKind.TRANSIENT, 504),
        ("529", FailureKind.TRANSIENT, 529),
        ("bad_json", FailureKind.TRANSIENT, None),
        ("html", FailureKind.TRANSIENT, None),
        ("reset", FailureKind.TRANSIENT, None),
        ("empty_choices", FailureKind.EMPTY, 200),
    ],
)
def test_failures(serve: Serve, fault: str, kind: FailureKind, status: int | None) -> None:
    """Each fault is one request and one failure of the right kind, with the status that was sent and what to do."""
    failure = failing(fault, serve).failure
    assert (failure.kind, failure.status) == (kind, status)
    assert failure.message.startswith("openai/gpt-4o-mini")
    assert failure.hint
    assert failure.retry_after_s == (7.0 if fault in {"429", "503", "529"} else None)


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_deadline(serve: Serve, clock: Clock, fault: str) -> None:
    """The deadline is for the whole call: a byte now and then does not stretch it."""

    async def late() -> Reply:
        question = asyncio.create_task(client.ask(REQUEST, FAR_S))
        assert await asyncio.to_thread(provider.wait, 1)
        clock.forward()
        return await question

    with serve(Behaviour(faults=Faults(script=(fault, "ok")), drip_s=0.05)) as provider:
        with pytest.raises(CallFailed) as caught:
            run(late)
        assert len(provider.effects()) == 1
    failure = caught.value.failure
    assert failure.kind is FailureKind.TIMEOUT
    assert f"{FAR_S:g} s" in failure.message


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is not there is transient: it may come back."""
    monkeypatch.setenv("OPENAI_API_KEY", "canary-of-a-key-123456")
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # and nobody else can listen there
        monkeypatch.setenv("OPENAI_API_BASE", f"http://127.0.0.1:{deaf.getsockname()[1]}/v1")
        with pytest.raises(CallFailed) as caught:
            ask()
    assert caught.value.failure.kind is FailureKind.TRANSIENT


@pytest.mark.parametrize(
    ("fault", "verdict", "text"),
    [
        ("null_content", Verdict.INVALID, ""),
        ("refused", Verdict.REFUSED, ""),
        ("truncated", Verdict.TRUNCATED, "The sky is u"),
    ],
)
def test_paid_but_useless(serve: Serve, fault: str, verdict: Verdict, text: str) -> None:
    """An answer that was paid for comes back with its cost, however useless."""
    with serve(Behaviour(faults=Faults(script=(fault,)))):
        reply = ask()
    assert (messages.judge(reply), reply.text) == (verdict, text)
    assert reply.cost.usd is not None
    assert reply.cost.usd > 0


def test_missing_usage(serve: Serve) -> None:
    """Tokens that were not sent are estimated and marked, and so is their price."""
    with serve(Behaviour(faults=Faults(script=("no_usage",)))):
        reply = ask()
    assert (reply.usage.source, reply.cost.source) == (UsageSource.ESTIMATED, CostSource.ESTIMATED)
    assert reply.usage.input_tokens
    assert reply.cost.usd


def test_renamed_model(serve: Serve) -> None:
    """The model that answered is named; where its price is unknown, so is the cost."""
    with serve(Behaviour(faults=Faults(script=("renamed",)))):
        reply = ask()
    assert (reply.model, reply.cost.usd, reply.cost.source) == ("another-model", None, CostSource.UNKNOWN)


@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", "openai/a-model-nobody-knows"])
def test_schema(serve: Serve, model: str) -> None:
    """A schema is sent natively where the model takes it, else told in the messages: the answer has its shape."""
    schema = {"type": "object", "properties": {"label": {"enum": ["good", "bad"]}}, "required": ["label"]}
    question = (Message("user", "Label this: terrible, it broke."),)
    with serve(Behaviour()) as provider:
        reply = ask(Request(model, question, schema=json.dumps(schema)))
    assert json.loads(reply.text) == {"label": "bad"}
    assert len(provider.effects()) == 1


def test_lone_surrogates(serve: Serve) -> None:
    """A prompt that is not Unicode is sent with a replacement mark, not refused."""
    with serve(Behaviour()):
        reply = ask(Request(REQUEST.model, (Message("user", "A broken \ud83d mark is here."),)))
    assert reply.text == "A broken \ufffd mark is here."


def test_many_at_once(serve: Serve, clock: Clock) -> None:
    """Fifty tasks share one client on one loop, all at once; each is answered once, with its own answer."""

    async def many() -> list[Reply]:
        questions = [Request(REQUEST.model, (Message("user", f"Number {n} is in this text."),)) for n in range(50)]
        asked = asyncio.gather(*(client.ask(question, 10_000 * FAR_S) for question in questions))
        while not asked.done():
            if provider.most_in_flight == 50:
                clock.forward()
            await asyncio.sleep(0.05)
        return await asked

    with serve(Behaviour(latency_s=FAR_S)) as provider:
        replies = run(many)
    assert [reply.text for reply in replies] == [f"Number {n} is in this text." for n in range(50)]
    assert len(provider.effects()) == provider.most_in_flight == 50


def test_cancelled(serve: Serve) -> None:
    """Cancelling a call is cancelling it: no failure is made of it."""

    async def cancelled() -> None:
        task = asyncio.create_task(client.ask(REQUEST, LONG_S))
        assert await asyncio.to_thread(provider.wait, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with serve(Behaviour(faults=Faults(script=("hang",)))) as provider:
        run(cancelled)


def test_bad_parameter(serve: Serve) -> None:
    """A parameter that litellm refuses for this model is an invalid request, found before anything is sent."""
    with serve(Behaviour()) as provider, pytest.raises(CallFailed) as caught:
        ask(Request("openai/o1", REQUEST.messages, (("temperature", 0.3),)))
    assert caught.value.failure.kind is FailureKind.INVALID_REQUEST
    assert not provider.effects()


def test_local_models() -> None:
    """The offline model and scripts answer through the same door, under the same deadline."""
    assert ask(Request("offline", REQUEST.messages)).model == "offline"
    with Script([Hang()], name="slow"), pytest.raises(CallFailed) as caught:
        ask(Request("fake/slow", REQUEST.messages), 0.01)
    assert caught.value.failure.kind is FailureKind.TIMEOUT


def test_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Warming twice loads once, and whoever asks meanwhile waits for it. OpenAI's own models need no litellm."""
    client.warm("anthropic/claude-sonnet-4-5")
    client.warm("anthropic/claude-sonnet-4-5")
    loads: list[Any] = []
    monkeypatch.setattr("wfkit.llm.door.begin", lambda *begun: loads.append(begun))
    client.warm("gemini/gemini-2.5-flash")
    client.warm("openai/gpt-4o-mini")
    assert not loads
