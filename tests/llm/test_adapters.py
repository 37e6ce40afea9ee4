"""Adapters of the user's own: they own a prefix, answer behind the same door, and break without breaking more."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

import wfkit
from tests.ids import stable
from tests.llm.conftest import run
from wfkit.core.call import Message, Reply, Request
from wfkit.core.capabilities import Capabilities
from wfkit.core.terms import CostSource, FailureKind, UsageSource
from wfkit.errors import CallFailed, ModelUnavailable, UsageFault
from wfkit.llm import adapters, capabilities, client, prices, registry
from wfkit.llm.availability import check_model

NOTHING: Any = None
REQUEST = Request("acme/one", (Message("user", "Hello there"),))


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    for prefix in ("acme", "other"):
        registry.remove(prefix)
    prices.use({})


def ask(deadline_s: float = 30.0) -> Reply:
    return run(lambda: client.ask(REQUEST, deadline_s))


def failure(deadline_s: float = 30.0) -> Any:
    with pytest.raises(CallFailed) as caught:
        ask(deadline_s)
    return caught.value.failure


def test_a_function_answers() -> None:
    """A plain function runs on a thread and sees the request; what it does not count is estimated and marked."""

    @wfkit.adapter("acme")
    def answer(request: Any) -> str:
        return f"{request.messages[0].content} from {threading.current_thread().name}"

    reply = ask()
    assert reply.text == "Hello there from wfkit-acme"
    assert (reply.model, reply.finish_reason) == ("acme/one", "stop")
    assert reply.usage.source is UsageSource.ESTIMATED
    assert reply.cost.usd is None


def test_an_async_object_answers_with_counts_and_money() -> None:
    """An async `ask` may say what it knows: who answered, why it ended, tokens, dollars."""

    class Acme:
        async def ask(self, request: Request) -> dict[str, Any]:
            await asyncio.sleep(0)
            return {"text": "yes", "model": "one-2", "input_tokens": 7, "output_tokens": 2, "cost_usd": 0.25}

    wfkit.adapter("acme", Acme())
    reply = ask()
    assert (reply.text, reply.model, reply.usage.input_tokens, reply.usage.output_tokens) == ("yes", "one-2", 7, 2)
    assert (reply.cost.usd, reply.cost.source) == (Decimal("0.25"), CostSource.PROVIDER)


def test_capabilities_price_its_calls() -> None:
    """What it says of a model is what the guards, the plan and `wfkit.models()` know; the user's settings go first."""
    said = {"schema": True, "max_output_tokens": 100, "input_usd": 1, "output_usd": 2}
    wfkit.adapter("acme", SimpleNamespace(ask=lambda _: "yes", models=("one",), capabilities=lambda name: said))
    can = capabilities.of("acme/one")
    assert can == Capabilities(schema=True, streaming=True, tools=False, vision=False, sampling=True,
                               max_output_tokens=100, input_usd=Decimal(1), output_usd=Decimal(2))  # fmt: skip
    assert prices.worst_case(REQUEST)[0] is not None
    usage = ask().usage
    assert ask().cost.usd == (usage.input_tokens * Decimal(1) + usage.output_tokens * Decimal(2)) / 1_000_000
    wfkit.adapter("other", lambda _: "yes")
    assert dict(client.own_models()).keys() == {"offline", "acme/one", "other/*"}
    assert dict(client.own_models())["acme/one"] == can
    prices.declare((("acme/one", (("input", 5.0), ("output", 5.0))),))
    mine = capabilities.of("acme/one")
    assert mine is not None
    assert (mine.input_usd, mine.schema) == (Decimal(5), True)


@pytest.mark.parametrize("native", [True, False])
def test_a_schema_reaches_it_in_a_form_that_it_knows(native: bool) -> None:
    """As a schema if it says that it takes one, else in words before the prompt."""
    seen: list[Request] = []

    def answer(request: Request) -> str:
        seen.append(request)
        return "{}"

    wfkit.adapter("acme", SimpleNamespace(ask=answer, capabilities=lambda name: {"schema": native}))
    run(lambda: client.ask(replace(REQUEST, schema='{"type":"object"}'), 30.0))
    assert (seen[0].schema is not None) is native
    assert ('{"type":"object"}' in seen[0].messages[0].content) is not native


def test_names_are_checked_before_a_call() -> None:
    """A model that the adapter does not have is told with near names; a prefix nobody owns says how to register one."""
    wfkit.adapter("acme", SimpleNamespace(ask=lambda _: "yes", models=("one", "three")))
    check_model("acme/one", {})
    with pytest.raises(ModelUnavailable, match="has no model 'thre'; near to it: acme/three"):
        check_model("acme/thre", {})
    with pytest.raises(ModelUnavailable, match=r"near to it: .*acme/one.*wfkit.adapter\('acne', ask\)"):
        check_model("acne/one", {})
    wfkit.adapter("acme", SimpleNamespace(ask=lambda _: "yes", supports=lambda name: name.startswith("x")))
    check_model("acme/xy", {})
    with pytest.raises(ModelUnavailable, match="has no model 'one'"):
        check_model("acme/one", {})


@pytest.mark.parametrize(
    ("prefix", "answers", "told"),
    [
        ("openai", lambda _: "x", "belongs to a provider that litellm knows"),
        ("offline", lambda _: "x", "belongs to wfkit"),
        ("Acme/x", lambda _: "x", "lower case"),
        ("acme", 3, "an object with a method `ask"),
        ("acme", SimpleNamespace, "register an instance"),
    ],
    ids=stable,
)
def test_a_prefix_has_one_owner(prefix: str, answers: Any, told: str) -> None:
    """A provider's prefix, wfkit's own, a wrong one, and what is no adapter are refused."""
    with pytest.raises(UsageFault, match=told):
        wfkit.adapter(prefix, answers)


