"""One question of Python code, from its first request to its answer: retries, other models, corrections, its deadline.

The owner of retries here is the question, not the task: what fails for good leaves it as CallFailed. The rules are
those of prompts: `core.routing` says where a failure leads, `core.backoff` how long to wait.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Generic, TypeVar

from wfkit.core.backoff import roll
from wfkit.core.call import Failure, Listener, Reply, Usage
from wfkit.core.events import NodeSpec
from wfkit.core.frozen import dataclass
from wfkit.core.policy import RetryPolicy
from wfkit.core.result import Spent
from wfkit.core.routing import is_last, place, retry_at
from wfkit.core.terms import FailureKind, NodeKind
from wfkit.engine.asking.asker import Question
from wfkit.engine.asking.desk import Desk
from wfkit.engine.asking.purses import Turn, money
from wfkit.engine.asking.questions import Wanted
from wfkit.engine.asking.streaming import Stream
from wfkit.errors import CallFailed
from wfkit.guards.budgets import Purse
from wfkit.llm.messages import request_digest, verdict_of
from wfkit.llm.structured import Answer, plain, structured

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer with its story (`full=True`). `value` is what `ask` gives back else, `reply` the last reply with
    `text`, `model` (who answered), `usage` and `cost`; `spent` sums up all calls of the question, those that the call
    log answered at the price when they were bought."""

    value: Any
    reply: Reply
    spent: Spent

    @property
    def text(self) -> str:
        """The reply as the model wrote it."""
        return self.reply.text

    @property
    def model(self) -> str:
        """The model that answered, as its provider names it."""
        return self.reply.model

    @property
    def usage(self) -> Usage:
        """Tokens of the last call."""
        return self.reply.usage

    @property
    def cost_usd(self) -> Decimal | None:
        """US dollars of all its calls; None where one is unknown."""
        return self.spent.cost_usd


async def answered(desk: Desk, wanted: Wanted, listener: Listener | None = None) -> Answered:
    """The answer to a question. Raises CallFailed when it has none, with the newest failure."""
    import asyncio  # the loop that runs this has loaded it

    deadline = asyncio.timeout(wanted.timeout_s)
    question = request_digest(wanted.request())
    try:
        async with deadline, desk.turn(question):
            return await _answer(desk, wanted, question, listener)
    except TimeoutError:
        if not deadline.expired():
            raise
        raise CallFailed(too_late(wanted.timeout_s or 0.0)) from None


class Tries(Generic[T]):
    """The tries of one question: which model is asked, and when again. `turn` is told to the guards."""

    def __init__(self, desk: Desk, question: str, retries: int, fallbacks: int = 0) -> None:
        self._seed, self._question = desk.house.seed, question
        self._failures: list[Failure] = []
        self._spec = NodeSpec(desk.node, NodeKind.PROMPT, retry=RetryPolicy(retries), fallbacks=fallbacks)
        self.turn = Turn()

    async def go(self, ask: Callable[[int], Awaitable[T]], may_go_on: Callable[[], bool] = lambda: True) -> T:
        """Ask the model of a number until it answers. Raises CallFailed when that is of no use any more, or may not
        go on."""
        import asyncio  # the loop that runs this has loaded it

        while True:
            model, failed = place(self._spec, self._failures) or (0, 0)
            self.turn.again, self.turn.last = failed > 0, is_last(self._spec, self._failures)
            try:
                return await ask(model)
            except CallFailed as error:
                at = self._again_at(error.failure)
                if at is None or not may_go_on():
                    raise
            await asyncio.sleep(max(0.0, at - time.time()))

    def _again_at(self, failure: Failure) -> float | None:
        self._failures.append(failure)
        dice = roll(self._seed, int(self._question[:12], 16), len(self._failures))
        return retry_at(self._spec, self._failures, time.time(), dice)


def left_of(desk: Desk, question: str, most: int) -> int:
    """How many requests a question may still send that sends at most so many an attempt of its node."""
    return most * (1 + desk.options.retry.retries) - desk.house.sent(desk.task, question)


async def _answer(desk: Desk, wanted: Wanted, question: str, listener: Listener | None) -> Answered:
    tries: Tries[Answer] = Tries(desk, question, wanted.retries, len(wanted.models) - 1)
    asker, schema = desk.asker(), wanted.schema
    own = Purse("this question", money(wanted.max_usd)) if wanted.max_usd is not None else None
    parse = schema.parse if schema else None
    payer = asker.payer(
        Question(
            judge=lambda reply: verdict_of(reply, parse),
            about=desk.house.purses.about(desk.node, wanted.options(desk.options), tries.turn, own),
            left=left_of(desk, question, wanted.most),
            listener=listener,
            id=question,
        )
    )
    ask = plain(payer.ask) if schema is None else structured(schema.json, schema.parse, wanted.repairs, payer.ask)
    try:
        found = await tries.go(lambda model: ask(wanted.request(model)), lambda: _takes_back(listener))
        return Answered(found.value, found.reply, asker.spent)
    finally:
        desk.calls += asker.calls


def _takes_back(listener: Listener | None) -> bool:
    """Whether another reply may follow one that failed: words that were handed out cannot be taken back."""
    return not isinstance(listener, Stream) or listener.takes_back()


def too_late(seconds: float) -> Failure:
    """The failure of a question that is past its own deadline."""
    hint = "raise `timeout`, or ask for less"
    return Failure(
        FailureKind.TIMEOUT, "TimeoutError", f"no answer within {seconds:g} s (its option `timeout`); {hint}"
    )
