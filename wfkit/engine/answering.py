"""One question of Python code, from its first request to its answer: retries, other models, corrections, its deadline.

The owner of retries here is the question, not the task: what fails for good leaves it as CallFailed. The rules are
those of prompts: `core.routing` says where a failure leads, `core.backoff` how long to wait.
"""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

from wfkit.core.backoff import roll
from wfkit.core.call import Failure, Listener, Reply, Usage
from wfkit.core.events import NodeSpec
from wfkit.core.frozen import dataclass
from wfkit.core.policy import RetryPolicy
from wfkit.core.result import Spent
from wfkit.core.routing import is_last, place, retry_at
from wfkit.core.terms import FailureKind, NodeKind
from wfkit.engine.asking import Asker, Question
from wfkit.engine.desk import Desk
from wfkit.engine.paid_once import Payer
from wfkit.engine.purses import Turn, money
from wfkit.engine.questions import Wanted, options_of
from wfkit.engine.streaming import Stream
from wfkit.errors import CallFailed
from wfkit.guards.budgets import Purse
from wfkit.llm.messages import request_digest, verdict_of
from wfkit.llm.structured import Answer, plain, structured


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
            return await _Asking(desk, wanted, question, listener).answer()
    except TimeoutError:
        if not deadline.expired():
            raise
        raise CallFailed(_too_late(wanted.timeout_s or 0.0)) from None


class _Asking:
    """One question at work."""

    def __init__(self, desk: Desk, wanted: Wanted, question: str, listener: Listener | None) -> None:
        self._desk, self._wanted, self._question = desk, wanted, question
        self._listener = listener
        self._failures: list[Failure] = []
        self._turn = Turn()
        self._asker = desk.asker()
        self._payer = self._paying(self._asker, listener)
        policy = RetryPolicy(wanted.retries)
        self._spec = NodeSpec(desk.node, NodeKind.PROMPT, retry=policy, fallbacks=len(wanted.models) - 1)

    def _paying(self, asker: Asker, listener: Listener | None) -> Payer:
        desk, wanted = self._desk, self._wanted
        own = Purse("this question", money(wanted.max_usd)) if wanted.max_usd is not None else None
        parse = wanted.schema.parse if wanted.schema else None
        most = wanted.most * (1 + desk.options.retry.retries)
        return asker.payer(
            Question(
                judge=lambda reply: verdict_of(reply, parse),
                about=desk.house.purses.about(desk.node, options_of(wanted, desk.options), self._turn, own),
                left=most - desk.house.sent(desk.task, self._question),
                listener=listener,
                id=self._question,
            )
        )

    async def answer(self) -> Answered:
        """Ask until there is an answer, or no way to one."""
        import asyncio  # the loop that runs this has loaded it

        try:
            while True:
                found = await self._ask_once()
                if isinstance(found, Answer):
                    return Answered(found.value, found.reply, self._asker.spent)
                await asyncio.sleep(max(0.0, found - time.time()))
        finally:
            self._desk.calls += self._asker.calls

    async def _ask_once(self) -> Answer | float:
        """The answer, or the Unix time from which to ask again. Raises CallFailed when that is of no use."""
        model, failed = place(self._spec, self._failures) or (0, 0)
        self._turn.again, self._turn.last = failed > 0, is_last(self._spec, self._failures)
        try:
            return await self._send(model)
        except CallFailed as error:
            self._failures.append(error.failure)
            dice = roll(self._desk.house.seed, int(self._question[:12], 16), len(self._failures))
            at = retry_at(self._spec, self._failures, time.time(), dice)
            if at is None or (isinstance(self._listener, Stream) and not self._listener.takes_back()):
                raise
            return at

    async def _send(self, model: int) -> Answer:
        schema, request = self._wanted.schema, self._wanted.request(model)
        if schema is None:
            return await plain(self._payer.ask)(request)
        return await structured(schema.json, schema.parse, self._wanted.repairs, self._payer.ask)(request)


def _too_late(seconds: float) -> Failure:
    hint = "raise `timeout`, or ask for less"
    return Failure(FailureKind.TIMEOUT, "TimeoutError", f"no answer within {seconds:g} s (`timeout` of ask); {hint}")