def made(module: str, name: str) -> Callable[[Any], str]:
    def answer(request: Any) -> str:
        return f"{module}.{name}"

    answer.__module__, answer.__qualname__ = module, name
    return answer


def test_none_is_shadowed_silently() -> None:
    """Defined again it takes its own place; another of the module is warned about; one of another module is refused."""
    wfkit.adapter("acme", made("__main__", "ask"))
    wfkit.adapter("acme", made("__main__", "ask"))
    with pytest.warns(UserWarning, match=r"was __main__.ask and is __main__.other now"):
        wfkit.adapter("acme", made("__main__", "other"))
    assert ask().text == "__main__.other"
    with pytest.raises(UsageFault, match=r"belongs to the adapter __main__.other already, and project.ask cannot"):
        wfkit.adapter("acme", made("project", "ask"))
    wfkit.adapter("other", SimpleNamespace(ask=made("x", "y")))
    with pytest.raises(UsageFault, match=r"the adapter tests.llm.test_adapters.SimpleNamespace already"):
        exec(
            "adapter('other', made)",
            {"__name__": "elsewhere", "adapter": wfkit.adapter, "made": SimpleNamespace(ask=len)},
        )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (None, "returned a value of type NoneType"),
        (["text"], "returned a value of type list"),
        ({}, "without `text`"),
        ({"text": 3}, "whose 'text' is of type int"),
        ({"text": None}, "whose 'text' is None"),
        ({"text": "x", "tokens": 3}, "a dict with 'tokens'"),
        ({"text": "x", "input_tokens": -1, "output_tokens": 1}, "whose 'input_tokens' is -1"),
        ({"text": "x", "cost_usd": float("nan")}, "whose 'cost_usd' is nan"),
        (Reply(NOTHING, "m"), "returned a value of type Reply"),
    ],
    ids=stable,
)
def test_rubbish_is_told(said: Any, told: str) -> None:
    """An answer that is none fails the call with what it was and what it should be."""
    wfkit.adapter("acme", lambda _: said)
    found = failure()
    assert found.kind is FailureKind.EXCEPTION
    assert told in found.message
    assert "adapter 'acme'" in found.message


def test_what_it_raises_is_told_with_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error, its text and its line; an error with an HTTP status counts as that status; keys are not shown."""
    monkeypatch.setenv("ACME_API_KEY", "canary-of-a-key-123456")

    def broken(request: Any) -> str:
        raise ValueError(f"the moon is down with {os.environ['ACME_API_KEY']}")

    wfkit.adapter("acme", broken)
    found = failure()
    assert found.kind is FailureKind.EXCEPTION
    assert "adapter 'acme'" in found.message
    assert "ValueError: the moon is down" in found.message
    assert 'raise ValueError(f"the moon is down' in found.traceback
    assert "canary" not in repr(found)

    class Busy(Exception):
        status_code = 429

    def busy(request: Any) -> str:
        raise Busy("slow down")

    registry.remove("acme")
    wfkit.adapter("acme", busy)
    assert failure().kind is FailureKind.RATE_LIMITED


def exits(request: Any) -> str:
    raise SystemExit(3)


async def exits_async(request: Any) -> str:
    raise SystemExit(3)


async def cancels(request: Any) -> str:
    raise asyncio.CancelledError


@pytest.mark.parametrize("broken", [exits, exits_async, cancels], ids=stable)
def test_it_cannot_end_the_process(broken: Any) -> None:
    """SystemExit, and a cancellation of its own making, fail the call and nothing else; the next call is answered."""
    wfkit.adapter("acme", broken)
    assert "adapter 'acme'" in failure().message
    assert "adapter 'acme'" in failure().message


def test_it_cannot_hang_past_its_deadline() -> None:
    """Blocking in a thread, blocking in an async function, and ignoring the cancellation all end with the deadline."""
    over = threading.Event()
    answered: list[str] = []

    def blocks(request: Any) -> str:
        over.wait(20)
        answered.append("late")
        return "late"

    async def blocks_its_loop(request: Any) -> str:
        return blocks(request)

    async def ignores(request: Any) -> str:
        while not over.is_set():
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue
        return "late"

    try:
        for hanging in (blocks, blocks_its_loop, ignores):
            registry.remove("acme")
            wfkit.adapter("acme", hanging)
            assert failure(0.1).kind is FailureKind.TIMEOUT
            assert not answered
    finally:
        over.set()


def test_wfkits_own_are_of_the_same_list() -> None:
    """The first adapter that supports a model answers it: offline, a script, the user's, OpenAI directly, litellm."""
    wfkit.adapter("acme", lambda _: "yes")
    models = ("offline", "fake/x", "acme/one", "openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5")
    assert [type(adapters.of(model)).__name__ for model in models] == [
        "Offline",
        "Fake",
        "Outside",
        "Direct",
        "Litellm",
    ]
    asked = Request("openai/gpt-4o-mini", REQUEST.messages)
    assert type(adapters.for_request(asked, "auto")).__name__ == "Direct"
    assert type(adapters.for_request(asked, "litellm")).__name__ == "Litellm"
    assert adapters.of("offline").capabilities("offline") is not None
    assert adapters.of("openai/gpt-4o-mini").capabilities("openai/gpt-4o-mini") == capabilities.of("openai/gpt-4o-mini")
