"""One question of Python code, from its first request to its answer: retries, other models, corrections, its deadline.

The owner of retries here is the question, not the task: what fails for good leaves it as CallFailed. The rules are
those of prompts: `core.routing` says where a failure leads, `core.backoff` how long to wait, `core.deadlines` whether
an attempt is worth to begin, `line` how one asks.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Generic, TypeVar

from wfkit.core.backoff import roll
from wfkit.core.call import Failure, Listener, Reply, Request, Usage
from wfkit.core.deadlines import Limit, before
from wfkit.core.events import Failed, NodeSpec
from wfkit.core.frozen import dataclass
from wfkit.core.policy import Options
from wfkit.core.result import Spent
from wfkit.core.routing import is_last, place, retry_at
from wfkit.engine.asking import line
from wfkit.engine.asking.asker import Question
from wfkit.engine.asking.desk import Desk
from wfkit.engine.asking.purses import Turn, money
from wfkit.engine.asking.questions import Wanted, for_calls
from wfkit.engine.asking.streaming import Stream
from wfkit.errors import CallFailed
from wfkit.guards.budgets import Purse
from wfkit.guards.chain import About
from wfkit.llm.messages import request_digest
from wfkit.llm.patience import bearing
from wfkit.llm.structured import Answer

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
    question = request_digest(wanted.request())
    async with limited(wanted.options) as end, desk.turn(question):
        return await _answer(desk, wanted, question, end, listener)


End = Callable[[], Limit | None]


@asynccontextmanager
async def limited(options: Options) -> AsyncIterator[End]:
    """Around all attempts of a question: raises CallFailed at its deadline. Tells when that is, for it stands still
    while a library loads."""
    import asyncio  # the loop that runs this has loaded it

    seconds = options.deadline_s or 0.0
    timeout, loop = asyncio.timeout(options.deadline_s), asyncio.get_running_loop()

    def end() -> Limit | None:
        at = timeout.when()
        return None if at is None else Limit(time.time() + at - loop.time(), "option deadline", seconds)

    try:
        async with timeout:
            with bearing(timeout):
                yield end
    except TimeoutError:
        if not timeout.expired():
            raise
        raise CallFailed(Limit(0.0, "option deadline", seconds).failure()) from None


class Tries(Generic[T]):
    """The tries of one question: which model is asked, how long, and when again. `turn` is told to the guards, `end`
    tells its deadline."""

    def __init__(self, desk: Desk, question: str, spec: NodeSpec, end: End) -> None:
        self._desk, self._question = desk, question
        self._failures: list[Failure] = []
        self._spec, self._end = spec, end
        self.turn = Turn(began=desk.began)

    async def go(self, ask: Callable[[int], Awaitable[T]], may_go_on: Callable[[], bool] = lambda: True) -> T:
        """Ask the model of a number until it answers. Raises CallFailed when that is of no use any more, or may not
        go on."""
        import asyncio  # the loop that runs this has loaded it

        while True:
            model, failed = place(self._spec, self._failures) or (0, 0)
            self.turn.again, self.turn.last = failed > 0, is_last(self._spec, self._failures)
            try:
                return await self._once(ask(model))
            except CallFailed as error:
                ended = self._settled(error.failure)
                if ended.retry_at is None or not may_go_on():
                    raise CallFailed(ended.failure) from None
            await asyncio.sleep(max(0.0, ended.retry_at - time.time()))

    async def _once(self, answer: Awaitable[T]) -> T:
        """One attempt, within its own limit."""
        import asyncio  # the loop that runs this has loaded it

        seconds = self._spec.timeout_s
        timeout = asyncio.timeout(seconds)
        try:
            async with timeout:
                with bearing(timeout):
                    return await answer
        except TimeoutError:
            if not timeout.expired():
                raise
            raise CallFailed(Limit(0.0, "option timeout", seconds or 0.0).failure()) from None

    def _settled(self, failure: Failure) -> Failed:
        """How an attempt ended, with the time of the next one if there is one."""
        self._failures.append(failure)
        dice = roll(self._desk.house.seed, int(self._question[:12], 16), len(self._failures))
        now = time.time()
        again = retry_at(self._spec, self._failures, now, dice)
        return before(self._end(), Failed(self._desk.task, self._desk.attempt, failure, now, again))


def left_of(desk: Desk, question: str, most: int) -> int:
    """How many requests a question may still send that sends at most so many an attempt of its node."""
    return most * (1 + desk.options.retry.retries) - desk.house.sent(desk.task, question)


async def _answer(desk: Desk, wanted: Wanted, question: str, end: End, listener: Listener | None) -> Answered:
    tries: Tries[Answer] = Tries(desk, question, wanted.spec(desk.node), end)
    asker, schema = desk.asker(), wanted.schema
    payer = asker.payer(
        Question(
            judge=lambda reply: line.judge(schema, False, reply),
            about=about(desk, wanted.options, tries.turn, purse_of(wanted.options)),
            left=left_of(desk, question, wanted.most),
            listener=listener,
            hedge_s=wanted.policy.hedge_s,
            id=question,
            how=line.corrections(wanted.policy, schema),
        )
    )
    ask = line.wrapped(wanted.policy, schema, payer.ask)
    try:
        found = await tries.go(lambda model: ask(wanted.request(model)), lambda: _takes_back(listener))
        return Answered(found.value, found.reply, asker.spent)
    finally:
        desk.calls += asker.calls


def purse_of(own: Options) -> Purse | None:
    """The purse of a question that has a limit of its own."""
    return None if own.max_usd is None else Purse("this question", money(own.max_usd))


def about(desk: Desk, own: Options, turn: Turn, purse: Purse | None) -> Callable[[Request], About]:
    """What the guards must know of the calls of a question: they spend the money of its node, and its own."""
    return desk.house.purses.about(desk.node, for_calls(own, desk.options), turn, purse)


def _takes_back(listener: Listener | None) -> bool:
    """Whether another reply may follow one that failed: words that were handed out cannot be taken back."""
    return not isinstance(listener, Stream) or listener.takes_back()
