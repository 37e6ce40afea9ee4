"""Replies of servers that count oddly: what is no count is unknown, never money; nothing that was paid for is lost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest

from wfkit.core.call import Message, Reply, Request
from wfkit.core.terms import CostSource, FailureKind, UsageSource
from wfkit.errors import CallFailed
from wfkit.llm import direct
from wfkit.llm.messages import judge

ASKED = Request("openai/gpt-4o-mini", (Message("user", "hi"),))


def reply(usage: Any = None, **more: Any) -> Reply:
    """What is made of a response with this usage."""
    choice = {"finish_reason": "stop", "message": {"role": "assistant", "content": "fine"}, **more.pop("choice", {})}
    return direct._reply(
        orjson.dumps({"id": "x", "model": "gpt-4o-mini", "choices": [choice], "usage": usage, **more}), ASKED
    )


def test_counts_that_are_none() -> None:
    """A usage that is none, or without a count of either side, is unknown: it will be estimated. None is lost."""
    counts: list[Any] = [-10, None, 5.5, True, "many", [5], 10**10, 10**40 // 10**22]
    odd = [{"prompt_tokens": count, "completion_tokens": 5} for count in counts]
    odd += [{"prompt_tokens": 10, "completion_tokens": count} for count in [*counts, 0]]
    for usage in [None, {}, [1], "many", 7, *odd]:
        found = reply(usage)
        assert (found.usage.source, found.cost.usd) == (UsageSource.UNKNOWN, None), usage


def test_counts_in_other_spellings() -> None:
    """Whole floats and digits are counts."""
    found = reply({"prompt_tokens": "10", "completion_tokens": 5.0})
    assert (found.usage.input_tokens, found.usage.output_tokens) == (10, 5)
    assert found.cost.usd == Decimal("0.0000045")


@pytest.mark.parametrize("count", [-1_000_000, 10**15, "x", None])
def test_parts_that_are_none(count: Any) -> None:
    """Cached and reasoning tokens that cannot be change no bill."""
    parts = {
        "prompt_tokens_details": {"cached_tokens": count},
        "completion_tokens_details": {"reasoning_tokens": count},
    }
    assert reply({"prompt_tokens": 10, "completion_tokens": 5, **parts}).cost.usd == Decimal("0.0000045")


def test_cached_beside_the_input() -> None:
    """Where more was cached than was sent, the server left it out of the input: both are paid, each at its rate."""
    found = reply({"prompt_tokens": 10, "completion_tokens": 0, "prompt_tokens_details": {"cached_tokens": 1000}})
    assert found.cost.usd is None  # it said something for no tokens
    found = reply({"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 1000}})
    assert found.cost.usd == Decimal("0.0000795")


@pytest.mark.parametrize("cost", [-1, 1e7, 1e30, "0.5", True, [1]])
def test_bills_that_are_none(cost: Any) -> None:
    """What no call can cost is not believed: the price list holds."""
    found = reply({"prompt_tokens": 10, "completion_tokens": 5, "cost": cost})
    assert (found.cost.usd, found.cost.source) == (Decimal("0.0000045"), CostSource.LOCAL)


def test_infinite_bill() -> None:
    """Infinity, which is JSON for Python, is no bill."""
    body = b'{"choices": [{"message": {"content": "a"}}], "usage": {"prompt_tokens": 1, "cost": Infinity}}'
    assert direct._reply(body, ASKED).cost.usd is None


@pytest.mark.parametrize("reason", [5, ["stop"], {"a": 1}])
def test_odd_finish_reasons_and_ids(reason: Any) -> None:
    """A finish reason or an id that is no text becomes one: the reply can be judged and kept."""
    found = reply(id=reason, choice={"finish_reason": reason})
    assert (found.finish_reason, found.response_id) == (str(reason), str(reason))
    judge(found)


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        ({"message": "boo", "code": 502}, FailureKind.TRANSIENT, 502),
        ({"message": "boo", "code": 429}, FailureKind.RATE_LIMITED, 429),
        ({"message": "boo", "code": "400"}, FailureKind.INVALID_REQUEST, 400),
        ({"message": "boo", "code": "insufficient_quota"}, FailureKind.QUOTA, 200),
        ({"message": "boo"}, FailureKind.TRANSIENT, 200),
        ("boo", FailureKind.TRANSIENT, 200),
    ],
)
def test_error_with_status_200(error: Any, kind: FailureKind, status: int) -> None:
    """A gateway that answers 200 with an error is heard: its words, and its kind."""
    with pytest.raises(CallFailed, match="boo") as caught:
        direct._reply(orjson.dumps({"error": error}), ASKED)
    assert (caught.value.failure.kind, caught.value.failure.status) == (kind, status)


@pytest.mark.parametrize(
    "body",
    [
        {
            "choices": [{"message": {"content": "hal"}, "finish_reason": "stop"}],
            "error": {"message": "boo", "code": 502},
        },
        {"choices": [{"message": {"content": "hal"}, "finish_reason": "error", "error": {"message": "boo"}}]},
        {"choices": [{"message": {"content": "boo"}, "finish_reason": "error"}]},
    ],
    ids=["beside", "within", "no reason"],
)
def test_error_beside_an_answer(body: dict[str, Any]) -> None:
    """An answer that a gateway ended with an error is none: it is tried again, and may be on the bill."""
    with pytest.raises(CallFailed, match=r"boo|no reason given") as caught:
        direct._reply(orjson.dumps(body), ASKED)
    assert caught.value.failure.kind is FailureKind.TRANSIENT
    assert caught.value.failure.may_be_billed()
